"""Where the units of a mask begin and end."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st
from kernel_samples import QUICK, trace_of

from cotspec.cot.units import UnitError, find, units


def found(unit: str, text: str) -> list[str]:
    return [text[start:end] for start, end in find(unit, text)]


@pytest.mark.parametrize(
    ("text", "sentences"),
    [
        ("One. Two! Three?", ["One.", "Two!", "Three?"]),
        ("It costs 3.5 dollars. Then 4.", ["It costs 3.5 dollars.", "Then 4."]),
        ("Mr. Smith has 2. Dr. No has 3.", ["Mr. Smith has 2.", "Dr. No has 3."]),
        ("J. R. Tolkien wrote it, e.g. in 1937. Yes.", ["J. R. Tolkien wrote it, e.g. in 1937.", "Yes."]),
        ("about 5 approx. of them. done", ["about 5 approx. of them. done"]),
        ("He said “Go.” She went.", ["He said “Go.”", "She went."]),
        (r"\[ 5 + 7 = 12. \] So 12.", [r"\[ 5 + 7 = 12. \]", "So 12."]),
        ("1. Take two. 2. Add one.", ["1. Take two.", "2. Add one."]),
        ("- first line\n- second line", ["- first line", "- second line"]),
        ("Wait... Then go.", ["Wait...", "Then go."]),
        ("no stop at all", ["no stop at all"]),
        ("  \n ", []),
    ],
)
def test_sentences_end_where_a_reader_ends_them(text: str, sentences: list[str]) -> None:
    assert found("sentence", text) == sentences


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("5 + 3 = 8.", ["5", "3", "8"]),
        ("He pays $2,125.50 now", ["2,125.50"]),
        (r"\$27{,}200 left", ["27{,}200"]),
        ("it is -10 or (-3) or 5-3 or 5 - 3", ["-10", "-3", "5", "3", "5", "3"]),
        ("5 -3", ["5", "3"]),
        ("a 6-inch wick and 50% of .5", ["6", "50", ".5"]),
        ("6x + 12x, x_1 and x2", ["6", "12"]),
        (r"\frac{180}{18}", ["180", "18"]),
        ("1,2345 and 3,4", ["1", "2345", "3", "4"]),
        ("none", []),
    ],
)
def test_numbers_keep_sign_thousands_and_decimals(text: str, numbers: list[str]) -> None:
    assert found("number", text) == numbers


@pytest.mark.parametrize(
    ("text", "equations"),
    [
        ("So 5 + 3 = 8.", ["5 + 3 = 8"]),
        ("We get 15 feet = 15 × 12 = 180 inches.", ["15 feet = 15 × 12 = 180"]),
        ("Total = 5*3 - 2 = 13, and 4 more", ["Total = 5*3 - 2 = 13"]),
        ("(so 5 + 3 = 8) and (2+1) x 3 = 9", ["5 + 3 = 8", "(2+1) x 3 = 9"]),
        (r"Length: \[ 15 \times 12 = 180 \text{ inches} \] done", [r"\[ 15 \times 12 = 180 \text{ inches} \]"]),
        (r"Let \( x \) be; \( x = 10 \) and $$ a = 2 $$", [r"\( x = 10 \)", "$$ a = 2 $$"]),
        (r"$5 + \$3 = $8 in all", [r"$5 + \$3 = $8"]),
        (r"open \[ 5 + 3 = 8 and on", ["5 + 3 = 8"]),
        ("6-inch and 12-inch, no sum", []),
    ],
)
def test_equations_are_the_longest_span_with_an_equals_sign(text: str, equations: list[str]) -> None:
    assert found("equation", text) == equations


def test_regex_matches_that_are_empty_are_no_units() -> None:
    assert found(r"regex:\d*", "a1b22") == ["1", "22"]


def test_a_step_unit_is_the_body_without_its_opener() -> None:
    trace = trace_of(["We add 5.", "So 8."])
    assert [trace.text[start:end] for start, end in units(trace, "step")] == ["We add 5.", "So 8."]


@QUICK
@given(st.text(alphabet="aB1.,=-+() \n\\[]{}$x!?", max_size=200), st.sampled_from(["sentence", "number", "equation"]))
def test_units_are_in_order_apart_and_not_blank(text: str, unit: str) -> None:
    at = 0
    for start, end in find(unit, text):
        assert at <= start < end <= len(text)
        assert text[start:end] == text[start:end].strip()
        at = end


@pytest.mark.parametrize("unit", ["sentence", "number", "equation"])
@pytest.mark.parametrize(
    "piece",
    ["1 + ", "(", ".", "\\[ ", "a ", "5 = ", "1,", "\\frac{", " ", "\n", "-", "= ", "((1+", "5 ab cd ", "{,}111"],
)
def test_hostile_text_of_100_kb_takes_less_than_a_second(unit: str, piece: str) -> None:
    text = piece * (100_000 // len(piece))
    began = time.process_time()
    find(unit, text)
    assert time.process_time() - began < 1.0


def test_a_pattern_that_does_not_compile_says_why() -> None:
    with pytest.raises(UnitError, match="not valid"):
        find("regex:(", "text")


def test_an_unknown_unit_names_the_known_ones() -> None:
    with pytest.raises(UnitError, match="sentence"):
        find("paragraph", "text")
