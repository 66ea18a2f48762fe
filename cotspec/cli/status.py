"""`cotspec status`: how far every experiment is, and what SLURM has of it."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from cotspec.views.outcomes import Outcome
    from cotspec.views.paint import Paint

_STATE: Final = 11
"""Columns of a state, where there is room: that of most."""
_NAMED: Final = 3
"""Experiments that a line names."""


def run(specs: Sequence[str], *, output: Literal["text", "csv", "json", "markdown"]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.cli import findings
    from cotspec.cli.results import collected
    from cotspec.views import diff
    from cotspec.views.paint import painter

    all_outcomes = collected(specs, queued=True)
    if all_outcomes is None:
        return 1
    outcomes = list({each.name: each for each in reversed(all_outcomes)}.values())[::-1]  # the first set stands for all
    rows = [(each.name, each.state, str(each.done), str(each.total), "; ".join(each.notes)) for each in outcomes]
    head = ("experiment", "state", "done", "tasks", "notes")
    match output:
        case "text":
            paint = painter(findings.colour(sys.stdout))
            for line in _lines(rows, paint, findings.width(sys.stdout)):
                print(line)
            for line in _notes(outcomes, findings.width(sys.stdout)):
                print(line)
        case "csv":
            csv.writer(sys.stdout, lineterminator="\n").writerows((head, *rows))
        case "json":
            findings.as_json([dict(zip(head, row, strict=True)) for row in rows])
        case "markdown":
            print(diff.table(head, [[diff.escaped(cell) for cell in row] for row in rows]))
    return 0


def _lines(rows: Sequence[tuple[str, ...]], paint: Paint, width: int | None) -> Iterator[str]:
    """An experiment on each line; on two where names are too long for the terminal."""
    from cotspec.views.paint import STATES

    names, states, counts = (max(len(row[at]) for row in rows) for at in (0, 1, 3))
    room = sys.maxsize if width is None else width - names - 2 * counts - len("     of  tasks")
    narrow, states = room < states, states if room < _STATE else max(states, _STATE)
    for name, state, done, total, _ in rows:
        shown = paint(f"{state:<{states}}", STATES.get(state, ""))
        beside = f"{name}\n" if narrow else f"{name:<{names}}"
        yield f"{beside}  {shown}  {done} of {total} tasks"


def _notes(outcomes: Sequence[Outcome], width: int | None) -> Iterator[str]:
    """What stages say of themselves, each once with those it is said of: variants share most of their stages."""
    from cotspec.views.aligned import wrapped

    said: dict[str, list[str]] = {}
    for each in outcomes:
        for note in each.notes:
            said.setdefault(note, []).append(each.name)
    groups: dict[tuple[str, ...], list[str]] = {}
    for note, names in said.items():
        groups.setdefault(tuple(names), []).append(note)
    for those, notes in groups.items():
        more = f" and {len(those) - _NAMED} more" if len(those) > _NAMED else ""
        told = f"{', '.join(those[:_NAMED])}{more}" if len(those) < len(outcomes) else "all of them"
        yield from ("", wrapped(f"{told}:", width)) if len(outcomes) > 1 else ()
        yield from (wrapped(f"  {note}", width, hanging="  ") for note in notes)
