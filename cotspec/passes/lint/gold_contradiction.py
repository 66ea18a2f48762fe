"""Questions with two gold answers."""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.history.data_files import DataFile
from cotspec.ir import generations
from cotspec.ir.defaults import VALID_DATA
from cotspec.passes.check.context import Context, warning
from cotspec.spec.evaluation import asked_data

if TYPE_CHECKING:
    from cotspec.cot.contamination import Repeats

_FILE = """$ sed -i 's/test: {.*50}/test: {file: a.jsonl}/' specs/a.yaml
$ printf '{"question": "%%s", "answer": "%%s"}\\n' 'What is 3 + 4?' 7 'what is 3 + 4' %s > specs/a.jsonl
$ cotspec check specs/a.yaml
"""

RULE = Rule(
    slug="gold-contradiction",
    claim="A question that a data set asks twice has one gold answer.",
    why="One of the two is wrong, and so is every solution that is graded by it. Questions are the same when they "
    "differ in case, points and blanks only; answers when they are one number, or one text. Local files are "
    "looked at here, the sets of an earlier run in the result of its task `contamination`.",
    failing=_FILE % "8",
    passing=_FILE % "7.0",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every local file, and every set that an earlier run compared."""
    spec, run = context.experiment, context.read_contamination()
    known = asked_data(spec.evaluate) | generations.taught(spec)
    roles = {VALID_DATA: "valid"} | {name: role for role, name in known.items()}
    for name, data in spec.data.items():
        file, role = context.read_data(data), roles.get(name, "")
        repeats = None if file is None else _repeats(file)
        if run is not None and (repeats is None or not repeats.contradicting):
            repeats = run.sets.get(role)
        if repeats is None or not repeats.contradicting:
            continue
        later, first, _ = repeats.examples[0]
        message = (
            f"{repeats.contradicting:,} of {repeats.questions:,} questions of `{name}` repeat an earlier one with "
            f"another gold answer: row {later} that of row {first}, for one"
        )
        yield warning(RULE, context.source.key(("data", name)), message, "take the wrong one out")


@lru_cache(maxsize=64)
def _repeats(file: DataFile) -> Repeats:
    from cotspec.cot.contamination import repeats  # here: most sets are no local files

    return repeats(file.items())
