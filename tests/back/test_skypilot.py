"""SkyPilot's task files: its own schema takes them, their script brings a result home, and mistakes are found."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from cotspec.back.jobs.base import Job
from cotspec.back.jobs.skypilot import SkyPilot
from cotspec.back.registry import emit
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load
from tests.support import Run, sealed, spec_data

HERE = Path(__file__).parent
BASE = (HERE.parent / "passes" / "base.yaml").read_text(encoding="utf-8")
ASKED = "skypilot: {accelerators: H100, setup: pip install .}"

#: get_task_schema() and get_resources_schema() of sky/utils/schemas.py, SkyPilot 0.14.1: the keys that we write.
#: `sky.Task.from_yaml` of that release takes every file that is emitted for tests/specs/everything.yaml.
TASK = {
    "type": "object",
    "additionalProperties": False,
    "properties": {
        "name": {"type": "string", "pattern": "^[a-zA-Z0-9]+(?:[._-]{1,2}[a-zA-Z0-9]+)*$"},
        "workdir": {"type": "string"},
        "num_nodes": {"type": "integer"},
        "setup": {"type": "string"},
        "run": {"type": "string"},
        "envs": {
            "type": "object",
            "patternProperties": {"^[a-zA-Z_][a-zA-Z0-9_]*$": {"type": ["string", "null"]}},
            "additionalProperties": False,
        },
        "resources": {
            "type": "object",
            "additionalProperties": False,
            "properties": {
                "accelerators": {"type": "string"},
                "cloud": {"type": "string"},
                "region": {"type": "string"},
                "cpus": {"type": ["string", "number"]},
                "memory": {"type": ["string", "number"]},
                "disk_size": {"type": "integer"},
                "use_spot": {"type": "boolean"},
            },
        },
    },
}


@pytest.fixture(scope="module")
def files() -> dict[str, str]:
    """The task files of the spec that has every key, by the task."""
    found = emit(sealed(spec_data("small"), spec_data("everything")).plan)
    return {
        path.split("/")[-2]: text for path, text in found.items() if path.endswith("/sky.yaml") and not _whole(path)
    }


def test_a_task_file_is_what_it_was(files: dict[str, str], update_golden: bool) -> None:
    golden, text = HERE / "golden" / "sky.yaml", files[min(name for name in files if name.startswith("grpo-"))]
    if update_golden:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8"), "look at it, then run pytest with --update-golden"


@pytest.fixture(scope="module")
def whole() -> dict[str, Any]:
    """The task file of the whole experiment."""
    (text,) = (t for path, t in emit(sealed(spec_data("everything")).plan).items() if _whole(path))
    return dict(yaml.safe_load(text))


def _whole(path: str) -> bool:
    return path.startswith("generated/reports/") and path.endswith("/sky.yaml")


def test_an_experiment_has_one_with_the_gpus_of_the_task_that_uses_most(whole: dict[str, Any]) -> None:
    jsonschema.Draft202012Validator(TASK).validate(whole)
    assert whole["name"] == "everything"
    assert whole["resources"]["accelerators"] == "H100:2"
    assert not any(_whole(path) for path in emit(sealed(spec_data("small")).plan))


def test_every_task_that_uses_a_gpu_has_one_where_the_spec_asks_for_it(files: dict[str, str]) -> None:
    assert set(files) == {task.id for task in sealed(spec_data("everything")).plan.tasks if task.launch.settings.gpus}
    assert not any(path.endswith("/sky.yaml") for path in emit(sealed(spec_data("small")).plan))


def test_skypilots_schema_takes_every_file(files: dict[str, str]) -> None:
    for name, text in files.items():
        task = yaml.safe_load(text)
        jsonschema.Draft202012Validator(TASK).validate(task)
        assert task["name"] == name
        assert set(task["resources"]) == set(TASK["properties"]["resources"]["properties"])  # type: ignore[index]


def test_the_machine_has_the_gpus_that_the_task_uses(files: dict[str, str]) -> None:
    asked = {task.id: task.launch.settings.gpus for task in sealed(spec_data("everything")).plan.tasks}
    found = {name: yaml.safe_load(text)["resources"]["accelerators"] for name, text in files.items()}
    assert found == {name: f"H100:{asked[name]}" for name in files}
    assert set(found.values()) == {"H100:1", "H100:2"}


def test_the_scripts_pass_bash_and_shellcheck(files: dict[str, str], whole: dict[str, Any], tmp_path: Path) -> None:
    for run in (yaml.safe_load(next(iter(files.values())))["run"], whole["run"]):
        script = tmp_path / "run.sh"
        script.write_text("#!/bin/bash\n" + run, encoding="utf-8")
        subprocess.run(["bash", "-n", script], check=True)
        shellcheck = Path(sysconfig.get_path("scripts")) / "shellcheck"
        done = subprocess.run([shellcheck, script], capture_output=True, text=True)
        assert done.returncode == 0, done.stdout


@pytest.mark.slow
def test_a_machine_without_outputs_runs_one_task_and_its_result_comes_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Two stages as they are emitted, in git and DVC; the machine is a copy without `.git` and what git ignores."""
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    from dvc.repo import Repo

    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    home, machine = tmp_path / "home", tmp_path / "machine"
    one, two = (f"generated/stages/{name}" for name in ("one-1", "two-2"))
    stage(home / one, "seq 3 > out/x", [])
    stage(home / two, f"echo ran >> {tmp_path}/runs; cp ../one-1/out/x out/y", ["../one-1/out/x"])
    monkeypatch.chdir(home)  # DVC's own calls, for the time that its processes take to start
    begin(tmp_path / "store")
    with Repo() as repo:
        repo.reproduce(f"{one}/dvc.yaml")
        repo.push()
    shutil.copytree(home, machine, ignore=shutil.ignore_patterns(".git", "out", "cache", "tmp"))
    task = SkyPilot(accelerators="H100", setup="true").text(Job(id="two-2", folder=two, gpus=1))
    bash(yaml.safe_load(task)["run"], machine)
    with Repo() as repo:
        repo.reproduce(f"{two}/dvc.yaml", pull=True)
    assert (home / two / "out/y").read_text(encoding="utf-8") == "1\n2\n3\n"
    assert (tmp_path / "runs").read_text(encoding="utf-8") == "ran\n"


