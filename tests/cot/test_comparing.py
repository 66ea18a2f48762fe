"""How answers are compared: the table's examples, the cases that were once misjudged, and the kinds they stand for."""

from __future__ import annotations

import json
import threading
from fractions import Fraction
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.answers import compare, correct, extract, normalise
from cotspec.cot.grading import RULES, Rule
from cotspec.cot.grading_page import markdown
from cotspec.cot.grading_rules import Grade
from cotspec.spec.payload import TraceFormat

pytest.importorskip("math_verify", reason="formulas need the `train` extra")

HERE = Path(__file__).parent
PAGE = HERE.parents[1] / "docs" / "grading.md"


def cases(name: str) -> list[dict[str, object]]:
    return [json.loads(line) for line in (HERE / "cases" / name).read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule.name)
def test_the_examples_of_a_rule_hold(rule: Rule) -> None:
    assert compare(*rule.same) is Grade.RIGHT
    assert compare(*rule.different) is not Grade.RIGHT


def test_the_page_of_the_table_is_current() -> None:
    assert PAGE.read_text(encoding="utf-8") == markdown(), "python -m cotspec.cot.grading_page > docs/grading.md"


@pytest.mark.parametrize("case", cases("answers.jsonl"), ids=lambda case: f"{case['given']} | {case['gold']}")
def test_an_answer_that_was_once_misjudged(case: dict[str, str]) -> None:
    assert (compare(case["given"], case["gold"]) is Grade.RIGHT) is case["same"]


@pytest.mark.parametrize("case", cases("responses.jsonl"), ids=lambda case: str(case["opens"]))
def test_a_response_that_was_once_misjudged(case: dict[str, str]) -> None:
    fmt = TraceFormat(thinking="<think>", step="Step {n}:", answer=case["opens"])
    assert correct(case["text"], case["gold"], fmt) is case["same"]


