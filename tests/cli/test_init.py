"""`cotspec init` sets up git and DVC for real."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest

from cotspec.cli import init
from tests.cli.helpers import files
from tests.e2e.tiny import parsed
from tests.support import Run

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def _needs_dvc() -> None:
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")


def test_init_makes_a_project_that_builds(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("init", "new")
    assert (code, err) == (0, "")
    assert out.endswith("next: cd new && cotspec build && dvc repro\n")
    folder = tmp_path / "new"
    config = (folder / ".dvc/config").read_text()
    assert "analytics = false" in config
    assert "autostage = true" in config
    monkeypatch.chdir(folder)
    assert run("build")[1].endswith("next: dvc repro\n")
    monkeypatch.chdir(folder / "specs")
    assert run("build")[1].endswith("next: cd .. && dvc repro\n")
    monkeypatch.chdir(folder)
    seen = subprocess.run(["git", "status", "--short", "-uall"], capture_output=True, text=True, check=True).stdout
    assert ".cotspec" not in seen
    before = files(folder)
    code, out, _ = run("init")
    assert (code, out.splitlines()[0]) == (0, "everything is there already")
    assert files(folder) == before


def test_init_adds_to_what_is_there_and_overwrites_nothing(project: Path, run: Run) -> None:
    (project / ".gitignore").write_text("mine\n__pycache__/")
    (project / "specs/one.yaml").write_text("mine")
    assert run("init")[0] == 0
    mine, *added = (project / ".gitignore").read_text().partition("__pycache__/\n.cotspec/\ncotspec.local.yaml\n")
    assert (mine, bool(added[0]), "__pycache__" in added[1]) == ("mine\n", True, False)
    assert [p.name for p in (project / "specs").iterdir()] == ["one.yaml"]
    assert (project / "specs/one.yaml").read_text() == "mine"


def test_git_takes_no_model_of_the_project_and_no_result(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("init", "new")[0] == 0
    monkeypatch.chdir(project / "new")
    assert run("build")[0] == 0
    (stage, *_) = Path("generated/stages").glob("sft-*")
    for folder in (Path("models/mine"), stage / "out/model", Path(".cotspec/scratch/sft-1-2/checkpoint-3")):
        folder.mkdir(parents=True)
        (folder / "model.safetensors").write_bytes(b"weights")
        (folder / "config.json").write_text("{}")
    subprocess.run(["git", "add", "-A"], check=True)
    taken = subprocess.run(["git", "ls-files"], capture_output=True, text=True, check=True).stdout.split()
    assert [name for name in taken if name.endswith(("config.json", ".safetensors"))] == ["models/mine/config.json"]


def test_git_takes_nothing_big_of_models_that_lie_elsewhere_or_here(
    tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Mapped folders outside, a cache that `cotspec.local.yaml` puts into the project, links to both."""
    monkeypatch.chdir(tmp_path)
    assert run("init", "new")[0] == 0
    project, big = tmp_path / "new", b"\0" * 2_000_000
    outside = tmp_path / "disk/qwen"
    snapshot = project / "cache/hub/models--owner--name/snapshots/abc"
    blobs = project / "cache/hub/models--owner--name/blobs"
    for folder in (outside, snapshot, blobs, project / "cache/xet/chunks", project / "models/mine"):
        folder.mkdir(parents=True)
    for folder in (outside, project / "models/mine"):
        for name in ("model.safetensors", "pytorch_model.bin", "model.onnx_data", "q4.gguf", "optimizer.pt"):
            (folder / name).write_bytes(big)
        (folder / "config.json").write_text("{}")
    (blobs / ("0" * 64)).write_bytes(big)
    (snapshot / "model.safetensors").symlink_to(f"../../blobs/{'0' * 64}")
    (project / "cache/xet/chunks/default").write_bytes(big)
    (project / "linked").symlink_to(outside)
    local = {"models": {"lab/qwen": str(outside), "owner/name": "cache/hub"}, "cache": "cache"}
    (project / "cotspec.local.yaml").write_text(json.dumps(local), encoding="utf-8")
    subprocess.run(["git", "add", "-A"], cwd=project, check=True)
    listed = subprocess.run(["git", "ls-files"], cwd=project, capture_output=True, text=True, check=True).stdout
    taken = listed.split()
    assert {name for name in taken if (project / name).lstat().st_size > 500_000} == set()
    assert {"models/mine/config.json", "specs/bridge-tiny.yaml"} <= set(taken)
    assert not {"cotspec.local.yaml", *(name for name in taken if name.startswith("cache"))} & set(taken)


