"""The builtin problems are reproducible, their splits are disjoint, and what their traces compute is right."""

import re
from operator import add, mul, sub

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.builtin.problems import Problem, Split, generate

SPLITS: tuple[Split, ...] = ("train", "valid", "test")
EQUATION = re.compile(r"(\d+) ([-+*]) (\d+) = (\d+)\.")
SHAPE = re.compile(r"Thinking…\n[^\n]+\n\n(?:Step \d+: [^\n]+\n)+Answer: \d+")
DO = {"+": add, "-": sub, "*": mul}
seeds = st.integers(min_value=0, max_value=2**32)


def numbers(text: str) -> list[int]:
    return [int(number) for number in re.findall(r"\d+", text)]


def arithmetic(problem: Problem) -> tuple[int, ...]:
    """What a problem computes, read from its question alone: the numbers and the directions."""
    return (*numbers(problem.question), *map(ord, "".join(sign for _, sign, _, _ in EQUATION.findall(problem.trace))))


def test_a_seed_always_gives_the_same_problems() -> None:
    first, again = (list(generate(split="train", size=20, seed=3, steps=(2, 4))) for _ in range(2))
    assert first == again
    assert first != list(generate(split="train", size=20, seed=4, steps=(2, 4)))


def test_the_first_problem_is_the_same_on_every_machine() -> None:
    (problem,) = generate(split="test", size=1, seed=0, steps=(2, 2))
    assert (problem.question, problem.answer) == (
        "Tom has 17 books. He finds 2. He gives 11 to Mia. How many books does Tom have now?",
        "8",
    )


def test_splits_never_share_a_problem_and_none_comes_twice() -> None:
    drawn = {
        split: [arithmetic(p) for seed in (0, 1) for p in generate(split=split, size=400, seed=seed, steps=(2, 4))]
        for split in SPLITS
    }
    for one in SPLITS:
        for other in SPLITS:
            assert one == other or not set(drawn[one]) & set(drawn[other])
        assert len(set(drawn[one][:400])) == 400


@given(seed=seeds, split=st.sampled_from(SPLITS), low=st.integers(1, 4), more=st.integers(0, 2))
def test_every_trace_computes_its_answer_from_the_numbers_of_its_question(
    seed: int, split: Split, low: int, more: int
) -> None:
    for problem in generate(split=split, size=3, seed=seed, steps=(low, low + more)):
        value, *changes = numbers(problem.question)
        equations = EQUATION.findall(problem.trace)
        assert SHAPE.fullmatch(problem.trace)
        assert low <= problem.steps == len(equations) == len(changes) <= low + more
        for change, (left, sign, right, result) in zip(changes, equations, strict=True):
            assert (int(left), int(right)) == (value, change)
            value = DO[sign](value, change)
            assert value == int(result)
        assert problem.answer == str(value) == problem.trace.rsplit("Answer: ", 1)[1]


def test_trace_lengths_vary_smoothly_within_one_difficulty() -> None:
    lengths = {len(p.trace.split()) for p in generate(split="train", size=200, seed=0, steps=(3, 3))}
    assert len(lengths) > 20


@pytest.mark.parametrize("steps", [(0, 2), (3, 2)])
def test_impossible_steps_are_refused(steps: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="steps must be"):
        list(generate(split="train", size=1, seed=0, steps=steps))


def test_a_used_up_space_is_an_error_and_not_an_endless_loop() -> None:
    with pytest.raises(ValueError, match="hardly more than"):
        list(generate(split="test", size=5000, seed=0, steps=(1, 1)))
