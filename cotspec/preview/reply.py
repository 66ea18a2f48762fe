"""What a model answers, as `cotspec chat` shows it: segments, and against a gold answer the grade and the reward."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final

from cotspec.cot import answers, measures
from cotspec.cot.answers import AnswerError
from cotspec.cot.grading_rules import Grade
from cotspec.cot.records import TraceRecord
from cotspec.cot.segment import Trace, segment
from cotspec.files.visible import visible
from cotspec.preview import reward_text, wording
from cotspec.preview.canvas import Canvas, Run, Style
from cotspec.preview.score import Response, score
from cotspec.preview.text import segments, title
from cotspec.spec.payload import RewardedBody, TraceFormat

_GRADES: Final[Mapping[Grade, tuple[str, Style]]] = {
    Grade.RIGHT: ("right", "good"),
    Grade.WRONG: ("wrong", "bad"),
    Grade.UNGRADABLE: ("ungradable", "careful"),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """An answer to a question that is no row of a stage."""

    question: str
    gold: str | None
    """None: nobody has said it."""
    text: str
    tokens: int
    truncated: bool


def render(reply: Reply, form: TraceFormat, reward: RewardedBody | None, canvas: Canvas) -> str:
    """The whole of it; with a gold answer graded, and rewarded as a stage would at its end."""
    trace = segment(reply.text, form)
    facts = [f"{reply.tokens:,} tokens", wording.count(len(trace.steps), "step")]
    facts += ["cut at the limit" if reply.truncated else "ended by itself"]
    sections = [[title("Answer", ", ".join(facts), canvas), *segments(trace, [], canvas)]]
    if reply.gold is not None and reward is not None:
        record = TraceRecord(id=0, question=reply.question, answer=reply.gold, trace="", steps=0, words=0, tokens=0)
        response = Response(text=reply.text, whose="model", tokens=reply.tokens)
        scored = score(reward, record, response, counted=False, progress=1.0)
        sections.append(reward_text.of_answer(scored, reply.gold, canvas))
    elif reply.gold is not None:
        sections.append(_grade(trace, reply.gold, canvas))
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections)


def _grade(trace: Trace, gold: str, canvas: Canvas) -> list[str]:
    """Right or not, and in its form or not."""
    given = answers.answer_of(trace)
    said = "it gives no answer" if given is None else f"it answers {visible(given)}"
    told = f"{said}; gold is {visible(gold)}"
    try:
        grade, style = _GRADES[answers.grade(trace, gold)]
    except AnswerError as error:
        return [canvas.line(Run(f"It cannot be graded: {visible(str(error))}", "careful"))]
    form = "in the form" if measures.formatted(trace) else "not in the form"
    return [canvas.line(Run(grade.capitalize(), style), Run(f"   {told}; {form}", "dim"))]
