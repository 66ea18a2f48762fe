"""What an estimate is: a number that says how it was computed and from what. Knows no task and no formula.

Unknown stays unknown: an amount without a value is counted, never guessed, and a sum says how many parts it lacks.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Literal, NamedTuple

Limit = Literal["about", "at most", "at least"]
"""How a value is meant: an estimate, a bound from a setting (`max_new_tokens`), or only the part that is known."""


_How = Callable[[list[float]], float]


class Quantity(NamedTuple):
    """An input of a formula, in words a person can check: `2,000 rows (rows.jsonl)`."""

    value: float | None
    text: str
    limit: Limit = "about"


class Amount(NamedTuple):
    """An estimate. `value` is None when it is unknown; `source` then says what is missing."""

    value: float | None
    formula: str
    """What was multiplied with what, and what was assumed."""
    source: str
    """Where its inputs come from."""
    limit: Limit = "about"

    @property
    def known(self) -> bool:
        """Whether there is a value."""
        return self.value is not None


class Cost(NamedTuple):
    """What one task takes. Seconds are wall time, bytes are bytes."""

    task: str
    kind: str
    device: str
    """What it runs on, a name of `devices.DEVICES`."""
    devices: int
    """How many of them it holds; one for a task on the CPU."""
    seconds: Amount
    """Scaled by measured runs of its kind, where there are some."""
    hours: Amount
    """Hours of its device: `seconds` × `devices`."""
    memory: Amount
    """Peak on each device."""
    disk: Amount
    """What its `out/` holds."""
    scratch: Amount
    """What it needs beside that while it runs."""
    tokens: Amount
    """Tokens it generates: the teacher's for a `teach` task."""
    plain: Amount
    """`seconds` as the formula gives them, unscaled."""
    measured: float | None
    """Seconds of the last run of this very task, where a record of it is there."""


class Sum(NamedTuple):
    """Amounts added up (memory: the largest)."""

    value: float
    parts: int
    unknown: int
    at_most: int
    at_least: int

    @property
    def limit(self) -> Limit:
        """`at least` while parts are missing; `at most` when settings bound some and nothing is missing."""
        if self.unknown or self.at_least:
            return "at least" if not self.at_most else "about"
        return "at most" if self.at_most else "about"

    @property
    def note(self) -> str:
        """What the number lacks: `3 of 12 tasks unknown, 2 by their limits`; "" for nothing."""
        notes = [f"{self.unknown} of {self.parts} tasks unknown"] if self.unknown else []
        notes += [f"{self.at_least} known in part"] if self.at_least else []
        notes += [f"{self.at_most} by their limits"] if self.at_most else []
        return ", ".join(notes)


class Total(NamedTuple):
    """What several tasks take together."""

    seconds: Sum
    """One after the other."""
    hours: dict[str, Sum]
    """By device."""
    memory: dict[str, Sum]
    """The largest peak, by device."""
    disk: Sum
    scratch: Sum
    """The largest, as finished tasks leave nothing there."""
    teacher_tokens: Sum
    generated_tokens: Sum
    """All that is generated, the teacher's too."""


def total(costs: Iterable[Cost]) -> Total:
    """What the tasks take together."""
    every = list(costs)
    devices = sorted({cost.device for cost in every})
    on = {device: [cost for cost in every if cost.device == device] for device in devices}
    return Total(
        seconds=added(cost.seconds for cost in every),
        hours={device: added(cost.hours for cost in some) for device, some in on.items()},
        memory={device: largest(cost.memory for cost in some) for device, some in on.items()},
        disk=added(cost.disk for cost in every),
        scratch=largest(cost.scratch for cost in every),
        teacher_tokens=added(cost.tokens for cost in every if cost.kind == "teach"),
        generated_tokens=added(cost.tokens for cost in every),
    )


def added(amounts: Iterable[Amount]) -> Sum:
    """The sum of what is known."""
    return _sum(list(amounts), sum)


def largest(amounts: Iterable[Amount]) -> Sum:
    """The largest of what is known."""
    return _sum(list(amounts), lambda values: max(values, default=0.0))


def _sum(amounts: list[Amount], how: _How) -> Sum:
    return Sum(
        value=how([amount.value for amount in amounts if amount.value is not None]),
        parts=len(amounts),
        unknown=sum(amount.value is None for amount in amounts),
        at_most=sum(amount.value is not None and amount.limit == "at most" for amount in amounts),
        at_least=sum(amount.value is not None and amount.limit == "at least" for amount in amounts),
    )
