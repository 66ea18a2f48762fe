"""What rewards are tried on besides responses: the questions of prompts, and the other completions to each."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

from cotspec.cot.conditions import scope
from cotspec.cot.measures import AMONG, TABLE, VOTED, Measure, Peer, Value, among, peer, table
from cotspec.spec.payload import Form

Measures = Mapping[str, Value]

QUESTION: Final = tuple(name for name, each in TABLE.items() if each.of_prompt and name not in AMONG)
"""Measures that all responses to a question share, each by itself."""


VARIANTS: Final = 4
"""Texts that are tried for each question, or for each response."""


class Limits(NamedTuple):
    """What a spec and an earlier run say about the sizes of responses and of the teacher's traces."""

    tokens: int
    """Tokens of the longest response."""
    teacher_tokens: int
    """Tokens of the longest trace."""
    teacher_steps: tuple[int, int]
    """Fewest and most steps of a kept trace."""
    teacher_says: bool = True
    """Whether a kept trace always says something: it was checked to be right, or has a step."""
    traces: tuple[tuple[int, int, int], ...] = ()
    """Steps, words and tokens of traces of an earlier run."""
    group: int = 8
    """Number of completions of each prompt."""
    form: Form = ()
    """The segments that a response is to have, where they are one's own."""
    texts: tuple[str, ...] = ()
    """The texts of a row that the reward may ask about, nearest first …"""
    longest_texts: tuple[int, ...] = ()
    """… and the most tokens that each can have."""
    judges: tuple[str, ...] = ()
    """Who is asked about each response …"""
    longest_verdicts: tuple[int, ...] = ()
    """… and the most tokens of what each writes."""


class Question(NamedTuple):
    """The measures that all responses to one question share."""

    measures: Measures
    usual: bool
    """Whether it is a usual question, not an extreme."""
    others: tuple[Peer, ...] = ()
    """The other completions of the prompt, where the reward asks about the group."""


def in_group(values: Measures, others: Sequence[Peer], reads: Collection[str]) -> list[Measures]:
    """The measures of a response with those that it has among the others of its group, where there are any. Where the
    reward reads who agrees, one that is neither right nor well-formed may give an answer, or none."""
    if not others:
        return [values]
    own = peer(values)
    silent = not own.right and not values.get("formatted") and any(name in reads for name in VOTED)
    return [{**values, **among(one, (one, *others))} for one in (_voting(own), *([own] if silent else []))]


def _groups(limits: Limits) -> Iterator[tuple[Peer, ...]]:
    """The other completions of a group, in four kinds: none of them right, one, all, and half of them; some shorter and
    some longer than is common."""
    others, middle = limits.group - 1, len(TABLE["words"].typical) // 2
    short, common, long = (_peer(TABLE["words"].typical[at], limits.tokens) for at in (1, middle, -2))
    yield others * (common(False),)
    yield (short(True), *(others - 1) * (long(False),))
    yield others * (common(True),)
    yield (*(others // 2) * (long(True),), *(others - others // 2) * (short(False),))


def _peer(words: int, longest: int) -> Callable[[bool], Peer]:
    """Makes a completion of that many words, with as many tokens as are common for them."""
    tokens = min(longest, round(4 * words / 3))
    return lambda right: _voting(Peer(right, min(words, tokens), tokens))


def _voting(one: Peer) -> Peer:
    """A completion with its answer: the right one, or a wrong one that all wrong ones give."""
    return one._replace(answer=0 if one.right else 1)


def questions(limits: Limits, *, by_group: bool) -> Iterator[Question]:
    """The questions of prompts; where the reward asks about the group, each with several groups."""
    for question in _asked(limits):
        if by_group:
            yield from (question._replace(others=others) for others in _groups(limits))
        else:
            yield question


def of_texts(limits: Limits) -> dict[str, Measure]:
    """The measures of the texts of a row, by their names: all responses to its prompt share them."""
    return _of_others(limits.texts, limits.longest_texts, limits.form, of_prompt=True)


def of_judges(limits: Limits) -> dict[str, Measure]:
    """The measures of what judges write, by their names: each response has its own."""
    return _of_others(limits.judges, limits.longest_verdicts, limits.form, of_prompt=False)


def _of_others(names: tuple[str, ...], most: tuple[int, ...], form: Form, *, of_prompt: bool) -> dict[str, Measure]:
    """The measures of texts that are not the response, each of which has so many tokens at most, and no more of
    anything else."""
    rows, longest = table(form), dict(zip(names, most, strict=True))
    described = {}
    for name in scope(names, form):
        text, _, measure = name.partition(".")
        typical = tuple(dict.fromkeys(min(value, longest[text]) for value in rows[measure].typical))
        described[name] = rows[measure]._replace(of_prompt=of_prompt, at_most="", needs="", typical=typical)
    return described


def with_texts(question: Question, measures: Mapping[str, Measure]) -> Iterator[Question]:
    """A question with texts of several sizes, right and wrong ones; itself where nothing is asked about them."""
    for values in variants(measures):
        yield question._replace(measures={**question.measures, **values})


def variants(measures: Mapping[str, Measure]) -> Iterator[dict[str, Value]]:
    """Measures of texts of several sizes, right and wrong ones; nothing, once, where none is asked for."""
    for at in range(VARIANTS) if measures else ():
        yield {name: _value(each, at, number) for number, (name, each) in enumerate(measures.items())}
    if not measures:
        yield {}


def _value(measure: Measure, at: int, number: int) -> Value:
    if measure.kind is bool:
        return bool(at >> number % 2 & 1)
    return measure.typical[at * (len(measure.typical) - 1) // 3]


def _asked(limits: Limits) -> Iterator[Question]:
    """The questions of an earlier run. Without one: common ones, and those with the shortest and the longest possible
    trace."""
    if limits.traces:
        yield from (Question(dict(zip(QUESTION, trace, strict=True)), usual=True) for trace in limits.traces)
        return
    common, most = list(zip(*(TABLE[name].typical for name in QUESTION), strict=True)), limits.teacher_tokens
    seen = []
    for sizes in (*common, (0, 0, 0), (most, most, most)):
        low, high = limits.teacher_steps
        steps = min(max(sizes[0], low), high, most)
        words = min(max(sizes[1], steps, int(limits.teacher_says)), most)
        measures = dict(zip(QUESTION, (steps, words, min(max(sizes[2], words, 1), most)), strict=True))
        if measures not in seen:
            seen.append(measures)
            yield Question(measures, usual=sizes in common)
