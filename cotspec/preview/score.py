"""A response to a previewed row, measured and scored as training would, with what cannot be known left out and said."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from types import MappingProxyType
from typing import Final, Literal

from cotspec.cot import conditions, voting
from cotspec.cot import measures as kernel
from cotspec.cot.answers import AnswerError, answer_of, grade, grades
from cotspec.cot.breakdown import Breakdown, break_down
from cotspec.cot.grading_rules import Grade
from cotspec.cot.loss import carried, met
from cotspec.cot.records import TraceRecord
from cotspec.cot.rewards import CompiledReward, compile_reward, expressions
from cotspec.cot.segment import Trace, segment
from cotspec.cot.stopping import cut
from cotspec.cot.units import Span
from cotspec.spec.payload import RewardedBody

Measures = dict[str, bool | int | float]
_NO_TOKENIZER: Final = "not known without the model's tokenizer; say it with --tokens N"
_STOPPED: Final = "it was cut at its stop; say with --tokens N how many there are up to it"
_NO_GROUP: Final = "known beside the other completions of the prompt: give each with --beside TEXT"
_NO_LENGTHS: Final = "nobody has counted the tokens of the other completions"
_NONE_RIGHT: Final = MappingProxyType({"rank": "it is not right", "group.right_words": "none of them is right"})
_UNJUDGED: Final = "the judge `{}` says it while training"
_NO_TRACE: Final = "the question has no teacher's trace"
_NO_TEXTS: Final = "the question has no texts"
_UNCOUNTED: Final = "nobody has counted the tokens of the teacher's trace"


@dataclass(frozen=True, kw_only=True, slots=True)
class Response:
    """What is to be scored."""

    text: str
    whose: Literal["given", "teacher", "model"]
    tokens: int | None = None
    """Its length as generated; None when nobody has counted."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Scored:
    """A response and its reward."""

    response: Response
    trace: Trace
    answer: str | None
    """The answer it gives."""
    ungradable: bool
    """Whether it cannot be compared with the gold answer."""
    progress: float
    measures: Measures
    """What could be measured."""
    unknown: Mapping[str, str] = field(default_factory=dict)
    """Why a measure has no value, by its name."""
    unseen: frozenset[str] = frozenset()
    """Names of `unknown` whose values training will know."""
    breakdown: Breakdown
    carried: tuple[Span, ...] = ()
    """Spans of the trace that carry loss, where segments are named that do."""
    left_out: str = ""
    """What stands after the stop of the response: training neither sees it nor rewards it."""


def score(
    body: RewardedBody,
    record: TraceRecord,
    response: Response,
    *,
    counted: bool,
    progress: float,
    beside: Sequence[str] = (),
    begin: str = "",
    texts: Mapping[str, kernel.Value] | None = None,
) -> Scored:
    """Score `response` against `record`; `counted` is whether the teacher's tokens are known, `beside` are the other
    completions of the prompt, `texts` what the reward asks about the texts of the row. A given response and these go
    on from `begin`."""
    kept = cut(response.text, body.sampling.stop)
    left_out = response.text[len(kept) :]
    if left_out:
        response = replace(response, text=kept, tokens=None if response.whose == "teacher" else response.tokens)
    before = "" if response.whose == "teacher" else begin
    trace = segment(before + kept, body.format)
    unknown: dict[str, str] = {}
    measures: Measures = {}
    graded: Grade | None = None
    right = ("correct", *(f"{each.name}.correct" for each in body.format.form if each.grade))
    try:
        graded = grade(trace, record.answer)
        measures["correct"] = graded is Grade.RIGHT
        measures |= {f"{name}.correct": each is Grade.RIGHT for name, each in grades(trace, record.answer).items()}
    except AnswerError as error:
        unknown |= dict.fromkeys(right, str(error))
    teacher = kernel.Teacher(steps=record.steps, words=record.words, tokens=record.tokens)
    measures |= kernel.size(trace, tokens=response.tokens or 0, teacher=teacher)
    if response.tokens is None:
        unknown["tokens"] = _STOPPED if left_out else _UNCOUNTED if response.whose == "teacher" else _NO_TOKENIZER
    unknown |= _of_teacher(record, counted=counted)
    measures = {name: value for name, value in measures.items() if name not in unknown}
    measures |= texts or {}
    judges = [judge.name for judge in body.judges]
    compiled = compile_reward(body.reward, body.format.form, (*conditions.asked(expressions(body.reward)), *judges))
    unknown |= _unseen(compiled, body, judges, alone=texts is None)
    peers = [trace, *(segment(begin + cut(text, body.sampling.stop), body.format) for text in beside)]
    known, why = _in_group(compiled, measures, peers, record, right=graded is Grade.RIGHT, tokens=response.tokens or 0)
    measures, unknown = {**measures, **known}, unknown | why
    return Scored(
        response=response,
        trace=trace,
        answer=answer_of(trace),
        ungradable=graded is Grade.UNGRADABLE,
        progress=progress,
        measures=measures,
        unknown=unknown,
        unseen=frozenset(name for name, why in unknown.items() if name not in right and why != _NONE_RIGHT.get(name)),
        breakdown=break_down(compiled, body.reward, measures, progress=progress),
        carried=_carried(body, trace, record, response, behind=len(before), texts=texts or {}),
        left_out=left_out,
    )


