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


POOL = """
import os, signal, sys
from pathlib import Path
from cotspec.parallel import Job, Pool
signal.signal(signal.SIGINT, signal.default_int_handler)
here = Path(sys.argv[1])
command = ("bash", "-c", f"echo $$ >> {here}/pids; sleep 60 & echo $! >> {here}/pids; wait")
jobs = [Job(id=n, command=command, waits=frozenset(), gpus=0, log=here / n) for n in "ab"]
pool = Pool(most=2, devices=(), environment=dict(os.environ), cwd=here, tell=lambda *told: None)
try:
    pool.run(jobs)
except KeyboardInterrupt:
    print("interrupted")
"""


def alive(pid: int) -> bool:
    """Whether a process runs: one that has ended and waits for its parent to notice does not."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except FileNotFoundError:
        return False


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGKILL], ids=lambda n: n.name)
def test_nothing_outlives_a_run_that_is_stopped_or_killed(tmp_path: Path, number: signal.Signals) -> None:
    run = subprocess.Popen(
        [sys.executable, "-c", POOL, str(tmp_path)], stdout=subprocess.PIPE, text=True, start_new_session=True
    )
    pids = tmp_path / "pids"
    deadline = time.monotonic() + 60
    while not (pids.exists() and len(pids.read_text().split()) == 4):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    run.send_signal(number)
    assert run.communicate(timeout=60)[0] == ("" if number == signal.SIGKILL else "interrupted\n")
    if number == signal.SIGKILL:  # nobody waits for what it started; the supervisors end it
        while any(map(alive, map(int, pids.read_text().split()))):
            assert time.monotonic() < deadline
            time.sleep(0.05)
    assert not any(map(alive, map(int, pids.read_text().split())))


def test_a_run_under_nohup_goes_on_when_the_terminal_closes(tmp_path: Path) -> None:
    code = POOL.replace("sleep 60 & echo $! >> {here}/pids; wait", "echo $$ >> {here}/pids; sleep 2")
    run = subprocess.Popen(["nohup", sys.executable, "-c", code, str(tmp_path)], stdout=subprocess.DEVNULL)
    pids = tmp_path / "pids"
    deadline = time.monotonic() + 60
    while not (pids.exists() and len(pids.read_text().split()) == 4):
        assert time.monotonic() < deadline
        time.sleep(0.05)
    for pid in (run.pid, *map(os.getpgid, map(int, pids.read_text().split()))):
        os.kill(pid, signal.SIGHUP)
    assert run.wait(timeout=60) == 0
