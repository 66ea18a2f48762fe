"""`cotspec export`: a folder that plain transformers loads, and the same from a hub on 127.0.0.1 with `--push`."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

from cotspec.builtin.digest import MODELS
from tests.fuzz.finished import finished, lock
from tests.hub.server import Hub, serve
from tests.support import cotspec

pytest.importorskip("transformers", reason="loading models needs the `train` extra")

SPEC = "specs/a.yaml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All tasks are done; what the stages have trained is the builtin student."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plan = finished(folder)
    for model in folder.glob("generated/stages/*/out/model"):
        shutil.rmtree(model)
        shutil.copytree(MODELS / "tiny-student", model)
        (model / "optimizer.safetensors").write_bytes(b"of no use to others")
        (model / "adapter").mkdir()
        (model / "adapter/adapter_config.json").write_text("{}")
    lock(folder, plan)
    return folder


def own(hub: Hub, tmp_path: Path, token: str) -> dict[str, str]:
    """Whose client it is; without the hub's newer way for large files, which the hub of the tests does not speak."""
    cache = str(tmp_path / "cache")
    return {
        "HF_ENDPOINT": hub.url,
        "HF_HOME": cache,
        "HF_TOKEN": token,
        "HF_HUB_DISABLE_XET": "1",
        "HF_HUB_OFFLINE": "0",
    }


@pytest.fixture
def hub() -> Iterator[Hub]:
    with serve() as running:
        yield running


def code_of(card: str) -> str:
    """The program that a card shows."""
    (code,) = re.findall(r"```python\n(.*?)```", card, re.DOTALL)
    return str(code)


def python(code: str, folder: Path, **environment: str) -> str:
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=folder,
        env=os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": ""} | environment,
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_an_exported_model_answers_by_the_code_of_its_card_and_from_a_hub_that_it_was_pushed_to(
    project: Path, tmp_path: Path, hub: Hub
) -> None:
    out, hub.token = tmp_path / "out", "secret"
    mine = own(hub, tmp_path, "secret")
    done = cotspec("export", SPEC, "first", str(out), "--license", "mit", "--push", "lab/first", **mine)
    assert done.returncode == 0, done.stderr
    assert f"{out}: " in done.stdout
    card = (out / "README.md").read_text(encoding="utf-8")
    said = python(code_of(card), out, HF_HUB_OFFLINE="1")
    assert said.strip()
    assert hub.private == {"lab/first": True}
    repo = hub.model("lab/first")
    pushed = repo.commits[repo.refs["main"]]
    assert pushed == {path.name: path.read_bytes() for path in out.iterdir()}
    assert {"model.safetensors", "README.md", "cotspec.json", "prompt.jinja"} <= pushed.keys()
    assert not {"optimizer.safetensors", "adapter"} & pushed.keys()
    from_hub = code_of(card).replace("from_pretrained(folder", 'from_pretrained("lab/first"')
    assert python(from_hub, out, **mine) == said


def test_a_push_that_is_refused_leaves_the_folder_and_goes_on_from_it(project: Path, tmp_path: Path, hub: Hub) -> None:
    out, hub.token = tmp_path / "out", "secret"
    command = ("export", SPEC, str(out), "--push", "lab/last", "--public")
    done = cotspec(*command, **own(hub, tmp_path, "wrong"))
    assert done.returncode == 2
    assert "not pushed: " in done.stderr
    assert f"({out} is whole)" in done.stderr
    assert (out / "model.safetensors").is_file()
    done = cotspec(*command, **(own(hub, tmp_path, "secret") | {"HF_HUB_DISABLE_XET": "0"}))
    assert done.returncode == 2
    assert "not pushed: the hub has no Xet storage, by which large files go; export HF_HUB_DISABLE_XET=1" in done.stderr
    done = cotspec(*command, **own(hub, tmp_path, "secret"))
    assert (done.returncode, hub.private) == (0, {"lab/last": False}), done.stderr
    assert "holds just this already" in done.stdout


def test_nothing_is_asked_of_a_hub_without_push(project: Path, tmp_path: Path, hub: Hub) -> None:
    done = cotspec("export", SPEC, str(tmp_path / "out"), HF_ENDPOINT=hub.url, HF_HOME=str(tmp_path / "cache"))
    assert (done.returncode, hub.asked) == (0, [])
    record = json.loads((tmp_path / "out/cotspec.json").read_text(encoding="utf-8"))
    assert (record["stage"], record["adapter"]) == ("second", False)


def test_the_head_of_a_card_is_what_a_hub_reads(project: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    cotspec("export", SPEC, "first", str(out), "--license", "apache-2.0")
    head = yaml.safe_load((out / "README.md").read_text(encoding="utf-8").split("---\n")[1])
    assert head["license"] == "apache-2.0"
    assert head["tags"] == ["cotspec", "chain-of-thought", "distillation", "sft"]
