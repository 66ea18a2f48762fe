"""Loss spans: which characters of a target, or of a completion, carry loss.

Owns the meaning of `loss: […]`. Must not know tokens: the runtime maps spans to them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from functools import lru_cache
from types import MappingProxyType

from cotspec.cot.conditions import asked as texts_asked
from cotspec.cot.conditions import scope
from cotspec.cot.expr import Node, Reading, UnscorableError, read, scope_of
from cotspec.cot.mask import merged
from cotspec.cot.measures import Value, own, own_names
from cotspec.cot.segment import Trace
from cotspec.cot.units import Span
from cotspec.spec.payload import Form


def supervise(trace: Trace, loss_on: Iterable[str], *, hidden: Iterable[Span]) -> tuple[Span, ...]:
    """Spans of the target (the trace without its last blanks) that carry loss, openers included; sorted, not touching.

    `thinking` is all free text before the first step or between other segments, opened or not. `masked` is what the
    prompt hides: a step hidden as a whole with its opener. Any other name is that of the segments of one kind. An empty
    result supervises nothing.
    """
    names = set(loss_on)
    spans = [*carried(trace, names), *(_with_openers(trace, hidden) if "masked" in names else [])]
    length = len(trace.text.rstrip())
    return tuple((start, min(end, length)) for start, end in merged(spans) if start < length)


def carried(trace: Trace, names: Iterable[str]) -> tuple[Span, ...]:
    """Spans of the segments of these names in the whole text, sorted, not touching."""
    kinds = {*names, *(["preamble"] if "thinking" in names else [])}
    return merged((s.start, s.end) for s in trace.segments if s.kind in kinds)


def _with_openers(trace: Trace, hidden: Iterable[Span]) -> list[Span]:
    whole = {(step.body_start, step.body_end): (step.start, step.end) for step in trace.steps}
    return [whole.get(span, span) for span in hidden]


# --- conditions -------------------------------------------------------------------------------------------------------


def met(
    trace: Trace,
    names: Sequence[str],
    when: Mapping[str, str],
    *,
    gold: str,
    tokens: int,
    texts: Mapping[str, Value] = MappingProxyType({}),
) -> tuple[str, ...]:
    """Those of the segments called `names` that carry loss in this text: where one has a condition, only if that holds.
    One without a value does not. `texts` are measures of the texts of the same record. Raises answers.AnswerError."""
    if not when:
        return tuple(names)
    from cotspec.cot.answers import grade, grades  # here: most losses have no conditions
    from cotspec.cot.grading_rules import Grade

    rights = frozenset(name for name, each in grades(trace, gold).items() if each is Grade.RIGHT)
    measured = own(trace, tokens=tokens, right=grade(trace, gold) is Grade.RIGHT, rights=rights)
    measures = {**measured, **texts}
    values = {name: value if isinstance(value, bool) else float(value) for name, value in measures.items()}
    return tuple(name for name in names if name not in when or _holds(when[name], trace.form, values))


def asked(condition: str, form: Form) -> frozenset[str]:
    """What a condition of a payload asks about: measures of the text itself, and of other texts of its record; nothing
    if it is none."""
    reading = _read(condition, form)
    return frozenset() if reading.node is None else reading.node.reads


def _holds(condition: str, form: Form, values: dict[str, float]) -> bool:
    try:
        return bool(_node(condition, form).run(dict(values)))
    except UnscorableError:
        return False


def _read(condition: str, form: Form) -> Reading:
    known = {**own_names(form), **scope(texts_asked((condition,)), form)}
    return read(condition, scope_of(known), expect=bool)


@lru_cache(maxsize=16)
def _node(condition: str, form: Form) -> Node:
    reading = _read(condition, form)
    if reading.node is None:
        raise ValueError(f"`{condition}` is no condition: {'; '.join(problem.message for problem in reading.problems)}")
    return reading.node