def _in_group(
    compiled: CompiledReward,
    measures: Measures,
    traces: Sequence[Trace],
    record: TraceRecord,
    *,
    right: bool,
    tokens: int,
) -> tuple[Measures, dict[str, str]]:
    """What the reward asks about a response among the completions of its prompt, and why it does not have some of it.
    Of `traces` the first one is its own."""
    asked = [name for name, _ in compiled.measures if name in kernel.AMONG]
    if not asked or "correct" not in measures:
        return {}, {}
    others = traces[1:]
    peers = [kernel.Peer(right, int(measures["words"]), tokens), *(_peer(each, record) for each in others)]
    if kernel.VOTED.keys() & asked:
        given = voting.ballot([answer_of(each) for each in traces]).answers
        peers = [one._replace(answer=answer) for one, answer in zip(peers, given, strict=True)]
    group = kernel.among(peers[0], peers) if others else {}
    known = {name: group[name] for name in asked if name in group and name != "group.tokens"}
    return known, {name: _why(name, others) for name in asked if name not in known}


def _of_teacher(record: TraceRecord, *, counted: bool) -> dict[str, str]:
    """What is not known of the teacher's trace."""
    if not record.trace:
        return dict.fromkeys(("teacher_steps", "teacher_words", "teacher_tokens"), _NO_TRACE)
    return {} if counted else {"teacher_tokens": _UNCOUNTED}


def _unseen(compiled: CompiledReward, body: RewardedBody, judges: Sequence[str], *, alone: bool) -> dict[str, str]:
    """What nobody knows here that training knows: what judges say; of a question `alone`, what its row would tell."""
    names = [name for name, _ in compiled.measures]
    told = {name: _UNJUDGED.format(judge) for name in names if (judge := name.partition(".")[0]) in judges}
    if not alone:
        return told
    return {name: _NO_TEXTS for name in names if name not in kernel.table(body.format.form)} | told


def _why(name: str, beside: Sequence[Trace]) -> str:
    """Why a measure of a group has no value."""
    return _NONE_RIGHT.get(name, _NO_LENGTHS) if beside else _NO_GROUP


def _carried(
    body: RewardedBody,
    trace: Trace,
    record: TraceRecord,
    response: Response,
    *,
    behind: int,
    texts: Mapping[str, kernel.Value],
) -> tuple[Span, ...]:
    """Spans that carry loss; what the answer begins with carries none."""
    if not body.loss_on:
        return ()
    try:
        tokens = response.tokens or 0
        names = met(trace, body.loss_on, body.loss_when, gold=record.answer, tokens=tokens, texts=texts)
    except AnswerError:
        return ()
    return tuple((max(start, behind), end) for start, end in carried(trace, names) if end > behind)


def _peer(trace: Trace, record: TraceRecord) -> kernel.Peer:
    """Another completion of the prompt as one of its group; its tokens are not counted."""
    return kernel.Peer(grade(trace, record.answer) is Grade.RIGHT, kernel.words(trace.text), 0)