def test_init_below_a_repository_is_a_dvc_project_of_its_own(project: Path, run: Run) -> None:
    assert run("init", "deep/er")[0] == 0
    assert (project / "deep/er/.dvc/config").exists()
    assert not (project / "deep/er/.git").exists()


def test_nobody_else_can_write_where_work_in_progress_is_kept(project: Path, run: Run) -> None:
    assert run("init", "own")[0] == 0
    assert (project / "own/.cotspec").stat().st_mode & 0o022 == 0


def test_init_on_a_file_is_refused(project: Path, run: Run) -> None:
    (project / "file").write_text("x")
    code, _, err = run("init", "file")
    assert (code, err) == (2, "cotspec: file is a file\n")


def test_the_starter_is_this_repositorys_tiny_experiment() -> None:
    text = (ROOT / "specs/bridge-tiny.yaml").read_text(encoding="utf-8")
    assert init.starter() == text.replace("../docs/spec.schema.json", "spec.schema.json", 1)


@pytest.mark.parametrize("template", init.TEMPLATES)
def test_a_template_is_a_project_without_findings_that_builds(
    template: str, tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, out, err = run("init", "new", "--template", template)
    assert (code, err) == (0, "")
    assert init.TEMPLATES[template] in out.splitlines()
    folder = tmp_path / "new"
    monkeypatch.chdir(folder)
    assert [path.relative_to(folder).as_posix() for path in (folder / "specs").glob("*.yaml")] == [
        init.TEMPLATES[template]
    ]
    text = (folder / init.TEMPLATES[template]).read_text(encoding="utf-8")
    assert template in ("bridge", "traces") or f"by: {template}" in text
    assert (folder / "data/traces.jsonl").is_file() == (template == "traces")
    assert run("check", "--ci")[:2] == (0, "no findings in 1 spec\n")
    code, out, err = run("build")
    assert (code, err) == (0, "")
    for stage in parsed(text)["stages"]:
        assert run("preview", init.TEMPLATES[template], stage)[0] == 0


@pytest.mark.parametrize(
    ("template", "advice"),
    [("gpro", "did you mean `grpo`?"), ("axolotl", "there is `bridge`, `sft`, `grpo`, `distill`, `dpo` and `traces`")],
)
def test_a_template_that_is_not_there_is_told_what_there_is(
    template: str, advice: str, project: Path, run: Run
) -> None:
    assert run("init", "new", "--template", template) == (
        2,
        "",
        f"cotspec: there is no template `{template}`: {advice}\n",
    )
    assert not (project / "new").exists()


def test_a_template_is_added_to_a_project_and_overwrites_nothing(project: Path, run: Run) -> None:
    (project / "specs/dpo.yaml").write_text("mine", encoding="utf-8")
    assert run("init", "--template", "grpo")[0] == 0
    assert run("init", "--template", "dpo")[0] == 0
    assert {path.name for path in (project / "specs").glob("*.yaml")} == {"one.yaml", "grpo.yaml", "dpo.yaml"}
    assert (project / "specs/dpo.yaml").read_text(encoding="utf-8") == "mine"
    (project / "data").mkdir(exist_ok=True)
    (project / "data/traces.jsonl").write_text("mine", encoding="utf-8")
    assert run("init", "--template", "traces")[1].startswith("specs/traces.yaml\n")
    assert (project / "data/traces.jsonl").read_text(encoding="utf-8") == "mine"


def test_the_starter_points_an_editor_to_a_schema_that_is_there(project: Path, run: Run) -> None:
    assert run("init", "new")[0] == 0
    first = (project / "new/specs/bridge-tiny.yaml").read_text(encoding="utf-8").splitlines()[0]
    schema = project / "new/specs" / first.partition("$schema=")[2]
    assert schema.read_text(encoding="utf-8") == run("schema")[1]


def test_init_renews_its_schema_and_leaves_another_file_of_that_name_alone(project: Path, run: Run) -> None:
    run("init", "new")
    schema = project / "new/specs/spec.schema.json"
    current = schema.read_text(encoding="utf-8")
    schema.write_text(current.replace("draft/2020-12", "draft/2019-09"), encoding="utf-8")
    assert "specs/spec.schema.json (brought up to date)\n" in run("init", "new")[1]
    assert schema.read_text(encoding="utf-8") == current
    schema.write_text("{}", encoding="utf-8")
    run("init", "new")
    assert schema.read_text(encoding="utf-8") == "{}"
