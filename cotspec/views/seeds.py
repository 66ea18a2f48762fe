"""Experiments that differ in their seed alone, together: mean, spread, and how far from their base over the same seeds.

Knows what experiments have come to; not which settings they have: what makes them alike is said by
the caller.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from statistics import fmean, stdev

from cotspec.cot.stats import OverSeeds, over_seeds
from cotspec.views.outcomes import Measured, Outcome


@dataclass(frozen=True, kw_only=True, slots=True)
class Group:
    """One experiment over its seeds."""

    name: str
    set: str
    model: str
    members: Mapping[int, Outcome]
    """By seed, two or more."""
    base: Group | None
    """The experiment that it changes, over its own seeds."""

    @property
    def measured(self) -> dict[int, Measured]:
        """What is measured already, by seed."""
        return {seed: each.last for seed, each in self.members.items() if each.last is not None}

    def accuracy(self) -> OverSeeds | None:
        """The accuracy over the seeds that are measured; None for fewer than two."""
        return _over([each.right for each in self.measured.values()])

    def change(self) -> OverSeeds | None:
        """The change of accuracy from the base, paired by seed and by problem."""
        return None if self.base is None else _paired(self.measured, self.base.measured)

    def gain(self) -> OverSeeds | None:
        """The change of accuracy from the untrained student, paired likewise."""
        students = {seed: each.student for seed, each in self.members.items() if each.student is not None}
        return _paired(self.measured, students)


def groups(outcomes: Sequence[Outcome]) -> list[Group]:
    """Those of two seeds or more, in the order of their first members. Of two experiments with one seed, which are the
    same tasks, the first stands for both."""
    alike: dict[tuple[str, str], dict[int, Outcome]] = {}
    for each in outcomes:
        alike.setdefault((each.alike, each.set), {}).setdefault(each.seed, each)
    kind_of = {(each.name, each.set): (each.alike, each.set) for each in outcomes}
    alone = {
        kind: Group(
            name=min((without_seed(each.name, each.seed) for each in members.values()), key=len),
            set=kind[1],
            model=next(iter(members.values())).model,
            members=members,
            base=None,
        )
        for kind, members in alike.items()
        if len(members) > 1
    }
    return [replace(group, base=_base(kind, group, alone, kind_of)) for kind, group in alone.items()]


def _base(
    kind: tuple[str, str],
    group: Group,
    groups: Mapping[tuple[str, str], Group],
    kind_of: Mapping[tuple[str, str], tuple[str, str]],
) -> Group | None:
    """What the first of the members that changes another experiment changes."""
    bases = (kind_of.get((each.base, each.set), kind) for each in group.members.values())
    return next((groups[base] for base in bases if base in groups and base != kind), None)


def without_seed(name: str, seed: int) -> str:
    """The name of an experiment without the part of it that a variant's seed made."""
    return name.replace(f"-seed-{seed}", "", 1)


def _paired(new: Mapping[int, Measured], old: Mapping[int, Measured]) -> OverSeeds | None:
    rows = [(new[seed].right, old[seed].right) for seed in new if seed in old]
    return _over([{key: right[key] - before[key] for key in right if key in before} for right, before in rows])


def _over(rows: Sequence[Mapping[int, float]]) -> OverSeeds | None:
    """Mean and spread over the problems that all seeds share; None with fewer than two seeds or problems."""
    shared = sorted(set.intersection(*(set(row) for row in rows))) if rows else []
    if min(len(rows), len(shared)) < 2:
        return None
    return over_seeds([[row[problem] for problem in shared] for row in rows])


# --- as plain data ----------------------------------------------------------------------------------------------------


def record(group: Group) -> dict[str, object]:
    """Under the keys of a single experiment, where it has such a thing, and some of its own; the rest is not known."""
    measured = group.measured
    told: dict[str, object] = {
        "experiment": group.name,
        "set": group.set or None,
        "model": group.model,
        "seeds": len(group.members),
        "seeds_measured": len(measured),
    }
    accuracy = group.accuracy()
    if accuracy is None:
        return told
    tokens = [each.tokens for each in measured.values()]
    told |= {
        "accuracy": accuracy.mean,
        "accuracy_sd": accuracy.sd,
        "accuracy_low": max(0.0, accuracy.low),
        "accuracy_high": min(1.0, accuracy.high),
        "tokens": fmean(tokens),
        "tokens_sd": stdev(tokens),
        "formatted": fmean(each.formatted for each in measured.values()),
        "truncated": fmean(each.truncated for each in measured.values()),
        "n": min(each.n for each in measured.values()),
        "samples": min(each.samples for each in measured.values()),
    }
    return told | _change(group) | _gain(group)


def _change(group: Group) -> dict[str, object]:
    change = group.change()
    if change is None or group.base is None:
        return {}
    old = group.base.measured
    tokens_of_both = [(now.tokens, old[seed].tokens) for seed, now in group.measured.items() if seed in old]
    now, before = (fmean(tokens) for tokens in zip(*tokens_of_both, strict=True))
    return {
        "base": group.base.name,
        "accuracy_change": change.mean,
        "change_low": max(-1.0, change.low),
        "change_high": min(1.0, change.high),
        "tokens_change": now / before - 1 if before else None,
        "seeds_paired": len(tokens_of_both),
    }


def _gain(group: Group) -> dict[str, object]:
    gain = group.gain()
    if gain is None:
        return {}
    low, high = max(-1.0, gain.low), min(1.0, gain.high)
    return {"student_change": gain.mean, "student_low": low, "student_high": high}
