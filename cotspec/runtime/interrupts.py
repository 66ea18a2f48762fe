"""Ctrl-C of a task: it comes several times, to several processes, and is told in one line.

A terminal sends SIGINT to everything in the foreground, and the supervisor sends it on to all below it, in case it was
sent to the supervisor alone. Standard library only: `begin` is called before anything heavy is imported.
"""

from __future__ import annotations

import os
import signal
import sys
from types import FrameType
from typing import Final, NoReturn

from cotspec.runtime import launcher

INTERRUPTED: Final = 130
"""Of a task that a Ctrl-C ended: 128 + SIGINT."""


def begin() -> None:
    """Until `expect`, a Ctrl-C ends this process with its one line: in the middle of an import there is no other way
    to tell of it than a traceback, and nothing has begun that would need to be ended in order."""
    _handle(_leave)


def expect() -> None:
    """From here on the first Ctrl-C raises KeyboardInterrupt, and later ones do not disturb what it makes happen."""
    _handle(_once)


def _handle(handler: signal._HANDLER) -> None:
    if signal.getsignal(signal.SIGINT) != signal.SIG_IGN:  # ignored: a shell started it in the background
        signal.signal(signal.SIGINT, handler)


def _leave(_number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    launcher.tell(launcher.INTERRUPTED)
    sys.stderr.flush()
    os._exit(INTERRUPTED)


def _once(number: int, _frame: FrameType | None) -> NoReturn:
    signal.signal(number, signal.SIG_IGN)
    raise KeyboardInterrupt
