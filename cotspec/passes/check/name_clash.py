"""One name for two things."""

from __future__ import annotations

import keyword
import re
from collections.abc import Iterator

from cotspec.cot.conditions import OF_PAYLOADS
from cotspec.cot.template import WORDS
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.training import SELF, Taught

RESERVED = frozenset({"question", "answer", "trace", "text", "group"})
"""What a prompt or an expression calls something else."""
_NAME = re.compile(r"[A-Za-z_]\w*", re.ASCII)
_REST = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="name-clash",
    claim="No stage has the name of a model, no generation that of a data set or a word of expressions, and where a "
    "stage has a teacher nothing is called `self`.",
    why="`start`, `by` and `over` take both, and could not say which is meant. Conditions and prompts name texts.",
    failing=f"stages: {{base: {{start: tutor, {_REST}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_REST}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage, and every text."""
    for path, name, _ in context.stages():
        if name in context.experiment.models:
            first = ((context.source.key(("models", name)), "is the model"),)
            message = f"`{name}` is already the name of a model"
            yield finding(RULE, context.source.key(path), message, "give the stage another name", related=first)
    if any(isinstance(stage.train, Taught) for _, _, stage in context.stages()):
        for place in (("models", SELF), ("stages", SELF)):
            if place in context.source.keys:
                message = f"as a teacher, `{SELF}` is the weights that a stage starts from"
                yield finding(RULE, context.source.key(place), message, "give it another name")
    spec = context.experiment
    for path, _, stage in context.stages():
        for name in stage.judges:
            yield from _judge(context, (*path, "judges", name))
    for name in spec.generate:
        span = context.source.key(("generate", name))
        if name in spec.data:
            first = ((context.source.key(("data", name)), "is the data set"),)
            message = f"`{name}` is already the name of a data set"
            yield finding(RULE, span, message, "give the generation another name", related=first)
        else:
            yield from _text(context, ("generate", name), "generation")
    for name, data in spec.data.items():
        if data.trace is not None:
            yield from _text(context, ("data", name), "data set")


def _judge(context: Context, path: Path) -> Iterator[Diagnostic]:
    """Expressions ask about a judge as about a text."""
    name, spec = str(path[-1]), context.experiment
    if name in spec.generate or (name in spec.data and spec.data[name].trace is not None):
        place = ("generate", name) if name in spec.generate else ("data", name)
        message = f"`{name}` is already the name of a text, which the reward asks about, too"
        first = ((context.source.key(place), "is the text"),)
        yield finding(RULE, context.source.key(path), message, "give the judge another name", related=first)
    else:
        yield from _text(context, path, "judge")


def _text(context: Context, path: Path, what: str) -> Iterator[Diagnostic]:
    """A name that conditions and prompts are to use."""
    name, span = str(path[-1]), context.source.key(path)
    advice = f"give the {what} another name"
    if name in RESERVED or OF_PAYLOADS.fullmatch(name) or name in WORDS or keyword.iskeyword(name):
        yield finding(RULE, span, f"`{name}` is a word of conditions and prompts", advice)
    elif name in context.experiment.trace:
        first = ((context.source.key(("trace", name)), "is the segment"),)
        message = f"`{name}` is already the name of a segment, which conditions ask about, too"
        yield finding(RULE, span, message, advice, related=first if ("trace", name) in context.source.keys else ())
    elif not _NAME.fullmatch(name):
        written = re.sub(r"\W", "_", name)
        yield finding(RULE, span, f"`{name}` is a text, and no word that conditions can use", f"call it `{written}`")
