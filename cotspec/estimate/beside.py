"""Models that a task asks besides its own and a teacher: judges of completions, and those that change a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from cotspec.spec import payload


class Beside(NamedTuple):
    """One of them, and its input."""

    model: payload.ModelRef
    role: str
    new: int = 0
    """Most tokens that it writes about each text."""
    each_token: bool = False
    """Whether it is asked at each token that is drawn."""


def beside(body: payload.Body) -> Iterator[Beside]:
    """All of a task."""
    if isinstance(body, payload.GrpoBody):
        yield from (Beside(each.model, each.role, each.sampling.max_new_tokens) for each in body.judges)
    if isinstance(body, payload.WrittenBody):
        yield from (Beside(each.model, each.input, each_token=True) for each in body.tilt)
    if isinstance(body, payload.TextBody):
        yield from (Beside(model, "revise") for model in body.revise)
