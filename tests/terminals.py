"""Programs on a terminal of a width, as a person has them."""

from __future__ import annotations

import fcntl
import os
import pty
import struct
import subprocess
import termios
from collections.abc import Sequence
from pathlib import Path

_HEIGHT = 40


def on_terminal(
    command: Sequence[str | Path], *, width: int = 80, cwd: Path | None = None, errors: bool = True, **changes: str
) -> tuple[int, str]:
    """The exit code of a program, and what it writes to a terminal; `errors` says whether its stderr goes there, too.
    No variable says the width: in a worker of xdist readline sets COLUMNS, which rich believes first."""
    main, side = pty.openpty()
    fcntl.ioctl(side, termios.TIOCSWINSZ, struct.pack("HHHH", _HEIGHT, width, 0, 0))
    environment = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES", "NO_COLOR")}
    with subprocess.Popen(
        command,
        cwd=cwd,
        env=environment | {"TERM": "xterm", **changes},
        stdin=side,
        stdout=side,
        stderr=side if errors else subprocess.DEVNULL,
    ) as process:
        os.close(side)
        said = b""
        while chunk := _read(main):
            said += chunk
    os.close(main)
    return process.returncode, said.decode()


def _read(file: int) -> bytes:
    try:
        return os.read(file, 65536)
    except OSError:  # how Linux says that the other side is closed
        return b""
