"""What expressions ask for and nobody knows: tokens that nobody has counted, traces and texts that rows do not have.

Names are as a spec writes them. Knows no rule.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from typing import Final

from cotspec.cot.expr import Problem
from cotspec.cot.expr.parsing import Parsed, parse
from cotspec.cot.measures import VOTED, own_names
from cotspec.ir import generations
from cotspec.ir.bodies import trace_format
from cotspec.spec.experiment import Experiment, RowSource, Stage

Unknown = Mapping[str, tuple[str, str]]
"""A name of expressions → why nobody knows it, and what to do."""

_GRADED: Final = ("correct", "score")
_OF_TRACES: Final = ("teacher_steps", "teacher_words", "teacher_tokens")


def asked(text: str, unknown: Unknown) -> Iterator[Problem]:
    """Every place of an expression that asks for what is unknown."""
    parsed = parse(text) if unknown else []
    if not isinstance(parsed, Parsed):
        return
    for node in ast.walk(parsed.tree):
        if isinstance(node, ast.Name | ast.Attribute) and (name := ast.unparse(node)) in unknown:
            message, advice = unknown[name]
            yield Problem(parsed.column(node), message, help=advice, length=parsed.length(node))


def of_texts(spec: Experiment, names: tuple[str, ...]) -> Unknown:
    """Unknown measures of texts: the tokens of texts that a data set has, whether they are right where there are no
    gold answers, and who agrees with the only text of a record."""
    uncounted = {f"{name}.tokens": _uncounted(name, f"{name}.words") for name in names if name in spec.data}
    alone = [name for name in names[:1] if name in spec.generate and spec.generate[name].sampling.n == 1]
    uncounted |= {f"{name}.{measure}": _alone(name) for name in alone for measure in VOTED}
    return uncounted | {
        f"{name}.{measure}": _ungraded(data)
        for name in names
        if (data := generations.data_of(spec, name)) and spec.data[data].answer is False
        for measure in (*own_names(trace_format(spec.trace).form), "score")
        if measure.rpartition(".")[2] in _GRADED
    }


def of_rows(spec: Experiment, stage: Stage) -> Unknown:
    """Unknown measures of a stage's rows, as its reward asks about them."""
    unknown: dict[str, tuple[str, str]] = {}
    for source in stage.sources:
        target = generations.target_of(spec, source)
        if target in spec.data:
            unknown["teacher_tokens"] = _uncounted(target, "teacher_words")
        elif not target:
            unknown |= dict.fromkeys(_OF_TRACES, _no_trace(source))
        unknown |= of_texts(spec, generations.chain(spec, source.from_))
    return unknown | _missing(spec, stage)


def of_given(spec: Experiment, stage: Stage) -> Unknown:
    """Unknown measures of the texts of rows, as the conditions of a loss ask about them: also of texts that the stage
    learns to write."""
    unknown = _missing(spec, stage)
    for source in stage.sources:
        target = generations.target_of(spec, source)
        if stage.train.drawn is None and target in spec.data:
            unknown["tokens"] = _uncounted(target, "words")
        data = generations.data_of(spec, source.from_)
        if data and spec.data[data].answer is False:
            graded = (name for name in own_names(trace_format(spec.trace).form) if name.rpartition(".")[2] in _GRADED)
            unknown |= dict.fromkeys(graded, _ungraded(data))
        unknown |= of_texts(spec, generations.chain(spec, source.from_))
    return unknown


def _missing(spec: Experiment, stage: Stage) -> dict[str, tuple[str, str]]:
    """The texts that some rows of a stage have, and not all in the same place."""
    every, measures = generations.asked_texts(spec, stage), own_names(trace_format(spec.trace).form)
    texts = {name for each in stage.sources for name in generations.of_record(spec, each, pairs=False)}
    return {
        f"{name}.{measure}": (f"not all sources of the rows have `{name}`", "ask for texts that every row has")
        for name in texts.difference(every)
        for measure in measures
    }


def _uncounted(name: str, instead: str) -> tuple[str, str]:
    return f"nobody has counted the tokens of `{name}`, which are texts of a data set", f"ask for `{instead}`"


def _alone(name: str) -> tuple[str, str]:
    return f"`{name}` has one text of each record, which agrees with itself", "set its `sampling.n` to 2 or more"


def _ungraded(data: str) -> tuple[str, str]:
    return f"`data.{data}` has no gold answers, so nobody knows what is right", "ask about its form or its length"


def _no_trace(source: RowSource) -> tuple[str, str]:
    return f"the rows from `{source.from_}` are questions alone, without a trace", "ask about the response only"
