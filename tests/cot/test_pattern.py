"""Regular expressions of strangers: RE2 finds what Python finds, and what it does not read says what to write."""

from __future__ import annotations

import random
import re
import time
import tracemalloc

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec.cot.pattern import PatternError, compiled, matches, missed

GOOD = [
    r"[0-9]+",
    r"\d+%",
    r"-?\$?\d+(?:,\d{3})*(?:\.\d+)?",
    r"-?\$?\d+(?:,\d{3}){0,3}(?:\.\d{1,2})?%",
    r"\w+\s*=\s*\w+",
    r"\w+ ",
    r"\b[A-Z]\w+",
    r"\b[A-Z][a-z]+\b",
    r"(?:apple|apricot|banana)s?",
    r"\$[^$\n]+\$",
    r"\\\(.*?\\\)",
    r"\\frac\{[^{}]*\}\{[^{}]*\}",
    r"\([^()]*\)",
    r"(?:\d{3},)*\d{3}",
    r"(?i)step \d+",
    r"\w{1,40}\s{0,10}\w{1,40}!",
    r"[^.!?]+[.!?]",
    r"[a-z]+(?: [a-z]+)* ?=",
    r"\d+(?:\s*[-+*/]\s*\d+)+\s*=\s*\d+",
    r'".*?"',
    r".*=.*",
    r"(?:.|\n)*x",
    r"\S+@\S+",
    r"[\]{}]+x",
    r"[(\[]\d",
    r"a{2,}b{3}",
    r"(?P<n>\d+)(?:\.\d)?",
    r"\n- [^\n]+",
    "[一-龥]+",
    r"(?s)a.b",
    r"(?m)^\d+$",
]
TEXTS = [
    "Tom has 5 apples and buys 3 more, so he has 5 + 3 = 8 apples!",
    r"First, find the total: \[ 12 \times 2.50 = \$30.00 \] That is 25% of 1,120, or \frac{1}{4} (of \( x \)).",
    "Step 2 says [7] and {x}x; aaabbb, a\nb, mail a@b.c \"so\" 'it' is\n12\n- one\n- two: 1+2 = 3",
]

REFUSED = [
    ("[", 1, "missing ]", ""),
    ("a(b", 1, "missing )", ""),
    ("a**", 2, "`**`", ""),
    ("x(?=a)", 2, "`(?=`", "neither ahead nor behind"),
    (r"(?<!\d)5", 1, "`(?<!`", "neither ahead nor behind"),
    (r"\d++", 3, "`++`", "leave the second `+` out"),
    (r"(?>a+)b", 1, "`(?>`", "write `(?:`"),
    (r"(a)\1", 4, r"`\1`", "back-references"),
    (r"(?P<a>x)(?P=a)", 9, "`(?P`", "back-references"),
    (r"(a)(?(1)b|c)", 4, "`(?(`", "alternatives"),
    (r"end\Z", 4, r"`\Z`", r"`\z`"),
    (r"\u00e9", 1, r"`\u`", "the character itself"),
    (r"(?#why)a", 1, "`(?#`", "YAML"),
    (r"(?:foo){e<=3}", 8, "begins no count", r"write `\{`"),
    (r"x{,4}", 2, "begins no count", "write `{0,4}`"),
    (r"a\Cb", 2, "one byte", "(?s:.)"),
    (r"(?:(?:a{1000}){1000}){1000}", 8, "repetition size", "repeat less"),
    (r"a{1001}", 2, "repetition size", "repeat less"),
    ("(?:[^a]{300}){3}" * 30, 1, "too large", ""),
    ("(" * 501, 501, "501 characters", "shorter"),
    ("a\ud800", 2, "surrogate", "leave it out"),
]


@pytest.mark.parametrize("text", GOOD)
def test_usual_expressions_find_what_pythons_own_find(text: str) -> None:
    for searched in TEXTS:
        theirs = tuple(match.span() for match in re.finditer(text, searched) if match.group())
        assert matches(text, searched) == theirs


@pytest.mark.parametrize(("text", "column", "said", "help"), REFUSED, ids=[text[:30] for text, *_ in REFUSED])
def test_what_is_refused_says_where_why_and_what_to_write(text: str, column: int, said: str, help: str) -> None:
    with pytest.raises(PatternError) as caught:
        compiled(text)
    assert (caught.value.column, said in str(caught.value), help in caught.value.help) == (column, True, True), caught
    assert caught.value.help


def test_offsets_count_characters_whatever_stands_before() -> None:
    text = "é😀 5 naïve \ud83d\ude00\ud800 中7\x00x8\u2028 9"
    assert [text[start:end] for start, end in matches("[0-9]", text)] == ["5", "7", "8", "9"]
    assert matches(".", text) == tuple((at, at + 1) for at in range(len(text)))


@pytest.mark.parametrize(
    "text", ["(a+)+b", "(a|aa)+$", "(.*)*x|b", r"(\w+\s?)+$", "(x+x+)+y|a+b", "(?:a|b)*a(?:a|b){200}c", ".*a.*a.*b"]
)
def test_no_expression_keeps_a_search_busy_or_fills_the_memory(text: str) -> None:
    started = time.process_time()
    tracemalloc.start()
    generator = random.Random(7)
    for word in ("a" * 50_000, "ab" * 25_000, "".join(generator.choices("ab", k=20_000))):
        matches(text, word + "!")
    assert tracemalloc.get_traced_memory()[1] < 20 << 20
    tracemalloc.stop()
    assert time.process_time() - started < 30  # one that backtracks takes years


PIECES = st.sampled_from([*"ab. 1^$()|*+?é", "[ab]", r"\w", r"\d", "[^a]", r"\b", "(?:", "{2}"])


@settings(deadline=None, max_examples=300)
@given(text=st.lists(PIECES, max_size=12).map("".join) | st.text(max_size=40), word=st.text(max_size=40))
def test_any_expression_is_searched_or_refused(text: str, word: str) -> None:
    try:
        found = matches(text, word)
    except PatternError:
        return
    at = 0
    for start, end in found:
        assert at <= start < end <= len(word)
        at = end


@pytest.mark.parametrize(
    ("regex", "text", "word"),
    [
        (r"\w+", "a naïve idea", "naïve"),
        (r"\d+", "in ٣٤ of 5", "٣٤"),
        (r"\bna", "a naïve idea", ""),
        (r"na\b", "a naïve idea", "naïve"),
        (r"[\w']+", "l'élève", "l'élève"),
        (r"a\W+b", "a é b", "a é b"),
        (r"a\sb", "a\u00a0b", "a b"),
        (r"[0-9]+", "über 5", ""),
        (r"\d+", "über 5", ""),
        (r"\w+", "5 € a day", ""),
    ],
)
def test_what_ascii_classes_pass_by_is_named(regex: str, text: str, word: str) -> None:
    assert missed(regex, text) == word
