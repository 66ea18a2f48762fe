"""The expression language: what it computes, what it refuses, and that no text can make it raise or run anything."""

from __future__ import annotations

import pytest

from cotspec.cot.expr import Node, UnscorableError, check, read, scope_of
from cotspec.cot.expr.parsing import MAX_DEPTH, MAX_LENGTH
from cotspec.cot.measures import ALONE, AMONG

NAMES: dict[str, type] = {"correct": bool, "formatted": bool, "steps": int, "words": int, "teacher_words": float}
VALUES: dict[str, float] = {"correct": True, "formatted": False, "steps": 3.0, "words": 40.0, "teacher_words": 100.0}


def compiled(text: str) -> Node:
    reading = read(text, scope_of(NAMES))
    assert reading.problems == ()
    assert reading.node is not None
    return reading.node


def value(text: str) -> float:
    return compiled(text).run(dict(VALUES))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 // 2 * 2 + 7 % 2", 7.0),
        ("-7 // 2", -4.0),
        ("-7 % 3", 2.0),
        ("7.5 // 2", 3.0),
        ("-2 ** 2", -4.0),
        ("2 ** 3 ** 2", 512.0),
        ("2 ** -1", 0.5),
        ("(-8) ** 3", -512.0),
        ("+words - -steps", 43.0),
        (".5 + 5. + 1e1 + 1E-1", 15.6),
        ("1 if words > 39 else 2", 1.0),
        ("1 if words > 40 else 2 if words >= 40 else 3", 2.0),
        ("1 if 30 < words <= 40 != steps else 0", 1.0),
        ("1 if 30 < words < 40 < log(0 * steps) else 0", 0.0),
        ("correct and not formatted or formatted", True),
        ("correct == formatted", False),
        ("correct != (words > 3)", False),
        ("formatted and log(0 * words) > 1", False),
        ("correct or log(0 * words) > 1", True),
        ("2 if correct else 1 / (words - 40)", 2.0),
        ("min(words, steps, 5) + max(words, steps)", 43.0),
        ("abs(steps - words) + sqrt(teacher_words)", 47.0),
        ("exp(0) + log(exp(2))", 3.0),
        ("clip(words, 0, 3) + clip(-words, 0, 3) + clip(steps, 0, 3)", 6.0),
        ("curve(words / teacher_words, [0.2, 0.8], [0.4, 0.5], [1, -1])", 0.5),
        ("curve(words, [10, 1], [20, -1])", -1.0),
        ("curve(steps, [10, 1], [20, -1])", 1.0),
        ("curve(words, [-1 / 2, 1], [30, 2 ** 2], [50, -6])", -1.0),
        ("9007199254740993", 9007199254740992.0),
        ("  words", 40.0),
        ("words\n  + steps\r\n\t* 2\n", 46.0),
    ],
)
def test_an_expression_is_computed_as_python_would_in_floats(text: str, expected: float) -> None:
    assert value(text) == expected


