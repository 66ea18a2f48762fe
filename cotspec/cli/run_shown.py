"""What `cotspec run` shows while its tasks run: a line of each that starts or ends, and how far those at work are.

On a terminal these stand below, and change where they are; elsewhere a line is printed now and then. How far a task is
stands in its log: what it printed last.
"""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.files.visible import visible
from cotspec.views.costs import duration

if TYPE_CHECKING:
    from rich.live import Live

    from cotspec.parallel import Event

_TAIL: Final = 4096
"""Bytes of a log in which its last line is looked for."""
_QUIET: Final = 30.0
"""Seconds between two lines of a task where there is no terminal."""
_REFRESH: Final = 0.5
"""Seconds between two looks at the logs on a terminal."""
_NAMED: Final = 3
"""Tasks that a line names."""
_DVCS: Final = ("> bash ", "Running stage ", "Generating lock file ", "Updating lock file ", "Use `dvc push`")
"""How lines begin that DVC puts around what a task says."""


class Shown:
    """Told what happens, by `tell`, and called again and again, by `look`."""

    def __init__(self, names: Mapping[str, str], logs: Mapping[str, Path], root: Path) -> None:
        self._names, self._logs, self._root, self._ended = names, logs, root, 0
        self._running: dict[str, float] = {}
        self._told: dict[str, tuple[float, str]] = {}
        self._held: list[str] = []
        self._looked = 0.0
        self._live: Live | None = None

    @contextmanager
    def live(self) -> Iterator[None]:
        """While tasks run; what is shown of them on a terminal is gone afterwards."""
        if not sys.stdout.isatty() or os.environ.get("TERM") == "dumb":
            yield
            return
        from rich.live import Live

        with Live(auto_refresh=False, transient=True, redirect_stderr=True) as self._live:
            yield

    def tell(self, event: Event, id: str, seconds: float) -> None:
        """One line; a task that failed shows the end of what it printed."""
        self._ended += event != "start"
        self._running.pop(id, None)
        count, name, log = f"[{self._ended}/{len(self._names)}]", self._names[id], self._place(id)
        match event:
            case "start":
                self._running[id] = time.monotonic()
                self._told[id] = time.monotonic(), ""
                print(f"{count} start   {name} ({id}), which writes {log}", flush=True)
            case "done":
                print(f"{count} done    {name} in {seconds:.0f} s", flush=True)
            case "held":
                self._held.append(name)
            case "failed":
                print(f"{count} FAILED  {name} after {seconds:.0f} s; the end of {log}:", file=sys.stderr)
                print(
                    "\n".join(self._logs[id].read_text(errors="replace").splitlines()[-15:]),
                    file=sys.stderr,
                    flush=True,
                )

    def look(self) -> None:
        """Show how far the tasks at work are, when it is time, and what will not run, at once."""
        self._tell_held()
        now = time.monotonic()
        if now - self._looked < _REFRESH:
            return
        self._looked = now
        if self._live is None:
            self._say(now)
            return
        from rich.console import Group
        from rich.text import Text

        wide = self._live.console.width
        lines = (line for id, since in self._running.items() for line in self._lines(id, now - since, wide))
        self._live.update(Group(*(Text(line, no_wrap=True, overflow="ellipsis") for line in lines)), refresh=True)

    def _lines(self, id: str, seconds: float, wide: int) -> Iterator[str]:
        """A task at work, and what it said last; below it, where the terminal is too narrow for both."""
        name, said = f"  {self._names[id]}  {duration(seconds)}", last(self._logs[id])
        if len(name) + len(said) + 2 <= wide:
            yield f"{name}  {said}"
        else:
            yield name
            yield f"    {said}"

    def _tell_held(self) -> None:
        """Tasks that a failure holds up, on one line: a first one that fails holds up all."""
        if self._held:
            more = f" and {len(self._held) - _NAMED} more" if len(self._held) > _NAMED else ""
            why = "it needs a task" if len(self._held) == 1 else "they need a task"
            names = ", ".join(self._held[:_NAMED])
            print(f"[{self._ended}/{len(self._names)}] not run {names}{more}: {why} that failed", flush=True)
        self._held.clear()

    def _say(self, now: float) -> None:
        for id in self._running:
            since, before = self._told[id]
            if now - since >= _QUIET:
                line = last(self._logs[id])
                self._told[id] = now, line
                if line and line != before:
                    print(f"        {self._names[id]}: {line}", flush=True)

    def _place(self, id: str) -> Path:
        log = self._logs[id]
        return log.relative_to(self._root) if log.is_relative_to(self._root) else log


def last(log: Path) -> str:
    """What a task said last; "" while it has said nothing."""
    try:
        with log.open("rb") as file:
            file.seek(max(0, log.stat().st_size - _TAIL))
            lines = file.read(_TAIL).decode(errors="replace").splitlines()
    except OSError:
        return ""
    return next((visible(line).strip() for line in reversed(lines) if line.strip() and not line.startswith(_DVCS)), "")
