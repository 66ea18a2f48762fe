"""The supervisor: nothing it started outlives it or its parent."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotspec.back.rendering import render
from cotspec.spec.payload import BuiltinData, DataBody, Range
from tests.runtime.conftest import environment, lay_out

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="process control is Linux's")

DATA = DataBody(
    source=BuiltinData(name="chains", split="train", size=5, seed=0, steps=(2, 3)), slice=Range(first=0, end=-1)
)
SUPERVISE = [sys.executable, "-m", "cotspec.runtime.supervise", "--"]
#: Starts a grandchild that leaves its parent, notes both process ids, and waits.
FAMILY = """
import os, subprocess, sys, time
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"])
open(sys.argv[1], "w").write(f"{os.getpid()} {child.pid}\\n")
time.sleep(600)
"""
#: As FAMILY, but deaf to SIGTERM.
DEAF = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN)\n" + FAMILY


def family(note: Path) -> list[int]:
    """The process ids in the note, once they are there."""
    until = time.monotonic() + 60
    while not (note.exists() and note.read_text().endswith("\n")):
        assert time.monotonic() < until
        time.sleep(0.01)
    return [int(word) for word in note.read_text().split()]


def alive(process: int) -> bool:
    """Whether a process runs (a zombie does not)."""
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def all_end(processes: list[int], seconds: float = 60) -> bool:
    until = time.monotonic() + seconds
    while any(alive(process) for process in processes):
        if time.monotonic() > until:
            return False
        time.sleep(0.05)
    return True


@pytest.mark.parametrize("program", [FAMILY, DEAF], ids=["polite", "deaf to SIGTERM"])
def test_killing_the_runner_leaves_no_survivor(tmp_path: Path, program: str) -> None:
    note = tmp_path / "family"
    command = [*SUPERVISE, sys.executable, "-c", program, str(note)]
    stand_in = "import subprocess, sys; sys.exit(subprocess.call(sys.argv[1:]))"
    runner = subprocess.Popen([sys.executable, "-c", stand_in, *command])
    members = family(note)
    assert all(map(alive, members))
    runner.kill()
    runner.wait()
    assert all_end(members)


def test_killing_a_runner_that_used_a_shell_leaves_no_survivor(tmp_path: Path) -> None:
    note = tmp_path / "family"
    line = f"{sys.executable} -m cotspec.runtime.supervise -- {sys.executable} -c '{FAMILY}' {note}; exit $?"
    stand_in = "import subprocess, sys; sys.exit(subprocess.call(['sh', '-c', sys.argv[1]]))"
    runner = subprocess.Popen([sys.executable, "-c", stand_in, line])
    members = family(note)
    runner.kill()
    runner.wait()
    assert all_end(members)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_whole_family_and_shows_in_the_exit_code(tmp_path: Path, number: signal.Signals) -> None:
    note = tmp_path / "family"
    process = subprocess.Popen([*SUPERVISE, sys.executable, "-c", FAMILY, str(note)], stderr=subprocess.DEVNULL)
    members = family(note)
    process.send_signal(number)
    assert process.wait(timeout=60) == 128 + number
    assert not any(map(alive, members))


def test_a_grandchild_that_was_left_behind_is_ended(tmp_path: Path) -> None:
    note = tmp_path / "family"
    leave = FAMILY.replace("time.sleep(600)\n", "") + "sys.exit(7)"
    done = subprocess.run([*SUPERVISE, sys.executable, "-c", leave, str(note)], timeout=60, check=False)
    assert done.returncode == 7
    assert not any(map(alive, family(note)))


def test_the_exit_code_is_the_commands() -> None:
    for code in (0, 1, 2, 3):
        done = subprocess.run([*SUPERVISE, sys.executable, "-c", f"raise SystemExit({code})"], timeout=60, check=False)
        assert done.returncode == code


def test_a_command_that_does_not_exist_is_one_clear_line() -> None:
    done = subprocess.run([*SUPERVISE, "no-such-command"], capture_output=True, text=True, timeout=60, check=False)
    assert done.returncode == 127
    assert done.stderr == "cotspec: cannot start no-such-command: No such file or directory\n"


def test_the_command_is_told_how_many_threads_to_use() -> None:
    show = "import os; print(os.environ['COTSPEC_THREADS'], os.environ['OMP_WAIT_POLICY'])"
    environment = {key: value for key, value in os.environ.items() if key != "OMP_WAIT_POLICY"}
    for given, expected in (("3", "3"), ("", str(len(os.sched_getaffinity(0))))):
        done = subprocess.run(
            [*SUPERVISE, sys.executable, "-c", show],
            env=environment | {"OMP_NUM_THREADS": given},
            capture_output=True,
            text=True,
            timeout=60,
            check=True,
        )
        assert done.stdout.split() == [expected, "PASSIVE"]


def test_a_runner_killed_while_launch_sh_starts_has_nothing_run(tmp_path: Path) -> None:
    """The generated script, with a python that takes its time: the runner is gone before the supervisor begins."""
    (tmp_path / "launch.sh").write_text(render("launch-python.sh.jinja", {"id": "data-1"}))
    slow = tmp_path / "python"
    slow.write_text(f'#!/bin/sh\necho "$@" >> {tmp_path}/calls\nsleep 1\nexec {sys.executable} "$@"\n')
    slow.chmod(0o755)
    stand_in = "import subprocess, sys; sys.exit(subprocess.call(['bash', 'launch.sh']))"
    runner = subprocess.Popen(
        [sys.executable, "-c", stand_in],
        cwd=tmp_path,
        env=os.environ | {"COTSPEC_PYTHON": str(slow)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
    )
    calls = tmp_path / "calls"
    until = time.monotonic() + 60
    while not calls.exists():
        assert time.monotonic() < until
        time.sleep(0.01)
    runner.kill()
    assert runner.stdout is not None
    runner.stdout.read()  # ends when the last process that writes there has
    first, second = calls.read_text().splitlines()
    assert first == "-c import cotspec"
    assert second.startswith("-m cotspec.runtime.supervise -- ")


def test_a_supervisor_that_is_killed_takes_its_command_with_it(tmp_path: Path) -> None:
    note = tmp_path / "family"
    alone = "import os, sys, time; open(sys.argv[1], 'w').write(f'{os.getpid()}\\n'); time.sleep(600)"
    process = subprocess.Popen([*SUPERVISE, sys.executable, "-c", alone, str(note)])
    (command,) = family(note)
    process.kill()
    process.wait()
    assert all_end([command])


def test_a_task_whose_supervisor_was_killed_before_it_began_does_not_begin(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, "data-a", DATA)
    gone = subprocess.Popen(["true"])
    gone.wait()
    for supervisor, code in ((gone.pid, -signal.SIGTERM), (os.getpid(), 0)):
        done = subprocess.run(
            [sys.executable, "-m", "cotspec.runtime", "payload.json", "run.json"],
            cwd=folder,
            env=environment(COTSPEC_SUPERVISED=str(supervisor)),
            capture_output=True,
            check=False,
        )
        assert done.returncode == code
        assert (folder / "out").exists() == (code == 0)
