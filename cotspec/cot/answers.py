"""Gets the answer out of a response and grades it against the gold answer. Pure; no model, no question.

Wrong is wrong: nothing looks for the gold answer *inside* the given one. How two answers are compared is a table, in
`cotspec.cot.grading`.
"""

from __future__ import annotations

import re
from fractions import Fraction

from cotspec.cot import grading
from cotspec.cot.formulas import MissingError, readable
from cotspec.cot.grading_rules import Grade, says
from cotspec.cot.grading_sides import Side
from cotspec.cot.latex import box_run, boxed, plain, typed
from cotspec.cot.numbers import Number, canonical
from cotspec.cot.openers import closer, compile_openers, marks, thoughts_end
from cotspec.cot.own_segments import graded
from cotspec.cot.segment import Segment, Trace, segment
from cotspec.spec.payload import TraceFormat

_BOX = re.compile(r"\\(?:boxed|fbox)\s?\{")
_TELLING = re.compile(rf"[0-9½⅓⅔¼¾⅕⅛]|{_BOX.pattern}")
_SENTENCE_END = re.compile(r"[.!?](?=\s|\Z)")
_MATRIX = re.compile(r"\\begin\{(\w{1,12}\*?)\}[^\0]{0,2000}?\\end\{\1\}")
_PER_CENT = Fraction(1, 100)
_NO_ANSWER = frozenset({"nan", "null", "n/a", "#n/a", "<na>", "nat"})
_LONGEST_GOLD = 1_000
_MOST_GOLD_LINES = 12
_IN_TAGS = "Answer:"
"""What opens an answer within tags, where the tag itself does not."""
_SOLUTION = re.compile(r"\n[ \t]*####[ \t]*\S")
"""How GSM8K, and what was made after it, puts the answer below its solution."""


class AnswerError(ValueError):
    """An answer cannot be read or graded at all; the message says what to do."""


def extract(text: str, fmt: TraceFormat) -> str | None:
    """The answer of a response, on one line, or None when it gives none (or an empty one)."""
    return answer_of(segment(text, fmt))


def answer_of(trace: Trace) -> str | None:
    """The answer of a segmented response, on one line.

    Of its last answer segment it is what stands on the opener's line; when that says nothing, the first line with a
    digit or a box.

    An answer without the opener ("the answer is 5. But…") ends with its sentence. In tags (`<answer>`) it may be given
    as in any text.
    """
    return _in_tags(trace) if trace.answer is None else _given(trace, trace.answer)


def _in_tags(trace: Trace) -> str | None:
    """The answer in tags that hold the steps, too, so that no segment is an answer."""
    fmt = trace.format
    tag = closer(fmt.answer) if fmt and not fmt.form else ""
    if fmt is None or not tag or not trace.steps:
        return None
    openers = compile_openers(fmt.thinking, fmt.step, fmt.answer)
    floor, end = thoughts_end(trace.text, openers)[0], trace.text.rfind(tag)
    opened = [m.end for m in marks(trace.text, openers) if m.kind in ("line", "inline") and floor <= m.start < end]
    return extract(trace.text[opened[-1] : end], fmt.model_copy(update={"answer": _IN_TAGS})) if opened else None


def _given(trace: Trace, answer: Segment) -> str | None:
    """The answer that a segment gives. In one that a closer ends, or of one's own, it may be given as in any text."""
    fmt, body = trace.format, trace.body(answer)
    tag = closer(fmt.answer) if fmt else ""
    if fmt and (tag or answer.kind != "answer" or any(each.name == "answer" and each.closes for each in fmt.form)):
        opener = fmt.answer if not tag or tag in body else _IN_TAGS
        inner = extract(body, fmt.model_copy(update={"form": (), "answer": opener}))
        if inner is not None:
            return inner
    lines = [line.strip() for line in _joined(body).splitlines() if line.strip()]
    if not lines:
        return None
    if answer.opened and any(c.isalnum() for c in lines[0]) and not lines[0].endswith(":") and _beside(trace, answer):
        return lines[0]
    telling = next((line for line in lines if _TELLING.search(line)), None)
    telling = telling or next((line for line in lines if any(c.isalnum() for c in line)), lines[0])
    if answer.opened or _BOX.search(telling):
        return telling
    end = _SENTENCE_END.search(telling)
    return telling[: end.start()] if end else telling


def _beside(trace: Trace, answer: Segment) -> bool:
    """Whether an answer stands on the line of its opener."""
    before = trace.text[max(0, answer.body_start - 80) : answer.body_start].rpartition("\n")[2]
    return any(c.isalnum() for c in before)


