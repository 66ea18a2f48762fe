"""What two sets of questions share: by a second, slower counting, and on questions written for it."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec.builtin import problems
from cotspec.cot.contamination import MOST, NGRAM, Item, overlap, plain, repeats, whole

STORY = "Ann has 12 apples and buys 30 more at the market before she gives half of them all to Ben"
OTHER = "A train leaves the first town at noon and drives 60 miles an hour until it reaches a second town"
ASK = "How many apples does Ann have now?"


def items(*questions: str, answer: str = "7") -> list[Item]:
    return [Item(number, question, answer) for number, question in enumerate(questions)]


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("What is 1,000 + 5?", "what is 1000 + 5", True),
        ("He said:  “stop”.", 'he said "Stop"', True),
        ("What is 3 + 4?", "What is 3 - 4?", False),
        ("What is 3.5?", "What is 35?", False),
        ("What is 1,2?", "What is 12?", False),
        ("x < 3", "x > 3", False),
        ("Ｗｈａｔ is 2?", "What is 2?", True),
        ("Ann has 3 pens.", "Ann has 4 pens.", False),
        ("Café?", "Cafe\u0301?", True),
        ("How many are 5.", "How many are 5", True),
    ],
)
def test_questions_are_equal_but_for_case_points_and_blanks(one: str, other: str, same: bool) -> None:
    assert (whole(plain(one)) == whole(plain(other))) == same
    assert overlap(items(one), items("Another?", other)).equal == same


def test_an_equal_question_is_counted_and_named_with_the_first_that_it_equals() -> None:
    found = overlap(items("What is 2?", f"{STORY}. {ASK}"), items(OTHER, f"{STORY.upper()}! {ASK}", f"{STORY}. {ASK}"))
    assert (found.questions, found.equal, found.copied, found.shared, found.short) == (2, 1, 0, 1, 1)
    assert found.examples == ((1, 1, 1.0),)
    assert found.too_much


def test_a_question_with_a_changed_end_is_a_copy_and_one_with_other_numbers_is_not() -> None:
    copy = f"{STORY}. How many apples does Ann own now?"
    renumbered = STORY.replace("12", "14").replace("30", "17").replace("half", "4")
    found = overlap(items(f"{STORY}. {ASK}", f"{renumbered}. {ASK}"), items(OTHER, copy))
    assert (found.equal, found.copied, found.shared) == (0, 1, 1)
    assert found.examples[0][:2] == (0, 1)
    assert MOST <= found.examples[0].share < 1


def test_a_run_of_words_alone_is_counted_and_is_no_copy() -> None:
    found = overlap(items(f"{STORY}. {ASK}"), items(f"{STORY[:60]} and goes home"))
    assert (found.copied, found.shared, found.too_much) == (0, 1, False)


def test_short_questions_are_compared_whole_only() -> None:
    twelve, thirteen, longer = "a b c d e f g h i j k l", "a b c d e f g h i j k l m", "a b c d e f g h i j k l m n"
    assert overlap(items(twelve), items(longer)).shared == 0
    assert overlap(items(twelve), items(twelve)).equal == 1
    found = overlap(items(thirteen), items(longer))
    assert (found.copied, found.short) == (1, 0)


WORDS = st.lists(st.sampled_from(["ann", "ben", "3", "40"]), max_size=40).map(" ".join)


@settings(max_examples=60, deadline=None)
@given(st.lists(WORDS, max_size=6), st.lists(WORDS, max_size=6))
def test_the_counts_are_those_of_a_slower_counting(tested: list[str], taught: list[str]) -> None:
    def runs(text: str) -> list[str]:
        found = re.findall(r"\S+", text)
        return [" ".join(found[at : at + NGRAM]) for at in range(len(found) - NGRAM + 1)]

    known = {run for text in taught for run in runs(text)}
    equal = [text for text in tested if text in taught]
    rest = [text for text in tested if text not in taught and runs(text)]
    shares = [sum(run in known for run in runs(text)) / len(runs(text)) for text in rest]
    found = overlap(items(*tested), items(*taught))
    assert found.equal == len(equal)
    assert found.copied == sum(share >= MOST for share in shares)
    assert found.shared == len(equal) + sum(share > 0 for share in shares)
    assert found.short == sum(not runs(text) for text in tested)


def test_the_builtin_problems_share_their_sentences_and_are_no_copies() -> None:
    def drawn(split: str, size: int) -> list[Item]:
        made = problems.generate(split=split, size=size, seed=0, steps=(2, 4))  # type: ignore[arg-type]
        return [Item(number, problem.question, problem.answer) for number, problem in enumerate(made)]

    found = overlap(drawn("test", 500), drawn("train", 2400))
    assert found.equal == 0
    assert found.shared > 50, "one shared run would be a false alarm"
    assert not found.too_much


def test_a_question_asked_twice_is_counted_and_named_when_its_answers_differ() -> None:
    again = [
        *items("What is 2?", "Who?", "what is 2", answer="1,000"),
        Item(3, "What is 2?", "1000"),
        Item(4, "who", "5"),
    ]
    found = repeats(again)
    assert (found.questions, found.repeated, found.contradicting) == (5, 3, 1)
    assert found.examples == ((4, 1, 1.0),)
