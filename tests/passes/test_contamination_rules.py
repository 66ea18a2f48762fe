"""Sets that hold each other's questions: found in local files, and in the result of an earlier run."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import pytest
from linting import changed, planned

from cotspec.compiler import check_specs
from cotspec.cot.contamination import Item, overlap, repeats
from cotspec.diagnostics import Sink

TEST = "test: {builtin: chains, split: test, size: 50}"
TRAIN = "train: {builtin: chains, split: train, size: 200}"
NAMES = [f"name{number}" for number in range(200)]


def rows(numbers: range, answer: int = 0) -> list[str]:
    asked = [f"{NAMES[n]} has {n} pens and buys {n + 1} more, then loses {n % 7}. How many are left?" for n in numbers]
    return [
        json.dumps({"question": question, "answer": str(answer or n)})
        for n, question in zip(numbers, asked, strict=True)
    ]


def project(folder: Path, train: list[str], test: list[str]) -> Path:
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "train.jsonl").write_text("\n".join(train), encoding="utf-8")
    (folder / "test.jsonl").write_text("\n".join(test), encoding="utf-8")
    spec = folder / "spec.yaml"
    spec.write_text(changed([(TRAIN, "train: {file: train.jsonl}"), (TEST, "test: {file: test.jsonl}")]))
    return spec


def test_a_shuffled_copy_of_the_training_set_is_an_error_at_the_evaluation(tmp_path: Path) -> None:
    train = rows(range(200))
    assert planned(project(tmp_path, train, random.Random(0).sample(train, 100))) == [
        (
            "error",
            "contamination",
            "test",
            "100 of 100 questions of `test` are in `train`, too: 100 equal, 0 in most of their words (the files; row 0 "
            "is row 98, for one)",
        )
    ]


def test_some_training_questions_are_a_warning_and_one_in_a_hundred_is_none(tmp_path: Path) -> None:
    train = rows(range(100))
    few = planned(project(tmp_path, train, [*rows(range(100, 198)), *train[:2]]))
    assert [told[:3] for told in few] == [("warning", "contamination", "test")]
    assert planned(project(tmp_path, train, [*rows(range(100, 199)), train[0]])) == []


def test_it_can_be_allowed_with_a_reason(tmp_path: Path) -> None:
    spec = project(tmp_path, rows(range(200)), rows(range(50)))
    spec.write_text(f"{spec.read_text()}allow: [{{rule: contamination, reason: to see what is remembered}}]\n")
    assert planned(spec) == []


def test_a_question_with_two_gold_answers_is_a_warning_at_its_set(tmp_path: Path) -> None:
    test = [*rows(range(100, 150)), *rows(range(110, 112), answer=5), *rows(range(110, 111), answer=110)]
    assert planned(project(tmp_path, rows(range(100)), test)) == [
        (
            "warning",
            "gold-contradiction",
            "test",
            "2 of 53 questions of `test` repeat an earlier one with another gold answer: row 50 that of row 10, for "
            "one",
        )
    ]


# --- an earlier run ---------------------------------------------------------------------------------------------------


def ran(folder: Path) -> tuple[Path, Path]:
    """A spec on builtin sets, and where the result of its task is."""
    (folder / ".git").mkdir()
    spec = folder / "spec.yaml"
    spec.write_text(changed([]))
    checked = check_specs({"spec.yaml": spec}, Sink())
    assert checked is not None
    place = folder / "generated/stages" / checked.sealed.ids["example/contamination"] / "out/contamination.json"
    place.parent.mkdir(parents=True)
    return spec, place


def test_what_an_earlier_run_found_is_said(tmp_path: Path) -> None:
    spec, place = ran(tmp_path)
    items = [Item(0, "How many?", "1"), Item(1, "how many", "2"), Item(2, "Who?", "Ann")]
    common, set_ = overlap(items, items[2:]), repeats(items)
    found = {
        "pairs": {"tested.taught": vars(common)},
        "sets": {"tested": vars(set_), "taught": vars(repeats(items[2:]))},
    }
    place.write_text(json.dumps(found))
    assert [(rule, marked, message) for _, rule, marked, message in planned(spec)] == [
        (
            "gold-contradiction",
            "test",
            "1 of 3 questions of `test` repeat an earlier one with another gold answer: row 1 that of row 0, for one",
        ),
        (
            "contamination",
            "test",
            "1 of 3 questions of `test` are in `train`, too: 1 equal, 0 in most of their words (an earlier run; row 2 "
            "is row 2, for one)",
        ),
    ]


OVERLAP = '{"questions": 1, "equal": 1, "copied": 0, "shared": 1, "short": 0, "examples": %s}'


@pytest.mark.parametrize(
    "text",
    [
        "",
        "[" * 100_000,
        "{}",
        '{"sets": [], "pairs": []}',
        '{"sets": {}, "pairs": {"tested.taught": 3}}',
        '{"sets": {}, "pairs": {"tested.taught": {"examples": [], "questions": 1}}}',
        '{"sets": {}, "pairs": {"tested.taught": ' + OVERLAP % '[["a", 1, 2]]' + "}}",
        '{"sets": {}, "pairs": {"tested.taught": ' + OVERLAP.replace('"equal": 1', '"equal": 1e999') % "[]" + "}}",
    ],
)
def test_a_result_that_no_task_wrote_says_nothing(text: str, tmp_path: Path) -> None:
    spec, place = ran(tmp_path)
    place.write_text(text)
    assert planned(spec) == []


def test_a_pipe_in_place_of_the_result_is_not_waited_for(tmp_path: Path) -> None:
    spec, place = ran(tmp_path)
    os.mkfifo(place)
    assert planned(spec) == []