def _joined(body: str) -> str:
    """A body whose last boxes and whose matrices stand on one line."""
    if "\n" not in body or "\\" not in body:
        return body
    run = box_run(body)
    if run and "\n" in body[run[0].start : run[-1].end]:
        inside = " ".join(body[run[0].start : run[-1].end].split("\n"))
        body = body[: run[0].start] + inside + body[run[-1].end :]
    return _MATRIX.sub(lambda match: match.group().replace("\n", " "), body)


def grade(trace: Trace, gold: str) -> Grade:
    """What a segmented response's answer comes to; a response without an answer is wrong. Raises AnswerError."""
    return _compared(answer_of(trace), gold)


def grades(trace: Trace, gold: str) -> dict[str, Grade]:
    """The grade of the answer in each graded segment of the form, by the segment's name; a missing one is wrong. Raises
    AnswerError."""
    last = {kind: trace.last(kind) for kind in graded(trace.form)}
    return {kind: _compared(None if one is None else _given(trace, one), gold) for kind, one in last.items()}


def _compared(given: str | None, gold: str) -> Grade:
    return Grade.WRONG if given is None else compare(given, gold)


def compare(given: str, gold: str) -> Grade:
    """Whether a person would call two answers the same. Raises AnswerError when math-verify is needed and missing."""
    try:
        return grading.grade(given, gold)
    except MissingError as error:
        raise AnswerError(str(error)) from error


def correct(text: str, gold: str, fmt: TraceFormat) -> bool:
    """Whether a response's answer is right; one that is wrong, ungradable or not there is not."""
    return grade(segment(text, fmt), gold) is Grade.RIGHT


def equal(given: str, gold: str) -> bool:
    """Whether two answers are the same; those that cannot be compared are not. Raises AnswerError as `compare`."""
    return compare(given, gold) is Grade.RIGHT


def normalise(text: str) -> str:
    """One spelling for answers that are surely the same: `$2,125.00` is `2125`, `0.75` is `3/4`, words without case.

    Works nothing out, so different spellings may still be the same answer.
    """
    box = boxed(text)
    side = Side(typed(box[0] if box else text))
    if not isinstance(side.number, Number):
        return side.key
    marked = side.number.scale == _PER_CENT
    return f"{side.number.value}%" if marked else str(side.number.value * side.number.scale)


def gold_answer(field: str, after: str) -> str:
    """The gold answer in a data set's field: what follows the last `after` ("" takes all), stripped.

    Raises AnswerError when `after` is not in the field or nothing follows it.
    """
    _, separator, rest = field.rpartition(after) if after else ("", "all", field)
    if not separator:
        raise AnswerError(f"no {after!r} in the answer field {_short(field)}; check `answer.after` of the data set")
    if not rest.strip():
        raise AnswerError(f"the answer field {_short(field)} holds no answer")
    return rest.strip()


def gold_problem(gold: str, *, formulas: bool = False) -> str | None:
    """Why no answer can ever equal this gold answer; None when one can.

    Cheap, unless `formulas`: then math-verify also says whether it can read one (AnswerError without math-verify).
    """
    if canonical(gold) is not None:
        return None
    box = boxed(gold)
    tidy = plain(box[0] if box else gold).strip().casefold()
    if not says(tidy):
        return "holds no answer" if not gold.strip() else f"holds nothing that can be compared: {_short(gold.strip())}"
    if tidy in _NO_ANSWER:
        return f"is {gold.strip()!r}, which is what programs write where a value is missing"
    if _SOLUTION.search(gold):
        return (
            f'is a solution ({_short(gold)}) with the answer behind `####`: write `answer: {{field: …, after: "####"}}`'
        )
    if len(gold) > _LONGEST_GOLD or len(gold.strip().splitlines()) > _MOST_GOLD_LINES:
        return f"is a text of {len(gold):,} characters and not an answer ({_short(gold)}); is `answer.after` right?"
    if formulas and not _readable(gold):
        return f"is a formula that math-verify cannot read ({_short(gold)}): only the very same text equals it"
    return None


def _readable(gold: str) -> bool:
    """Whether a gold answer is no formula, or one that can be compared."""
    try:
        return Side(gold).number != "maths" or readable(gold)
    except MissingError as error:
        raise AnswerError(str(error)) from error


def _short(field: str) -> str:
    return repr(field if len(field) <= 60 else field[:57] + "…")
