"""Data sets without gold answers, where answers are graded."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.ir import generations
from cotspec.ir.defaults import VALID_DATA
from cotspec.passes import held_out
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import sets_of

_FILE = """$ sed -i 's/test: {.*50}/test: {file: a.jsonl, answer: %s}/' specs/a.yaml
$ printf '{"question": "3 + 4?", "answer": "7"}\n' > specs/a.jsonl
$ cotspec check specs/a.yaml
"""

RULE = Rule(
    slug="no-gold",
    claim="What is graded has gold answers: an evaluation, `data.valid` of a transition, the rows of a reward.",
    why="`answer: false` says that a data set has none. Its texts can be learned (sft, distill, dpo by another measure "
    "than being right); graded against nothing, each would count as wrong.",
    failing=_FILE % "false",
    passing=_FILE % "answer",
)
_ADVICE = "name the column that holds them (`answer: …`)"


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every place that grades."""
    spec = context.experiment
    without = {name for name, data in spec.data.items() if data.answer is False}
    if not without:
        return
    graded = [(context.source.value(asked.at("data")), asked.data) for asked in sets_of(spec.evaluate)]
    if held_out.validates(context):
        graded.append((context.source.key(("data", VALID_DATA)), VALID_DATA))
    for path, _, stage, source in context.sources():
        if stage.reward is not None:
            graded.append((context.source.value((*path, "from")), generations.data_of(spec, source.from_)))
    for span, name in graded:
        if name in without:
            related = ((context.source.value(("data", name, "answer")), "says so"),)
            yield finding(RULE, span, f"`{name}` has no gold answers to grade by", _ADVICE, related=related)
