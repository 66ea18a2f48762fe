"""docs/rewards.md: the language of rewards. Run `python -m cotspec.cli.rewards_page > docs/rewards.md`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Final

from cotspec.cot.expr import reference
from cotspec.cot.measures import TABLE

_HEAD: Final = """# Rewards: measures, operators, functions

<!-- Made by `python -m cotspec.cli.rewards_page > docs/rewards.md`. The tests compute every example. -->

A reward is a list of gates and a weighted sum of terms, each an expression over one response
([spec.md](spec.md#reward)). An expression is a number or a condition; it has the syntax of Python's expressions and
nothing that could run code. What cannot be computed (a quotient by zero, the logarithm of 0) is *unscorable*: such a
completion is left out of the group's baseline and counted, and never becomes a 0.

An expression with a comma stands in quotes: `brevity: {value: "clip(words, 10, 99)"}`.
"""


def page() -> str:
    """The page as text."""
    return "\n".join((_HEAD, *_measures(), *_entries("Operators", reference.OPERATORS), *_functions()))


def _functions() -> Iterator[str]:
    yield from _entries("Functions", reference.FUNCTIONS)
    yield (
        "The examples are about a response with "
        + ", ".join(
            f"`{name}` {str(value).lower() if isinstance(value, bool) else value}"
            for name, value in reference.SEEN.items()
        )
        + ".\n"
    )


def _measures() -> Iterator[str]:
    yield "## Measures\n\n| measure | is a | meaning |\n|---|---|---|"
    for name, measure in TABLE.items():
        yield f"| `{name}` | {kind(measure.kind)} | {measure.about} |"
    yield ""


def _entries(title: str, entries: Iterable[reference.Entry]) -> Iterator[str]:
    yield f"## {title}\n\n| | meaning | example | gives |\n|---|---|---|---|"
    for entry in entries:
        yield f"| `{entry.name}` | {entry.about} | `{entry.example}` | {shown(entry)} |"
    yield ""


def kind(type_: type) -> str:
    """What a person calls the type of a measure."""
    return "condition" if type_ is bool else "number"


def shown(entry: reference.Entry) -> str:
    """The result of an example."""
    logical = entry.name in ("==", "!=", "<", "<=", ">", ">=", "and", "or", "not")
    return ("true" if entry.result else "false") if logical else f"{entry.result:g}"


if __name__ == "__main__":
    print(page(), end="")
