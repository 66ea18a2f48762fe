"""Regular expressions of strangers: which can be used, and which take for ever."""

from __future__ import annotations

import time

import pytest
import regex
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec.cot.pattern import Malformed, Slow, judge

GOOD = [
    r"[0-9]+",
    r"\d+%",
    r"-?\$?\d+(?:,\d{3})*(?:\.\d+)?",
    r"-?\$?\d+(?:,\d{3}){0,3}(?:\.\d{1,2})?%",
    r"\w+\s*=\s*\w+",
    r"\b[A-Z][a-z]+\b",
    r"(?<!\d)\d++(?:\.\d++)?(?!\d)",
    r"(?:apple|apricot|banana)s?",
    r"\$[^$\n]+\$",
    r"\\\(.*?\\\)",
    r"\\frac\{[^{}]*\}\{[^{}]*\}",
    r"\([^()]*\)",
    r"(?:[0-9a-f]{2})+",
    r"(?:\d{3},)*\d{3}",
    r"(?i)step \d+",
    r"\w{1,40}\s{0,10}\w{1,40}!",
    r"[^.!?]+[.!?]",
    r"[a-z]+(?: [a-z]+)*",
    r"\d+(?:\s*[-+*/]\s*\d+)+\s*=\s*\d+",
    r'".*?"',
    r".*=.*",  # the last repeat cannot fail
    r"\d+\.?\d*",
    r"(?:\d{1,3},?){1,4}",
    r"(?:a++)+b",  # possessive: there is one way to read it
    r"(?>a+)+b",
    r"(?:\d++,?)+x",
    r"(?:.|\n)*x",
    r"\S+@\S+",
    r"(a{1,1000}){1,1000}",  # matches at the first `a`
    r"[\]{}]+x",
    r"(?:\w|\d|_)+x",  # both engines make one class of it
    r"a{2,}b{3}c{,4}",
    r"(?P<n>\d+)(?#comment)(?:\.\d)?",
]

SLOW = [
    (r"(a+)+$", "exponential time on a text such as `aaaa…`"),
    (r"(a|aa)+$", "exponential"),
    (r"(a|a)+$", "two alternatives"),
    (r"(ab|ab)*c", "two alternatives"),
    (r"(a|b|ab)*c", "exponential time on a text such as `abaabaab…`"),
    (r"(.*)*x", "can be empty"),
    (r"(\s*\w*)*x", "can be empty"),
    (r"(?:a?){64}b", "can be empty"),
    (r"(\w+\s?)+$", "exponential"),
    (r"([a-zA-Z]+)*$", "exponential"),
    (r"(x+x+)+y", "exponential"),
    (r"(?:a{1,100}){1,100}b", "exponential"),
    (r"(a{1,1000}){1,1000}b", "exponential"),
    (r"(?:(?:ab+)+c?)+d", "exponential"),
    (r"^(([a-z])+.)+[A-Z]([a-z])+$", "exponential"),
    (r"(?=(a+)+b)x", "exponential"),
    (r"(?!(a+)+b)x", "exponential"),
    (r"(?:\w|ab)+$", "exponential"),
    (r"(?i)(?:ab|A.)+$", "exponential"),
    (r"(?s)(?:..|a\n)+x", "exponential"),
    (r".*=.*x", "grows as the cube"),
    (r"\d+\.?\d*%", "grows as the cube"),
    (r"\s*\w*\s*\w*x", "grows as the cube"),
    (r"\S+@\S+\.\S+x", "grows as the power 4"),
    (r"(?:a{1,100}){1,8}b", "too many ways"),
    ("a?" * 30 + "b", "too many ways"),
    ("(?:aa|a)" * 20 + "b", "too many ways"),
    (r"\w*\d*" * 60 + "z", "too complicated"),
    ("(?:" + "|".join(f"{chr(97 + k % 26)}{chr(97 + k // 26)}" for k in range(150)) + ")+x", "too complicated"),
]