@pytest.mark.long
def test_an_experiment_goes_on_on_another_machine_and_comes_home(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: dict[str, Any]
) -> None:
    """Three tasks in a row; the second fails on the first machine, which is given back."""
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    from dvc.repo import Repo

    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    monkeypatch.setenv("PATH", f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    home, runs = tmp_path / "home", tmp_path / "runs"
    last = "generated/reports/everything"
    stage(home / "generated/stages/one-1", f"echo one >> {runs}; seq 3 > out/x", [])
    second = f"[ -e {tmp_path}/fixed ] || exit 1; echo two >> {runs}; cp ../one-1/out/x out/y"
    stage(home / "generated/stages/two-2", second, ["../one-1/out/x"])
    stage(home / last, f"echo report >> {runs}; cp ../../stages/two-2/out/y out/z", ["../../stages/two-2/out"])
    monkeypatch.chdir(home)
    begin(tmp_path / "store")
    for machine, code in ("first", 255), ("second", 0):
        shutil.copytree(home, tmp_path / machine, ignore=shutil.ignore_patterns(".git", "out", "cache", "tmp"))
        bash(whole["run"], tmp_path / machine, expected=code)
        (tmp_path / "fixed").touch()
    with Repo() as repo:
        repo.reproduce(f"{last}/dvc.yaml", pull=True)
    assert (home / last / "out/z").read_text(encoding="utf-8") == "1\n2\n3\n"
    assert runs.read_text(encoding="utf-8") == "one\ntwo\nreport\n"


LOADER = """
import sys
import sky
for path in sys.argv[1:]:
    task = sky.Task.from_yaml(path)
    (resources,) = task.resources
    print(task.name, resources.accelerators)
"""


@pytest.mark.long
def test_skypilots_own_loader_takes_every_file(tmp_path: Path, files: dict[str, str]) -> None:
    python = os.environ.get("COTSPEC_SKYPILOT")
    if not python:
        pytest.skip("SkyPilot wants an environment of its own: COTSPEC_SKYPILOT=VENV/bin/python pytest -m long")
    found = {path: text for path, text in emit(sealed(spec_data("everything")).plan).items() if "sky.yaml" in path}
    found |= {
        path: text.replace('cloud: "aws"', 'cloud: "kubernetes"').replace('region: "us-east-1"', 'region: "in-cluster"')
        for path, text in ((f"kubernetes/{path}", text) for path, text in found.items())
    }
    for path, text in found.items():
        (tmp_path / path).parent.mkdir(parents=True)
        (tmp_path / path).write_text(text, encoding="utf-8")
    environment = os.environ | {"HOME": str(tmp_path), "SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
    done = subprocess.run([python, "-c", LOADER, *found], cwd=tmp_path, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert len(done.stdout.splitlines()) == len(found) == 2 * (len(files) + 1)
    assert "everything {'H100': 2}" in done.stdout


def begin(store: Path) -> None:
    """A project of git and DVC here, with a remote."""
    from dvc.repo import Repo

    bash("git init --quiet", Path.cwd())
    with Repo.init() as repo, repo.config.edit("repo") as config:
        config.update({"core": {"remote": "store"}, "remote": {"store": {"url": str(store)}}})


def bash(script: str, folder: Path, *, expected: int = 0) -> None:
    done = subprocess.run(["bash", "-ec", script], cwd=folder, capture_output=True, encoding="utf-8")
    assert done.returncode == expected, done.stderr


def stage(folder: Path, script: str, deps: list[str]) -> None:
    folder.mkdir(parents=True)
    (folder / "payload.json").write_text(folder.name, encoding="utf-8")
    (folder / "launch.sh").write_text(f"mkdir -p out && {script}\n", encoding="utf-8")
    made: dict[str, Any] = {"cmd": "bash launch.sh", "deps": ["payload.json", *deps], "outs": ["out"]}
    (folder / "dvc.yaml").write_text(yaml.safe_dump({"stages": {folder.name: made}}), encoding="utf-8")


def findings(text: str, folder: Path) -> tuple[list[Diagnostic], list[str]]:
    """What is found in a spec with this under `resources`, and the text each finding marks."""
    spec, sink = folder / "spec.yaml", Sink()
    spec.write_text(BASE.replace("  train: {gpus: 0}\n", f"  train: {{gpus: 1}}\n  {text}\n"), encoding="utf-8")
    load(spec, sink)
    lines, found = spec.read_text(encoding="utf-8").split("\n"), list(sink.sorted())
    return found, [lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1] for f in found]


@pytest.mark.parametrize(
    ("old", "new", "rule", "marked", "advice"),
    [
        ("}", ", use_spots: true}", "unknown-key", "use_spots", "did you mean `use_spot`?"),
        ("}", ", cloud: asw}", "wrong-value", "asw", "did you mean `aws`?"),
        ("}", ", cpus: 8+}", "wrong-type", "8+", ""),
        ("}", ", region: us east}", "wrong-value", "us east", "`region`: Region of the cloud"),
        ("}", ", envs: {A-B: x}}", "wrong-value", "A-B", ""),
        ("}", ", envs: {A: 1}}", "wrong-type", "1", 'put it in quotes if it is meant as text: "1"'),
        ("H100", "H100:8", "wrong-value", "H100:8", "without a count, which is the task's `gpus`"),
        ("accelerators: H100, ", "", "missing-key", "skypilot", "`accelerators`: Name of the GPU"),
        (", setup: pip install .", "", "missing-key", "skypilot", "`setup`: Shell commands"),
        ("skypilot", "skypilott", "unknown-key", "skypilott", "did you mean `skypilot`?"),
    ],
)
def test_a_mistake_is_found_in_its_place_with_what_to_do(
    old: str, new: str, rule: str, marked: str, advice: str, tmp_path: Path
) -> None:
    found, texts = findings(ASKED.replace(old, new), tmp_path)
    assert ([f.rule for f in found], texts) == ([rule], [marked])
    assert advice in (found[0].help or "")


def test_a_spec_that_asks_for_it_is_checked_and_built(tmp_path: Path, run: Run) -> None:
    subprocess.run(["git", "init", "-q", tmp_path], check=True)
    (tmp_path / "specs").mkdir()
    spec = tmp_path / "specs/example.yaml"
    spec.write_text(BASE.replace("  train: {gpus: 0}\n", f"  train: {{gpus: 1}}\n  {ASKED}\n"), encoding="utf-8")
    assert run("check", folder=tmp_path)[0] == 0
    assert run("build", folder=tmp_path)[0] == 0
    assert len(list(tmp_path.glob("generated/stages/grpo-*/sky.yaml"))) == 1
