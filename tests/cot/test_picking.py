"""Which of several good rollouts of a question becomes its trace."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from cotspec.cot.distinct import calculations, key
from cotspec.cot.picking import best, picked
from cotspec.spec.payload import Pick

LENGTHS = st.lists(st.integers(1, 50), min_size=1, max_size=8)


def pick(rule: Pick, lengths: list[int], *, question: int) -> int:
    (one,) = picked(rule, lengths, question=question).kept
    return one


def rule(kind: str, *, shortest: float = 0.0, seed: int = 0) -> Pick:
    return Pick.model_validate({"kind": kind, "shortest": shortest, "seed": seed})


@given(LENGTHS)
def test_the_first_of_the_shortest_and_of_the_longest_is_picked(lengths: list[int]) -> None:
    assert pick(rule("first"), lengths, question=3) == 0
    assert pick(rule("shortest"), lengths, question=3) == min(range(len(lengths)), key=lambda i: (lengths[i], i))
    assert pick(rule("longest"), lengths, question=3) == min(range(len(lengths)), key=lambda i: (-lengths[i], i))


@given(LENGTHS, st.floats(0, 1), st.integers(0, 9), st.integers(0, 999))
def test_a_mixed_choice_is_the_shortest_or_the_longest_and_the_same_each_time(
    lengths: list[int], share: float, seed: int, question: int
) -> None:
    mixed = rule("mixed", shortest=share, seed=seed)
    found = pick(mixed, lengths, question=question)
    assert lengths[found] in (min(lengths), max(lengths))
    assert found == pick(mixed, lengths, question=question)


def test_the_share_of_questions_that_keep_their_shortest_is_the_one_asked_for() -> None:
    for share in (0.0, 0.2, 0.8, 1.0):
        short = sum(pick(rule("mixed", shortest=share), [9, 2], question=q) for q in range(4000)) / 4000
        assert abs(short - share) < 0.03


def test_another_seed_draws_other_questions() -> None:
    draws = [[pick(rule("mixed", shortest=0.5, seed=seed), [9, 2], question=q) for q in range(64)] for seed in (1, 2)]
    assert draws[0] != draws[1]


def reference(kind: str, lengths: list[int], keys: str, most: int, seed: int) -> tuple[tuple[int, ...], int]:
    """What is kept, and how many are duplicates, told one by one: of all that are equal the one that is asked for
    first, and of those the ones that are."""
    sign = {"shortest": 1, "longest": -1, "first": 0, "all": 0}[kind]
    best = [
        at
        for at in range(len(lengths))
        if all(not before(o, at, lengths, sign) or keys[o] != keys[at] for o in range(len(lengths)))
    ]
    ranks = {at: sum(before(other, at, lengths, sign) for other in best) for at in best}
    return tuple(at for at in best if kind == "all" or ranks[at] < most), len(lengths) - len(set(keys))


def before(one: int, other: int, lengths: list[int], sign: int) -> bool:
    return (sign * lengths[one], one) < (sign * lengths[other], other)


@given(
    st.sampled_from(["first", "shortest", "longest", "all"]),
    st.lists(st.tuples(st.integers(1, 5), st.sampled_from("abc")), min_size=1, max_size=7),
    st.integers(1, 4),
)
def test_so_many_different_ones_are_kept_in_the_order_they_were_drawn(
    kind: str, texts: list[tuple[int, str]], most: int
) -> None:
    lengths, keys = [length for length, _ in texts], "".join(key for _, key in texts)
    found = picked(rule(kind), lengths, question=0, most=most, keys=keys)
    assert found == reference(kind, lengths, keys, most, 0)
    every = picked(rule(kind), lengths, question=0, most=most)
    assert every == reference(kind, lengths, "".join(map(chr, range(len(lengths)))), most, 0)


SAME = (
    ("5 + 3 = 8 and 8 * 2 = 16", "First 5+3=8.\nThen 8 × 2 = 16, so it is 16."),
    ("48/2 = <<48/2=24>>24 clips", "She sold 48 / 2 = 24."),
    (r"\[ 2 \times 3 = 6 \]", "$2 * $3 = $6"),
    (r"\(\frac{9}{3} = \boxed{3}\)", "9 ÷ 3 = 3"),
    ("cost = 1,000 * 2 = 2,000", r"total: 1{,}000 \cdot 2 = 2000."),
    (r"\[ \left(2\right) \cdot 3 \text{ apples} = 6\,\mathrm{kg} \]", "(2) * 3 = 6"),
    (r"\(50\% \cdot 8 = 4\)", "50% * 8 = 4"),
)
OTHER = (
    ("5 + 3 = 8, 8 * 2 = 16", "8 * 2 = 16, 5 + 3 = 8"),
    ("3 * 4 = 12", "4 * 3 = 12"),
    ("3 * 4 = 12", "3 * 4 = 12 and 12 + 1 = 13"),
    ("10 - 3 = 7", "10 + 3 = 7"),
    ("it is seven", "it is eight"),
    (r"\[ \sqrt{16} = 4 \]", r"\[ 16 = 4 \]"),
    (r"\(\sin x = 1\)", r"\(\cos x = 1\)"),
    (r"\(x = 2 \pm 1\)", r"\(x = 21\)"),
    (r"\(2\pi = x\)", r"\(2\alpha = x\)"),
    (r"\(x = \frac{\frac{1}{2}}{3}\)", r"\(x = \frac{1}{23}\)"),
)


def test_calculations_are_compared_without_what_stands_around_them() -> None:
    for one, other in SAME:
        assert key(one, "calculations") == key(other, "calculations"), (one, other)
        assert key(one, "text") != key(other, "text")
    for one, other in OTHER:
        assert key(one, "calculations") != key(other, "calculations"), (one, other)


def test_a_text_without_calculations_is_compared_by_its_words() -> None:
    assert calculations("Answer: 40") == ()
    assert key("Answer:  40\n", "calculations") == key("Answer: 40", "text") != key("Answer: 41", "calculations")
    assert key("a=b", "calculations") != key("a=b", "text"), "no list of words is a list of equations"


@given(st.text("0123456789+-*/= x.,$\\{}()frac", max_size=60))
def test_the_calculations_of_a_text_hold_no_blank_and_are_found_again(text: str) -> None:
    for each in calculations(text):
        assert " " not in each
        assert "=" in each


@given(st.lists(st.integers(0, 5).map(float), min_size=1, max_size=12), st.integers(1, 14))
def test_the_best_are_those_that_fewer_than_n_come_before(values: list[float], n: int) -> None:
    ahead = [
        sum(other > one or (other == one and k < at) for k, other in enumerate(values)) for at, one in enumerate(values)
    ]
    kept = [at for at, count in enumerate(ahead) if count < n]
    last = min(values[at] for at in kept)
    assert best(values, n) == (
        tuple(kept),
        sum(value == last for value in values) - sum(values[at] == last for at in kept),
    )
