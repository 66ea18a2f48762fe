r"""The leak guard: no prompt of `complete` or `reconstruct` contains what the model is asked for.

Owns what a leak is (`leaks`, which looks at the finished text only and trusts no code that made it) and the extra
hiding that closes one (`close_leaks`). Must not know how units were chosen. A leak is one of:

1. **statement**: the shown steps announce an answer: `\boxed{…}`, `#### …`, a `Final Answer` heading, or "answer" with
   `is`, `:`, `=`, `should be` …. Whatever its value: an answer may be written in a way no comparison recognises, so the
   phrase alone counts.
2. **answer**: the answer segment stands in them word for word (or its body does, when that is more than three words).
3. **repeat**: a hidden unit stands in them word for word. A hidden bare number is exempt, unless it is a whole step:
   `8` also stands in other places as a value of its own, and hiding every 8 would ask for something else than the mask
   says. Sentences, equations and regex matches are not exempt.

Not a leak, by the method: the value of the answer as the result of a visible last step (`10 + 10 = 20`): the paper's
masks may leave the last step visible. Not found: a hidden step told in other words.

Texts are compared without regard to case, width of blanks and closing punctuation, and only whole words match: a hidden
`8` is not in `18`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final, Literal

from cotspec.cot.mask import merged
from cotspec.cot.own_segments import graded
from cotspec.cot.segment import Trace
from cotspec.cot.units import Span, numbers, sentences

LeakKind = Literal["statement", "answer", "repeat"]


@dataclass(frozen=True, slots=True)
class Leak:
    """Something asked for that the shown text gives away."""

    kind: LeakKind
    text: str
    """What leaked, as it stands in the trace (or in the shown text, for a statement)."""

    def __str__(self) -> str:
        text = " ".join(self.text.split())
        return f"{self.kind}: {text if len(text) <= 80 else text[:79] + '…'}"


# --- the check --------------------------------------------------------------------------------------------------------


def leaks(shown: str, *, trace: Trace, hidden: Iterable[Span]) -> tuple[Leak, ...]:
    """Every leak in `shown`, the steps as a prompt has them. `hidden` are spans of `trace.text` and may overlap."""
    text = _key(shown)
    leaking = [Leak("statement", shown[start:end]) for start, end in statements(shown)]
    leaking += [Leak("answer", asked) for asked in _answer_texts(trace) if _contains(text, _key(asked))]
    units = dict.fromkeys(asked for asked, _ in _unit_texts(trace, hidden))
    leaking += [Leak("repeat", asked) for asked in units if _contains(text, _key(asked))]
    return tuple(leaking)


_HEADING: Final = re.compile(r"\b(?:Final [Aa]nswer|FINAL ANSWER)\b|\bAnswer\*\*|####")
_PHRASE: Final = re.compile(
    r"\b(?:the\s{1,3})?(?:final\s{1,3})?(?:answer|ans)[\s*_]{0,3}"
    r"(?:[:=]|(?:is|are|was|equals|becomes|(?:should|must|will|would|can|has\sto)\s{1,3}be|to\s{1,3}be)\b)",
    re.IGNORECASE,
)
_BOX: Final = re.compile(r"\\(?:boxed|fbox|framebox)(?![A-Za-z])\s{0,3}")


def statements(text: str) -> tuple[Span, ...]:
    """Spans of `text` that announce an answer: a box, a phrase to the end of its sentence, a heading to the end."""
    spans = [(match.start(), _group_end(text, match.end())) for match in _BOX.finditer(text)]
    if phrases := list(_PHRASE.finditer(text)):
        ends = [end for _, end in sentences(text)]
        spans += [(phrase.start(), _statement_end(text, phrase.end(), ends)) for phrase in phrases]
    if heading := _HEADING.search(text):
        spans.append((heading.start(), len(text)))
    return merged(spans)


def _statement_end(text: str, at: int, ends: Sequence[int]) -> int:
    """The end of the sentence that holds the next word after `at`: `The answer is:` may have its value a line below."""
    word = re.compile(r"\w").search(text, at)
    return next((end for end in ends if word and end > word.start()), len(text))


def _group_end(text: str, at: int) -> int:
    """The end of the braces that open at `at`; of the text when they never close; of one word when none open."""
    if not text.startswith("{", at):
        word = re.compile(r"\S*").match(text, at)
        return word.end() if word else at
    depth = 0
    for brace in re.compile(r"[{}]").finditer(text, at):
        depth += 1 if brace.group() == "{" else -1
        if depth == 0:
            return brace.end()
    return len(text)


# --- closing a leak ---------------------------------------------------------------------------------------------------


def close_leaks(trace: Trace, hidden: Iterable[Span]) -> tuple[Span, ...]:
    """The spans to hide besides `hidden` so that no leak is left: statements, and repeats in the steps still visible.

    A repeat of a whole hidden step hides the whole step it stands in, which may then repeat elsewhere: the search goes
    on until nothing changes. The result may overlap `hidden`. Outranks the mask's `leave`.
    """
    bodies = [(step.body_start, step.body_end) for step in trace.steps]
    extra: list[Span] = []
    for start, end in bodies:
        extra += [(start + first, start + last) for first, last in statements(trace.text[start:end])]
    answers = [(text, False) for text in _answer_texts(trace)]
    covered = merged((*hidden, *extra))
    while True:
        texts = {_key(text): whole for text, whole in (*answers, *sorted(_unit_texts(trace, (*hidden, *extra))))}
        fresh = [span for body in bodies for span in _repeats(trace.text, body, covered=covered, texts=texts)]
        if not fresh:
            return tuple(extra)
        extra += fresh
        covered = merged((*covered, *fresh))


def _repeats(text: str, body: Span, *, covered: Iterable[Span], texts: Mapping[str, bool]) -> Iterator[Span]:
    """Where the visible parts of one step hold a key of `texts`; all of it for a whole step (True)."""
    visible = _visible(body, covered)
    keys = [_key(text[start:end]) for start, end in visible]
    for asked, whole in texts.items():
        for (start, end), key in zip(visible, keys, strict=True):
            if not _contains(key, asked):
                continue
            if whole:
                yield body
                return
            yield from (match.span() for match in _spaced(asked).finditer(text, start, end))


def _visible(body: Span, covered: Iterable[Span]) -> list[Span]:
    pieces, at = [], body[0]
    for start, end in covered:
        if body[0] <= start < body[1]:
            pieces.append((at, start))
            at = end
    return [piece for piece in (*pieces, (at, body[1])) if piece[0] < piece[1]]


# --- comparing texts --------------------------------------------------------------------------------------------------


def _answer_texts(trace: Trace) -> list[str]:
    """The texts of the answer segments, and their bodies when these are sentences and not just values."""
    texts = []
    kinds = ("answer", *graded(trace.form))
    for answer in trace.segments:
        if answer.kind in kinds:
            texts.append(trace.text[answer.start : answer.end])
            texts += [body for body in [trace.body(answer)] if len(body.split()) > 3]
    return texts


def _unit_texts(trace: Trace, hidden: Iterable[Span]) -> list[tuple[str, bool]]:
    """(text, whether it is a whole step) of each hidden span that must not stand anywhere else."""
    bodies = {(step.body_start, step.body_end) for step in trace.steps}
    units = [(trace.text[start:end].strip(), (start, end) in bodies) for start, end in hidden]
    return [(text, whole) for text, whole in units if whole or list(numbers(text)) != [(0, len(text))]]


def _key(text: str) -> str:
    return " ".join(text.lower().split()).rstrip(" .,;:!?")


def _contains(text: str, key: str) -> bool:
    """Whether `key` stands in `text` (both from `_key`) as whole words."""
    at = text.find(key) if key else -1
    while at >= 0:
        end = at + len(key)
        glued_left = at > 0 and _wordlike(key[0]) and _wordlike(text[at - 1])
        glued_right = end < len(text) and _wordlike(key[-1]) and _wordlike(text[end])
        if not glued_left and not glued_right:
            return True
        at = text.find(key, at + 1)
    return False


def _wordlike(character: str) -> bool:
    return character.isalnum() or character == "_"


@lru_cache(maxsize=4096)
def _spaced(key: str) -> re.Pattern[str]:
    """`_contains` on raw text: any blanks between the words."""
    body = r"\s+".join(re.escape(word) for word in key.split())
    left = r"(?<!\w)" if _wordlike(key[0]) else ""
    right = r"(?!\w)" if _wordlike(key[-1]) else ""
    return re.compile(left + body + right, re.IGNORECASE)
