"""What may be asked of the segments of a form: whether each is there, its words, its label, whether its answer is
right; and whether a text keeps the form. `possible` says which of these can be true together.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from cotspec.cot.measure_types import Measure, Response, Value, words

if TYPE_CHECKING:
    from cotspec.cot.segment import Segment, Trace
    from cotspec.spec.payload import Form, SegmentFormat

GIVEN: Final = "given"
WORDS: Final = "words"
CORRECT: Final = "correct"
TYPICAL: Final = (0, 10, 40, 100, 200)
"""Words of a segment as they are common."""


def rows(form: Form) -> dict[str, Measure]:
    """Every measure of segments by its name, `critic.T`."""
    return {f"{each.name}.{name}": row for each in asked(form) for name, row in _rows(each)}


def asked(form: Form) -> tuple[SegmentFormat, ...]:
    """The segments that measures speak of: those of one's own, and the answer."""
    return tuple(each for each in form if each.name not in ("thinking", "step"))


def _rows(each: SegmentFormat) -> Iterator[tuple[str, Measure]]:
    name, size = each.name, f"{each.name}.{WORDS}"

    def count(it: Response) -> int:
        return sum(words(it.trace.body(one)) for one in it.trace.segments if one.kind == name)

    yield GIVEN, Measure(bool, f"`{name}` is there", lambda it: it.trace.last(name) is not None)
    yield WORDS, Measure(int, f"words of `{name}`, 0 without it", count, typical=TYPICAL, at_most=WORDS)
    if each.grade:
        about = f"the answer of the last `{name}` equals the gold answer"
        yield CORRECT, Measure(bool, about, lambda it: name in it.rights, needs=size)
    for label in each.label:
        yield label, Measure(bool, f"the last `{name}` ends with {label}", _labelled(name, label), needs=size)


def _labelled(name: str, label: str) -> Callable[[Response], Value]:
    def holds(it: Response) -> bool:
        last = it.trace.last(name)
        return last is not None and it.trace.label(last) == label

    return holds


# --- the form ---------------------------------------------------------------------------------------------------------


def in_form(trace: Trace) -> bool:
    """Whether a text has the segments of its form and no others of them: in order, whole, each once or (`many`) several
    times in a row; one with `when` exactly where that label was given. Thinking may be missing."""
    names = {each.name for each in trace.form}
    rest = [one for one in trace.segments if one.kind in names]
    labels: set[str] = set()
    for each in trace.form:
        of_kind = _first(rest, each)
        rest = rest[len(of_kind) :]
        if each.name == "thinking":
            continue
        if bool(of_kind) is not (not each.when or each.when in labels):
            return False
        if not all(_whole(trace, one, each) for one in of_kind):
            return False
        if of_kind and each.label:
            labels.add(f"{each.name}.{trace.label(of_kind[-1])}")
    return not rest


def _first(left: list[Segment], each: SegmentFormat) -> list[Segment]:
    """The segments of one kind at the beginning of `left`: one, or, of a kind that may stand several times, all."""
    end = next((at for at, one in enumerate(left) if one.kind != each.name), len(left))
    return left[: end if each.many else min(end, 1)]


def _whole(trace: Trace, one: Segment, each: SegmentFormat) -> bool:
    """Whether a segment was opened, says something, is closed, and has a label where it can have one."""
    closed = each.closes.lower() in trace.text[one.body_end : one.end].lower()
    labelled = not each.label or bool(trace.label(one))
    return one.opened and one.body_end > one.body_start and closed and labelled


# --- for responses that nobody has written yet ------------------------------------------------------------------------


def possible(values: Mapping[str, Value], reads: frozenset[str], form: Form) -> bool:
    """Whether a text can have these measures; of segments only those in `reads` were chosen, the others are false."""
    labels: set[str] = set()
    ends = [each for each in form if each.grade]
    all_known = any(each.name == "answer" for each in ends) and all(f"{each.name}.{GIVEN}" in reads for each in ends)
    final: bool | None = False if all_known else None  # without any of them nothing is right
    for each in asked(form):
        labels_given = [label for label in each.label if values[f"{each.name}.{label}"]]
        right = bool(values.get(f"{each.name}.{CORRECT}", False))
        chosen = f"{each.name}.{GIVEN}" in reads
        given = bool(values[f"{each.name}.{GIVEN}"]) if chosen else bool(labels_given) or right
        if len(labels_given) > 1 or (not given and (labels_given or right)):
            return False
        labels.update(f"{each.name}.{label}" for label in labels_given)
        if given and each.grade and f"{each.name}.{CORRECT}" in reads:
            final = right
        if values["formatted"] and not _fits(each, given, labels_given, labels, reads):
            return False
    return final is None or final is bool(values[CORRECT])


def _fits(each: SegmentFormat, given: bool, said: list[str], labels: set[str], reads: frozenset[str]) -> bool:
    """Whether a text that keeps the form can have this segment so, as far as it was chosen."""
    wanted = not each.when or each.when in labels
    if f"{each.name}.{GIVEN}" in reads and (not each.when or each.when in reads) and given is not wanted:
        return False
    every = all(f"{each.name}.{label}" in reads for label in each.label)
    return bool(said) or not (each.label and given and every)
