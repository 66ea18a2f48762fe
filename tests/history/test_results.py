"""What earlier runs left is judged as `dvc repro` judges it."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from pathlib import Path

import pytest

from cotspec.back import places
from cotspec.cli import build as build_command
from cotspec.cli import plan, status
from cotspec.compiler import Built, check_specs
from cotspec.diagnostics import Sink
from cotspec.estimate import Estimator
from cotspec.history import results
from cotspec.history.project_facts import ProjectFacts
from cotspec.passes.options import DEFAULT
from cotspec.runtime.scratch import folder_of
from cotspec.runtime.task import load
from cotspec.views import plan as plan_view
from cotspec.views.planned import planned
from tests.history.projects import BASE, FROM_FILE, SCRIPTS, build, dvc, questions, ran, stand, stand_in

TWIN = """\
  twin:
    start: base
    train: {by: sft, lr: 1e-4}
    rows: {from: teach}
    task: reconstruct
    shuffle: true
"""
TWINS = BASE.replace("  second:\n", f"{TWIN}  second:\n").replace("first, second]", "first, twin, second]")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_what_never_ran_is_to_run_and_who_reads_it_waits(folder: Path) -> None:
    built = build()
    assert built.plan is not None
    found = stand(built)
    assert {standing.state for standing in found.values()} == {"run"}
    teach = next(task for task in built.plan.tasks if task.id.startswith("teach-"))
    (data,) = (read.task for read in teach.reads.values())
    assert (found[data].reason, found[data].upstream) == ("never run here", ())
    assert found[teach.id].upstream == (data,)


@pytest.mark.parametrize(
    ("left", "reason"),
    [
        ("trainer/checkpoint-4/complete", "an interrupted run left a checkpoint"),
        ("partial.jsonl", "an interrupted run left finished batches"),
        ("valid-model.jsonl", "an interrupted run left finished batches"),
        ("kept.json", "its finished result was not recorded, and is taken"),
        ("lock", None),
        ("trainer/checkpoint-4/model.safetensors", None),
    ],
)
def test_a_task_is_to_resume_only_where_something_of_the_same_inputs_is_left_to_go_on_from(
    folder: Path, left: str, reason: str | None
) -> None:
    questions(1)
    built = build(FROM_FILE)
    assert built.plan is not None
    id = next(task.id for task in built.plan.tasks if task.reads and task.id.startswith("data-"))
    place = folder / places.stage_folder(id)
    file = folder_of(load(place / "payload.json", place / "run.json")) / left
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    found = stand(built)
    assert found[id].state == ("resume" if reason else "run")
    assert reason is None or found[id].reason == reason
    assert [one for one, standing in found.items() if standing.state == "resume" and one != id] == []
    questions(2)
    assert stand(built)[id].state == "run"


def test_a_task_that_a_process_is_at_work_on_is_running(folder: Path) -> None:
    built = build()
    assert built.plan is not None
    id = built.plan.tasks[-1].id  # it waits for others: who is at work is said before that
    lock = folder / ".cotspec/scratch" / f"{id}-0123456789ab" / "lock"
    lock.parent.mkdir(parents=True)
    command = [sys.executable, "-c", "print(flush=True); input()", "cotspec.runtime"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdout.readline()  # it is up
        lock.write_text(str(process.pid))
        assert [one for one, standing in stand(built).items() if standing.state == "running"] == [id]
        process.communicate(b"\n")
    assert "running" not in {standing.state for standing in stand(built).values()}


def test_a_broken_lock_file_counts_as_none(folder: Path) -> None:
    built = build()
    assert built.plan is not None
    id = built.plan.tasks[0].id
    for text in ("", "{", "[1]", "stages: 3", f"stages: {{{id}: 3}}"):
        (folder / places.stage_folder(id) / "dvc.lock").write_text(text)
        assert stand(built)[id].state == "run"


@pytest.mark.parametrize("spec", [BASE, TWINS], ids=["a task for each part", "two stages that share theirs"])
def test_build_plan_and_status_count_the_same_tasks(
    spec: str, folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    Path("specs/one.yaml").write_text(spec)
    assert build_command.run([], check_only=False, options=DEFAULT) == 0
    assert plan.run([], against=None, output="text", whole=False, formulas=False) == 2
    assert status.run([], output="text") == 0
    told = capsys.readouterr().out
    counted = [re.search(text, told) for text in (r"experiment, (\d+) tasks", r"(\d+) to run", r"0 of (\d+) tasks")]
    assert len({found and found[1] for found in counted}) == 1, told
    assert counted[0] is not None


# --- against real DVC -------------------------------------------------------------------------------------------------


def status_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert status.run([], output="text") == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


@pytest.mark.slow
def test_what_is_said_to_run_is_what_dvc_runs_before_and_after_changes_and_without_locks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    project = tmp_path / "project"
    (project / "specs").mkdir(parents=True)
    monkeypatch.chdir(project)
    subprocess.run(["git", "init", "-q"], check=True)
    dvc("init", "-q")
    built = build()
    stand_in(built)

    def agree(now: Built) -> Counter[str]:
        """Compare what is said with what a run does; return what was said."""
        found = stand(now)
        said = {id for id, standing in found.items() if standing.state != "reuse"}
        assert now.plan is not None
        folders = {task.id: folder for folder, task in places.folders(now.plan)}
        assert {places.target(folders[id]) for id in said} == ran(dvc("repro"))
        return Counter(standing.state for standing in found.values())

    total = len(stand(built))
    assert agree(built) == {"run": total}
    assert agree(built) == {"reuse": total}
    assert status_of(capsys) == [
        f"example  done         {total} of {total} tasks",
        "first: 12 of 200 rows (6 %) were left out as too long",
        "second: 12 of 200 rows (6 %) were left out as too long",
    ]

    wider = build(BASE.replace("group: 4", "group: 8"))
    stand_in(wider)
    assert agree(wider) == {"run": 3, "reuse": total - 3}  # the stage, its evaluation, the report

    back = build()
    stand_in(back)
    assert agree(back) == {"reuse": total}  # the stages still have their folders, the report is in the run cache

    for lock in (*project.glob("generated/**/dvc.lock"), project / "dvc.lock"):
        lock.unlink()
    assert {standing.reason for standing in stand(back).values()} == {"in the run cache"}
    assert agree(back) == {"reuse": total}


@pytest.mark.slow
def test_dvc_runs_the_tasks_of_the_experiments_that_targets_names_and_then_only_the_rest(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    dvc("init", "-q")
    stand_in(build(BASE + "variants:\n  wide: {stages.second.train.group: 8}\n"))
    checked = check_specs({"specs/one.yaml": Path("specs/one.yaml")}, Sink())
    assert checked is not None
    folders = {task.id: folder for folder, task in places.folders(checked.sealed.plan)}
    by_name = {
        name: {places.target(folders[task.id]) for task in side.tasks.values()}
        for name, side in planned(checked.units, checked.sealed).items()
    }
    wide, base = by_name["example--wide"], by_name["example"]
    named = subprocess.run(
        [str(SCRIPTS / "cotspec"), "targets", "specs/one.yaml@wide"], capture_output=True, text=True, check=True
    )
    assert ran(dvc("repro", *named.stdout.split())) == wide
    assert ran(dvc("repro")) == base - wide
    assert len(base - wide) == 3  # the stage, its evaluation, the report


# --- why --------------------------------------------------------------------------------------------------------------


def test_a_new_variant_is_explained_by_what_it_changes_and_a_setting_by_its_old_and_new_value(folder: Path) -> None:
    Path("specs/one.yaml").write_text(BASE)
    before = check_specs({"specs/one.yaml": Path("specs/one.yaml")}, Sink())
    text = BASE.replace("lr: 1e-4", "lr: 1e-3") + "variants:\n  wide: {stages.second.train.group: 8}\n"
    Path("specs/one.yaml").write_text(text)
    after = check_specs({"specs/one.yaml": Path("specs/one.yaml")}, Sink())
    assert before is not None
    assert after is not None
    old, now = (planned(checked.units, checked.sealed) for checked in (before, after))
    pairs = [(now["example"], old["example"]), (now["example--wide"], now["example"])]
    standings = results.standings(folder, after.sealed.plan)
    shown = plan_view.view(after.sealed, standings, pairs, Estimator(after.sealed.tasks, ProjectFacts(folder)))
    rows = shown.rows
    reasons = {(row.part, row.experiments): row.reasons for row in rows}
    both = ("example", "example--wide")
    assert reasons["stage first", both] == ("stages.first.train.lr: 0.0001 → 0.001 (specs/one.yaml:14)",)
    assert reasons["stage second", ("example--wide",)] == ("stages.second.train.group: 4 → 8 (specs/one.yaml:28)",)
    assert reasons["stage second", ("example",)] == ("after stage first, rows of stage second",)
    assert reasons["data train", both] == ("never run here",)
    painted = plan_view.text(shown, colour=True)
    assert "\x1b[33mrun" in painted
    assert re.sub(r"\x1b\[[0-9;]*m", "", painted) == plan_view.text(shown)
    assert json.loads(json.dumps(plan_view.record(shown)))["counts"] == {"run": len(rows), "resume": 0, "reuse": 0}
