"""What a person may write under `variants:`: the same experiment, changed in named ways. Knows no files.

How a variant is put together from this is in `cotspec.front.expand`.
"""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import ConfigDict, Field

from cotspec.spec.base import Name, Part, Seed

#: What a setting is given: anything YAML can say; it is checked where it is put.
Given = Any
#: A dotted path to a setting (`stages.compress.mask.share`). A number is an item of a list.
Dotted = Annotated[str, Field(min_length=1)]


class Variant(Part):
    """Changes of one variant, or of a family of them: settings by dotted path, beside `matrix`, `zip` and `seeds`.

    Each other key is a dotted path and sets that setting in every member of the family; `!remove` takes it out.
    """

    model_config = ConfigDict(extra="allow")

    matrix: dict[
        Dotted,
        Annotated[tuple[Given, ...], Field(min_length=1)] | Annotated[dict[Name, Given], Field(min_length=1)],
    ] = {}
    """Values by dotted path: one variant for each combination. Values are named after themselves, or by their keys."""
    zip: dict[Dotted, Annotated[tuple[Given, ...], Field(min_length=1)]] = {}
    """Values by dotted path, lists of one length: one variant for each place in the lists."""
    seeds: tuple[Seed, ...] = ()
    """One variant for each seed. `cotspec results` shows experiments that differ in their seed alone together: mean,
    standard deviation, and the change from the base over the seeds that both have."""
    exclude: tuple[Annotated[dict[Dotted, Given], Field(min_length=1)], ...] = ()
    """Combinations to leave out: those that have all of these values."""


FAMILY: tuple[str, ...] = tuple(Variant.model_fields)
"""Keys of a variant that are not dotted paths."""
