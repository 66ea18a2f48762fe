"""Conditions that no text meets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cotspec.cot import conditions
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, warning

if TYPE_CHECKING:
    from cotspec.cot.source_rows import Question

_ROWS: Final = 100
"""Rows of a file that are asked."""
_FEW: Final = 8
"""Fewest rows from which a finding is made."""

RULE = Rule(
    slug="condition-unmet",
    claim="Some text meets a condition on texts.",
    why="What no text meets leaves nothing to train on, and that shows only after the texts were written. A condition "
    "is tried on texts that nobody has written, with the measures that it reads at usual values and next to the "
    "numbers in it; one on the texts of a local file, on its first rows.",
    failing="generate: {teach: {by: tutor, over: train, keep: {where: teach.words < 40 and teach.words > 400}}}\n",
    passing="generate: {teach: {by: tutor, over: train, keep: {where: teach.words > 40 and teach.words < 400}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every `keep.where` and `rows.where`."""
    spec = context.experiment
    form = bodies.trace_format(spec.trace).form
    asked: list[tuple[Path, str, str | None]] = [
        (("generate", name, "keep", "where"), name, each.keep.where) for name, each in spec.generate.items()
    ]
    asked += [((*path, "where"), source.from_, source.where) for path, _, _, source in context.sources()]
    for path, name, where in asked:
        condition, _ = generations.condition(spec, name, where, written=path[0] == "generate")
        met, tried = conditions.met_by(condition, form) if condition else (1, 1)
        if not met:
            message = f"none of {tried:,} tried texts meets this condition"
            yield warning(RULE, context.source.value(path), message, "let its parts meet")
        elif condition and name in spec.data and (count := _of_file(context, name, condition)):
            message = f"none of the first {count:,} texts of `{name}` meets this condition"
            advice = "ask for less, or look at `answer` and `trace`: which column is the gold answer, and after what?"
            yield warning(RULE, context.source.value(path), message, advice)


def _of_file(context: Context, name: str, condition: str) -> int:
    """How many texts of a local file were asked, none of which meets a condition; 0 where one does, or few are
    there."""
    file = context.read_data(context.experiment.data[name])
    texts = [] if file is None or file.reading is None else file.reading.questions[:_ROWS]
    if len(texts) < _FEW or any(_meets(context, condition, row) for row in texts):
        return 0
    return len(texts)


def _meets(context: Context, condition: str, row: Question) -> bool:
    """Whether the text of a row meets a condition; one that nothing here can grade counts as one that does."""
    from cotspec.cot.answers import AnswerError  # here: most conditions are on texts that are yet to be written
    from cotspec.cot.expr import UnscorableError
    from cotspec.cot.records import UNKNOWN_TOKENS, measured

    format = bodies.trace_format(context.experiment.trace)
    try:
        measures = measured([(row.trace, UNKNOWN_TOKENS)], row.answer, format, condition)
        return conditions.meets(condition, measures, 0.0, format.form)
    except UnscorableError:
        return False
    except AnswerError:
        return True
