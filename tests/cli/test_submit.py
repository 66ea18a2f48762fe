"""What `submit` and `cancel` refuse, and what is said of jobs. That jobs run, and what becomes of them: tests/slurm."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.cli import queue
from cotspec.history.results import Standing
from cotspec.slurm import Queued
from tests.support import Run, sealed, spec_data

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")


def test_a_spec_that_does_not_ask_for_slurm_is_told_what_to_write(project: Path, run: Run) -> None:
    assert run("build")[0] == 0
    code, out, err = run("submit", "slurm")
    assert (code, out) == (2, "")
    assert err.endswith("its spec does not ask for SLURM; write `slurm: {}` under `resources`, then `cotspec build`\n")


def test_resources_that_changed_since_the_build_are_not_sent_as_they_were(project: Path, run: Run) -> None:
    spec = project / "specs/one.yaml"
    text = spec.read_text()
    for settings in ("slurm: {}", "slurm: {cpu: {mem: 1G}}"):
        spec.write_text(text.replace("resources:", f"resources:\n  {settings}", 1))
        if settings == "slurm: {}":
            assert run("build")[0] == 0
    code, _, err = run("submit", "slurm")
    assert code == 2
    assert err.endswith("its `resources` are not what was built; run `cotspec build`\n")


@pytest.mark.parametrize("command", [("submit", "slurm"), ("cancel",)])
def test_a_machine_without_slurm_is_told(
    command: tuple[str, ...], project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text().replace("resources:", "resources:\n  slurm: {}", 1))
    assert run("build")[0] == 0
    monkeypatch.setenv("PATH", str(project))
    code, _, err = run(*command)
    told = "cotspec: SLURM's `squeue` is not on this machine: go to one from which jobs are sent\n"
    assert (code, err) == (2, told)


SQUEUE = """\
#!/bin/sh
echo 'squeue: error: fetch_config: DNS SRV lookup failed' >&2
echo 'squeue: fatal: Could not establish a configuration source' >&2
exit 1
"""
"""What that of Debian says where there is no slurm.conf."""


def test_a_machine_with_slurms_commands_and_no_cluster_is_one_without_slurm(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text().replace("resources:", "resources:\n  slurm: {}", 1))
    assert run("build")[0] == 0
    (project / "squeue").write_text(SQUEUE)
    (project / "squeue").chmod(0o755)
    monkeypatch.setenv("PATH", str(project))
    assert run("status")[::2] == (0, "")
    code, _, err = run("submit", "slurm")
    told = "cotspec: SLURM's `squeue` finds no cluster here: go to a machine from which jobs are sent\n"
    assert (code, err) == (2, told)


def test_a_job_that_was_sent_for_another_report_does_not_make_the_one_that_is_built(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Reports keep their folder when a spec changes."""
    assert run("build")[0] == 0
    (folder,) = project.glob("generated/reports/*")
    (project / ".dvc").mkdir()
    monkeypatch.setenv("SLURM_JOB_NAME", "report-of-before")
    code, _, err = run("job", folder.relative_to(project).as_posix())
    assert code == 2
    assert f"report-of-before is not what is built in generated/reports/{folder.name} any more" in err


TASKS = {task.labels[0].part: task for task in sealed(spec_data("everything")).plan.tasks}


