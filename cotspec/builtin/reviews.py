"""Reviewed solutions of `builtin:chains` problems: an answer, a critique that ends with T or F, after F another answer.

No builtin model writes a critique, so a spec that teaches one learns from such texts. They are data like any other:
`python -m cotspec.builtin.reviews > specs/methods/scr/reviews.jsonl`, a JSON object a line with `question`, `answer`
(the right one) and `trace` (the text). Half of the first answers have one wrong sum.

All words are such as the builtin tokenizer holds whole, and numbers are so behind a space: tags, and whatever else it
has to spell, a builtin model does not learn in some dozens of steps.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from hashlib import sha256
from random import Random
from typing import Final

from cotspec.builtin import problems, wording
from cotspec.builtin.problems import LARGEST, Chain, Change, Story

SIZE: Final = 400
STEPS: Final = (2, 4)
WRONG: Final = 0.5
"""Share of first answers that are wrong."""
SLIPS: Final = (-2, -1, 1, 2)
"""By how much a wrong sum is off. Most wrong answers of tiny-student begin with one that is off by two."""


def rows(*, size: int = SIZE, seed: int = 0) -> Iterator[dict[str, str]]:
    """Yield `size` different problems of the train split, each with the text that reviews its own first answer."""
    rng = Random(sha256(f"reviews {seed}".encode()).digest())  # noqa: S311 - for data, not for secrets
    for story in problems.stories(rng, split="train", size=size, steps=STEPS):
        question = problems.question(story, rng)
        first = slipped(story.chain, rng) if rng.random() < WRONG else story.chain
        answer = str(story.chain.changes[-1].after)
        yield {"question": question, "answer": answer, "trace": reviewed(story, first, rng)}


def reviewed(story: Story, first: Chain, rng: Random) -> str:
    """What reviews `first`, an attempt at the story's chain, and gives the right answer if it is wrong."""
    text = f"{problems.trace(replace(story, chain=first), rng, verbose=0.0)}\nNotes: {_critique(story.chain, first)}"
    return text if first == story.chain else f"{text}\nSolution: {story.chain.changes[-1].after}"


def slipped(chain: Chain, rng: Random) -> Chain:
    """The chain with one wrong sum; what comes after goes on from there, so that the last number is wrong, too."""
    every = (_slip(chain, at, by) for at in range(len(chain.changes)) for by in SLIPS)
    return rng.choice([one for one in every if all(1 <= change.after <= LARGEST for change in one.changes)])


def _slip(chain: Chain, at: int, by: int) -> Chain:
    wrong = replace(chain.changes[at], after=chain.changes[at].after + by)
    changes = [*chain.changes[:at], wrong]
    for change in chain.changes[at + 1 :]:
        before = changes[-1].after
        changes.append(replace(change, before=before, after=problems.apply(change.kind, before, change.by)))
    return Chain(chain.start, tuple(changes))


def _critique(right: Chain, first: Chain) -> str:
    """Of each step what it should be and whether the first answer has that, T or F. A wrong sum is carried to the end,
    so the last word is what is to be said of the whole answer."""
    steps = zip(right.changes, first.changes, strict=True)
    return " ".join(f"{_equation(change)} {'T' if said == change else 'F'}" for change, said in steps)


def _equation(change: Change) -> str:
    return wording.EQUATION.format(
        before=change.before, sign=wording.SIGNS[change.kind], by=change.by, after=change.after
    )


if __name__ == "__main__":
    for row in rows():
        print(json.dumps(row, ensure_ascii=False))
