"""Fields of the tasks that pair texts and mix rows, shown in what they leave (rows of test_fields_of_data)."""

from __future__ import annotations

import hashlib
import json

from bodies import FORMAT
from fields import Effect, Ran

from cotspec.spec.payload import CompareBody, MixBody, MixPart, SegmentFormat

RESULT = SegmentFormat(name="result", opens="Result:", closes="")
COMPARE = CompareBody(format=FORMAT, better="text.correct", gap=0.0, most=1, target=0)
PART = MixPart(share=0.0, run=1)
MIX = MixBody(parts=(PART, PART), order="given", seed=0)


def pairs(ran: Ran) -> list[tuple[str, str]]:
    return [(pair["chosen"], pair["rejected"]) for pair in ran.read("pairs.jsonl")] if ran.code == 0 else []


#: Of questions whose answer is 3, in the order they were drawn.
SHORT, LONGER, LONG = "Step 1: a\nAnswer: 3", "Step 1: a a\nAnswer: 3", "Step 1: a\nStep 2: b b b\nAnswer: 3"
WRONG = "Musing:\nStep 1: 9\nLine 1) 9\nResult: 3\nAnswer: 5"
THOUGHT = "Musing: so the answer is 3.\nThat is all."
FEWER, MORE_STEPS = (COMPARE.model_copy(update={"better": better}) for better in ("0 - text.words", "text.steps"))
COMPARED = (
    Effect(name="compare.format.thinking", value="Musing:", see=pairs, want=[(SHORT, WRONG)]),
    Effect(
        name="compare.format.step",
        value="Line {n})",
        see=pairs,
        want=[(WRONG, SHORT), (WRONG, THOUGHT)],
        base=MORE_STEPS,
    ),
    Effect(name="compare.format.answer", value="Result:", see=pairs, want=[(WRONG, SHORT)]),
    Effect(
        name="compare.format.form",
        value=(RESULT,),
        see=pairs,
        want=[(WRONG, SHORT), (WRONG, THOUGHT)],
        base=COMPARE.model_copy(update={"better": "text.formatted"}),
    ),
    Effect(name="compare.better", value="text.words", see=pairs, want=[(WRONG, SHORT), (WRONG, THOUGHT)]),
    Effect(name="compare.gap", value=99.0, see=lambda ran: ran.code, want=2, base=FEWER),
    Effect(name="compare.most", value=2, see=lambda ran: len(pairs(ran)), want=3, base=FEWER),
    Effect(name="compare.target", value=1, see=pairs, want=[("draft a", "draft b")]),
)


def mixed(ran: Ran) -> list[int]:
    return [row["id"] for row in ran.read("rows.jsonl")]


def by_chance(seed: int) -> list[int]:
    """The rows 0 to 3 of the first source and 10 to 11 of the second, by the sha256 of seed, epoch and place."""
    places = [(0, at) for at in range(4)] + [(1, at) for at in range(2)]
    places.sort(key=lambda place: hashlib.sha256(json.dumps(["mix", seed, 0, *place]).encode()).digest())
    return [10 * source + at for source, at in places]


SHARED_OUT = MixBody(parts=(MixPart(share=0.5, run=0), MixPart(share=0.5, run=0)), order="given", seed=0)
BY_TURNS, BY_CHANCE = (MIX.model_copy(update={"order": order}) for order in ("alternate", "shuffled"))
MIXES = (
    Effect(name="mix.parts.share", value=0.8, see=mixed, want=[0, 1, 2, 10, 11], base=SHARED_OUT),
    Effect(name="mix.parts.run", value=2, see=mixed, want=[0, 1, 10, 2, 3, 11], base=BY_TURNS),
    Effect(name="mix.order", value="alternate", see=mixed, want=[0, 10, 1, 11]),
    Effect(name="mix.seed", value=3, see=mixed, want=by_chance(3), base=BY_CHANCE),
)
