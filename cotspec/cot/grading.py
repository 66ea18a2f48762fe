"""Whether a given answer is the gold answer: a table of rules, tried in order. Pure; no model, no question.

The table is the code and the documentation: docs/grading.md is written from it, and its examples are tests. One plain
number on both sides never reaches it; whatever no rule decides is math-verify's.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

from cotspec.cot import grading_rules, numbers, quantities
from cotspec.cot.grading_rules import Grade
from cotspec.cot.grading_sides import Pair, Side, in_order, named, simple
from cotspec.cot.latex import plain, typed
from cotspec.cot.numbers import Number

_APPROXIMATELY = re.compile(r"\\approx(?![A-Za-z])|≈")
_SPECIAL_TOKEN = re.compile(r"<\|[A-Za-z_]{2,24}\|>.*\Z", re.S)
_LONGEST = 10_000
"""A longer text is nobody's answer."""


@dataclass(frozen=True, slots=True)
class Rule:
    """A line of the table."""

    name: str
    does: str
    same: tuple[str, str]
    """A given and a gold answer that are the same by this rule."""
    different: tuple[str, str]
    """A pair close to it that is not."""
    decide: Callable[[Pair], Pair | Grade | None]
    """A grade; another pair, to go on with; or None where the rule has nothing to say."""


def grade(given: str, gold: str) -> Grade:
    """Compare two answers. Raises formulas.MissingError when math-verify is needed and missing."""
    one, other = numbers.canonical(given), numbers.canonical(gold)
    if one is not None and other is not None:
        return Grade.RIGHT if one == other else Grade.WRONG
    if not given.strip() or (other is not None and not quantities.NUMERIC.search(given)):
        return Grade.WRONG
    if len(given) > _LONGEST:
        return Grade.RIGHT if given.strip() == gold.strip() else Grade.UNGRADABLE
    return _decided(Pair(Side(_SPECIAL_TOKEN.sub("", typed(given))), Side(typed(gold))))


def _decided(pair: Pair) -> Grade:
    for rule in RULES:
        decision = rule.decide(pair)
        if isinstance(decision, Grade):
            return decision
        pair = decision or pair
    return Grade.UNGRADABLE


def _approximate(pair: Pair) -> Grade | None:
    given, gold = (_APPROXIMATELY.split(side.raw) for side in (pair.given, pair.gold))
    if len(given) == 1 and len(gold) == 1:
        return None
    grades = [_decided(Pair(Side(one), Side(other))) for one in _values(given) for other in _values(gold)]
    return next((wanted for wanted in Grade if wanted in grades), None)


def _values(parts: Sequence[str]) -> list[str]:
    """What stands around `≈`, without a name that stands for it."""
    return [part for part in parts if part.strip() and not numbers.names(plain(part))] or list(parts)


def _several(pair: Pair) -> Grade | None:
    given, gold = pair.given.items, pair.gold.items
    if len(given) == 1 and len(gold) == 1:
        return None
    if len(gold) == 1:
        hedged = isinstance(pair.gold.number, Number) or pair.gold.worded
        return Grade.UNGRADABLE if hedged and simple(given) else None
    if not simple(gold) or not simple(given):
        return None
    if len(given) != len(gold):
        return Grade.WRONG
    if in_order(given, gold):
        return Grade.RIGHT if all(_is(one, other) for one, other in zip(given, gold, strict=True)) else Grade.WRONG
    unmatched = list(gold)
    for item in given:
        match = next((other for other in unmatched if _is(item, other)), None)
        if match is None:
            return Grade.WRONG
        unmatched.remove(match)
    return Grade.RIGHT


def _is(given: str, gold: str) -> bool:
    if "=" in given and "=" in gold and named(given) != named(gold):
        return False
    return _decided(Pair(Side(given), Side(gold))) is Grade.RIGHT


