"""What an earlier run found when it compared its data sets, as rules see it. Knows neither where it lies nor why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from cotspec.cot.contamination import Overlap, Repeats


class Compared(NamedTuple):
    """The content of a `contamination.json`."""

    sets: Mapping[str, Repeats]
    """By role: `taught`, `tested`, `valid`."""
    pairs: Mapping[str, Overlap]
    """By roles: `tested.taught`, `tested.valid`, `valid.taught`."""
