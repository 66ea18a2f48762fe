"""Before anything heavy is imported: what makes a command that ends in a moment begin and end fast.

Measured by `tests/bench/test_check_speed.py`. Knows Python and its streams; no command.
"""

from __future__ import annotations

import atexit
import gc
import importlib
import io
import os
import signal
import sys
from typing import NoReturn


def begin() -> None:
    """Call first. Once pydantic is there the process is somebody else's, and its memory is left alone."""
    _streams()
    if "pydantic" in sys.modules:
        return
    # Other packages' plugins for pydantic watch its users' own programs: to look for them costs a tenth of the base.
    os.environ.setdefault("PYDANTIC_DISABLE_PLUGINS", "__all__")
    # Collections while modules are imported find nothing, and neither does the last one, when Python shuts down.
    gc.set_threshold(1_000_000, 20, 20)
    atexit.register(gc.freeze)


def load() -> None:
    """Import what must not be interrupted: a Ctrl-C inside pydantic's Rust core ends in a panic, not in exit 130."""
    if not hasattr(signal, "pthread_sigmask"):
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        importlib.import_module("pydantic_core")
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)  # a Ctrl-C that came meanwhile is raised here


def leave(code: int) -> NoReturn:
    """End a process of ours at once: Python would take every module apart, and the system frees the memory anyway."""
    atexit._run_exitfuncs()
    try:
        for stream in (sys.stdout, sys.stderr):
            stream.flush()
    except (OSError, ValueError):
        sys.exit(code)  # a full disk or a closed stream: Python has words for it
    os._exit(code)


def pipes() -> None:
    """`cotspec check | head` ends without a word, like any tool (128 + 13 in a shell). For a process of our own
    only: in another's a socket that somebody closed would end it."""
    if hasattr(signal, "SIGPIPE"):
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def _streams() -> None:
    """What a reader or a terminal cannot do is no bug of ours."""
    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - open to the end
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character the terminal's encoding does not have
