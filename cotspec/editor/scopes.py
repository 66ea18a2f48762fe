"""What an expression at a setting may ask and compute, each with what it is. For showing only; the rules are
`cotspec.passes.check.reward_expression` and its neighbours, and the lists are those of `cotspec.cot`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Sequence
from typing import Final, NamedTuple

from cotspec.cot.conditions import SCORE, scope
from cotspec.cot.expr.reference import FUNCTIONS
from cotspec.cot.measures import own_names, table
from cotspec.diagnostics.source_map import Path
from cotspec.editor.names import code
from cotspec.ir import generations
from cotspec.ir.bodies import trace_format
from cotspec.spec.experiment import Experiment, Stage
from cotspec.spec.named_files import EXPRESSIONS, fits
from cotspec.spec.payload import Form

_SAYABLE: Final = re.compile(r"[A-Za-z_][\w.]*", re.ASCII)


class Said(NamedTuple):
    """A name of the language of expressions."""

    name: str
    kind: str
    """`number`, `condition`, `function` or `text`."""
    about: str
    text: str = ""
    """The text that it asks about."""


def is_expression(path: Path) -> bool:
    """Whether a setting holds an expression."""
    in_list = path[2:3] == ("loss",) and isinstance(path[-1], int)
    return not in_list and any(fits(path, pattern) for pattern in EXPRESSIONS)


def said(spec: Experiment, path: Path) -> dict[str, Said]:
    """Everything that an expression at a setting may name."""
    form = trace_format(spec.trace).form
    found = {each.name: each for each in _measures(spec, path, form) if _SAYABLE.fullmatch(each.name)}
    for entry in FUNCTIONS:
        name = entry.name.partition("(")[0]
        found[name] = Said(name, "function", f"`{entry.name}`: {entry.about}")
    return found


def _measures(spec: Experiment, path: Path, form: Form) -> Iterator[Said]:
    """What may be asked at a setting."""
    name = str(path[1])
    if path[0] == "generate":
        names = generations.chain(spec, name)
        yield from _texts(names, form, scored=names[:1], voted=names[:1])
        return
    stage = spec.stages.get(name)
    if stage is None:
        return
    if path[2] == "rows":
        yield from _of_rows(spec, stage, path, form)
        return
    own = own_names(form) if path[2] == "loss" else table(form)
    yield from (_measure(each, form) for each in own)
    yield from _texts(generations.asked_texts(spec, stage), form)
    if path[2] == "reward":
        yield from _texts(tuple(sorted(stage.judges)), form)
        lets = stage.reward.let if stage.reward is not None else {}
        yield from (Said(each, "let", code(str(value))) for each, value in lets.items() if path[-2:] != ("let", each))


def _of_rows(spec: Experiment, stage: Stage, path: Path, form: Form) -> Iterator[Said]:
    at = path[4] if path[3] == "mix" and isinstance(path[4], int) else 0
    if at >= len(stage.sources):
        return
    source = stage.sources[at]
    names = generations.chain(spec, source.from_)
    if path[3] != "pairs":
        yield from _texts(names, form, scored=names[:1])
        return
    depth = generations.depth(spec, source)
    scored, voted = (names[depth : depth + 1], ()) if depth else ((), names[:1])
    yield from _texts(names, form, scored=scored, voted=voted)


def _measure(name: str, form: Form, text: str = "") -> Said:
    found = table(form)[name]
    of = f", of `{text}`" if text else ""
    kind = "condition" if found.kind is bool else "number"
    return Said(f"{text}.{name}" if text else name, kind, f"{found.about}{of}", text)


def _texts(
    names: Sequence[str], form: Form, *, scored: Collection[str] = (), voted: Collection[str] = ()
) -> Iterator[Said]:
    for whole in scope(names, form, scored=scored, voted=voted):
        text, _, measure = whole.partition(".")
        if measure == SCORE and text in scored:
            yield Said(whole, "number", f"share of the texts of a record in `{text}` that are right", text)
        else:
            yield _measure(measure, form, text)