RIGHT = [
    # number words, up to the millions
    ("twenty-five", "25"), ("two hundred and five", "205"), ("three million", "3000000"), ("a hundred", "100"),
    ("nineteen hundred", "1900"),
    ("one hundred twenty thousand three hundred and four", "120304"), ("minus 3", "-3"), ("negative five", "-5"),
    ("twenty apples", "20"), ("half", "0.5"), ("three quarters", "3/4"), ("two and a half", "2.5"),
    ("a dozen eggs", "12"), ("half a dozen", "6"), ("5 dozen", "60"),
    ("sqrt(16)", "4"), ("There is no solution.", "no solution"), ("5 hundred", "500"), ("6 km north", "6"),
    # separators and scales that cannot be misread
    ("12 345 678", "12345678"), ("1.234.567", "1234567"), ("1.234,56", "1234.56"), ("10,00,000", "1000000"),
    ("$2M", "2000000"), ("1.5K", "1500"), ("INR 500", "500"), ("500 USD", "500"), ("１８", "18"),
    ("５，０００", "5000"),
    ("18元", "18"), ("1,22", "1.22"), ("0.111", "0,111"),
    # superscripts
    ("3.0 × 10⁻⁵", "0.00003"), ("2¹⁰", "1024"), ("5 cm²", "5"), ("10⁶", "1000000"),
    # units
    ("60 minutes", "1 hour"), ("5 kilograms", "5000 g"), ("5 square meters", "5 m^2"), ("50 cents", "0.50"),
    ("2 hours 30 minutes", "2.5"), ("2 hours and 30 minutes", "150 minutes"), ("5 feet 6 inches", "5.5 ft"),
    ("20°C", "20"), ("100 km/h", "100"), ("$5", "500 cents"), ("$0.05", "5 cents"), ("$5", "5 dollars"), ("€5", "5"),
    ("$5$", "5 cents"),
    # names and equations
    ("a + b = 12", "12"), ("f(2) = 8", "8"), ("The total is 5 + 6 = 11 apples", "11"), ("y=4, x=3", "x=3, y=4"),
    ("x = 3, y = 4", "3, 4"), ("y=2x+1", "y = 1 + 2x"), ("x = 4 or x = 2", "2, 4"), ("y = 2x + 1", "2x+1"),
    # taken back, approximated, said as a bound on both sides
    ("not 6 but 5", "5"), ("5 rather than 6", "5"), ("about 6", "6"), ("≈ 6", "6"), ("1/3 ≈ 0.33", "1/3"),
    ("at least 6 apples", "at least 6"), ("5 more than Tom", "5"), ("5 cookies left over", "5"),
    # words, letters, boxes
    ("Yes, he is", "yes"), ("option C", "C"), ("(c)", "C"), ("\\mathbf{(B)} 4", "B"), ("B", "B. 42"),
    ("red, green and blue", "blue, red, green"), ("\\boxed{\\text{(C)}}", "C"), ("\\fbox{5}", "5"),
    ("\\(\\boxed{1}\\) and \\(\\boxed{-2}\\).", "-2, 1"), ("\\boxed{5}. So it is \\boxed{5}", "5"),
    # formulas, sets, rounding to six significant digits
    ("1.41421356", "\\sqrt{2}"), ("1414.21", "1000\\sqrt{2}"), ("314.159", "100\\pi"), ("0.333333", "1/3"),
    ("∞", "\\infty"), ("-∞", "-\\infty"), ("\\emptyset", "∅"), ("-x-1", "-(x+1)"), ("{2,1}", "\\{1, 2\\}"),
    ("\\left[0, 1\\right)", "[0,1)"), ("x \\in [0,1]", "[0,1]"),
    ("\\begin{pmatrix} 1 & 2 \\\\ 3 & 4 \\end{pmatrix}", "\\begin{bmatrix}1&2\\\\3&4\\end{bmatrix}"),
]  # fmt: skip
NOT_RIGHT = [
    # equations, several values, conditions
    ("2x = 8", "8"), ("3x + 4y = 7", "7"), ("x = 5", "n = 5"), ("Tom = 5, Ann = 6", "6"), ("x = 3 and y = 4", "4"),
    ("x=3, y=4", "4, 3"), ("5 or 6", "5"), ("5, 6", "6"), ("5 (or 6)", "5"), ("5, maybe it is 6", "6"), ("{5, 6}", "6"),
    ("at most 6", "6"), ("6 or more", "6"), ("over 6", "6"), ("fewer than 6", "6"), ("up to 6", "6"), ("≥ 6", "6"),
    ("x \\ne 6", "6"), ("5+ years", "5"), ("nearly 6", "6"), ("It isn't 5", "5"), ("He does not have 5", "5"),
    ("5 if it rains", "5"), ("5 provided n is even", "5"), ("5 unless n = 3", "5"), ("72 twice", "72"),
    ("at least 6 apples", "at most 6 apples"), ("6", "more than 6"), ("6, not 5", "5"), ("not 6 but 5", "6"),
    # sums and operations that are left to do
    ("3 × 4", "12"), ("(9+1)", "10"), ("1/2 + 1/3", "5/6"), ("5-10 books", "10"), ("6 squared", "36"),
    ("twice 6", "12"),
    ("half of 12", "6"), ("half of 12", "12"), ("5-", "5"),
    # units that change the value
    ("60 seconds", "60 minutes"), ("5 m/s", "5 km/h"), ("5 m^2", "5 cm^2"), ("5 m²", "5 m"), ("50 cents", "50 dollars"),
    ("$5", "5 cents"), ("€5", "$5"), ("5 euros", "5 dollars"), ("£5", "5 yen"), ("5 pounds", "$5"),
    ("3 pm", "3 am"), ("20 °C", "20 °F"), ("2 hours 30 minutes", "30"), ("5 miles", "5 km"),
    ("6 km north", "6 km south"), ("a loss of 5 dollars", "5 dollars profit"), ("5% increase", "5% decrease"),
    # a number that is taken away or worked on
    ("6 is not the answer", "6"), ("x=6 is extraneous, so there is no solution", "6"), ("6 is wrong", "6"),
    ("sqrt(16)", "16"), ("log 6", "6"), ("cube root of 27", "27"),
    # which of several numbers
    ("John has 5 apples and Tom has 6", "6"), ("5 is right, 6 is wrong", "6"), ("5 apples for 10 dollars", "10"),
    ("3 out of 5", "3"), ("He has 30 apples after 5 days", "5"),
    # number words and separators
    ("one two three", "123"), ("the one on the left", "1"), ("no one", "1"), ("twenty", "2"), ("10 5", "105"),
    ("1,234", "1.234"), ("1,2", "12"), ("1,222", "1.222"), ("5k", "5"), ("1'23", "123"),
    # words and letters
    ("A. 42", "B. 42"), ("No, he is", "yes"), ("D", "C"), ("A and B", "A"), ("red, green and blue", "red, blue"),
    ("Tuesday", "Monday"), ("f(x)", "F(x)"), ("\\boxed{}", "5"), ("", "5"), ("5", "\\boxed{}"),
    # tolerance
    ("1.4142", "\\sqrt{2}"), ("1414.2", "1000\\sqrt{2}"), ("1000001.0", "10^6"), ("10^6+1", "10^6"),
    ("1000001", "1000000"), ("10^{-7}", "2 \\cdot 10^{-7}"), ("1e-7", "2e-7"),
    ("0.33", "1/3"), ("(10^{-9}, 1)", "(2 \\cdot 10^{-9}, 1)"), ("±5", "5"), ("(1,2)", "(2,1)"),
]  # fmt: skip


