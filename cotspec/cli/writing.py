"""What a model writes, shown on a terminal while it does."""

from __future__ import annotations

import re
from contextlib import AbstractContextManager
from typing import TYPE_CHECKING, Final

from cotspec.files.visible import visible

if TYPE_CHECKING:
    from rich.console import Group
    from rich.spinner import Spinner

_TAIL: Final = 8000
"""Characters of the end of a text that are shown; no terminal has room for more."""
_GAP: Final = re.compile(r"\n(?:[ \t]*+\n){2,}")
"""Several blank lines, of which one is shown."""


class Writing(AbstractContextManager["Writing"]):
    """The end of the text so far, on stderr, as much as there is room for. It is gone when the text is whole, and stays
    when somebody stops it."""

    def __init__(self) -> None:
        from rich.console import Console
        from rich.live import Live
        from rich.spinner import Spinner

        self._text = ""
        self._console = Console(stderr=True)
        self._below: list[Spinner] = [Spinner("dots", "writing …")]
        self._live = Live(console=self._console, get_renderable=self._shown, refresh_per_second=10, transient=True)

    def __enter__(self) -> Writing:
        self._live.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        if kind is KeyboardInterrupt and self._text:
            self._below, self._live.transient = [], False
        self._live.stop()

    def heard(self, text: str) -> None:
        """More of the text."""
        self._text += text

    def _shown(self) -> Group:
        from rich.console import Group
        from rich.text import Text

        tail = _GAP.sub("\n\n", self._text[-_TAIL:]).rstrip()
        lines = Text(visible(tail)).wrap(self._console, self._console.width)
        return Group(*lines[-max(1, self._console.height - 3) :], *self._below)
