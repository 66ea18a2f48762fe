"""What an earlier run found when it compared its data sets."""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cotspec.back import places
from cotspec.files import plain, regular
from cotspec.ir.plan import Read

if TYPE_CHECKING:
    from cotspec.cot.contamination import Overlap, Repeats

_LARGEST: Final = 1_000_000
"""Bytes of the file; a larger one was not written by a task."""


class Compared(NamedTuple):
    """The content of a `contamination.json`."""

    sets: Mapping[str, Repeats]
    """By role: `taught`, `tested`, `valid`; of several, `tested_2`, …"""
    pairs: Mapping[str, Overlap]
    """By roles: `tested.taught`, `tested.valid`, `valid.taught`."""


def compared(task: str, root: Path) -> Compared | None:
    """What the task `task` found in an earlier run; None where there was none."""
    file = root / places.read_path(Read(task=task, file="contamination.json"))
    try:
        return _read(file, root, file.stat().st_mtime_ns)
    except (OSError, ValueError, TypeError, LookupError, AttributeError):
        return None  # not written by this version


@lru_cache(maxsize=16)
def _read(file: Path, root: Path, _changed: int) -> Compared:
    from cotspec.cot.contamination import Overlap, Pair, Repeats  # here: before the first run nobody needs the kernel

    def made(kind: type[Overlap] | type[Repeats], given: dict[str, Any]) -> Any:
        pairs = tuple(
            Pair(plain.count(one), plain.count(other), plain.number(share))
            for one, other, share in given.pop("examples")
        )
        return kind(**{name: plain.count(value) for name, value in given.items()}, examples=pairs)

    record = plain.json_value(regular.content(file, most=_LARGEST, within=(root,)))
    return Compared(
        sets={str(role): made(Repeats, one) for role, one in record["sets"].items()},
        pairs={str(roles): made(Overlap, one) for roles, one in record["pairs"].items()},
    )
