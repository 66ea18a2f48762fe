"""Held-out questions that are asked in training, too."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING, Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.history.data_files import DataFile
from cotspec.passes import held_out
from cotspec.passes.check.context import Context, finding, warning

if TYPE_CHECKING:
    from cotspec.cot.contamination import Overlap

MOST_COMPARED: Final = 2000
"""Questions of a set that a check compares: about 0.1 s. The task compares all."""

_FILES = """$ sed -i 's/train: {.*200}/train: {file: a.jsonl}/; s/test: {.*50}/test: {file: b.jsonl}/' specs/a.yaml
$ seq 200 | sed 's/.*/{"question": "Ann has & pens. She buys 2. How many?", "answer": "&"}/' > specs/a.jsonl
$ sed 's/%s/' specs/a.jsonl | tail -n 5 > specs/b.jsonl
$ cotspec check specs/a.yaml
"""

RULE = Rule(
    slug="contamination",
    claim="At most 1 % of the questions that measure are asked in training, too.",
    why="A student that has seen a question is not tested by it, whatever the file is called. A question counts when "
    "it equals one of the other set but for case, points and blanks, or when at least 70 % of its runs of 13 words are "
    "there; numbers are words, so a story with other numbers seldom does. Local files are compared here (2,000 "
    "questions of each), all sets by the task `contamination`, whose result a check reads when it is there.",
    failing=_FILES % "pens. She/PENS; she",
    passing=_FILES % "buys 2/buys 3",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every set that measures against those whose problems it must not hold."""
    run = context.read_contamination()
    for pair in held_out.pairs(context):
        earlier = None if run is None else run.pairs.get(pair.roles)
        for overlap, source in ((_here(context, pair), "the files"), (earlier, "an earlier run")):
            if overlap is not None and overlap.too_much:
                yield _finding(pair, overlap, source)
                break


def _finding(pair: held_out.HeldOut, overlap: Overlap, source: str) -> Diagnostic:
    """Most of a set is no judgement any more, yet the spec may say why it is right."""
    example = overlap.examples[0] if overlap.examples else None
    rows = f"; row {example.id} is row {example.other}, for one" if example else ""
    message = (
        f"{overlap.seen:,} of {overlap.questions:,} questions of `{pair.data}` are in `{pair.other}`, too: "
        f"{overlap.equal:,} equal, {overlap.copied:,} in most of their words ({source}{rows})"
    )
    say = finding if 2 * overlap.seen > overlap.questions else warning
    return say(RULE, pair.span, message, "take them out of one of the two sets, or use another split")


def _here(context: Context, pair: held_out.HeldOut) -> Overlap | None:
    """What two local files have in common; None for sets that are none."""
    sets = [context.experiment.data.get(name) for name in (pair.data, pair.other)]
    held, seen = (None if data is None else context.read_data(data) for data in sets)
    return None if held is None or seen is None else _compared(held, seen)


@lru_cache(maxsize=16)
def _compared(held: DataFile, seen: DataFile) -> Overlap | None:
    from cotspec.cot.contamination import overlap  # here: most sets are no local files

    if held.reading is None or seen.reading is None:
        return None
    return overlap(held.items(MOST_COMPARED), seen.items(MOST_COMPARED))
