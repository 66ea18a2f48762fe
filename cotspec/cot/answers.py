"""Gets the answer out of a response and grades it against the gold answer. Pure; no model, no question.

Grading tries, in this order: two plain numbers (no parsing at all); one number on each side (`cotspec.cot.numbers`);
equal text; and only for what is mathematics on at least one side, math-verify. Wrong is wrong: nothing looks for the
gold answer *inside* the given one.
"""

from __future__ import annotations

import re
import threading
from fractions import Fraction

from cotspec.cot import numbers
from cotspec.cot.latex import boxed, plain
from cotspec.cot.segment import Trace, segment
from cotspec.spec.payload import TraceFormat

_DIGIT = re.compile(r"[0-9½⅓⅔¼¾⅕⅛]")
_SENTENCE_END = re.compile(r"[.!?](?=\s|\Z)")
_SPACES = re.compile(r"\s+")
_AROUND = re.compile(r" ?([;:/=+*×()\[\]<>-]) ?")
_COMMA = re.compile(r" ?, ?")
_LONGEST_MATHS = 200
_EXPLOSIVE = re.compile(r"\^[^+\-]{0,12}\^|\^\s?[({]?\s?-?[0-9]{4}|[0-9]{4}\s?!|!\s?!|[0-9]{60}|[*]{2}")
_NO_ANSWER = frozenset({"nan", "null", "n/a", "#n/a", "<na>", "nat"})
_LONGEST_GOLD = 1_000
_MOST_GOLD_LINES = 12
_SECONDS = 30
"""Far above what the guarded formulas need, so that a busy machine does not change a grade."""


class AnswerError(ValueError):
    """An answer cannot be read or graded at all; the message says what to do."""


def extract(text: str, fmt: TraceFormat) -> str | None:
    """The answer of a response, on one line, or None when it gives none (or an empty one)."""
    return answer_of(segment(text, fmt))


def answer_of(trace: Trace) -> str | None:
    """The answer of a segmented response: of its last answer segment, the first line with a digit, else the first.

    An answer without the opener ("the answer is 5. But…") ends with its sentence.
    """
    if trace.answer is None:
        return None
    body = trace.body(trace.answer)
    lines = [line.strip() for line in body.splitlines() if line.strip()]
    found = next((line for line in lines if _DIGIT.search(line)), lines[0] if lines else None)
    if found is None or trace.answer.opened:
        return found
    end = _SENTENCE_END.search(found)
    return found[: end.start()] if end else found


def correct(text: str, gold: str, fmt: TraceFormat) -> bool:
    """Whether a response's answer equals the gold answer; a response without an answer is wrong."""
    given = extract(text, fmt)
    return given is not None and equal(given, gold)


def equal(given: str, gold: str) -> bool:
    """Whether a person would call two answers the same. Raises AnswerError when math-verify is needed and missing."""
    one, other = numbers.canonical(given), numbers.canonical(gold)
    if one is not None and other is not None:
        return one == other
    return _equal_read(given, gold)


def normalise(text: str) -> str:
    """One spelling per answer: `$2,125.00` is `2125`, `\\frac{6}{8}` is `0.75`, `50 %` is `50%`, else tidy text."""
    simple = numbers.canonical(text)
    if simple is not None:
        return simple
    found = numbers.read(text, sole=True)
    if isinstance(found, numbers.Number):
        return _spell(found)
    tidy = _SPACES.sub(" ", plain(text)).strip().rstrip(" .").casefold()
    # A list keeps a space after its commas, so that `8, 282` is never spelled like 8282 with a separator.
    return _COMMA.sub(", ", _AROUND.sub(r"\1", tidy)).strip()


def gold_answer(field: str, after: str) -> str:
    """The gold answer in a data set's field: what follows the last `after` ("" takes all), stripped.

    Raises AnswerError when `after` is not in the field or nothing follows it.
    """
    _, found, rest = field.rpartition(after) if after else ("", "all", field)
    if not found:
        raise AnswerError(f"no {after!r} in the answer field {_short(field)}; check `answer.after` of the data set")
    if not rest.strip():
        raise AnswerError(f"the answer field {_short(field)} holds no answer")
    return rest.strip()


def gold_problem(gold: str) -> str | None:
    """Why no answer can ever equal this gold answer; None when one can. Cheap: no formula is worked out."""
    box = boxed(gold)
    tidy = plain(box[0] if box else gold).strip().casefold()
    if not any(c.isalnum() for c in tidy):
        return "holds no answer" if not gold.strip() else f"holds nothing that can be compared: {_short(gold.strip())}"
    if tidy in _NO_ANSWER or gold.strip() == "None":
        return f"is {gold.strip()!r}, which is what programs write where a value is missing"
    if len(gold) > _LONGEST_GOLD or len(gold.strip().splitlines()) > _MOST_GOLD_LINES:
        return f"is a text of {len(gold):,} characters and not an answer ({_short(gold)}); is `answer.after` right?"
    return None


def _equal_read(given: str, gold: str) -> bool:
    one, other = numbers.read(given), numbers.read(gold, sole=True)
    if isinstance(one, numbers.Number) and isinstance(other, numbers.Number):
        return numbers.same(one, other)
    left, right = normalise(given), normalise(gold)
    if left == right:
        return bool(left)
    number = isinstance(one, numbers.Number) or isinstance(other, numbers.Number)
    if "text" in (one, other) or (number and "list" in (one, other)):
        return False
    return _verify(given, gold)


def _verify(given: str, gold: str) -> bool:
    """math-verify's opinion. Its time limit is a signal, which only the main thread may set; elsewhere only the guard
    on size and towers of powers stands between a text and an endless computation."""
    if any(len(text) > _LONGEST_MATHS or _EXPLOSIVE.search(text) for text in (given, gold)):
        return False
    try:
        from math_verify import LatexExtractionConfig, parse, verify
    except ImportError as error:
        raise AnswerError("grading a formula needs math-verify; install cotspec[train]") from error
    limit = _SECONDS if threading.current_thread() is threading.main_thread() else None
    # Formulas only and no fall-back: left to itself math-verify takes any number it finds in the text.
    config = [LatexExtractionConfig()]
    known, offered = (
        parse(_formula(text), extraction_config=config, fallback_mode="no_fallback", parsing_timeout=limit)
        for text in (gold, given)
    )
    return bool(known and offered and verify(known, offered, timeout_seconds=limit))


def _formula(text: str) -> str:
    text = text.strip(" .\n")
    return text if re.search(r"\\\(|\\\[|\\boxed|(?<!\\)\$[^$]+\$", text) else f"${text}$"


def _spell(number: numbers.Number) -> str:
    mark = {Fraction(1): "", Fraction(1, 100): "%"}.get(number.scale)
    value = number.value if mark is not None else number.value * number.scale
    return _decimal(value) + (mark or "")


def _decimal(value: Fraction) -> str:
    """`21/4` as 5.25 when its decimals end, else as a fraction."""
    rest, places = value.denominator, 0
    for prime in (2, 5):
        count = 0
        while rest % prime == 0:
            rest, count = rest // prime, count + 1
        places = max(places, count)
    if rest != 1 or places > 30:
        return str(value)
    digits = str(abs(value.numerator) * 10**places // value.denominator).rjust(places + 1, "0")
    text = f"{digits[:-places]}.{digits[-places:]}" if places else digits
    return "-" + text if value < 0 else text


def _short(field: str) -> str:
    return repr(field if len(field) <= 60 else field[:57] + "…")
