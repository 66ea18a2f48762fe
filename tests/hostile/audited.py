"""Runs commands of cotspec in this process and writes down what they touch. A script: audit hooks cannot be taken off.

Stdin: a JSON list of {folder, arguments}. Stdout: a JSON list of what each did.
"""

from __future__ import annotations

import importlib
import io
import json
import os
import signal
import sys
import sysconfig
import time
from contextlib import redirect_stderr, redirect_stdout
from types import FrameType
from typing import Any

LIMIT = 30
"""Seconds a command may take; on a busy machine a thousand times what it needs."""
WATCHED = ("subprocess.", "socket.", "os.exec", "os.fork", "os.posix_spawn", "os.spawn", "os.system", "ctypes.", "pty.")
CHANGES = (
    "os.remove",
    "os.rename",
    "os.mkdir",
    "os.rmdir",
    "os.chmod",
    "os.link",
    "os.symlink",
    "os.truncate",
    "shutil.",
)

events: list[tuple[str, str]] = []


def places(arguments: tuple[object, ...]) -> list[str]:
    return [os.path.realpath(os.fsdecode(each)) for each in arguments if isinstance(each, str | bytes | os.PathLike)]


def note(event: str, arguments: tuple[object, ...]) -> None:
    if event == "open":
        path, _mode, flags = arguments
        if isinstance(path, str | bytes | os.PathLike):
            writes = isinstance(flags, int) and flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT)
            place = places((path,))[0]
            if isinstance(flags, int) and flags & os.O_NOFOLLOW:
                place = os.path.join(
                    places((os.path.dirname(os.fsdecode(path)),))[0], os.path.basename(os.fsdecode(path))
                )
            events.append(("write" if writes else "read", place))
    elif event in ("os.listdir", "os.scandir"):
        events.extend(("list", place) for place in places(arguments) or [os.getcwd()])
    elif event.startswith(WATCHED):
        events.append(("watched", f"{event} {arguments[:2]!r}"))
    elif event == "os.mkdir" and os.path.isdir(places(arguments)[0]):
        return  # `exist_ok`
    elif event.startswith(CHANGES):
        events.extend(("write", place) for place in places(arguments))


class TooLongError(BaseException):
    """A command did not end."""


def stop(_number: int, _frame: FrameType | None) -> None:
    raise TooLongError


def run(folder: str, arguments: list[str]) -> dict[str, Any]:
    from cotspec import cli

    os.chdir(folder)
    sys.argv = ["cotspec", *arguments]
    out, code, started = io.StringIO(), 0, time.monotonic()
    events.clear()
    signal.alarm(LIMIT)
    try:
        with redirect_stdout(out), redirect_stderr(out):
            cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except TooLongError:
        code = -1
    finally:
        signal.alarm(0)
    seconds = time.monotonic() - started
    return {"exit": code, "said": out.getvalue(), "events": sorted(set(events)), "seconds": seconds}


def python() -> list[str]:
    """Folders of the interpreter, of what is installed, and of cotspec itself."""
    import cotspec

    own = [os.path.dirname(path) for path in cotspec.__path__]
    return [
        os.path.realpath(path)
        for path in (sys.prefix, sys.base_prefix, *sysconfig.get_paths().values(), *sys.path, *own)
    ]


if __name__ == "__main__":
    importlib.import_module("pydantic")  # a process that has it is not ended by a command
    signal.signal(signal.SIGALRM, stop)
    jobs = json.load(sys.stdin)
    sys.addaudithook(note)
    done = [run(**job) for job in jobs]
    json.dump({"python": python(), "done": done}, sys.stdout)
