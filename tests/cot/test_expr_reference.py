"""The page of the reward language names all there is, and each of its examples computes what it says."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.cli import rewards_page
from cotspec.cot import expr
from cotspec.cot.expr import operations
from cotspec.cot.expr.reference import FUNCTIONS, OPERATORS, SEEN, Entry
from cotspec.cot.measures import MEASURES
from tests.support import Run

ROOT = Path(__file__).parents[2]
ARROW = {"if … else", "and", "or", "not"}


@pytest.mark.parametrize("entry", [*OPERATORS, *FUNCTIONS], ids=lambda entry: entry.name)
def test_an_example_gives_what_the_page_says(entry: Entry) -> None:
    reading = expr.read(entry.example, expr.scope_of(MEASURES))
    assert reading.problems == ()
    assert reading.node is not None
    assert float(reading.node.run({name: float(value) for name, value in SEEN.items()})) == pytest.approx(entry.result)
    word = entry.name.partition("(")[0].partition(" …")[0]
    assert word in entry.example


def test_the_page_names_every_function_operator_and_measure() -> None:
    assert {entry.name.partition("(")[0] for entry in FUNCTIONS} == expr.FUNCTION_NAMES
    signs = {sign for table in (operations.ARITHMETIC, operations.COMPARISONS) for sign, _ in table.values()}
    assert {entry.name for entry in OPERATORS} == signs | ARROW
    assert SEEN.keys() == MEASURES.keys()


def test_the_page_is_current() -> None:
    assert (ROOT / "docs/rewards.md").read_text(encoding="utf-8") == rewards_page.page()


def test_explain_tells_of_measures_as_of_rules(run: Run) -> None:
    code, out, err = run("explain", "measures")
    assert (code, err) == (0, "")
    for name in (*MEASURES, *expr.FUNCTION_NAMES):
        assert f"{name}" in out
