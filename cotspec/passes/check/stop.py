"""Stops that stop something, and not everything."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import stopping
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies
from cotspec.passes.check.context import Context, finding
from cotspec.spec import payload
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Sampling

RULE = Rule(
    slug="stop",
    claim="`stop` names a text or `after`, and no text that the trace's own openers hold.",
    why="A completion is cut at the text: one that ends at its first step or at `Answer:` never gives an answer.",
    failing='evaluate: {data: test, of: [base, first, second], sampling: {stop: {texts: ["Answer:"]}}}\n',
    passing='evaluate: {data: test, of: [base, first, second], sampling: {stop: {texts: ["Question:"]}}}\n',
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every place that samples."""
    spec = context.experiment
    for name, each in spec.generate.items():
        yield from _stop(context, ("generate", name, "sampling"), each.sampling)
    for path, _, stage in context.stages():
        if stage.train.drawn is not None:
            yield from _stop(context, (*path, "train", "sampling"), stage.train.drawn)
        for judge, asked in stage.judges.items():
            yield from _stop(context, (*path, "judges", judge, "sampling"), asked.sampling)
    for one in sets_of(spec.evaluate):
        yield from _stop(context, one.at("sampling"), one.sampling)


def _stop(context: Context, path: Path, given: Sampling) -> Iterator[Diagnostic]:
    if given.stop is None:
        return
    where = (*path, "stop")
    if not given.stop.texts and given.stop.after is None:
        advice = 'write `texts: ["Question:"]`, `after: answer`, or leave `stop` out'
        yield finding(RULE, context.source.value(where), "nothing stops here", advice)
    form = [each.name for each in bodies.trace_format(context.experiment.trace).form]
    if given.stop.after == "answer" and "answer" in form[:-1]:
        message = f"every completion would end after the answer, and `{form[-1]}` stands behind it"
        yield finding(RULE, context.source.value((*where, "after")), message, "leave `after` out")
    openers = {name: each.opens for name, each in context.experiment.trace.items()}
    for at, text in enumerate(given.stop.texts):
        if text in ("\n", "\r\n"):
            message = f"{text!r} ends the first line: no completion would go on after it"
            yield finding(RULE, context.source.value((*where, "texts", at)), message, "choose a text of more than that")
        stop = payload.Stop.model_construct(texts=(text,))
        for name, opener in openers.items():
            if stopping.find(opener.replace("{n}", "1"), stop) is not None:
                message = f"`{text}` is in the opener of `{name}` ({opener!r}): every completion would end there"
                advice = "choose a text that a good completion never holds" + (
                    "; `after: answer` ends it after the answer's line" if name == "answer" else ""
                )
                yield finding(RULE, context.source.value((*where, "texts", at)), message, advice)
