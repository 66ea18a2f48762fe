"""`builtin:chains`: seeded multi-step arithmetic word problems, each with a worked, verbose teacher-style trace.

A problem is a chain: a start number and some changes to it. The chain alone (not the names or the wording) decides
which split it belongs to, so the splits never share a chain whatever seeds they are drawn with. Two data sets of the
same split but different seeds may overlap; one data set never holds a chain twice.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from hashlib import sha256
from random import Random
from typing import Final, Literal

from cotspec.builtin import wording
from cotspec.builtin.wording import Forms, Kind, Person

Split = Literal["train", "valid", "test"]

LARGEST: Final = 99
"""No number of a problem, given or computed, is larger; the builtin tokenizer holds all of them whole."""
VERBOSE: Final = 0.7
"""Share of long forms in a teacher-style trace."""
_BUCKETS: Final[dict[Split, range]] = {"test": range(1), "valid": range(1, 2), "train": range(2, 10)}
_TRIES_IN_A_ROW: Final = 10_000


@dataclass(frozen=True)
class Problem:
    """A question, its right answer, a teacher-style trace and the number of steps that trace takes."""

    question: str
    answer: str
    trace: str
    steps: int


@dataclass(frozen=True)
class Change:
    """One change to the running number: what it does, by how much, and the number before and after it."""

    kind: Kind
    by: int
    before: int
    after: int


@dataclass(frozen=True)
class Chain:
    """The arithmetic of a problem, without any words."""

    start: int
    changes: tuple[Change, ...]

    @property
    def key(self) -> str:
        """The canonical form: equal keys are the same arithmetic."""
        return " ".join([str(self.start), *(f"{change.kind}:{change.by}" for change in self.changes)])

    @property
    def split(self) -> Split:
        """The one split this chain may appear in."""
        bucket = int.from_bytes(sha256(self.key.encode()).digest()[:8], "big") % 10
        return next(name for name, buckets in _BUCKETS.items() if bucket in buckets)


@dataclass(frozen=True)
class Story:
    """A chain told about somebody: everything a question or a trace is written from."""

    chain: Chain
    person: Person
    friend: Person
    things: str


def generate(*, split: Split, size: int, seed: int, steps: tuple[int, int]) -> Iterator[Problem]:
    """Yield `size` problems of `split` with between `steps[0]` and `steps[1]` steps (both included)."""
    rng = Random(sha256(f"chains {split} {seed} {steps[0]} {steps[1]}".encode()).digest())  # noqa: S311 - for data, not for secrets
    for story in stories(rng, split=split, size=size, steps=steps):
        chain = story.chain
        yield Problem(
            question=question(story, rng),
            answer=str(chain.changes[-1].after),
            trace=trace(story, rng, verbose=VERBOSE),
            steps=len(chain.changes),
        )


def stories(rng: Random, *, split: Split, size: int, steps: tuple[int, int]) -> Iterator[Story]:
    """Yield `size` stories with different chains, all of one split."""
    low, high = steps
    if not 1 <= low <= high:
        raise ValueError(f"steps must be 1 <= low <= high, not {steps}")
    seen: set[str] = set()
    for _ in range(size):
        chain = _new_chain(rng, split, steps, seen)
        seen.add(chain.key)
        person, friend = rng.sample(wording.PEOPLE, 2)
        yield Story(chain, person, friend, rng.choice(wording.THINGS))


def terse(*, split: Split, size: int, seed: int, steps: tuple[int, int]) -> list[str]:
    """Worked solutions of problems like those of a set, without a long form: few that say every step are shorter."""
    rng = Random(sha256(f"terse {split} {seed} {steps[0]} {steps[1]}".encode()).digest())  # noqa: S311 no secret
    return [trace(story, rng, verbose=0.0) for story in stories(rng, split=split, size=size, steps=steps)]


def question(story: Story, rng: Random) -> str:
    """Ask for the last number of the story."""
    words = _words(story)
    told = [rng.choice(wording.CHANGES[c.kind]).format(by=c.by, **words) for c in story.chain.changes]
    return " ".join([wording.OPENING.format(**words), *told, wording.ASKING.format(**words)])


def trace(story: Story, rng: Random, *, verbose: float) -> str:
    """Write a worked solution in which every segment takes its long form with probability `verbose`."""
    words = _words(story)
    forms = (_pick(forms, rng, verbose) for forms in wording.THINKING)
    thinking = _sentences(rng.choice(wording.THINKING_OPENERS), *(form.format(**words) for form in forms))
    lines = [f"Step {k}: {_step(story, change, rng, verbose)}" for k, change in enumerate(story.chain.changes, 1)]
    return "\n".join(["Thinking…", thinking, "", *lines, f"Answer: {story.chain.changes[-1].after}"])


def _step(story: Story, change: Change, rng: Random, verbose: float) -> str:
    words = _words(story) | {
        "by": str(change.by),
        "before": str(change.before),
        "after": str(change.after),
        "sign": wording.SIGNS[change.kind],
    }
    before = _pick(wording.BEFORE_EQUATION, rng, verbose)
    after = _pick(wording.AFTER_EQUATION, rng, verbose)
    return _sentences(*(part.format(**words) for part in (before, wording.EQUATION, after)))


def _new_chain(rng: Random, split: Split, steps: tuple[int, int], seen: set[str]) -> Chain:
    """Draw chains until one belongs to the split and is new; a space that is used up is an error, not a loop."""
    for _ in range(_TRIES_IN_A_ROW):
        chain = _chain(rng, rng.randint(*steps))
        if chain.split == split and chain.key not in seen:
            return chain
    raise ValueError(f"there are hardly more than {len(seen)} different problems of {steps} steps in {split}")


def _chain(rng: Random, steps: int) -> Chain:
    start = value = rng.randint(5, 40)
    changes: list[Change] = []
    for _ in range(steps):
        changes.append(_change(rng, value))
        value = changes[-1].after
    return Chain(start, tuple(changes))


def _change(rng: Random, before: int) -> Change:
    """Draw a change that keeps the running number within 1 and `LARGEST`."""
    while True:
        kind: Kind = rng.choices(("add", "take", "times"), weights=(4, 4, 2))[0]
        by = rng.randint(2, 3) if kind == "times" else rng.randint(2, 12)
        after = apply(kind, before, by)
        if 1 <= after <= LARGEST:
            return Change(kind, by, before, after)


def apply(kind: Kind, before: int, by: int) -> int:
    """The running number after a change."""
    match kind:
        case "add":
            return before + by
        case "take":
            return before - by
        case "times":
            return before * by


def _pick(forms: Forms, rng: Random, verbose: float) -> str:
    """Take the long form with probability `verbose`, else the middle or the short one, equally often."""
    if rng.random() < verbose:
        return forms.long
    return rng.choice((forms.middle, forms.short))


def _sentences(*parts: str) -> str:
    return " ".join(part for part in parts if part)


def _words(story: Story) -> dict[str, str]:
    return {
        "name": story.person.name,
        "pronoun": story.person.pronoun,
        "friend": story.friend.name,
        "things": story.things,
        "start": str(story.chain.start),
        "count": str(len(story.chain.changes)),
    }
