"""Where each key and value of a spec was written. Knows paths, spans and text; not YAML, not what a spec means."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import NamedTuple

from cotspec.diagnostics import Span

Path = tuple[str | int, ...]


def dotted(path: Path) -> str:
    """A path as a person writes it: `stages.compress.reward.gates[0]`."""
    return "".join(f"[{step}]" if isinstance(step, int) else f".{step}" for step in path).removeprefix(".")


class SourceMap(NamedTuple):
    """Positions by path, e.g. `("stages", "compress", "train", "lr")`; list items are numbers from 0.

    A span carries its own file, because a value may come from another file than the key above it.
    """

    keys: Mapping[Path, Span]
    """Where the last element of the path stands as a key; the root `()` is always there."""
    values: Mapping[Path, Span]
    """Where the value at the path stands; the root `()` is always there."""
    texts: Mapping[str, str]
    """Text by file name, lines ended by `\\n`."""
    removed: Mapping[Path, Span] = MappingProxyType({})
    """Where what stood at a path in another file, or without a variant, is taken out."""

    def key(self, path: Path) -> Span:
        """The key at `path`, or else (a list item, a key that is not written) the nearest thing above it."""
        while path not in self.keys:
            if path in self.values and path and isinstance(path[-1], int):
                return self.values[path]
            path = path[:-1]
        return self.keys[path]

    def value(self, path: Path) -> Span:
        """The value at `path`; where it is not written, the nearest key above it."""
        return self.values[path] if path in self.values else self.key(path[:-1])

    def inside(self, path: Path, text: str, column: int) -> Span:
        """The character `column` (from 1) of the scalar `text` at `path`.

        Follows folding and indentation; where quoting hides the position (escapes), the whole scalar.
        """
        span = self.value(path)
        at = _offset(_raw(self.texts.get(span.file, ""), span), text, column)
        if at is None:
            return span
        line, start = span.line + at[0], at[1] + (span.column if at[0] == 0 else 1)
        return Span(span.file, line, start, line, start + 1)


def _raw(text: str, span: Span) -> str:
    """What stands in the file from the start to the end of `span`."""
    lines = text.split("\n")[span.line - 1 : span.end_line]
    if not lines:
        return ""
    lines[-1] = lines[-1][: span.end_column - 1]
    lines[0] = lines[0][span.column - 1 :]
    return "\n".join(lines)


def _offset(raw: str, text: str, column: int) -> tuple[int, int] | None:
    """(lines down, characters along) of a character of `text` in its source `raw`, by counting what is not space."""
    begin = raw.find("\n") + 1 if raw[:1] in "|>" else int(raw[:1] in "'\"")
    solid = [i for i, character in enumerate(raw) if i >= begin and not character.isspace()]
    wanted = "".join(text.split())
    if not wanted or "".join(raw[i] for i in solid[: len(wanted)]) != wanted:
        return None
    before = len("".join(text[: column - 1].split()))
    over = column > len(text) or text[column - 1].isspace()
    at = solid[before - 1] + 1 if over and before else solid[before]
    return raw.count("\n", 0, at), at - (raw.rfind("\n", 0, at) + 1)
