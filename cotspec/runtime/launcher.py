"""`python -m cotspec.runtime.launcher …`: `accelerate launch`, of which a failure is one line and the process's own
exit code, in place of the traces that torchrun prints of itself and of every process.

When one process of several fails, torchrun ends the others within seconds; some of them fail, too, for want of the
first. So each leaves what it would say where torchrun keeps it (`leave`), and the one that failed first is told.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from torch.distributed.elastic.multiprocessing.errors import ProcessFailure

INTERRUPTED: Final = "interrupted; a rerun goes on from here"
_LAUNCHED: Final = "COTSPEC_LAUNCHED"
"""Set for the processes below: what they leave is read."""
_FILE: Final = "TORCHELASTIC_ERROR_FILE"
"""Set by torchrun, for each process its own."""


def leave(text: str) -> bool:
    """Leave what went wrong in this process for the launcher to tell; False where there is none."""
    path = os.environ.get(_FILE)
    if not path or _LAUNCHED not in os.environ:
        return False
    now = time.time()
    told = {"message": text, "extraInfo": {"timestamp": str(int(now)), "at": now}}
    Path(path).write_text(json.dumps({"message": told}), encoding="utf-8")
    return True


def tell(text: str) -> None:
    """Say what went wrong in this process; of several their launcher says it."""
    if not leave(text):
        print(f"cotspec: {text}", file=sys.stderr)


def main(arguments: Sequence[str]) -> int:
    """Launch and return the exit code: that of the process that failed first, 128 + the signal that ended it."""
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored: a shell started it in the background
        signal.signal(signal.SIGINT, _interrupted)
    from accelerate.commands.launch import launch_command, launch_command_parser
    from torch.distributed.elastic.multiprocessing.api import SignalException
    from torch.distributed.elastic.multiprocessing.errors import ChildFailedError

    logging.getLogger("torch.distributed.elastic").setLevel(logging.CRITICAL)
    agent = logging.getLogger("torch.distributed.elastic.agent.server.api")  # sets its own level when it is imported
    agent.addFilter(lambda record: record.levelno >= logging.CRITICAL)
    os.environ[_LAUNCHED] = "1"
    try:
        launch_command(launch_command_parser().parse_args(arguments))
    except ChildFailedError as error:
        return _told(error.failures)
    except SignalException as stop:
        if stop.sigval == signal.SIGINT:
            print(f"cotspec: {INTERRUPTED}", file=sys.stderr)
        return 128 + int(stop.sigval)
    return 0


def _interrupted(_number: int, _frame: FrameType | None) -> None:
    """Ctrl-C: what runs below has it, too, says so and ends, which is waited for; before there is any, we say so."""
    try:
        os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT)
    except ChildProcessError:
        tell(INTERRUPTED)
        sys.stderr.flush()
        os._exit(128 + signal.SIGINT)


def _told(failures: Mapping[int, ProcessFailure]) -> int:
    """Say what the first process that failed left. One that was killed could leave nothing, and was the first; those
    that torchrun ended after it are told last."""
    ended = {rank for rank, failure in failures.items() if failure.exitcode == -signal.SIGTERM}
    killed = {rank for rank, failure in failures.items() if failure.exitcode < 0} - ended
    first = min(killed or failures.keys() - ended or ended, key=lambda rank: _at(failures[rank]))
    failure = failures[first]
    if failure.exitcode < 0:
        name = failure.signal_name()
        memory = " (most often for want of memory: see `per_device_batch`)" if name == "SIGKILL" else ""
        print(f"cotspec: process {first} was ended by {name}{memory}; a rerun goes on from here", file=sys.stderr)
        return 128 - int(failure.exitcode)
    text = _left(failure) or f"exit code {failure.exitcode}"
    everywhere = first == 0 or (0 in failures and _left(failures[0]) == text)
    print(f"cotspec: {text}" if everywhere else f"cotspec: process {first}: {text}", file=sys.stderr)
    return int(failure.exitcode)


def _left(failure: ProcessFailure) -> str:
    told = failure.error_file_data.get("message")
    return str(told["message"]) if isinstance(told, dict) else ""


def _at(failure: ProcessFailure) -> float:
    told = failure.error_file_data.get("message")
    return float(told["extraInfo"].get("at", failure.timestamp)) if isinstance(told, dict) else float(failure.timestamp)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
