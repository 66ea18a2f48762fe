"""Problems with worked traces to stand in where no real rows are there yet, in the openers of the spec at hand.

Owns their text. Those of a builtin data set are its own problems in its own teacher's wording; the others were written
for this file: everyday arithmetic of three to six steps, with the habits of real teachers (units, currency, LaTeX).
"""

from __future__ import annotations

import re
from itertools import islice
from typing import Final, NamedTuple, cast

from cotspec.builtin import problems
from cotspec.cot.measures import words
from cotspec.cot.records import UNKNOWN_TOKENS, TraceRecord
from cotspec.cot.segment import segment
from cotspec.spec.payload import BuiltinData, DataBody, Form, TraceFormat, TracesBody

SIZE: Final = 16
"""Problems of a builtin data set that a sample takes."""
_MOST: Final = 5_000
"""Problems it is worth making to get at the first that count: a quarter of a second."""


class Sample(NamedTuple):
    """A problem solved step by step; the thinking and the steps are as long-winded as a teacher's."""

    question: str
    thinking: str
    steps: tuple[str, ...]
    answer: str


SAMPLES: Final = (
    Sample(
        "A baker fills 6 trays with 8 rolls each. She sells 31 rolls in the morning and bakes 10 more at noon. How "
        "many rolls does she have then?",
        "The baker starts with several trays, so first I need the number of rolls on all of them.\n\nThen some are "
        "sold and some are added. Let me go through it in order.",
        (
            "Six trays with 8 rolls each make 6 * 8 = 48 rolls.",
            "She sells 31 of them in the morning. That leaves 48 - 31 = 17 rolls.",
            "At noon she bakes 10 more, so she has 17 + 10 = 27 rolls.",
        ),
        "27",
    ),
    Sample(
        "Nora rides her bicycle 12 km to the lake at 16 km/h and comes back at 12 km/h. How many minutes does she "
        "ride?",
        "Two legs of the same length but with different speeds. Time is distance over speed, and the answer is wanted "
        "in minutes, not in hours.",
        (
            "The way to the lake takes 12 / 16 = 0.75 hours.",
            "The way back takes 12 / 12 = 1 hour.",
            "Together that is 0.75 + 1 = 1.75 hours.",
            "An hour has 60 minutes, so she rides for 1.75 * 60 = 105 minutes.",
        ),
        "105",
    ),
    Sample(
        "A jacket costs $80. It is reduced by 25%, and a coupon takes another $12 off. How much change is left of "
        "$100?",
        "First the reduction, then the coupon, then the change. Wait, is the coupon taken off before or after the "
        "reduction? The text says another $12 off, so after.",
        (
            r"The reduction is \( 0.25 \times 80 = 20 \) dollars.",
            r"The reduced price is \( 80 - 20 = 60 \) dollars.",
            r"With the coupon she pays \( 60 - 12 = 48 \) dollars.",
            r"The change is \( 100 - 48 = 52 \) dollars.",
        ),
        "52",
    ),
    Sample(
        "Three classes collect cans. The first collects 45, the second twice as many, the third 15 fewer than the "
        "second. A can earns 5 cents. How many dollars do they earn?",
        "I need the cans of each class, then the sum, then the money. 5 cents are 0.05 dollars.",
        (
            "The second class collects 2 * 45 = 90 cans.",
            "The third class collects 15 fewer: 90 - 15 = 75 cans.",
            "All three have 45 + 90 + 75 = 210 cans.",
            "At 5 cents a can that is 210 * 5 = 1,050 cents.",
            "A dollar has 100 cents. So they earn 1,050 / 100 = 10.50 dollars.",
        ),
        "10.50",
    ),
    Sample(
        "A tank holds 240 litres. One pipe fills it at 9 litres a minute, and a leak loses 3 litres a minute. After 20 "
        "minutes the leak is closed. How many minutes does it take in all?",
        "While the leak is open, only the difference counts. After that the pipe alone fills what is missing.",
        (
            "With the leak open the tank gains 9 - 3 = 6 litres a minute.",
            "In 20 minutes that makes 20 * 6 = 120 litres.",
            "There are still 240 - 120 = 120 litres missing.",
            "The pipe alone needs 120 / 9 = 13 1/3 minutes for them.",
            "In all it takes 20 + 13 1/3 = 33 1/3 minutes.",
        ),
        "33 1/3",
    ),
    Sample(
        "Ivo has 4 boxes of 24 pencils. He gives half of them to the school and shares the rest among 6 friends. Each "
        "friend already had 5. How many pencils does one friend have now?",
        "Boxes first, then half, then the sharing, and the 5 pencils at the very end.",
        (
            "Ivo has 4 * 24 = 96 pencils.",
            "Half of them go to the school: 96 / 2 = 48.",
            "The rest is 96 - 48 = 48 pencils.",
            "Shared among 6 friends each gets 48 / 6 = 8.",
            "Each friend had 5 before, so now it is 5 + 8 = 13.",
            "To check: 6 * 8 + 48 = 96, which is what he began with.",
        ),
        "13",
    ),
)