def test_each_task_is_told_by_what_is_known_of_it(tmp_path: Path) -> None:
    """A job in the queue; else a log of a task that is not done; and what such a one holds up."""
    by_id = {task.id: part for part, task in TASKS.items()}
    needs = {part: {by_id[read.task] for read in task.reads.values() if read.task} for part, task in TASKS.items()}
    failing = next(part for part, needed in needs.items() if needed and any(part in other for other in needs.values()))
    states = dict.fromkeys(by_id, Standing(state="run", reason="never run here"))
    log = tmp_path / f".cotspec/logs/slurm-{TASKS[failing].id}.log"
    log.parent.mkdir(parents=True)
    log.write_text("a step\n\x1b[31mno room\n\nERROR: failed to reproduce 'it': failed to run: bash launch.sh\n")
    waits, runs = [part for part in needs if not needs[part]][:2]
    job = Queued(id="7", state="PENDING", reason="Priority", user="eve", nodes="", time="0:00", task="")
    jobs = [
        job._replace(task=TASKS[waits].id),
        job._replace(id="8", state="RUNNING", nodes="n[1-2]", time="1:05", task=TASKS[runs].id),
    ]
    told = queue.told(tmp_path, TASKS, states, jobs)
    assert told.state == "running"
    assert f"queued: {waits}: job 7 of eve, Priority" in told.notes
    assert f"running: {runs}: job 8 of eve on n[1-2], 1:05" in told.notes
    assert f"failed: {failing}: �[31mno room ({log.relative_to(tmp_path)})" in told.notes
    held = {note.split(": ")[1] for note in told.notes if note.startswith("not run: ")}
    assert held >= {part for part, needed in needs.items() if failing in needed}
    assert queue.told(tmp_path, TASKS, states, jobs[:1]).state == "queued"
    assert queue.told(tmp_path, TASKS, states, []).state == "failed"
    at_work = states | {TASKS[failing].id: Standing(state="running", reason="by hand, on this machine")}
    assert queue.told(tmp_path, TASKS, at_work, []) == (None, ())
    said = log.read_text()
    log.write_text(said + "Updating lock file 'it'\nUse `dvc push` to send your updates to remote storage.\n")
    assert queue.told(tmp_path, TASKS, states, []) == (None, ()), "it ended well, and what it reads is another by now"
    log.write_text(said)
    later = tmp_path / f".cotspec/logs/run-{TASKS[failing].id}.log"
    later.write_text("again, by `cotspec run`\n")
    assert queue.told(tmp_path, TASKS, states, []) == (None, ())


@pytest.mark.parametrize(
    ("said", "told"),
    [
        (
            "slurmstepd-n1: error: *** JOB 6 ON n1 CANCELLED AT 2026-11-30T00:18:37 DUE TO TIME LIMIT ***",
            "of its `time`",
        ),
        ("slurmstepd: error: Detected 1 oom_kill event in StepId=7.batch. Some of the step tasks have been", "`mem`"),
        ("slurmstepd-n2: error: *** JOB 8 ON n2 CANCELLED AT 2026-11-30T00:17:19 DUE TO NODE FAILURE, SEE", "machine"),
        ("slurmstepd-n2: error: *** JOB 7 ON n2 CANCELLED AT 2026-11-30T00:17:19 ***", "it was cancelled"),
        ("the trainer: CANCELLED AT noon", "the end"),
    ],
    ids=["out of time", "out of memory", "a machine that failed", "cancelled", "not of SLURM"],
)
def test_why_slurm_ended_a_job_is_told_whatever_it_said_after_that(tmp_path: Path, said: str, told: str) -> None:
    states = {task.id: Standing(state="run", reason="never run here") for task in TASKS.values()}
    part, task = next(iter(TASKS.items()))
    log = tmp_path / f".cotspec/logs/slurm-{task.id}.log"
    log.parent.mkdir(parents=True)
    begins = f"{queue.BEGINS} 6 on n1\nRunning stage 'it':\n"
    log.write_text(f"{begins}{said}\nthe end\n")
    notes = queue.told(tmp_path, TASKS, states, []).notes
    assert notes[0].startswith(f"failed: {part}: ")
    assert told in notes[0]
    log.write_text(f"{begins}{said}\nthe end\n{begins}no luck today\n")
    assert queue.told(tmp_path, TASKS, states, []).notes[0].startswith(f"failed: {part}: no luck today")


def test_a_log_that_is_a_link_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    project, secret = tmp_path / "project", tmp_path / "secret.txt"
    secret.write_text("a secret\n")
    states = {task.id: Standing(state="run", reason="never run here") for task in TASKS.values()}
    logs = project / ".cotspec/logs"
    logs.mkdir(parents=True)
    for id in states:
        (logs / f"slurm-{id}.log").symlink_to(secret)
    assert queue.told(project, TASKS, states, []) == (None, ())
