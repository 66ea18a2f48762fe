"""`python -m cotspec.runtime.supervise -- command…`: run a command so that nothing of it outlives this process.

A pipeline runner that is killed leaves its trainer running, and the next run starts a second one beside it. This
process stays in the runner's process group, is told by the kernel when its parent dies, adopts orphaned grandchildren
(child subreaper), and kills all that is below it before it ends. Should it be killed itself, the kernel tells the
command and the task (`cotspec.runtime`). Standard library only. Linux; elsewhere it just runs the command.
"""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

_PR_SET_PDEATHSIG: Final = 1
_PR_SET_CHILD_SUBREAPER: Final = 36
_GRACE: Final = 5.0
"""Seconds between SIGTERM and SIGKILL."""
_POLL: Final = 0.5
"""Seconds between looks at the shell's parent."""
_SHELLS: Final = frozenset({"sh", "bash", "dash", "zsh", "ksh", "busybox"})


def main(arguments: Sequence[str]) -> int:
    """Run the command after `--`; its exit code, or 128 + the signal that ended it."""
    command = list(arguments[1:] if arguments and arguments[0] == "--" else arguments)
    if not command:
        print("usage: python -m cotspec.runtime.supervise -- command…", file=sys.stderr)
        return 2
    linux = sys.platform == "linux"
    if linux:
        _control(_PR_SET_CHILD_SUBREAPER, 1)
    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        if number != signal.SIGHUP or signal.getsignal(number) != signal.SIG_IGN:  # ignored: under nohup
            signal.signal(number, _stop)
    if linux:
        _follow_parent()
    try:
        child = subprocess.Popen(  # noqa: S603 - the command is what it is for
            command, env=_environment(), preexec_fn=bound(os.getpid()) if linux else None
        )
    except OSError as error:
        print(f"cotspec: cannot start {command[0]}: {error.strerror}", file=sys.stderr)
        return 127
    code = child.wait()
    _end_all()
    return code if code >= 0 else 128 - code


def _environment() -> dict[str, str]:
    """What the command should know: how many threads to use, and that it is supervised.

    Waiting threads sleep instead of spinning: on a shared machine spinning costs a factor of ten or more. glibc keeps
    what was freed: giving large tensors back to the system and fetching them anew took 40 % of a training step.
    """
    own = {"COTSPEC_SUPERVISED": str(os.getpid())}
    own["COTSPEC_THREADS"] = os.environ.get("OMP_NUM_THREADS") or str(_cores())
    keep = {"MALLOC_MMAP_MAX_": "0", "MALLOC_TRIM_THRESHOLD_": "100000000000"}
    return {"OMP_WAIT_POLICY": "PASSIVE", "PYTHONUNBUFFERED": "1"} | keep | dict(os.environ) | own


def _cores() -> int:
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def _control(option: int, value: int) -> None:
    if ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl")


def bound(supervisor: int) -> Callable[[], None]:
    """What a child calls before it becomes the command: SIGTERM when the supervisor dies."""
    prctl = ctypes.CDLL(None).prctl  # here: between fork and exec nothing is loaded

    def bind() -> None:
        prctl(_PR_SET_PDEATHSIG, int(signal.SIGTERM), 0, 0, 0)
        if os.getppid() != supervisor:
            os._exit(128 + signal.SIGTERM)

    return bind


def _follow_parent() -> None:
    """SIGTERM when the parent dies. Behind `sh -c`, whose death nobody causes, the shell's own parent is watched.

    launch.sh says who called it: a runner that was killed while the shell came this far is not our parent any more.
    """
    parent = int(os.environ.pop("COTSPEC_CALLER", "") or os.getppid())
    _control(_PR_SET_PDEATHSIG, signal.SIGTERM)
    if os.getppid() != parent:  # it died before the kernel was told
        os.kill(os.getpid(), signal.SIGTERM)
    if _name(parent) in _SHELLS and b"\0-c\0" in _command_line(parent):
        threading.Thread(target=_watch, args=(parent, _parent(parent)), daemon=True).start()


def _watch(shell: int, runner: int) -> None:
    while _parent(shell) == runner:
        time.sleep(_POLL)
    os.kill(os.getpid(), signal.SIGTERM)


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """End everything below, then this process."""
    for other in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(other, signal.SIG_IGN)
    _end_all(number if number != signal.SIGHUP else signal.SIGTERM)
    os._exit(128 + number)


def _end_all(number: int = signal.SIGTERM) -> None:
    """Signal all descendants, then SIGKILL what is left after the grace, until none is left."""
    if sys.platform != "linux":
        return
    _signal(_descendants(), number)
    end = time.monotonic() + _GRACE
    while left := _descendants():
        if time.monotonic() > end:
            _signal(left, signal.SIGKILL)
        _reap()
        time.sleep(0.02)


def _signal(processes: Sequence[int], number: int) -> None:
    for process in processes:
        try:
            os.kill(process, number)
        except ProcessLookupError:  # it ended by itself meanwhile
            continue


def _reap() -> None:
    try:
        while os.waitpid(-1, os.WNOHANG)[0] > 0:
            pass
    except ChildProcessError:  # none left
        return


def _descendants() -> list[int]:
    """All living processes below this one; orphans among them are children, because this is the subreaper."""
    children: dict[int, list[int]] = {}
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit() and (parent := _parent(int(entry.name))):
            children.setdefault(parent, []).append(int(entry.name))
    descendants: list[int] = []
    open_ = [os.getpid()]
    while open_:
        below = children.get(open_.pop(), [])
        descendants += below
        open_ += below
    return descendants


def _parent(process: int) -> int:
    """Parent of a process; 0 when it is gone."""
    try:
        text = Path(f"/proc/{process}/stat").read_text(encoding="utf-8", errors="replace")
    except (FileNotFoundError, ProcessLookupError):
        return 0
    return int(text.rpartition(")")[2].split()[1])


def _name(process: int) -> str:
    try:
        return Path(f"/proc/{process}/comm").read_text(encoding="utf-8").strip()
    except (FileNotFoundError, ProcessLookupError):
        return ""


def _command_line(process: int) -> bytes:
    try:
        return Path(f"/proc/{process}/cmdline").read_bytes()
    except (FileNotFoundError, ProcessLookupError):
        return b""


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