REFUSED = [
    ("[", 1, "unterminated"),
    ("a(b", 2, "missing )"),
    ("a**", 3, "multiple repeat"),
    (r"\p{L}+", 1, "bad escape"),
    (r"(a)\1", 1, "back-reference"),
    (r"(?P<a>x)(?P=a)", 1, "back-reference"),
    (r"(a)(?(1)b|c)", 1, "back-reference"),
    (r"(?R)", 2, "unknown extension"),
    (r"(?:foo){e<=3}", 8, "a `{`"),
    (r"x{a}", 2, "a `{`"),
    ("[[:alpha:]]", 2, "[:alpha:]"),
    (r"(?:(?:a{1000}){1000}){1000}", 1, "written out"),
    (r"(?:(?:a{100}){100})b", 1, "written out"),
    ("(?:" * 12 + "ab" + "+c)" * 12 + "+", 1, "written out"),
    ("(" * 31 + "a" + ")" * 31, 1, "inside one another"),
    ("(" * 249 + ")" * 249, 1, "inside one another"),
    ("a" * 501, 501, "501 characters"),
    ("a{99999999999999999999}", 1, "too large"),
    ("a{4294967295}", 1, "too large"),
]


@pytest.mark.parametrize("text", GOOD)
def test_usual_expressions_are_accepted_and_fast(text: str) -> None:
    assert judge(text) is None
    engine = regex.compile(text)
    for word in ("a", "1", "ab", "=", "a =", "1.", "1,", " ", "\\(", "a@", "1+", "x1"):
        for after in ("", "!", "\n"):
            list(engine.finditer(word * (2000 // len(word)) + after, timeout=10))


@pytest.mark.parametrize(("text", "said"), SLOW, ids=[text[:40] for text, _ in SLOW])
def test_expressions_that_take_for_ever_are_refused_for_what_they_are(text: str, said: str) -> None:
    found = judge(text)
    assert isinstance(found, Slow)
    assert said in found.message
    assert found.help


@pytest.mark.parametrize(("text", "column", "said"), REFUSED, ids=[text[:40] for text, _, _ in REFUSED])
def test_expressions_that_cannot_be_used_say_where(text: str, column: int, said: str) -> None:
    found = judge(text)
    assert isinstance(found, Malformed)
    assert (found.column, said in found.message) == (column, True), found


@pytest.mark.parametrize("text", [text for text, _ in SLOW] + [text for text, _, _ in REFUSED], ids=lambda t: t[:40])
def test_judging_takes_no_time_and_says_the_same_again(text: str) -> None:
    started = time.process_time()
    first = judge(text)
    assert time.process_time() - started < 5
    assert judge(text) == first


@pytest.mark.parametrize("text", [r"(a|aa)+$", r"(?:\w|ab)+$", r"(a|b|ab)*c"])
def test_the_text_that_is_named_does_take_for_ever(text: str) -> None:
    found = judge(text)
    assert isinstance(found, Slow)
    word = found.message.split("`")[1].removesuffix("…")
    with pytest.raises(TimeoutError):
        list(regex.compile(text).finditer(word * 15 + "!c", timeout=0.5))


# --- random expressions against the real engine -----------------------------------------------------------------------

ATOMS = st.sampled_from(["a", "b", "[ab]", ".", r"\w", r"\d", "[^a]", r"\s", "1", " ", r"\b", "^", "$", "x"])
REPEATS = ["", "", "*", "+", "?", "*?", "+?", "{1,3}", "{2}", "{1,20}", "{3,}", "{0,5}", "*+", "++", "{10}"]


def _larger(parts: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
    group = st.sampled_from(["(?:", "(", "(?>", "(?=", "(?!"])
    repeated = st.builds("{}{})".format, group, parts) | ATOMS
    once = st.builds(
        lambda atom, times: atom + ("" if atom[:3] in ("(?=", "(?!") or atom in (r"\b", "^", "$") else times),
        repeated,
        st.sampled_from(REPEATS),
    )
    sequence = st.lists(once, min_size=1, max_size=4).map("".join)
    return st.lists(sequence, min_size=1, max_size=3).map("|".join)


EXPRESSIONS = st.recursive(ATOMS, _larger, max_leaves=12)
WORDS = st.text("ab1 x\n", min_size=1, max_size=4)


@settings(deadline=None, max_examples=150)
@given(
    text=EXPRESSIONS, word=WORDS, around=st.tuples(st.sampled_from(["", "x", "a "]), st.sampled_from(["", "!", "b"]))
)
def test_what_is_accepted_ends_soon_on_every_text(text: str, word: str, around: tuple[str, str]) -> None:
    if judge(text) is None:
        hard = around[0] + word * (600 // len(word)) + around[1]
        list(regex.compile(text).finditer(hard, timeout=10))


@given(st.text(max_size=60) | EXPRESSIONS)
def test_any_text_is_judged(text: str) -> None:
    if judge(text) is None:
        regex.compile(text)
