"""Experiments side by side on one page: a matrix, seeds, changes, questions that flip, and no text gets out."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cotspec.cot.stats import wilson
from cotspec.views import flips, results_page
from cotspec.views.flips import Answer
from cotspec.views.outcomes import Measured, Outcome
from cotspec.views.spent import Row, Spending
from tests import chromium
from tests.pages import ALLOWED, HOSTILE, Parsed, whole


def measured(share: int, shift: int = 0, *, tokens: float = 90.0) -> Measured:
    """Of a hundred questions those from `shift` on are right, so many of them."""
    right = {id: float((id - shift) % 100 < share) for id in range(100)}
    low, high = wilson(share, 100)
    return Measured(
        n=100, accuracy=share / 100, low=low, high=high, tokens=tokens, formatted=1.0, truncated=0.0, right=right
    )


def outcome(variant: str, last: Measured | None, **changes: Any) -> Outcome:
    values: dict[str, Any] = {
        "name": f"spec--{variant}" if variant else "spec",
        "variant": variant,
        "base": "spec",
        "state": "done" if last else "never",
        "done": 3 if last else 0,
        "total": 3,
        "seed": 42,
        "alike": variant,
        "model": "compress",
        "student": measured(50),
        "last": last,
    }
    return Outcome(**(values | changes))


def matrix() -> list[Outcome]:
    """A spec with two seeds, and a matrix of two settings of which one place has two seeds and one no result."""
    found = [outcome("", measured(70)), outcome("again-seed-1", measured(72), seed=1, alike="")]
    for share in ("0.5", "0.75"):
        for group in ("4", "8", "16"):
            axes = (("stages.compress.mask.share", share), ("stages.compress.train.group", group))
            name = f"mask-share-{share.replace('.', '_')}-group-{group}"
            last = None if (share, group) == ("0.75", "16") else measured(60 + int(group), 9, tokens=80.0 + int(group))
            found.append(outcome(name, last, family="mask", axes=axes))
            if (share, group) == ("0.5", "16"):
                again = measured(80, 9, tokens=97.0)
                found.append(outcome(f"{name}-seed-1", again, family="mask", axes=axes, seed=1, alike=name))
    return found


def took(told: str) -> Spending:
    """One task that was measured and could not be estimated, and one that has neither."""
    known = Row(
        name=told,
        id="x",
        experiments=2,
        seconds="12 s",
        expected="",
        times="",
        memory="1.0 GiB",
        memory_expected="",
        how=told,
        memory_how=told,
    )
    rows = (known, known._replace(seconds="", memory=""))
    return Spending(rows, 1, 1, 3, "12 s", 0, "0.0 s", "0.0 s", ((told, 1),))


def texts(outcome: Outcome, ids: Collection[int]) -> dict[int, Answer]:
    assert outcome.last is not None
    return {
        id: Answer(
            question=f"What is {id} + {id}?",
            gold=str(2 * id),
            text=f"{outcome.name} says so.",
            right=outcome.last.right[id] == 1,
            tokens=12,
        )
        for id in ids
    }


@pytest.fixture
def page() -> str:
    return results_page.page(
        matrix(), texts, title="Results", spent=took("stage compress of spec"), settings=[("spec", "seed: 42\n" * 200)]
    )


def test_a_page_of_results_needs_nothing_beside_it(page: str) -> None:
    whole(page)


def test_answers_that_were_cut_are_counted_below_the_table(page: str) -> None:
    assert "were cut" not in page
    cut = outcome("", replace(measured(70), truncated=0.3), limit=f"raise it {HOSTILE}")
    shown = results_page.page([cut], texts, title="Results")
    assert "spec:compress: 30 of 100 answers (30 %) were cut at `max_new_tokens`: raise it" in Parsed(shown).said
    whole(shown)


def test_a_matrix_is_a_pivot_with_intervals_seeds_and_what_is_not_measured(page: str) -> None:
    said = Parsed(page).said
    assert "stages.compress.mask.share ↓ stages.compress.train.group → 4 8 16" in said
    low, high = (100 * each for each in wilson(64, 100))
    assert f"0.5 64.0 % {low:.1f} – {high:.1f} % n = 100 84.0 tokens -6.0 points" in said
    assert "spec--mask-share-0_5-group-4 done compress 64.0 % 54.2 – 72.7 84.0 -6.0" in said
    assert "not measured" in said
    assert "52.6 – 100.0 % n = 100, 2 seeds" in said


def test_means_over_seeds_are_drawn_and_a_column_that_no_row_has_is_left_out(page: str) -> None:
    assert page.count("<svg") == 2  # all experiments, and those of several seeds
    assert "<title>1: spec: 71.0 % at 90.0 tokens" in page
    assert "to base" in Parsed(page).said
    alone = [outcome("", measured(70)), outcome("again-seed-1", measured(72), seed=1, alike="", base="")]
    said = Parsed(results_page.page(alone, texts, title="Results")).said
    assert "to base" not in said
    assert "to student" in said


def test_what_flips_is_counted_whole_and_shown_in_part(page: str) -> None:
    parsed = Parsed(page)
    assert "spec → spec--mask-share-0_5-group-4" in parsed.said
    cards = [each for tag, each in parsed.tags if tag == "details"]
    assert 0 < len(cards) <= flips.MOST_QUESTIONS
    assert "spec--mask-share-0_5-group-4 says so." in parsed.said


def test_with_another_base_everything_is_compared_with_that() -> None:
    outcomes = [replace(each, base="spec--mask-share-0_5-group-8") for each in matrix()]
    said = Parsed(results_page.page(outcomes, texts, title="Results")).said
    assert "spec--mask-share-0_5-group-8 → spec " in said
    assert "spec → spec--mask" not in said


def test_three_settings_are_a_pivot_for_each_value_of_the_third() -> None:
    axes = [(("a", a), ("b", b), ("c", c)) for a in "12" for b in "12" for c in "12"]
    outcomes = [outcome(f"m-{at}", measured(50 + at), family="m", axes=each) for at, each in enumerate(axes)]
    said = Parsed(results_page.page([outcome("", measured(40)), *outcomes], texts, title="Results")).said
    assert "m · c 1 a ↓ b →" in said
    assert "m · c 2 a ↓ b →" in said


def test_what_a_task_took_stands_beside_what_was_expected_and_nothing_stands_for_what_is_not_known(page: str) -> None:
    said = Parsed(page).said
    assert "1 of 3 tasks measured: 12 s. 1 task run with stage compress of spec" in said
    assert "stage compress of spec and 1 more 12 s not known 1.0 GiB" in said
    assert "stage compress of spec and 1 more not measured not known" in said
    assert "1 task more, shorter ones, are in the sums only." in said


def test_nothing_measured_is_a_page_with_states_and_no_figures() -> None:
    page = results_page.page([outcome("", None), outcome("wide", None)], texts, title="Results")
    whole(page)
    said = Parsed(page).said
    assert "never 0/3" in said
    assert "Questions that flip" not in said
    assert "<svg" not in page


def test_hostile_answers_and_names_stay_text() -> None:
    def hostile(outcome: Outcome, ids: Collection[int]) -> dict[int, Answer]:
        plain = texts(outcome, ids)
        return {
            id: replace(one, question=HOSTILE, gold=HOSTILE, text=HOSTILE, tokens=None) for id, one in plain.items()
        }

    outcomes = [replace(each, model=HOSTILE, axes=tuple((HOSTILE, HOSTILE) for _ in each.axes)) for each in matrix()]
    page = results_page.page(outcomes, hostile, title=HOSTILE, spent=took(HOSTILE), settings=[(HOSTILE, HOSTILE)])
    whole(page)
    assert {tag for tag, _ in Parsed(page).tags} <= ALLOWED
    assert "\x00" not in page
    assert "\u202e" not in page
    assert len(page) < 10_000_000


@pytest.mark.skipif(chromium.PROGRAM is None, reason=chromium.WHY)
def test_a_browser_shows_it_asks_for_nothing_and_it_fits_a_phone(tmp_path: Path, page: str) -> None:
    file = tmp_path / "results.html"
    file.write_text(page, encoding="utf-8")
    with chromium.browser(tmp_path / "profile") as tab:
        for width in (1280, 390):
            for dark in (False, True):
                tab.look(width=width, dark=dark)
                tab.open(file)
                assert tab.requested() == [file.resolve().as_uri()]
                assert tab.complaints() == []
                assert tab.evaluate("document.documentElement.scrollWidth") <= width
                widths = "[...document.querySelectorAll('.wide th:first-child')].map(each => each.offsetWidth)"
                assert all(first < width / 2 for first in tab.evaluate(widths))  # of the columns that stay in view
