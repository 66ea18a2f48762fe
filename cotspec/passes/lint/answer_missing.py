"""Texts of a file that give no answer."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, warning
from cotspec.spec.payload import TraceFormat

_ROWS: Final = 100
"""Rows of a file that are looked at."""
_FEW: Final = 8
"""Fewest rows from which a finding is made."""
_FILE: Final = (
    '$ printf \'{"question": "%%s + 4?", "answer": "7", "cot": "%s 7"}\\n\' 1 2 3 4 5 6 7 8 > specs/a.jsonl\n'
    "$ sed -i 's/^data:/&\\n  worked: {file: a.jsonl, trace: cot}/; 0,/from: teach/s//from: worked/; "
    "s/reconstruct/solve/; /shuffle/d' specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n"
)

RULE = Rule(
    slug="answer-missing",
    claim="The texts of a data set that an evaluated stage learns to write give an answer.",
    why="Who learns from them writes as they do, and a response in which no answer is found is wrong, however right "
    "its steps are: the accuracy would be 0. Asked of the first rows of a local file.",
    failing=_FILE % "####",
    passing=_FILE % "Answer:",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check what evaluated stages learn to write; where only right texts are learnt, another rule says that none is."""
    spec = context.experiment
    format = bodies.trace_format(spec.trace)
    if format.form and not any(each.grade or each.name == "answer" for each in format.form):
        return
    for path, name, stage, source in context.sources():
        target = generations.target_of(spec, source)
        if stage.train.drawn is not None or target not in spec.data or name not in spec.evaluate.of:
            continue
        if stage.task_of(source) == "solve" and target not in generations.right_in(spec, source):
            count = _without(context, target, format)
            if count:
                message = f"none of the first {count:,} texts of `{target}` gives an answer after `{format.answer}`"
                advice = 'say how their answers begin, as in `trace: {answer: {opens: "####"}}`, or write them so'
                yield warning(RULE, context.source.value((*path, "from")), message, advice)


def _without(context: Context, data: str, format: TraceFormat) -> int:
    """How many texts of a local file were looked at, none of which gives an answer; 0 where one does, or few are
    there."""
    from cotspec.cot.answers import answer_of  # here: most rows are made of texts that are yet to be written
    from cotspec.cot.segment import segment
    from cotspec.cot.thoughts import fit

    file = context.read_data(context.experiment.data[data])
    texts = [] if file is None or file.reading is None else file.reading.questions[:_ROWS]
    if len(texts) < _FEW or any(answer_of(segment(fit(row.trace, format).text, format)) for row in texts):
        return 0
    return len(texts)
