"""`cotspec compare`: two models side by side, as their evaluations recorded their answers."""

from __future__ import annotations

import io
import json
import re
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console

from cotspec.views import side_by_side
from cotspec.views.flips import Answer
from tests.fuzz.finished import finished, lock
from tests.support import Run

SPEC = "specs/a.yaml"
Line = dict[str, Any]


def edited(project: Path, id: str, change: Callable[[list[Line]], list[Line]]) -> None:
    path = project / "generated/stages" / id / "out/predictions.jsonl"
    lines = change([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")


def second_answers(lines: list[Line]) -> list[Line]:
    lines[3] |= {"correct": False, "text": "Step 1: 2 + 3 = 6\nAnswer: \x1b[31m24"}
    lines[5] |= {"text": "Answer: 20"}
    lines[7] |= {"question": "Something else?"}
    return lines


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The second stage loses question 3, words question 5 otherwise, and was asked another question 7; the variant has
    two answers to each."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plan = finished(folder)
    found = {str(label): task.id for task in plan.tasks for label in task.labels}
    edited(folder, found["evaluation of second of example"], second_answers)
    twice = [found[f"evaluation of {name} of example--faster"] for name in ("second",)]
    for id in twice:
        edited(folder, id, lambda lines: [each | {"correct": at > 0} for each in lines for at in range(2)])
    lock(folder, plan)
    return folder


def test_what_changed_sides_comes_first_and_what_is_alike_is_counted(project: Path, run: Run) -> None:
    code, out, err = run("compare", f"{SPEC}:first", "second")
    assert code == 0, err
    lines = out.splitlines()
    assert lines[0] == "first → second: 19 questions"
    counts = [re.split(r"  +", line.strip(), maxsplit=1) for line in lines[1:5]]
    assert [(int(count), told.split(",")[0]) for count, told in counts] == [
        (1, "right before"),
        (0, "wrong before"),
        (1, "other text"),
        (17, "the same text"),
    ]
    assert "accuracy 100.0 % → 94.7 %, -5.3 points [" in lines[5]
    assert lines[6].split(maxsplit=1) == ["1", "put to one of them alone, or in other words: left out"]
    assert [line.split("   ")[0] for line in lines if line.startswith("===")] == ["=== question 3", "=== question 5"]
    assert "--- second: wrong, 30 tokens\nStep 1: 2 + 3 = 6\nAnswer: ␛[31m24\n" in out


def test_one_question_is_shown_by_its_id_also_where_both_say_the_same(project: Path, run: Run) -> None:
    _, out, err = run("compare", f"{SPEC}:first", f"{SPEC}:second", "--question", "9")
    assert (out.count("==="), err) == (1, "")
    assert "=== question 9   the same text   gold 20" in out
    assert "there is no question 99: they are 0 to 19" in run("compare", SPEC, "first", "--question", "99")[2]


def test_fewer_are_shown_when_asked_and_the_rest_is_told_apart_from_the_texts(project: Path, run: Run) -> None:
    _, out, err = run("compare", f"{SPEC}:first", "second", "--most", "1")
    assert out.count("===") == 1
    assert err == "1 more differ: --most 2 shows all, --question N one\n"


def test_programs_get_both_texts_and_all_counts(project: Path, run: Run) -> None:
    record = json.loads(run("compare", f"{SPEC}:first", "second", "--format", "json")[1])
    assert record["counts"] == {"lost": 1, "won": 0, "other_text": 1, "same_text": 17}
    assert [(each["id"], each["kind"], each["new"]["right"]) for each in record["shown"]] == [
        (3, "lost", False),
        (5, "other_text", True),
    ]


def test_of_several_answers_those_that_show_the_change_are_shown(project: Path, run: Run) -> None:
    _, out, _ = run("compare", f"{SPEC}:first", f"{SPEC}@faster", "--most", "1")
    assert out.startswith("example:first → example--faster:second: 20 questions")
    assert "--- example:first: right, 30 tokens" in out
    assert "--- example--faster:second: wrong, 30 tokens; 1 of 2 right" in out


@pytest.mark.parametrize(
    ("one", "other"),
    [
        ((SPEC, "first", "second"), (f"{SPEC}:first", "second")),
        (("example:first", "example:second"), (f"{SPEC}:first", f"{SPEC}:second")),
        (("example", "first", ":second"), (f"{SPEC}:first", "second")),
        (("example:first", "example--faster"), (f"{SPEC}:first", f"{SPEC}@faster:second")),
        ((SPEC, "first", "example--faster:second"), (f"{SPEC}:first", f"{SPEC}@faster:second")),
    ],
)
def test_models_go_by_the_names_that_results_print(
    one: tuple[str, ...], other: tuple[str, ...], project: Path, run: Run
) -> None:
    code, out, _ = run("compare", *one)
    assert code == 0
    assert out.splitlines()[1:] == run("compare", *other)[1].splitlines()[1:]


def test_results_show_the_model_that_is_named_in_place_of_the_last(project: Path, run: Run) -> None:
    def shown(name: str) -> dict[str, str]:
        return {each["experiment"]: each["model"] for each in json.loads(run("results", name, "--format", "json")[1])}

    assert shown("example") == {"example": "second", "example--faster": "second"}
    assert shown("example:first") == {"example": "first", "example--faster": "first"}
    assert shown("example--faster:first") == {"example": "first", "example--faster": "first"}


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("specs/b.yaml:first", "second"), "there is no file `specs/b.yaml`"),
        ((SPEC, "specs/b.yaml"), "there is no file `specs/b.yaml`"),
        ((SPEC,), "compare takes two models: `cotspec compare SPEC MODEL MODEL`, or `cotspec compare EXPERIMENT:MODEL"),
        ((f"{SPEC}:base", "first", "second"), f"`{SPEC}:base` is a model already, and two more are named"),
        ((f"{SPEC}:frist", "second"), "`example` does not evaluate `frist`: did you mean `first`?"),
        ((f"{SPEC}:first", "tutor"), "`example` does not evaluate `tutor`: there is `base`, `first` and `second`"),
        ((SPEC, "first", "--set", "hard"), "`example` has no set `hard`: it has one, without a name"),
        ((f"{SPEC}@fastr", "first"), "did you mean `faster`?"),
    ],
)
def test_what_is_no_model_is_named(arguments: tuple[str, ...], told: str, project: Path, run: Run) -> None:
    code, out, err = run("compare", *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_what_was_not_evaluated_says_how_to(project: Path, run: Run) -> None:
    for each in project.glob("generated/stages/evaluate-*/dvc.lock"):
        shutil.move(each, each.with_suffix(".gone"))
    code, _, err = run("compare", f"{SPEC}:first", "second")
    assert code == 2
    assert "first is not evaluated as its spec says now (never run here): `dvc repro generated/stages/evaluate-" in err


def test_on_a_terminal_two_columns_stand_side_by_side_and_what_differs_stands_out() -> None:
    def side(name: str, text: str, right: bool) -> side_by_side.Model:
        said = Answer(question="What is 2 + 3?", gold="5", text=text, right=right, tokens=3)
        return side_by_side.Model(name=name, answers={0: [said]})

    found = side_by_side.side_by_side(side("old", "2 + 3 is 6", False), side("new", "2 + 3 is 5\x1b[2J", True), "")
    console = Console(file=io.StringIO(), width=60, force_terminal=True, color_system="standard")
    side_by_side.draw(console, found, found.chosen)
    assert isinstance(console.file, io.StringIO)
    drawn = console.file.getvalue()
    (line,) = [line for line in drawn.splitlines() if "2 + 3 is" in line]
    assert line.count("2 + 3 is") == 2
    assert "\x1b[1;4m6\x1b[0m" in line
    assert "\x1b[2J" not in drawn


def test_texts_too_long_to_compare_word_by_word_are_shown_without_marks() -> None:
    long = "word " * 5000
    assert [text.plain for text in side_by_side.marked(long, long + "more")] == [long, long + "more"]
