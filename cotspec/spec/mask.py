"""Which parts of a trace a prompt hides (part of cotspec.spec.experiment, which re-exports it)."""

from typing import Annotated, Literal

from pydantic import Field

from cotspec.spec.base import Count, Part, Share, Whole


class ShareRamp(Part):
    """A share that moves linearly over the run (a hint schedule).

    It is rounded down like any share: of 4 units, 0.5 to 1.0 hides 2, then 3, and all 4 in the last row only.
    """

    from_: Annotated[Share, Field(alias="from")]
    """Share at the start."""
    to: Share
    """Share at the end."""


class RegexUnit(Part):
    """A mask unit given by a regular expression."""

    regex: Annotated[str, Field(min_length=1)]
    """Each match inside a step is one unit. In RE2's syntax: Python's, without look-around."""


class Mask(Part):
    """Which parts of a trace's steps are hidden from the prompt."""

    unit: Literal["step", "sentence", "number", "equation"] | RegexUnit = "step"
    """What is hidden at a time."""
    select: Literal["random", "scattered", "consecutive", "first", "last", "inner", "all"] = "random"
    """Which units: `scattered` avoids neighbours while it can, `inner` keeps the first and the last."""
    rows: Share = 1.0
    """Share of the rows that are masked at all."""
    count: Count | None = None
    """Number of units hidden in a masked row."""
    share: Share | ShareRamp | None = None
    """Part of a masked row's units that is hidden: floor(share × units)."""
    at_least: Whole = 0
    """Hide at least this many (but never more than `leave` allows)."""
    leave: Whole = 0
    """Leave at least this many visible."""
    placeholder: Annotated[str, Field(min_length=1)] = "[MASKED]"
    """What stands in the prompt instead."""
