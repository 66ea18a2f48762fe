"""Which answer most texts of a question give."""

from __future__ import annotations

import time
from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot import conditions, voting

SPELT = {
    5: ("5", "$5", "five", "5.0", "10/2"),
    7: ("7", "7 apples", r"\\boxed{7}", "x = 7"),
    12: ("12", "12.00", "twelve"),
    None: (None,),
}
"""Ways to write a number; none for a text without an answer."""
TEXTS = st.sampled_from([*SPELT]).flatmap(lambda value: st.tuples(st.just(value), st.sampled_from(SPELT[value])))


@given(st.lists(TEXTS, min_size=1, max_size=8))
def test_texts_vote_for_what_they_say_however_it_is_written(texts: list[tuple[int | None, str | None]]) -> None:
    found = voting.ballot([answer for _, answer in texts])
    assert found.compared
    counted = Counter(value for value, _ in texts)
    most = (
        counted.most_common()
        if None not in counted
        else Counter({k: v for k, v in counted.items() if k is not None}).most_common()
    )
    lead = None if not most or (len(most) > 1 and most[0][1] == most[1][1]) else most[0][0]
    for (value, _), own in zip(texts, found.answers, strict=True):
        assert (own is None) is (value is None)
        assert voting.votes(own, found.answers) == (0 if value is None else counted[value] / len(texts))
        assert voting.majority(own, found.answers) is (value is not None and value == lead)
    assert voting.decided(found.answers) is (lead is not None)


@pytest.mark.parametrize(
    ("answers", "votes", "compared"),
    [
        (["5", "5", "at least 5"], [2, 2, 1], False),
        (["5 or 6", "5 or 6", "5"], [2, 2, 1], False),
        (["at least 5", "at least 5"], [2, 2], True),
        (["2x = 6", "3", "x = 3"], [1, 2, 2], False),
        (["5", None, None], [1, 0, 0], True),
        (["(" * 5_000, " " + "(" * 5_000, "(" * 4_000, "1e99999"], [2, 2, 1, 1], False),
        ([], [], True),
    ],
)
def test_answers_that_do_not_compare_are_two_and_that_is_told(
    answers: list[str | None], votes: list[int], compared: bool
) -> None:
    found = voting.ballot(answers)
    assert found.compared is compared
    assert [round(voting.votes(own, found.answers) * len(answers)) for own in found.answers] == votes


def test_where_two_lead_alike_none_is_the_majority() -> None:
    answers = voting.ballot(["1", "2", "2", "1", "3", None]).answers
    assert not any(voting.majority(own, answers) for own in answers)
    assert not voting.decided(answers)
    assert not voting.decided(voting.ballot([None, None]).answers)


def test_hundreds_of_texts_of_a_record_are_counted_at_once() -> None:
    """As many agree as say something of their own."""
    answers = (*([0] * 400), *range(400, 800))
    start = time.perf_counter()
    told = conditions.voted(voting.Ballot(answers, compared=True))
    assert [each["majority"] for each in told] == [True] * 400 + [False] * 400
    assert time.perf_counter() - start < 5
