"""How far a long piece of work is: a live bar on a terminal, a plain line now and then elsewhere.

Owns display only; what it shows never reaches a result.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from types import TracebackType
from typing import TYPE_CHECKING, Final

from cotspec.runtime.task import rank

if TYPE_CHECKING:
    from rich.progress import Progress as Bar

Clock = Callable[[], float]
_BAR: Final = 16
"""Columns of a bar …"""
_NARROW: Final = 72
"""… which a terminal of fewer has no room for."""
_LONG: Final = 600.0
"""Seconds left from which on the time of day of the end is told, too."""


class Progress(AbstractContextManager["Progress"]):
    """Progress of `total` things. `update` and `within` may be called as often as one likes."""

    def __init__(self, what: str, total: int, *, done: int = 0, clock: Clock = time.monotonic) -> None:
        self.what, self.total, self.first, self.done = what, total, done, done
        self._clock, self._note = clock, ""
        self._started = self._spoken = self._reached = clock()
        self._measured: tuple[float, int] | None = None
        self._tenth = self._tenths()
        self._bar = _live_bar(self) if rank() == 0 and sys.stdout.isatty() else None
        if done and rank() == 0 and self._bar is None:
            _say(f"{what}: resuming at {done}/{total}")

    def begin(self, total: int, done: int, note: str = "") -> None:
        """Work begins now, of as many things: said at once, since the first of them may take minutes."""
        self.total, self.first, self.done, self._note = total, done, done, note
        self._started = self._spoken = self._reached = self._clock()
        self._measured, self._tenth = None, self._tenths()
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], total=total, completed=done)
        elif rank() == 0:
            _say(self.line())

    def update(self, done: int, note: str = "") -> None:
        """`done` things are finished; `note` is shown beside it."""
        if done != self.done:
            self._reached = self._clock()
        self.done, self._note = done, note or self._note
        if self._measured is None and done > self.first:
            self._measured = self._clock(), done
        if self._bar is not None:
            self._bar.update(self._bar.task_ids[0], completed=done)
        elif rank() == 0 and self._due():
            self._spoken, self._tenth = self._clock(), self._tenths()
            _say(self.line())

    def within(self, note: str) -> None:
        """How far the next thing is, which is not finished."""
        self.update(self.done, note)

    def line(self) -> str:
        """`what 120/400 (30 %), 8 s, 15 a second, about 19 s left · note`."""
        now = self._clock()
        spent, share = now - self._started, f"{100 * self.done // self.total} %" if self.total else "100 %"
        each = self._each()
        pace = f", {_pace(each)}" if each is not None and spent >= 1.0 else ""
        rest = f", {_until(self._left(each, now))}" if each is not None and self.done < self.total else ""
        return f"{self.what} {self.done}/{self.total} ({share}), {span(spent)}{pace}{rest}" + (
            f" · {self._note}" if self._note else ""
        )

    def _each(self) -> float | None:
        """Seconds that a thing took, up to the last one. The first takes longer than those after it (buffers, kernels):
        it is left out as soon as there are others."""
        if self._measured is not None and self.done > self._measured[1]:
            since, first = self._measured
            return (self._reached - since) / (self.done - first)
        made = self.done - self.first
        return (self._reached - self._started) / made if made > 0 else None

    def _left(self, each: float, now: float) -> float:
        """Seconds: those of the next thing run down, and of a slow one no further than to its end."""
        return max(each * (self.total - self.done) - (now - self._reached), each * (self.total - self.done - 1))

    def _due(self) -> bool:
        """Every tenth but not more than one a second, else after 5 s or a twentieth of the time so far; the end is
        said once, by `__exit__`."""
        if self.done >= self.total:
            return False
        now = self._clock()
        quiet, spent = now - self._spoken, now - self._started
        return (self._tenths() > self._tenth and quiet >= 1.0) or quiet >= max(5.0, spent / 20)

    def _tenths(self) -> int:
        return 10 * self.done // self.total if self.total else 10

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._bar is not None:
            self._bar.stop()
        if kind is None and rank() == 0:
            _say(self.line())


def _live_bar(progress: Progress) -> Bar:
    """A bar and the line beside it, which is cut where the terminal ends; on a narrow one the line alone."""
    from rich.console import Console
    from rich.progress import BarColumn, ProgressColumn, Task
    from rich.progress import Progress as Bar
    from rich.table import Column
    from rich.text import Text

    class Line(ProgressColumn):
        def render(self, task: Task) -> Text:  # noqa: ARG002 - rich's own; there is one task
            return Text(progress.line() if progress.total else progress.what, no_wrap=True, overflow="ellipsis")

    console = Console()
    columns = [Line(Column(ratio=1, no_wrap=True, overflow="ellipsis"))]
    drawn = [BarColumn(_BAR)] if console.width >= _NARROW else []
    bar = Bar(*drawn, *columns, console=console, expand=True, transient=True)
    bar.add_task(progress.what, total=progress.total, completed=progress.done)
    bar.start()
    return bar


def _pace(each: float) -> str:
    """`2.8 s each`, or `15 a second`."""
    return f"{each:.1f} s each" if each >= 1.0 else f"{1 / max(each, 1e-6):.0f} a second"


def _until(left: float) -> str:
    """`about 3 h 05 min left (until 22:40)`; the time of day is that of this machine."""
    end = time.strftime("%H:%M", time.localtime(time.time() + left)) if left >= _LONG else ""
    return f"about {span(left)} left" + (f" (until {end})" if end else "")


def say(text: str) -> None:
    """Print one line of what happened, from the first process only."""
    if rank() == 0:
        _say(text)


def _say(text: str) -> None:
    print(text, flush=True)


def span(seconds: float) -> str:
    """`8 s`, `3 min 20 s`, `2 h 05 min`."""
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    if whole < 3600:
        return f"{whole // 60} min {whole % 60:02d} s"
    return f"{whole // 3600} h {whole % 3600 // 60:02d} min"
