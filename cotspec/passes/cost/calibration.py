"""Measured runs beside their estimates: how far off the formulas are here, and what to multiply them by.

Knows kinds of tasks and numbers; not how an estimate is made.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.ir.plan import Task

FAMILIES: Final[Mapping[str, str]] = MappingProxyType(
    {"sft": "sft", "grpo": "grpo", "teach": "generation", "mine": "generation", "evaluate": "generation"}
)
"""Kinds whose time has one formula, by kind; the others take no time to speak of."""


class Comparison(NamedTuple):
    """A measured task and what the formula says."""

    task: str
    family: str
    device: str
    measured: float
    plain: float
    scaled: float | None = None
    """The estimate scaled by the *other* runs of its family; None when there is no other."""

    @property
    def error(self) -> float:
        """Of the plain estimate: +0.5 is half too much."""
        return self.plain / self.measured - 1 if self.measured else 0.0

    @property
    def scaled_error(self) -> float | None:
        """Of the scaled one."""
        return None if self.scaled is None or not self.measured else self.scaled / self.measured - 1


class Scale(NamedTuple):
    """What to multiply an estimate by, and why."""

    factor: float
    text: str


class Runs(NamedTuple):
    """All measured runs, by family and device."""

    groups: Mapping[tuple[str, str], list[Comparison]]

    @classmethod
    def of(cls, measured: Iterable[Comparison]) -> Runs:
        """Runs grouped; one that took no time at all says nothing."""
        groups: dict[tuple[str, str], list[Comparison]] = {}
        for one in measured:
            if one.measured > 0 and one.plain > 0:
                groups.setdefault((one.family, one.device), []).append(one)
        return cls(groups)

    def scale(self, family: str, device: str, without: str = "") -> Scale | None:
        """The median of measured ÷ estimated over the runs of a family on a device; None without any."""
        some = [one for one in self.groups.get((family, device), ()) if one.task != without]
        if not some:
            return None
        factor = median(one.measured / one.plain for one in some)
        runs = f"{len(some)} measured {family} run{'' if len(some) == 1 else 's'}"
        return Scale(factor, f"× {factor:.2f} from {runs}")

    def comparisons(self) -> list[Comparison]:
        """Every run with its leave-one-out estimate."""
        found = []
        for (family, device), some in self.groups.items():
            for one in some:
                scale = self.scale(family, device, without=one.task)
                found.append(one._replace(scaled=one.plain * scale.factor if scale else None))
        return found


def family(task: Task) -> str:
    """The family of a task; "" when its time does not matter."""
    kind: str = getattr(task.body, "kind")  # noqa: B009 - every concrete body has it, the base has not
    return "generation" if kind == "gate" and "problems" in task.reads else FAMILIES.get(kind, "")
