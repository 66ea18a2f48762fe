"""`cotspec model`: the folder of what a stage has trained, and no folder of anything else."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.fuzz.finished import SPEC as FINISHED
from tests.fuzz.finished import finished, lock
from tests.support import Run

SPEC = "specs/a.yaml"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    finished(folder)
    return folder


def stage(project: Path, kind: str) -> Path:
    """The folder of a training task; the first where variants have one each."""
    return sorted(project.glob(f"generated/stages/{kind}-*"))[0]


def test_the_folder_of_a_stage_is_printed_and_the_last_stage_is_the_default(project: Path, run: Run) -> None:
    code, out, err = run("model", SPEC, "first")
    assert (code, err) == (0, "")
    assert out == f"{stage(project, 'sft').relative_to(project)}/out/model\n"
    _, last, _ = run("model", SPEC)
    assert last == run("model", SPEC, "second")[1] != out
    assert Path(last.strip(), "config.json").is_file()
    assert (faster := run("model", f"{SPEC}@faster")[1]) not in (last, "")
    for name in ("example:first", f"{SPEC}:first"):
        assert run("model", name) == run("model", "example", "first") == (0, out, "")
    assert run("model", "example--faster:second")[1] == run("model", "example@faster")[1] == faster


def test_it_can_be_used_from_a_folder_of_the_project(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(project / "specs")
    assert Path(run("model", "a.yaml", "first")[1].strip(), "config.json").is_file()


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((SPEC, "frist"), "`example` has no stage `frist`: did you mean `first`?"),
        ((SPEC, "base"), "`base` is a model that `example` begins with, and no stage trains it"),
        ((f"{SPEC}@fastr",), "did you mean `faster`?"),
        (("example:first", "second"), "`example:first` names `first`, and `second` stands behind it: name one"),
        (("exmple:first",), "there is no spec and no experiment `exmple`: did you mean `example:first`?"),
        (("specs/b.yaml:first",), "there is no file `specs/b.yaml`"),
    ],
)
def test_what_is_no_stage_is_named(arguments: tuple[str, ...], told: str, project: Path, run: Run) -> None:
    code, out, err = run("model", *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_a_stage_that_was_never_trained_says_how_to_train_it(project: Path, run: Run) -> None:
    (stage(project, "sft") / "dvc.lock").unlink()
    code, out, err = run("model", SPEC, "first")
    assert (code, out) == (2, "")
    assert (
        f"stage `first` of example: it has not been trained: `dvc repro generated/stages/{stage(project, 'sft').name}"
        in err
    )
    assert "(an input is made anew): `dvc repro" in run("model", SPEC, "second")[2]


def test_a_stage_of_another_setting_is_to_be_built_first(project: Path, run: Run) -> None:
    path = project / SPEC
    path.write_text(path.read_text(encoding="utf-8").replace("lr: 1e-4", "lr: 3e-4"), encoding="utf-8")
    assert "it has not been trained: `cotspec build`, then `dvc repro" in run("model", SPEC, "first")[2]


def test_changed_data_make_what_was_trained_stale(project: Path, run: Run) -> None:
    rows = sorted(project.glob("generated/stages/rows-*/dvc.lock"))
    for each in rows:
        each.write_text(each.read_text(encoding="utf-8").replace("md5: ", "md5: 0", 1), encoding="utf-8")
    assert "it is not what the spec asks for now (an input is made anew)" in run("model", SPEC, "first")[2]


def test_files_that_are_gone_or_changed_are_restored_first(project: Path, run: Run) -> None:
    config = stage(project, "sft") / "out/model/config.json"
    config.write_text("{}")
    assert "config.json was changed: `dvc checkout -f generated/stages/sft-" in run("model", SPEC, "first")[2]
    config.unlink()
    assert "config.json is not there: `dvc checkout generated/stages/sft-" in run("model", SPEC, "first")[2]


def test_a_gate_chooses_which_weights_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, run: Run) -> None:
    monkeypatch.chdir(tmp_path)
    gated = FINISHED.replace("  second:\n", "    advance: {checkpoint: {step: 4}}\n  second:\n", 1)
    plan = finished(tmp_path, gated)
    (gate,) = tmp_path.glob("generated/stages/gate-*")
    kept = stage(tmp_path, "sft") / "out/checkpoints/4"
    kept.mkdir(parents=True)
    (kept / "config.json").write_text("{}")
    (gate / "out/gate.json").write_text('{"checkpoint": "checkpoints/4"}')
    lock(tmp_path, plan)
    assert run("model", SPEC, "first")[1].endswith("/out/checkpoints/4\n")
    (gate / "out/gate.json").write_text('{"checkpoint": "../../../../secret"}')
    lock(tmp_path, plan)
    assert "gate.json names no checkpoint" in run("model", SPEC, "first")[2]
    (gate / "dvc.lock").unlink()
    assert "its gate has not been made: `dvc repro" in run("model", SPEC, "first")[2]


def test_what_is_not_on_this_machine_is_pulled_and_not_trained_again(project: Path, run: Run) -> None:
    shutil.rmtree(project / ".dvc/cache")
    for out in project.glob("generated/*/*/out"):
        shutil.rmtree(out)
    told = run("model", SPEC, "first")[2]
    assert "it is not on this machine: `cotspec run --pull` takes it from the DVC remote" in told