@pytest.mark.parametrize(
    ("text", "column", "says", "suggestion"),
    [
        ("", 1, "empty", ""),
        (" \n ", 1, "empty", ""),
        ("1 + wrds", 5, "no measure `wrds`", "words"),
        ("Words", 1, "no measure `Words`", "words"),
        ("\n  1 + wrds", 8, "no measure `wrds`", "words"),
        ("  words steps", 9, "`steps` is out of place", ""),
        ("1 +\n  teacher_word", 7, "no measure `teacher_word`", "teacher_words"),
        ("clamp(words, 0, 1)", 1, "no function `clamp`", "clip"),
        ("ln(words)", 1, "no function `ln`", "log"),
        ("sqr(words)", 1, "no function `sqr`", "sqrt"),
        ("1 + min", 5, "`min` is a function", ""),
        ("words(3)", 1, "`words` is a value", ""),
        ("correct + 1", 1, "`correct` is a condition, and `+` needs a number", ""),
        ("1 + group.wrds", 5, "no measure `group.wrds`", "group.words"),
        ("group.length", 1, "no measure `group.length`", "group.tokens"),
        ("group.majority", 1, "no measure `group.majority`", ""),
        ("pass_rate", 1, "no measure `pass_rate`", "group.correct"),
        ("words.mean", 1, "no measure `words.mean`", "words"),
        ("group . words", 7, "`.` cannot", ""),
        ("group.if", 1, "`group.if` is not part of the language", ""),
        ("group.words(2)", 1, "only a named function can be called", ""),
        ("2 * (words > 3)", 6, "`words > 3` is a condition, and `*` needs a number", ""),
        ("-correct", 2, "`-` needs a number", ""),
        ("abs(correct)", 5, "`abs` needs a number", ""),
        ("1 if words else 2", 6, "`words` is a number, and `if` needs a condition", ""),
        ("words and correct", 1, "`and` needs a condition", ""),
        ("correct or 1", 12, "`or` needs a condition", ""),
        ("not words", 5, "`not` needs a condition", ""),
        ("1 if correct else formatted", 19, "a number and the other a condition", ""),
        ("correct == 1", 1, "compares the condition `correct` with a number", ""),
        ("1 < words == correct", 14, "compares the condition `correct` with a number", ""),
        ("correct < formatted", 1, "compares numbers", ""),
        ("abs(1, 2)", 1, "takes 1 argument, and here are 2", ""),
        ("clip(words, 1)", 1, "takes 3 arguments, and here are 2", ""),
        ("min(words)", 1, "takes at least 2 arguments", ""),
        ("max()", 1, "takes at least 2 arguments", ""),
        ("clip(words, 3, 1)", 13, "lower limit 3 is above the upper limit 1", ""),
        ("curve(words, [1, 2])", 1, "at least two points", ""),
        ("curve(correct, [1, 2], [2, 3])", 7, "`curve` needs a number", ""),
        ("curve(words, [1, 2], [1, 3])", 22, "must rise", ""),
        ("curve(words, [2, 2], [1, 3])", 22, "must rise", ""),
        ("curve(words, [1, 2], [2, steps])", 22, "fixed numbers", ""),
        ("curve(words, [1, 2], (2, 3))", 22, "`[x, y]`", ""),
        ("curve(words, [1, 2], [2])", 22, "`[x, y]`", ""),
        ("curve(words, [1, 2], [2, 3, 4])", 22, "`[x, y]`", ""),
        ("curve(words, [0, 0], [1e-323, 1])", 22, "too near", ""),
        ("curve(words, [0, -1e308], [1, 1e308])", 27, "too far", ""),
        ("words = 3", 7, "`=` cannot", "=="),
        ("correct && formatted", 9, "`&&` cannot", "and"),
        ("correct || formatted", 9, "`||` cannot", "or"),
        ("!correct", 1, "`!` cannot", "not"),
        ("words ^ 2", 7, "`^` cannot", "**"),
        ("35teacher_words", 1, "`35teacher_words` is not a number", "35 * teacher_words"),
        ("007", 1, "begins with a zero", "7"),
        ("words − 1", 7, "`−` cannot", "-"),
        ("words # long", 7, "`#` cannot", ""),
        ("words +", 8, "ends too early", ""),
        ("(words", 1, "never closed", ""),
        ("words)", 6, "unmatched", ""),
        ("words steps", 7, "`steps` is out of place", ""),
        ("1 if correct", 1, "expected 'else'", ""),
        ("words / 0", 1, "`words / 0` divides by zero", ""),
        ("1 / 0 + words", 1, "`1 / 0` divides by zero", ""),
        ("words + log(0)", 9, "`log(0)` takes the logarithm of 0", ""),
        ("sqrt(-4)", 1, "square root of -4", ""),
        ("(-8) ** 0.5", 1, "no real value", ""),
        ("0 ** -1", 1, "divides by zero", ""),
    ],
)
def test_a_mistake_is_reported_at_its_column_with_what_was_meant(
    text: str, column: int, says: str, suggestion: str
) -> None:
    problems = check(text, NAMES | AMONG)
    assert [(problem.column, problem.suggestion) for problem in problems] == [(column, suggestion)]
    assert says in problems[0].message


def test_where_there_is_no_group_its_measures_are_no_names() -> None:
    (problem,) = check("1 if group.correct > 0 else 0", ALONE)
    assert (problem.column, problem.suggestion) == (6, "correct")


def test_all_mistakes_of_an_expression_are_reported_at_once_in_order() -> None:
    problems = check("wrds + (1 if steps else 2) * correct + foo(1)", NAMES)
    assert [problem.column for problem in problems] == [1, 14, 30, 40]


def test_a_wanted_type_is_checked_for_the_whole_expression() -> None:
    assert check("correct", NAMES, expect=bool) == []
    assert "needs a condition" in check("words", NAMES, expect=bool)[0].message
    assert "needs a number" in check("correct", NAMES, expect=float)[0].message


