"""Two models beside each other: which questions changed sides, and the texts of both.

Knows recorded answers; not where they lie. The drawing in two columns is for a terminal, the other for pipes.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from typing import Final, Literal

from rich.console import Console, Group
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from cotspec.cot.stats import paired_difference
from cotspec.files.visible import visible
from cotspec.views.flips import Answer

Kind = Literal["lost", "won", "other text", "same text"]
"""What the second model did with a question that the first one answered, too."""
_TOLD: Final[Mapping[Kind, str]] = {
    "lost": "right before, wrong after",
    "won": "wrong before, right after",
    "other text": "other text, judged alike",
    "same text": "the same text",
}
_MOST_COMPARED: Final = 4_000_000
"""Pairs of words: two texts of 1,000 words each, with the spaces between them."""
_WORDS: Final = re.compile(r"\s+|\S+")


@dataclass(frozen=True, kw_only=True, slots=True)
class Model:
    """One of the two models."""

    name: str
    """As a person calls it."""
    answers: Mapping[int, Sequence[Answer]]
    """Its answers by question."""

    def share(self, id: int) -> float:
        """The share of its answers to a question that are right."""
        return sum(each.right for each in self.answers[id]) / len(self.answers[id])


@dataclass(frozen=True, kw_only=True, slots=True)
class Pair:
    """A question with an answer of each side: of several the first that shows the change, else the first."""

    id: int
    kind: Kind
    old: Answer
    new: Answer
    old_share: float
    new_share: float
    samples: tuple[int, int]


@dataclass(frozen=True, kw_only=True)
class SideBySide:
    """What two models answered to the same questions."""

    old: Model
    new: Model
    set: str
    pairs: Sequence[Pair]
    """In the order of the questions, one for each that both answered."""
    not_compared: int
    """Questions that one of them was not asked, or not in these words."""

    def of_kind(self, kind: Kind) -> list[Pair]:
        """The questions of one kind."""
        return [each for each in self.pairs if each.kind == kind]

    @property
    def chosen(self) -> list[Pair]:
        """All questions that differ: those that changed sides first, lost and won in turn."""
        turns = zip_longest(self.of_kind("lost"), self.of_kind("won"))
        return [each for turn in turns for each in turn if each is not None] + self.of_kind("other text")


def side_by_side(old: Model, new: Model, set: str) -> SideBySide:
    """Put the answers of two models beside each other."""
    every = dict.fromkeys((*old.answers, *new.answers))
    both = [id for id in every if _same_question(old, new, id)]
    pairs = [_pair(old, new, id) for id in both]
    return SideBySide(old=old, new=new, set=set, pairs=pairs, not_compared=len(every) - len(both))


def _same_question(old: Model, new: Model, id: int) -> bool:
    one, other = old.answers.get(id), new.answers.get(id)
    return bool(one and other) and (one or ())[0].question == (other or ())[0].question


def _pair(old: Model, new: Model, id: int) -> Pair:
    before, after = old.share(id), new.share(id)
    one, other = old.answers[id], new.answers[id]
    if before == after:
        kind: Kind = "same text" if [s.text for s in one] == [s.text for s in other] else "other text"
        first = next(((a, b) for a, b in zip(one, other, strict=False) if a.text != b.text), (one[0], other[0]))
    else:
        kind, right = ("lost", True) if after < before else ("won", False)
        first = (_first(one, right), _first(other, not right))
    return Pair(
        id=id, kind=kind, old=first[0], new=first[1], old_share=before, new_share=after, samples=(len(one), len(other))
    )


def _first(said: Sequence[Answer], right: bool) -> Answer:
    return next((each for each in said if each.right is right), said[0])


# --- for people -------------------------------------------------------------------------------------------------------


def summary(of: SideBySide) -> list[str]:
    """What the comparison comes to."""
    counts = {kind: len(of.of_kind(kind)) for kind in _TOLD}
    lines = [f"{of.old.name} → {of.new.name}{f' on {of.set}' if of.set else ''}: {len(of.pairs):,} questions"]
    lines += [f"  {counts[kind]:>6,}  {told}" for kind, told in _TOLD.items()]
    if of.pairs:
        share, low, high = paired_difference([each.new_share - each.old_share for each in of.pairs])
        old, new = (sum(shares) / len(of.pairs) for shares in _shares(of))
        change = f"{100 * share:+.1f} points [{100 * low:+.1f}, {100 * high:+.1f}]"
        lines.append(f"  accuracy {100 * old:.1f} % → {100 * new:.1f} %, {change}, paired by question, 95 %")
    if of.not_compared:
        lines.append(f"  {of.not_compared:>6,}  put to one of them alone, or in other words: left out")
    return lines


def _shares(of: SideBySide) -> tuple[list[float], list[float]]:
    return [each.old_share for each in of.pairs], [each.new_share for each in of.pairs]


def head(pair: Pair) -> str:
    """The line of a question."""
    return f"question {pair.id}   {_TOLD[pair.kind]}   gold {visible(pair.old.gold)}"


def _verdict(said: Answer, share: float, samples: int) -> str:
    told = "right" if said.right else "wrong"
    tokens = "" if said.tokens is None else f", {said.tokens} tokens"
    several = f"; {round(share * samples)} of {samples} right" if samples > 1 else ""
    return f"{told}{tokens}{several}"


def text(of: SideBySide, shown: Sequence[Pair]) -> str:
    """One text after the other."""
    return "\n".join((*summary(of), *(line for pair in shown for line in _plain(of, pair)))) + "\n"


def _plain(of: SideBySide, pair: Pair) -> Iterator[str]:
    yield f"\n=== {head(pair)}"
    yield visible(pair.old.question.rstrip())
    for model, said, share, samples in _sides(of, pair):
        yield f"\n--- {model.name}: {_verdict(said, share, samples)}"
        yield visible(said.text.rstrip())


def _sides(of: SideBySide, pair: Pair) -> Iterator[tuple[Model, Answer, float, int]]:
    yield of.old, pair.old, pair.old_share, pair.samples[0]
    yield of.new, pair.new, pair.new_share, pair.samples[1]


def draw(console: Console, of: SideBySide, shown: Sequence[Pair]) -> None:
    """Print two columns, in which the words that only one text has stand out."""
    console.print(Text("\n".join(summary(of))))
    for pair in shown:
        console.print("", Rule(Text(head(pair), style="bold"), align="left"))
        console.print(Text(visible(pair.old.question.rstrip())), "")
        columns = Table(expand=True, show_edge=False, pad_edge=False, box=None, padding=(0, 2, 0, 0))
        for model, said, share, samples in _sides(of, pair):
            style = "green" if said.right else "red"
            columns.add_column(Text(f"{model.name}: {_verdict(said, share, samples)}", style=style), ratio=1)
        old, new = marked(visible(pair.old.text.rstrip()), visible(pair.new.text.rstrip()))
        columns.add_row(Group(old), Group(new))
        console.print(columns)


def marked(old: str, new: str) -> tuple[Text, Text]:
    """Both texts, with the words that the other one lacks in a style of their own; texts that are so long that to find
    them would take seconds are left plain."""
    one, other = _WORDS.findall(old), _WORDS.findall(new)
    if len(one) * len(other) > _MOST_COMPARED:
        return Text(old), Text(new)
    left, right = Text(), Text()
    for kind, a, b, c, d in difflib.SequenceMatcher(None, one, other, autojunk=False).get_opcodes():
        style = "" if kind == "equal" else "bold underline"
        left.append("".join(one[a:b]), style=style)
        right.append("".join(other[c:d]), style=style)
    return left, right


# --- for programs -----------------------------------------------------------------------------------------------------


def record(of: SideBySide, shown: Sequence[Pair]) -> dict[str, object]:
    """As plain data."""
    return {
        "old": of.old.name,
        "new": of.new.name,
        "set": of.set or None,
        "questions": len(of.pairs),
        "apart": of.not_compared,
        "counts": {kind.replace(" ", "_"): len(of.of_kind(kind)) for kind in _TOLD},
        "shown": [_recorded(pair) for pair in shown],
    }


def _recorded(pair: Pair) -> dict[str, object]:
    sides = {
        side: {"text": said.text, "right": said.right, "tokens": said.tokens, "share_right": share}
        for side, said, share in (("old", pair.old, pair.old_share), ("new", pair.new, pair.new_share))
    }
    return {
        "id": pair.id,
        "kind": pair.kind.replace(" ", "_"),
        "question": pair.old.question,
        "gold": pair.old.gold,
    } | sides