RULES: Final[tuple[Rule, ...]] = (
    Rule(
        "boxes",
        "What the last `\\boxed{}` or `\\fbox{}` holds is the answer; boxes beside each other are one answer.",
        ("so it is \\fbox{\\text{E}}.", "E"),
        ("\\boxed{5} \\text{ or } \\boxed{6}", "6"),
        grading_rules.boxes,
    ),
    Rule(
        "same text",
        "Equal texts are the same, without LaTeX, markdown, typography and outer space; words also without case.",
        ("**Monday**", "monday"),
        ("f(x)", "F(x)"),
        grading_rules.same_text,
    ),
    Rule(
        "choices",
        "The letter of a choice counts, with or without brackets and the text of the choice.",
        ("(B) 42 apples", "B"),
        ("(C) 42 apples", "B"),
        grading_rules.choice,
    ),
    Rule(
        "approximations",
        "Of an exact value and what it comes to (`1/3 ≈ 0.33`) either counts.",
        ("\\frac{1}{3} \\approx 0.33", "1/3"),
        ("x ≈ 0.33", "1/3"),
        _approximate,
    ),
    Rule(
        "taken back",
        "A number that the answer itself rules out is left out.",
        ("5, not 6", "5"),
        ("6 instead of 5", "5"),
        grading_rules.retracted,
    ),
    Rule(
        "bounds",
        "A negation, a bound, a condition or an operation in words is no value: ungradable, unless the gold answer "
        "says the same.",
        ("at least 6 apples", "at least 6"),
        ("more than 6", "6"),
        grading_rules.bound,
    ),
    Rule(
        "relations",
        "`<`, `≤`, `≠` and `∈` beside a gold answer that is one number are ungradable; else math-verify compares them.",
        ("x ≥ 2", "2 \\le x"),
        ("x <= 2", "2"),
        grading_rules.relation,
    ),
    Rule(
        "amounts in two units",
        "Dollars and cents, hours and minutes, feet and inches are one number.",
        ("18 dollars and 50 cents", "18.50"),
        ("18 dollars and 50 cents", "50"),
        grading_rules.amount,
    ),
    Rule(
        "decimal comma",
        "`1,22` beside a decimal is read with a decimal comma; `1,222` never is.",
        ("1,22", "1.22"),
        ("1,222", "1.222"),
        grading_rules.decimal_comma,
    ),
    Rule(
        "several values",
        "Lists (`,`, `;`, `and`, `or`, `{}`) are compared member by member in any order, names included; several "
        "values for one are ungradable.",
        ("1728 and 1331", "1331, 1728"),
        ("5 or 10", "10"),
        _several,
    ),
    Rule(
        "units",
        "Where both sides have a unit that is known (length, time, mass, volume, money, degrees) or a currency, it "
        "is part of the value; opposite words (north and south, profit and loss) make it another.",
        ("90 minutes", "1.5 hours"),
        ("5 km", "5 m"),
        grading_rules.unit,
    ),
    Rule(
        "one number",
        "One number on each side, read as a person would, exactly: currency, thousands separators, fractions, number "
        "words up to millions, a unit, what follows a name and `=`. `50%` and `3 million` equal a bare number with and "
        "without the mark. A decimal equals a fraction that never ends when it rounds it to six digits.",
        ("₹1,00,000", "one hundred thousand"),
        ("0.3333", "1/3"),
        grading_rules.one_number,
    ),
    Rule(
        "words",
        "Words that are not the same words, and words against a number, are wrong.",
        ("The cat", "the cat."),
        ("none", "0"),
        grading_rules.words,
    ),
    Rule(
        "undone sums",
        "A sum, product or range that is left to do is ungradable where one number was asked for.",
        ("72 + 12 - 5 = 79 books", "79"),
        ("200000-130000", "70000"),
        grading_rules.undone,
    ),
    Rule(
        "equations",
        "What follows `=` is the answer only after a name or a sum that was done; any other equation is ungradable "
        "beside a number.",
        ("f(2) = 8", "8"),
        ("2x = 8", "8"),
        grading_rules.equation,
    ),
    Rule(
        "prose",
        "Of several numbers in a sentence, the one after its last verb counts; without it the sentence is ungradable.",
        ("After 5 days he has 30 apples.", "30"),
        ("5 apples for 10 dollars", "10"),
        grading_rules.prose,
    ),
    Rule(
        "formulas",
        "Everything else is math-verify's, with its own extraction and strictness, and six significant digits. What it "
        "cannot read, or not in time, is ungradable.",
        ("\\frac{\\sqrt{8}}{2}", "\\sqrt{2}"),
        ("\\frac{1}{2^{98}}", "\\frac{1}{2^{99}}"),
        grading_rules.formula,
    ),
)
