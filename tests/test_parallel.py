"""Tasks side by side: what waits, what shares, what a failure holds up, and that nothing outlives Ctrl-C."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotspec.parallel import Job, Pool, gpus


class Told(list[tuple[str, str]]):
    def __call__(self, event: str, id: str, seconds: float) -> None:
        self.append((event, id))


def job(folder: Path, id: str, command: str, *waits: str, needs: int = 0) -> Job:
    return Job(id=id, command=("bash", "-c", command), waits=frozenset(waits), gpus=needs, log=folder / "logs" / id)


def pool(folder: Path, most: int, *devices: str) -> tuple[Pool, Told]:
    told = Told()
    return Pool(most=most, devices=devices, environment=dict(os.environ), cwd=folder, tell=told), told


def test_a_task_starts_after_what_it_waits_for_and_others_run_beside_it(tmp_path: Path) -> None:
    # Each half of the pair waits until the other has begun: it ends only when both run at once.
    pair = "touch {0}; for i in $(seq 100); do test -e {1} && exit 0; sleep 0.05; done; exit 1"
    jobs = [
        job(tmp_path, "first", "sleep 0.3; touch first"),
        job(tmp_path, "left", "test -e first && " + pair.format("left", "right"), "first"),
        job(tmp_path, "right", "test -e first && " + pair.format("right", "left"), "first"),
        job(tmp_path, "last", "test -e left && test -e right", "left", "right"),
    ]
    running, told = pool(tmp_path, 2)
    assert running.run(jobs) == []
    assert told[0] == ("start", "first")
    assert told[-1] == ("done", "last")


def test_never_more_than_asked_for_run_at_once(tmp_path: Path) -> None:
    jobs = [job(tmp_path, str(n), "sleep 0.1") for n in range(6)]
    running, told = pool(tmp_path, 2)
    running.run(jobs)
    busy, most = 0, 0
    for event, _ in told:
        busy += 1 if event == "start" else -1
        most = max(most, busy)
    assert (most, busy) == (2, 0)


def test_after_a_failure_only_what_needs_it_is_held(tmp_path: Path) -> None:
    jobs = [
        job(tmp_path, "bad", "echo why; exit 3"),
        job(tmp_path, "after", "true", "bad"),
        job(tmp_path, "later", "true", "after"),
        job(tmp_path, "free", "touch free"),
    ]
    running, told = pool(tmp_path, 1)
    assert running.run(jobs) == ["bad", "after", "later"]
    assert ("done", "free") in told
    assert (tmp_path / "logs/bad").read_text() == "why\n"


def test_tasks_get_gpus_of_their_own_and_wait_for_free_ones(tmp_path: Path) -> None:
    say = "echo $CUDA_VISIBLE_DEVICES > {0}; sleep 0.4; test -e {1} && exit 1; rm {0}"
    jobs = [
        job(tmp_path, "one", "echo -n $CUDA_VISIBLE_DEVICES > a; sleep 0.3", needs=1),
        job(tmp_path, "two", "echo -n $CUDA_VISIBLE_DEVICES > b; sleep 0.3", needs=1),
        job(tmp_path, "both", say.format("c", "never"), needs=2),
        job(tmp_path, "none", "echo -n $CUDA_VISIBLE_DEVICES > d"),
    ]
    running, _ = pool(tmp_path, 4, "4", "7")
    assert running.run(jobs) == []
    assert {(tmp_path / name).read_text() for name in "ab"} == {"4", "7"}
    assert (tmp_path / "d").read_text() == ""


@pytest.mark.parametrize(("named", "found"), [("3,1", ("3", "1")), ("", ()), ("GPU-ab", ("GPU-ab",))])
def test_the_gpus_are_those_this_process_may_see(named: str, found: tuple[str, ...]) -> None:
    assert gpus({"CUDA_VISIBLE_DEVICES": named}) == found


def test_ctrl_c_ends_every_process_before_it_ends_the_run(tmp_path: Path) -> None:
    code = f"""
import os
from pathlib import Path
from cotspec.parallel import Job, Pool
command = ("bash", "-c", "echo $$ >> {tmp_path}/pids; exec sleep 60")
jobs = [Job(id=n, command=command, waits=frozenset(), gpus=0, log=Path("{tmp_path}") / n) for n in "ab"]
pool = Pool(most=2, devices=(), environment=dict(os.environ), cwd=Path("{tmp_path}"), tell=lambda *told: None)
try:
    pool.run(jobs)
except KeyboardInterrupt:
    print("interrupted")
"""
    restore = ["-c", f"import signal; signal.signal(signal.SIGINT, signal.default_int_handler)\n{code}"]
    run = subprocess.Popen([sys.executable, *restore], stdout=subprocess.PIPE, text=True, start_new_session=True)
    pids = tmp_path / "pids"
    deadline = time.monotonic() + 60
    while not (pids.exists() and len(pids.read_text().split()) == 2):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(signal.SIGINT)
    assert run.communicate(timeout=60)[0] == "interrupted\n"
    for pid in map(int, pids.read_text().split()):
        with pytest.raises(ProcessLookupError):
            os.kill(pid, 0)
