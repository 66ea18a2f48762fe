"""The English of the builtin problems: question sentences, and the long, middle and short form of every trace segment.

Owns templates only; knows nothing of sampling, splits or models. Each segment of a trace has three forms of clearly
different length, chosen independently, so that the length of a whole trace varies in small steps. A single
"verbose or terse" switch for the whole trace would leave reinforcement learning one all-or-nothing choice.
"""

from typing import Final, Literal, NamedTuple

Kind = Literal["add", "take", "times"]
"""What one change does to the running number."""

SIGNS: Final[dict[Kind, str]] = {"add": "+", "take": "-", "times": "*"}


class Person(NamedTuple):
    """Somebody a problem is about."""

    name: str
    pronoun: str


class Forms(NamedTuple):
    """One trace segment in three lengths; the short one may be empty."""

    long: str
    middle: str
    short: str


PEOPLE: Final[tuple[Person, ...]] = (
    *(Person(name, "She") for name in ("Ann", "Mia", "Eve", "Lea", "Ida", "Zoe")),
    *(Person(name, "He") for name in ("Ben", "Tom", "Max", "Leo", "Sam", "Jan")),
)
THINGS: Final[tuple[str, ...]] = (
    "apples", "coins", "cards", "pens", "books", "shells", "stamps", "nuts", "eggs", "beads",
)  # fmt: skip

OPENING: Final = "{name} has {start} {things}."
CHANGES: Final[dict[Kind, tuple[str, ...]]] = {
    "add": ("{pronoun} buys {by} more.", "{friend} gives {name} {by}.", "{pronoun} finds {by}."),
    "take": ("{pronoun} gives {by} to {friend}.", "{pronoun} loses {by}.", "{pronoun} sells {by}."),
    "times": ("Then there are {by} times as many.",),
}
ASKING: Final = "How many {things} does {name} have now?"

THINKING_OPENERS: Final[tuple[str, ...]] = ("Let us see.", "Well now.", "Here we go.")
THINKING: Final[tuple[Forms, ...]] = (
    Forms("{name} has {start} {things} at the start.", "We start with {start}.", ""),
    Forms("There are {count} changes to go through in order.", "Then {count} changes.", ""),
)
BEFORE_EQUATION: Final = Forms("Now we look at the next change.", "Next change.", "")
"""Says nothing of the numbers: a form that did would make long steps easier than short ones, so that brevity would cost
accuracy (measured: 6 % more wrong operations, 6 % more wrong sums in short steps)."""
EQUATION: Final = "{before} {sign} {by} = {after}."
AFTER_EQUATION: Final = Forms("So {name} has {after} {things} now.", "So {after} now.", "")