HOSTILE = [
    "__import__('os').system('true')",
    "__import__",
    "__builtins__",
    "words.__class__",
    "words . real",
    "words.__class__.__mro__[1].__subclasses__()",
    "1 .real",
    "(1).real",
    "1..real",
    "words[0]",
    "[1, 2][0]",
    "eval(words)",
    "exec(words)",
    "open(words)",
    "print(1)",
    "lambda: 1",
    "(lambda x: x)(1)",
    "[x for x in words]",
    "{x: 1 for x in words}",
    "(x for x in words)",
    "min(x for x in words)",
    "{1, 2}",
    "{1: 2}",
    "(1, 2)",
    "words,",
    "()",
    "[]",
    "[1, 2]",
    "'text'",
    '"text"',
    "f'{words}'",
    "b'x'",
    "rb'x' 1",
    "1j",
    "1e999",
    "inf",
    "nan",
    "None",
    "True",
    "False",
    "...",
    "(words := 3)",
    "words := 3",
    "min(*words)",
    "min(**words)",
    "min(a=1, b=2)",
    "abs(x=1)",
    "*words",
    "await words",
    "yield",
    "(yield words)",
    "import os",
    "words; words",
    "words\n\0",
    "\0",
    "words\\\n+1",
    "words is 1",
    "1 in words",
    "1 not in words",
    "1 << 2",
    "1 >> 2",
    "~1",
    "1 | 2",
    "1 & 2",
    "1 ^ 2",
    "1 @ 2",
    "0x10",
    "0b1",
    "1_000",
    "1if correct else 2",
    "ｗords",
    "ｅval(1)",
    "wоrds",
    "𝐰𝐨𝐫𝐝𝐬",
    "ﬁ",
    "words\u00a0+ 1",
    "words\u2028+ 1",
    "words\u200b",
    "\ud800",
    "words\x0c+ 1",
    "\ufeffwords",
    "min.words",
    "words.__class__",
    "group.words.__class__",
    "a" + ".b" * 990,
    "min(1, 2)(3)",
    "(min)(1, 2)(3)",
    "[min][0](1, 2)",
    "9**9**9",
    "9**9**9**9",
    "10**400",
    "1" + "0" * 400,
    "9" * MAX_LENGTH,
    "1e308 * 10",
    "exp(1000)",
    "2 ** 1024",
    "(" * 10_000 + "1" + ")" * 10_000,
    "(" * 900 + "1" + ")" * 900,
    "(" * 900,
    "[" * 900,
    "(" * MAX_LENGTH,
    ")" * MAX_LENGTH,
    "min(" * 450,
    "min(1," * 300 + "1" + ")" * 300,
    "-" * 1_900 + "1",
    "not " * 450 + "correct",
    "1" + "+1" * 990,
    "1" + "**1" * 600,
    "1 if correct else " * 110 + "1",
    "words < " * 240,
    "*" * MAX_LENGTH,
    "a" * (MAX_LENGTH + 1),
    "1" + " " * MAX_LENGTH,
]


@pytest.mark.parametrize("text", HOSTILE, ids=range(len(HOSTILE)))
def test_text_that_could_run_code_or_exhaust_the_reader_is_a_finding(text: str) -> None:
    problems = check(text, NAMES)
    assert problems
    for problem in problems:
        assert 1 <= problem.column <= len(text) + 1
        assert problem.length >= 1
        assert 0 < len(problem.message) < 200


def test_the_deepest_nesting_that_is_allowed_can_be_computed() -> None:
    depth = MAX_DEPTH - 1
    assert value("-" * depth + "words") == (-1) ** depth * 40.0
    assert value("(" * MAX_DEPTH + "words" + ")" * MAX_DEPTH) == 40.0
    assert value("words" + " + 1" * depth) == 40.0 + depth


def test_a_long_flat_expression_may_use_the_whole_length() -> None:
    text = "min(" + ", ".join(["words"] * ((MAX_LENGTH - 5) // 7)) + ")"
    assert value(text) == 40.0


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("1 / (words - 40)", "`1 / (words - 40)` divides by zero"),
        ("words // (steps - 3)", "divides by zero"),
        ("words % (steps - 3)", "divides by zero"),
        ("(steps - 3) ** -1", "divides by zero"),
        ("(-words) ** 0.5", "no real value"),
        ("log(steps - 3)", "`log(steps - 3)` takes the logarithm of 0"),
        ("sqrt(steps - words)", "takes the square root of -37"),
        ("exp(words ** 2)", "`exp(words ** 2)` is too large a number"),
        ("words ** words ** steps", "too large"),
        ("words * 1e308", "too large"),
        ("-1e308 - words * 1e307", "too large"),
        ("min(words * 1e308, 1)", "`words * 1e308` is too large a number"),
        ("1e308 / (steps * 1e-10)", "too large"),
        ("clip(words, words, steps)", "lower limit 40 above its upper limit 3"),
    ],
)
def test_what_has_no_value_raises_unscorable_and_names_the_part(text: str, says: str) -> None:
    with pytest.raises(UnscorableError) as caught:
        value(text)
    assert says in str(caught.value)


def test_a_measure_without_a_value_is_unscorable_only_where_it_is_read() -> None:
    node = compiled("1 if correct else words")
    assert node.run({"correct": True}) == 1.0
    with pytest.raises(UnscorableError, match="`words` has no usable value"):
        node.run({"correct": False})


def test_a_reading_tells_which_names_it_uses() -> None:
    assert compiled("min(words, 3) if correct else steps").names == {"words", "correct", "steps"}
    assert compiled("1 + 2 * 3").constant == 7.0
    assert compiled("words * 0").constant is None


@pytest.mark.parametrize("y", [0.8, 0.1, -0.3, 1e-9, 12345.678])
def test_a_curve_is_exact_at_its_points_and_flat_outside(y: float) -> None:
    text = f"curve(words, [0.1, 0.7], [0.3, {y!r}], [0.9, -0.1])"
    node = compiled(text)
    assert [node.run({"words": x}) for x in (-5.0, 0.1, 0.3, 0.9, 7.0)] == [0.7, 0.7, y, -0.1, -0.1]
