"""What earlier runs left is judged as `dvc repro` judges it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import sysconfig
from collections import Counter
from pathlib import Path

import pytest

from cotspec import workspace
from cotspec.back import places
from cotspec.cli import status
from cotspec.compiler import Built, check_specs, compile_specs
from cotspec.diagnostics import Sink
from cotspec.estimate import Estimator
from cotspec.history import results
from cotspec.history.records import Records
from cotspec.views import plan as view
from cotspec.views.planned import planned

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
SCRIPTS = Path(sysconfig.get_path("scripts"))


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def build(text: str = BASE) -> Built:
    Path("specs/one.yaml").write_text(text)
    sink = Sink()
    built = compile_specs({"specs/one.yaml": Path("specs/one.yaml")}, sink)
    assert built.plan is not None, sink.findings
    workspace.write(Path.cwd(), built.files)
    return built


def stand(built: Built) -> dict[str, results.Standing]:
    assert built.plan is not None
    return results.standings(Path.cwd(), built.plan)


def states(built: Built) -> Counter[str]:
    return Counter(standing.state for standing in stand(built).values())


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
        ("kept.json", "its finished result was not recorded, and is taken"),
        ("lock", None),
        ("trainer/checkpoint-4/model.safetensors", None),
    ],
)
def test_a_task_is_to_resume_only_where_something_to_go_on_from_is_left(
    folder: Path, left: str, reason: str | None
) -> None:
    built = build()
    assert built.plan is not None
    data = [task.id for task in built.plan.tasks if task.id.startswith("data-")]
    file = folder / ".cotspec/scratch" / f"{data[0]}-0123456789ab" / left
    file.parent.mkdir(parents=True)
    file.write_text("{}")
    found = stand(built)
    assert [found[one].state for one in data] == ["resume" if reason else "run", "run"]
    assert reason is None or found[data[0]].reason == reason


def test_an_unfinished_merge_a_failed_gate_and_a_task_at_work_are_said_to_be_that(
    folder: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    built = build()
    assert built.plan is not None
    ends = {task.id for task in built.plan.tasks if not any(read.task for read in task.reads.values())}
    first = min(ends)
    (folder / places.stage_folder(first) / "dvc.lock").write_text("<<<<<<< HEAD\nschema: '2.0'\n")
    assert stand(built)[first].reason == "an unfinished merge in its dvc.lock"
    work = folder / ".cotspec/scratch" / f"{first}-0123456789ab"
    work.mkdir(parents=True)
    (folder / places.stage_folder(first) / "dvc.lock").unlink()
    (work / "stopped.txt").write_text("the gate stops the pipeline here: train.formatted >= 0.9 does not hold")
    assert stand(built)[first].reason.startswith("the gate stops the pipeline here")
    assert status_of(capsys)[0].split()[1] == "stopped"
    code = "import sys; sys.stdin.read()  # cotspec.runtime"
    with subprocess.Popen([sys.executable, "-c", code], stdin=subprocess.PIPE) as task:
        (work / "lock").write_text(str(task.pid))
        assert (stand(built)[first].state, stand(built)[first].reason) == ("run", "it is running now")
        task.kill()


def test_a_broken_lock_file_counts_as_none(folder: Path) -> None:
    built = build()
    assert built.plan is not None
    id = built.plan.tasks[0].id
    for text in ("", "{", "[1]", "stages: 3", f"stages: {{{id}: 3}}"):
        (folder / places.stage_folder(id) / "dvc.lock").write_text(text)
        assert stand(built)[id].state == "run"


# --- against real DVC -------------------------------------------------------------------------------------------------

TASK = """
import hashlib, json, pathlib, sys
payload = json.loads(pathlib.Path("payload.json").read_text())
out = pathlib.Path("out")
if payload["task"]["kind"] == "preflight":
    out.mkdir()
    (out / "passed.json").write_text('{"passed": true}\\n')
    sys.exit()
total = hashlib.sha256(json.dumps(payload["task"]).encode())
for role, read in sorted(payload["inputs"].items()):
    path = pathlib.Path(read["path"])
    for file in sorted(p for p in [path, *path.rglob("*")] if p.is_file()):
        total.update(file.read_bytes())
lines = ["problems", "rollouts", "traces", "rows", "failures"]
names = [*(f"{name}.jsonl" for name in lines), "gate.json", "contamination.json"]
(out / "model").mkdir(parents=True)
for name in [*names, "model/a.txt", "model/b/c.txt", "é ü.txt"]:
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text(name + total.hexdigest())
shares = dict.fromkeys(["accuracy", "accuracy_low", "accuracy_high", "formatted"], 0.5)
known = {"n": 4, "tokens": 9.5, **shares, "rows": 200, "rows_too_long": 12, "of": total.hexdigest()}
(out / "metrics.json").write_text(json.dumps(known))
"""
"""Stands in for the runtime: DVC sees files that depend on the payload and the inputs, as it does with the real one."""


def dvc(*arguments: str) -> str:
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(Path.cwd() / ".cotspec" / "dvc")}
    command = [str(SCRIPTS / "dvc"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def stand_in(built: Built) -> None:
    """Every launch.sh runs TASK in its folder."""
    Path("task.py").write_text(TASK)
    for path in built.files:
        if path.endswith("launch.sh"):
            Path(path).write_text(f'cd "$(dirname "$0")" && {sys.executable} {Path.cwd() / "task.py"}\n')


def status_of(capsys: pytest.CaptureFixture[str]) -> list[str]:
    capsys.readouterr()
    assert status.run([], output="text") == 0
    return [line.strip() for line in capsys.readouterr().out.splitlines()]


def ran(output: str) -> set[str]:
    """The dvc.yaml files whose stages DVC really ran, but for the preflight's; the root's does no work."""
    lines = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage ")]
    return {line.split(":")[0] for line in lines} - {places.ALL, places.target(places.PREFLIGHT)}


@pytest.mark.slow
def test_what_is_said_to_run_is_what_dvc_runs_before_and_after_changes_kills_and_clones(
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

    for out in project.glob("generated/stages/sft-*/out"):
        shutil.rmtree(out)
    assert agree(back) == {"reuse": total}  # from the cache

    for out in project.glob("generated/stages/sft-*/out"):
        shutil.rmtree(out)
    shutil.rmtree(project / ".dvc/cache")
    found = stand(back)
    assert [s.reason for id, s in found.items() if id.startswith("sft-")] == [
        "its result is neither in out/ nor in the cache (`dvc pull` may bring it)"
    ]


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
    shown = view.view(after.sealed, standings, pairs, Estimator(after.sealed.tasks, Records(folder)))
    rows = shown.rows
    reasons = {(row.part, row.experiments): row.reasons for row in rows}
    both = ("example", "example--wide")
    assert reasons["stage first", both] == ("stages.first.train.lr: 0.0001 → 0.001 (specs/one.yaml:14)",)
    assert reasons["stage second", ("example--wide",)] == ("stages.second.train.group: 4 → 8 (specs/one.yaml:28)",)
    assert reasons["stage second", ("example",)] == ("after stage first, rows of stage second",)
    assert reasons["data train", both] == ("never run here",)
    assert json.loads(json.dumps(view.record(shown)))["counts"] == {"run": len(rows), "resume": 0, "reuse": 0}