@pytest.mark.parametrize(("answer", "gold"), RIGHT)
def test_a_person_would_call_them_the_same(answer: str, gold: str) -> None:
    assert compare(answer, gold) is Grade.RIGHT


@pytest.mark.parametrize(("answer", "gold"), NOT_RIGHT)
def test_a_person_would_not_call_them_the_same(answer: str, gold: str) -> None:
    assert compare(answer, gold) is not Grade.RIGHT


@pytest.mark.parametrize(
    ("answer", "gold", "grade"),
    [
        ("not 6", "6", Grade.UNGRADABLE), ("x <= 2", "2", Grade.UNGRADABLE), ("5 or 6", "6", Grade.UNGRADABLE),
        ("200000-130000", "70000", Grade.UNGRADABLE), ("2x = 8", "8", Grade.UNGRADABLE),
        ("2^{99999}", "1", Grade.UNGRADABLE),
        ("5 apples for 10 dollars", "10", Grade.UNGRADABLE), ("\\frac{1}{", "\\frac{1}{2}", Grade.UNGRADABLE),
        ("5", "6", Grade.WRONG), ("Monday", "6", Grade.WRONG), ("x^2", "x^3", Grade.WRONG), ("", "6", Grade.WRONG),
        ("1, 2", "1, 3", Grade.WRONG), ("3:30", "3:45", Grade.WRONG),
    ],
)  # fmt: skip
def test_what_cannot_be_compared_is_told_from_what_is_wrong(answer: str, gold: str, grade: Grade) -> None:
    assert compare(answer, gold) is grade


@pytest.mark.parametrize(
    ("text", "spelling"),
    [("$2,125.00", "2125"), ("\\frac{6}{8}", "3/4"), ("0.75", "3/4"), ("50 %", "50%"), ("  The Cat. ", "the cat"),
     ("(1,2)", "(1, 2)"), ("-$0.50", "-1/2"), ("3 million", "3000000"), ("\\boxed{twenty}", "20")],
)  # fmt: skip
def test_an_answer_has_one_spelling(text: str, spelling: str) -> None:
    assert normalise(text) == spelling


def test_formulas_are_told_apart_outside_the_main_thread_too() -> None:
    seen: list[Grade] = []
    pairs = [("2^{98}", "2^{99}"), ("\\frac{2}{2^{99}}", "\\frac{1}{2^{98}}"), ("9^9^9^9", "1")]
    thread = threading.Thread(target=lambda: seen.extend(compare(*pair) for pair in pairs))
    thread.start()
    thread.join(timeout=60)
    assert seen == [Grade.WRONG, Grade.RIGHT, Grade.UNGRADABLE]


NUMBERS = st.integers(-(10**6), 10**6)
UNITS = st.sampled_from(["", " apples", " dollars", " km", "%"])


@given(NUMBERS, NUMBERS, UNITS)
def test_a_condition_on_a_number_is_never_that_number(one: int, other: int, unit: str) -> None:
    said = (
        f"more than {one}{unit}", f"not {one}{unit}", f"x > {one}", f"at least {one}{unit}", f"{one}{unit} or more",
        f"between {one} and {other}{unit}", f"x \\neq {one}", f"{one} or {other + (one == other)}{unit}",
    )  # fmt: skip
    assert [text for text in said if compare(text, str(one)) is Grade.RIGHT] == []


@given(NUMBERS, st.integers(1, 10**6), st.sampled_from(["+", " + ", "-", " - ", " × ", "*"]))
def test_a_sum_left_to_do_is_never_its_value(one: int, other: int, sign: str) -> None:
    value = {"+": one + other, "-": one - other}.get(sign.strip(), one * other)
    assert compare(f"{abs(one)}{sign}{other}", str(value if one >= 0 else value + 2 * abs(one))) is not Grade.RIGHT


