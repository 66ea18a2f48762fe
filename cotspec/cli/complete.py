"""What a shell completes: specs, and behind `@` the variants of one. Imported when a shell asks."""

from __future__ import annotations

import io
import os
from collections.abc import Callable, Iterator, MutableMapping
from contextlib import redirect_stdout, suppress
from glob import escape, glob
from pathlib import Path


def specs(incomplete: str) -> list[str]:
    """YAML files that begin so, and folders on the way to them."""
    return sorted(_files(incomplete))


def members(incomplete: str) -> list[str]:
    """The same, and SPEC@VARIANT."""
    place, at, start = incomplete.partition("@")
    if not at:
        return specs(incomplete)
    return [f"{place}@{name}" for name in _variants(Path(place)) if name.startswith(start)]


def _files(start: str) -> Iterator[str]:
    for found in glob(f"{escape(start)}*"):
        if os.path.isdir(found):
            yield f"{found}/"
        elif found.endswith((".yaml", ".yml")):
            yield found


def _variants(place: Path) -> list[str]:
    from cotspec.diagnostics import Sink
    from cotspec.front.load import load

    loaded = load(place, Sink()) if place.is_file() else None
    return [] if loaded is None else [each.variant for each in loaded.variants]


def in_bash(answer: Callable[[], None]) -> None:
    """Have Typer answer bash, which takes `@` for the end of a word: `a.yaml`, `@` and `v` are one word to us, of which
    bash replaces what stands behind the `@`."""
    rejoin(os.environ)
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        answer()
    for line in said.getvalue().splitlines():
        print(line.rpartition("@")[2])


def rejoin(environment: MutableMapping[str, str]) -> None:
    """Put the words of bash's `COMP_WORDS` together around each `@`, and count them anew up to the current one."""
    words = environment.get("COMP_WORDS", "").split("\n")
    current = int(environment.get("COMP_CWORD", "0"))
    while "@" in words[1:]:
        at = words.index("@", 1)
        after = words[at + 1 : at + 2] if at < current else []
        words[at - 1 : at + 1 + len(after)] = ["".join((words[at - 1], "@", *after))]
        current -= (1 + len(after)) if at <= current else 0
    environment["COMP_WORDS"], environment["COMP_CWORD"] = "\n".join(words), str(current)
