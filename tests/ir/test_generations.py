"""What the filter of a generation asks: parts a task does by itself, and the rest as an expression."""

from __future__ import annotations

import pytest

from cotspec.ir.generations import Filter, chain, filter_of, taught, used
from tests.support import experiment, sealed, spec_data


def kept(where: str, over: str = "train") -> Filter:
    data = spec_data("small")
    data["generate"]["mine"] = {"by": "teacher", "over": over, "keep": {"where": where}}
    return filter_of(experiment(data), "mine")


@pytest.mark.parametrize(
    ("where", "found"),
    [
        ("mine.correct", Filter(correct=True)),
        ("mine.correct and mine.steps >= 2", Filter(correct=True, at_least=2)),
        ("mine.steps > 1 and (mine.correct and 9 >= mine.steps)", Filter(correct=True, at_least=2, at_most=9)),
        ("2 <= mine.steps <= 4 and mine.correct", Filter(correct=True, at_least=2, at_most=4)),
        ("not mine.steps < 2", Filter(at_least=2)),
        ("1 < mine.words < 9", Filter(rest="1 < text.words and text.words < 9")),
        ("mine.steps == 4", Filter(at_least=4, at_most=4)),
        ("mine.steps >= 2 and mine.steps >= 3 and mine.steps < 8 and mine.steps <= 9", Filter(at_least=3, at_most=7)),
        ("not mine.correct", Filter(rest="not text.correct")),
        ("mine.correct or mine.steps > 3", Filter(rest="(text.correct or text.steps > 3)")),
        ("mine.correct and mine.words / mine.steps < 40", Filter(correct=True, rest="text.words / text.steps < 40")),
        ("mine.correct and mine.steps < 1", Filter(correct=True, rest="text.steps < 1")),
        ("mine.steps == 0", Filter(rest="text.steps == 0")),
        ("mine.score == 0", Filter(rest="text.score == 0")),
        ("mine.steps >= 2.5", Filter(rest="text.steps >= 2.5")),
    ],
)
def test_a_condition_is_what_it_asks_however_it_is_written(where: str, found: Filter) -> None:
    assert kept(where) == found


BOTH = "mine.score == 0 and mine.score < 1"


@pytest.mark.parametrize(
    ("where", "failed"), [("mine.score == 0", "all_wrong"), ("1 > mine.score", "any_wrong"), (BOTH, "all_wrong")]
)
def test_tries_are_kept_by_how_many_are_right(where: str, failed: str) -> None:
    assert kept(where, over="teach").failed == failed


def test_the_name_of_a_generation_is_in_no_condition_of_a_task() -> None:
    assert kept("mine.words < 9").rest == "text.words < 9"


def test_a_mistake_leaves_nothing_of_a_condition() -> None:
    found = kept("mine.correct and mine.wrods < 9")
    assert (found.correct, [problem.suggestion for problem in found.problems]) == (False, ["mine.words"])


def test_a_condition_that_is_too_long_when_it_is_written_out_is_a_mistake() -> None:
    short = "mine.words<9 or mine.words>99"
    assert kept(f"({short}) and mine.correct").problems == ()
    (problem,) = kept(" and ".join(f"({short})" for _ in range(55))).problems
    assert "characters" in problem.message


def test_chains_lead_to_a_data_set_and_end_in_a_cycle() -> None:
    data = spec_data("small")
    assert chain(experiment(data), "tries") == ("tries", "teach")
    data["generate"]["teach"]["over"] = "tries"
    assert chain(experiment(data), "tries") == ("tries", "teach")


def test_every_set_that_is_taught_has_a_role_and_an_unused_generation_teaches_none() -> None:
    data = spec_data("small")
    data["generate"]["more"] = {"by": "teacher", "over": "valid"}
    assert taught(experiment(data)) == {"taught": "train"}
    data["stages"]["rewrite"]["rows"] = {"from": "more"}
    assert used(experiment(data)) == ("teach", "more")
    assert taught(experiment(data)) == {"taught": "train", "taught_2": "valid"}


def test_a_source_that_asks_the_question_alone_hides_nothing() -> None:
    data = spec_data("small")
    (name, stage), *_ = ((n, s) for n, s in data["stages"].items() if s.get("mask"))
    given = stage["rows"]
    stage["rows"] = {"mix": [given, given | {"task": "solve"}], "order": "given"}
    tasks = {label.part: task.body for task in sealed(data).plan.tasks for label in task.labels}
    whole, alone = (body for part, body in tasks.items() if part.startswith(f"rows of stage {name} from"))
    assert (whole.task, alone.task) == (stage["task"], "solve")
    assert whole.mask.rows > 0
    assert alone.mask.rows == 0
    assert "trace" not in alone.prompt