@given(st.lists(NUMBERS, min_size=2, max_size=5, unique=True), st.randoms(use_true_random=False))
def test_a_list_is_its_members_in_any_order_and_no_other_list(members: list[int], order: object) -> None:
    shuffled = sorted(members, key=lambda each: hash((str(order), each)))
    gold = ", ".join(map(str, members))
    assert compare(" and ".join([", ".join(map(str, shuffled[:-1])), str(shuffled[-1])]), gold) is Grade.RIGHT
    assert compare("; ".join(map(str, shuffled)), gold) is Grade.RIGHT
    assert compare(", ".join(map(str, [*shuffled[:-1], shuffled[-1] + 10**7])), gold) is Grade.WRONG
    assert compare(str(members[0]), gold) is Grade.WRONG
    assert compare(gold, str(members[0])) is Grade.UNGRADABLE


ONES = [
    *("zero", "one", "two", "three", "four", "five", "six", "seven", "eight", "nine", "ten", "eleven", "twelve"),
    *("thirteen", "fourteen", "fifteen", "sixteen", "seventeen", "eighteen", "nineteen"),
]
TENS = ["twenty", "thirty", "forty", "fifty", "sixty", "seventy", "eighty", "ninety"]


def spelled(number: int) -> str:
    """A number in English, written by other rules than the kernel reads it by."""
    for size, name in ((10**6, "million"), (1000, "thousand"), (100, "hundred")):
        if number >= size:
            rest = f" {'and ' if number % size < 100 else ''}{spelled(number % size)}" if number % size else ""
            return f"{spelled(number // size)} {name}{rest}"
    if number < 20:
        return ONES[number]
    return TENS[number // 10 - 2] + (f"-{ONES[number % 10]}" if number % 10 else "")


@given(st.integers(0, 999_999_999), st.integers(1, 9))
def test_number_words_are_the_number_they_say(number: int, more: int) -> None:
    assert compare(spelled(number), str(number)) is Grade.RIGHT
    assert compare(f"{spelled(number)} apples", f"{number:,}") is Grade.RIGHT
    assert compare(spelled(number), str(number + more)) is Grade.WRONG


@given(st.integers(1, 10**6), st.sampled_from([("hours", "minutes", 60), ("dollars", "cents", 100), ("m", "cm", 100)]))
def test_a_unit_is_part_of_the_value_where_both_sides_have_one(count: int, units: tuple[str, str, int]) -> None:
    large, small, ratio = units
    assert compare(f"{count} {large}", f"{count * ratio} {small}") is Grade.RIGHT
    assert compare(f"{count} {large}", f"{count} {small}") is Grade.WRONG
    assert compare(f"{count} {large}", str(count)) is Grade.RIGHT


@given(st.integers(1, 10**9), st.integers(0, 12), st.integers(0, 14))
def test_the_tolerance_is_relative(count: int, power: int, places: int) -> None:
    value = Fraction(3 * count + 1, 3 * 10**power)  # its decimals never end
    rounded = round(value * 10**places)
    text = f"{rounded // 10**places}.{rounded % 10**places:0{places}d}" if places else str(rounded)
    near = abs(Fraction(rounded, 10**places) - value) * 10**6 <= value
    assert (compare(text, f"{value.numerator}/{value.denominator}") is Grade.RIGHT) is near
    assert compare(f"1{text}", str(value)) is Grade.WRONG


@pytest.mark.parametrize(
    ("text", "opens", "answer"),
    [
        ("Step 1: a\n<answer>Monday</answer>", "<answer>", "Monday"),
        ("<answer>5</answer>\nI hope it is correct: 7", "<answer>", "5"),
        ("<answer>\n5\n</answer>", "<answer>", "5"),
        ("<answer>5", "<answer>", "5"),
        ("so <answer> 5 </answer>.", "<answer>", "5"),
        ("Answer： 14", "Answer:", "14"),
        ("Answer: Monday\nQuestion: Tom has 5 apples", "Answer:", "Monday"),
        ("Answer:\n\\[\n\\boxed{C}\n\\]", "Answer:", "\\boxed{C}"),
        ("Step 1: it is \\boxed{1} and \\boxed{2}.", "Answer:", "\\boxed{1} and \\boxed{2}."),
        ("It is \\fbox{5}.", "Answer:", "\\fbox{5}."),
        ("It is \\boxed{\n5\n}.", "Answer:", "\\boxed{ 5 }."),
    ],
)
def test_the_answer_of_a_response_ends_where_it_is_closed(text: str, opens: str, answer: str) -> None:
    assert extract(text, TraceFormat(thinking="<think>", step="Step {n}:", answer=opens)) == answer