def records(data: DataBody, keep: TracesBody) -> tuple[TraceRecord, ...]:
    """Sample records in the format of `keep`, of as many steps as it allows. The shipped ones, and all of those when it
    allows none, where the data set is no builtin one."""
    if isinstance(data.source, BuiltinData) and (own := _builtin(data.source, first=data.slice.first, keep=keep)):
        return own
    written = [_record(id, sample, keep.format) for id, sample in enumerate(SAMPLES)]
    return tuple(record for record in written if _fits(record, keep)) or tuple(written)


def _builtin(source: BuiltinData, *, first: int, keep: TracesBody) -> tuple[TraceRecord, ...]:
    """Problems of a data set under their own ids; none when it has none that fit, or not among the first."""
    split = cast(problems.Split, source.split)  # a check has made sure of it
    made = enumerate(problems.generate(split=split, size=source.size, seed=source.seed, steps=source.steps))
    try:
        looked_at = [_record(id, _taken_apart(one), keep.format) for id, one in islice(made, min(first + SIZE, _MOST))]
    except ValueError:  # fewer different problems than its size asks for: the data task will say so
        return ()
    return tuple(record for record in looked_at[first:] if _fits(record, keep))


def _fits(record: TraceRecord, keep: TracesBody) -> bool:
    return keep.at_least <= record.steps <= keep.at_most


def _taken_apart(problem: problems.Problem) -> Sample:
    head, *rest = re.split(r"\nStep \d+: ", problem.trace)
    last, _, answer = rest[-1].rpartition("\nAnswer: ")
    return Sample(problem.question, head.removeprefix("Thinking…\n").strip(), (*rest[:-1], last), answer)


def _text(sample: Sample, fmt: TraceFormat) -> str:
    closing = re.sub(r"^<(\w+)>$", r"</\1>\n", fmt.thinking.strip()) if fmt.thinking.strip()[:1] == "<" else ""
    return "\n".join(
        [fmt.thinking, f"{sample.thinking}\n{closing}", *_steps(sample, fmt.step), f"{fmt.answer} {sample.answer}"]
    )


def _steps(sample: Sample, opens: str) -> list[str]:
    return [f"{opens.replace('{n}', str(n))} {text}" for n, text in enumerate(sample.steps, 1)]


def _in_form(sample: Sample, form: Form) -> str:
    """The sample in the segments of a form, each with the first of its labels."""
    lines: list[str] = []
    labels: set[str] = set()
    named = {each.name for each in form}
    worked = "\n".join(sample.steps)
    for each in form:
        if each.when and each.when not in labels:
            continue
        if each.name == "step":
            lines += _steps(sample, each.opens)
            continue
        if each.name == "thinking":
            content = sample.thinking
        elif each.grade:
            content = (
                sample.answer if "step" in named or each.name != "answer" else f"{worked}\n\\boxed{{{sample.answer}}}"
            )
        else:
            content = " ".join(["Each step follows from the one before it.", *each.label[:1]])
        labels.update(f"{each.name}.{label}" for label in each.label[:1])
        lines.append("".join((f"{each.opens} {content}", f" {each.closes}" if each.closes else "")))
    return "\n".join(lines)


def _record(id: int, sample: Sample, fmt: TraceFormat) -> TraceRecord:
    text = _in_form(sample, fmt.form) if fmt.form else _text(sample, fmt)
    return TraceRecord(
        id=id,
        question=sample.question,
        answer=sample.answer,
        trace=text,
        steps=len(segment(text, fmt).steps),
        words=words(text),
        tokens=UNKNOWN_TOKENS,
    )
