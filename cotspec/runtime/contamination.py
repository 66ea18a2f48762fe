"""Task `contamination`: the sets of questions of an experiment against each other → contamination.json."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cotspec.cot.contamination import Item, Overlap, Repeats, overlap, repeats
from cotspec.runtime import lines
from cotspec.runtime.progress import say
from cotspec.runtime.records import Problem
from cotspec.runtime.task import Task
from cotspec.spec.payload import ContaminationBody

ROLES: Final = {"taught": "training", "tested": "evaluation", "valid": "validation"}
"""An input, and what its questions are called; further sets of a kind are `taught_2`, `tested_2`, …"""
PAIRS: Final = (("tested", "taught"), ("tested", "valid"), ("valid", "taught"))
"""Which set must not hold what of which."""


def kind(role: str) -> str:
    """A role without its number."""
    return role.partition("_")[0]


def _called(role: str) -> str:
    """The questions of a role: `evaluation`, and `evaluation (set 2)` of a second set."""
    name, _, number = role.partition("_")
    return f"{ROLES[name]} (set {number})" if number else ROLES[name]


@dataclass(frozen=True, kw_only=True)
class Contamination:
    """contamination.json: each set by its role, and each pair as `<role>.<role>`, the second one seen before."""

    sets: dict[str, Repeats]
    pairs: dict[str, Overlap]

    def lines(self) -> list[str]:
        """A sentence for each pair, and for each set with contradicting golds."""
        told = [_pair(name, each) for name, each in self.pairs.items()]
        twice = {role: each for role, each in self.sets.items() if each.contradicting}
        return told + [contradicting(each, _called(role)) for role, each in twice.items()]


def run(task: Task, _work: Path, result: Path) -> None:
    """Compare. What is found does not stop a run: a check says it as a finding, which a spec may allow."""
    task.body(ContaminationBody)
    roles = sorted(task.payload.inputs, key=lambda role: ([*ROLES].index(kind(role)), len(role), role))
    items = {role: _items(task.input(role)) for role in roles}
    comparison = Contamination(
        sets={role: repeats(held) for role, held in items.items()},
        pairs={f"{a}.{b}": overlap(items[a], items[b]) for a, b in _pairs(roles)},
    )
    (result / "contamination.json").write_bytes(lines.encode(comparison))
    for line in comparison.lines():
        say(line)


def _pairs(roles: list[str]) -> Iterator[tuple[str, str]]:
    for pair in PAIRS:
        yield from ((a, b) for a in roles for b in roles if (kind(a), kind(b)) == pair)


def reported(task: Task) -> Contamination | None:
    """What a report says of it; None for a report of before there was such a task."""
    if not task.has("contamination"):
        return None
    path = task.input("contamination")
    return lines.only(path / "contamination.json" if path.is_dir() else path, Contamination)


def contradicting(counts: Repeats, what: str = "") -> str:
    """A sentence about a set that holds questions with two gold answers."""
    later, first, _ = counts.examples[0]
    whose = f"{counts.contradicting} of {counts.questions} {f'{what} questions' if what else 'questions'}"
    return f"CONTRADICTING: {whose} repeat an earlier one with another gold answer (row {later}: row {first}, for one)"


def section(sets: Contamination | None) -> str:
    """A part of the report's page."""
    return "" if sets is None else "\n## Contamination\n\n" + "".join(f"- {line}\n" for line in sets.lines())


def _items(path: Path) -> list[Item]:
    return [Item(problem.id, problem.question, problem.answer) for problem in lines.iterate(path, Problem)]


def _pair(name: str, counts: Overlap) -> str:
    held, _, seen = name.partition(".")
    what = f"{_called(held)} questions are {_called(seen)} questions"
    first = counts.examples[0] if counts.examples else None
    example = f" (row {first.id} is row {first.other}, for one)" if first else ""
    mark = "CONTAMINATED: " if counts.too_much else ""
    return (
        f"{mark}{counts.seen} of {counts.questions} {what}, too: {counts.equal} equal, {counts.copied} in most of "
        f"their words{example}; {counts.shared} share 13 words in a row"
    )
