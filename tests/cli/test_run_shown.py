"""What `cotspec run` shows of tasks at work, on a terminal and elsewhere: real processes that write real logs."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cotspec.cli.run_shown import last
from tests.terminals import on_terminal

RUN = """
import os, sys
from pathlib import Path
from cotspec.cli import run_shown
from cotspec.parallel import Job, Pool
root = Path(sys.argv[1])
run_shown._QUIET = 0.4
says = "echo 'Running stage x'; echo 'training 3/9 (33 %), 4 s'; sleep 3; echo 'training 9/9'; exit {}"
jobs = [
    Job(id=id, command=("bash", "-c", says.format(code)), waits=frozenset(), gpus=0, log=root / f"logs/run-{id}.log")
    for id, code in (("a", 0), ("b", 1), ("c", 1))
]
shown = run_shown.Shown({job.id: f"task {job.id}" for job in jobs}, {job.id: job.log for job in jobs}, root)
pool = Pool(most=3, devices=(), environment=dict(os.environ), cwd=root, tell=shown.tell, look=shown.look,
            stands=lambda id: id == "c")
with shown.live():
    print("failed:", pool.run(jobs))
"""


def test_without_a_terminal_each_task_says_now_and_then_how_far_it_is_and_where_its_log_is(tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", RUN, tmp_path], capture_output=True, text=True, check=True)
    assert "[0/3] start   task a (a), which writes logs/run-a.log" in done.stdout
    assert done.stdout.count("        task a: training 3/9 (33 %), 4 s\n") == 1  # told once, though it stays so
    assert "done    task a in " in done.stdout
    assert "done    task c in " in done.stdout  # it ended with an error, after all was recorded
    assert done.stdout.endswith("failed: ['b']\n")
    assert "FAILED  task b" in done.stderr
    assert "the end of logs/run-b.log:\nRunning stage x\ntraining 3/9 (33 %), 4 s\ntraining 9/9\n" in done.stderr


def test_what_a_failure_holds_up_is_one_line(tmp_path: Path) -> None:
    job = """Job(id=id, command=("false",), waits=frozenset(waits), gpus=0, log=root / f"logs/run-{id}.log")
    for id, waits in (("a", ""), *((each, "a") for each in "bcdef"))
]"""
    code = re.sub(r"Job\(id=id.*?\n\]", lambda _: job, RUN, flags=re.DOTALL)
    done = subprocess.run([sys.executable, "-c", code, tmp_path], capture_output=True, text=True, check=True)
    assert "[6/6] not run task b, task c, task d and 2 more: they need a task that failed\n" in done.stdout
    assert done.stdout.count("not run") == 1


@pytest.mark.parametrize("width", [30, 100])
def test_on_a_terminal_tasks_at_work_stand_below_and_are_gone_afterwards(tmp_path: Path, width: int) -> None:
    code, text = on_terminal([sys.executable, "-c", RUN, tmp_path], width=width)
    assert code == 0, text
    between = "  " if width == 100 else r"\s*\n    "  # below its name, where there is no room beside it
    assert re.search(rf"\n  task b  \d+ s{between}training 3/9 \(33 %\), 4 s", text.replace("\r", ""))
    assert text.count("[0/3] start   task a") == 1
    assert "failed: ['b']" in text
    assert "training" not in text.rpartition("\x1b[?25h")[2]  # the cursor is back, and the lines are erased


def test_what_a_log_holds_cannot_steer_the_terminal(tmp_path: Path) -> None:
    log = tmp_path / "x.log"
    assert last(log) == ""
    log.write_bytes(b"one\n\x1b[2Jtwo \xff\n\n> bash launch.sh\nUse `dvc push` to send your updates\n")
    assert last(log) == "\u241b[2Jtwo \ufffd"
