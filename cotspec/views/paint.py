"""Words of a table in colour. Colour only ever adds: without its escape sequences a text is the plain one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import MappingProxyType
from typing import Final

Paint = Callable[[str, str], str]
"""A text and a style of rich ("" is none) → what a terminal is sent."""

STATES: Final[Mapping[str, str]] = MappingProxyType(
    {
        "run": "yellow",
        "resume": "cyan",
        "interrupted": "cyan",
        "running": "bold cyan",
        "reuse": "green",
        "done": "green",
        "failed gate": "bold red",
        "unfinished merge": "bold red",
        "never": "dim",
    }
)
"""The style of a state, of a task or of an experiment."""


def plain(text: str, style: str) -> str:  # noqa: ARG001 - as the other
    """Without colour."""
    return text


def painter(colour: bool) -> Paint:
    """Paints, or leaves everything as it is."""
    if not colour:
        return plain
    from rich.color import ColorSystem
    from rich.style import Style

    def paint(text: str, style: str) -> str:
        return Style.parse(style).render(text, color_system=ColorSystem.STANDARD) if style and text.strip() else text

    return paint


def change(interval: str) -> str:
    """The style of a change by its interval, `+0.4 to +3.1`: one that leaves out 0 is better or worse."""
    low, _, high = interval.partition(" to ")
    signs = {low[:1], high[:1]}
    return {"+": "green", "-": "red"}.get(low[:1], "") if len(signs) == 1 else ""
