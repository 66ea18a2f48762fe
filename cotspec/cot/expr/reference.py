"""What an expression may be made of: every operator and function with an example, for the pages and `cotspec explain`.

A test computes each example and compares this table with what the language knows, so neither can be forgotten.
"""

from __future__ import annotations

from typing import Final, NamedTuple


class Entry(NamedTuple):
    """An operator or function; `example` gives `result` (a number, or 1.0 and 0.0 for true and false)."""

    name: str
    about: str
    example: str
    result: float


OPERATORS: Final = (
    Entry("+", "Sum.", "steps + 2", 5.0),
    Entry("-", "Difference; before a number its negative.", "words - teacher_words", -20.0),
    Entry("*", "Product.", "0.5 * steps", 1.5),
    Entry(
        "/", "Quotient. A quotient by zero cannot be scored: it is counted, and never 0.", "words / teacher_words", 0.6
    ),
    Entry("//", "Quotient rounded down.", "words // 7", 4.0),
    Entry("%", "Rest of the division.", "words % 7", 2.0),
    Entry("**", "Power.", "steps ** 2", 9.0),
    Entry("==", "Equal.", "steps == teacher_steps", 0.0),
    Entry("!=", "Not equal.", "steps != teacher_steps", 1.0),
    Entry("<", "Less; comparisons can be chained.", "1 <= steps < 5", 1.0),
    Entry("<=", "Less or equal.", "words <= 30", 1.0),
    Entry(">", "Greater.", "tokens > 40", 0.0),
    Entry(">=", "Greater or equal.", "tokens >= 40", 1.0),
    Entry("and", "Both; the second is looked at only when the first is true.", "correct and formatted", 1.0),
    Entry("or", "One or both.", "correct or steps > 5", 1.0),
    Entry("not", "The opposite.", "not correct", 0.0),
    Entry("if … else", "One of two numbers; the other one is not computed.", "1 if correct else -1", 1.0),
)

FUNCTIONS: Final = (
    Entry("min(a, b, …)", "The smallest.", "min(steps, teacher_steps)", 3.0),
    Entry("max(a, b, …)", "The largest.", "max(steps, teacher_steps)", 4.0),
    Entry("abs(a)", "Without its sign.", "abs(steps - teacher_steps)", 1.0),
    Entry("clip(a, low, high)", "`a`, but not below `low` or above `high`.", "clip(teacher_steps - steps, 0, 3)", 1.0),
    Entry("exp(a)", "e to the power of `a`.", "exp(0)", 1.0),
    Entry("log(a)", "Natural logarithm; of 0 or less it cannot be scored.", "log(1)", 0.0),
    Entry("sqrt(a)", "Square root; of less than 0 it cannot be scored.", "sqrt(steps + 1)", 2.0),
    Entry(
        "curve(a, [x, y], …)",
        "Straight lines between two points or more, flat outside; their x rise.",
        "curve(words / teacher_words, [0.2, 0.8], [1.0, 0])",
        0.4,
    ),
)

SEEN: Final = {
    "correct": True,
    "formatted": True,
    "steps": 3,
    "words": 30,
    "tokens": 40,
    "teacher_steps": 4,
    "teacher_words": 50,
    "teacher_tokens": 70,
    "group.correct": 0.5,
    "group.words": 45,
    "group.tokens": 60,
    "group.right_words": 40,
    "rank": 1,
    "votes": 0.5,
    "majority": True,
}
"""The response that the examples are about."""
