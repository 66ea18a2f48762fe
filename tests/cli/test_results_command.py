"""`cotspec results --html` and `--base` in a project whose tasks are all done."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cotspec.cli import results
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import named
from tests.fuzz.finished import SPEC, finished, lock
from tests.pages import Parsed, whole


@pytest.fixture
def done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A spec and a variant; the variant answers one question otherwise."""
    project = tmp_path / "project"
    project.mkdir()
    monkeypatch.chdir(project)
    plan = finished(project)
    (own,) = [
        task.id
        for task in plan.tasks
        if task.id.startswith("evaluate") and {label.experiment for label in task.labels} == {"example--faster"}
        if any(label.part.endswith("second") for label in task.labels)
    ]
    answers = project / "generated/stages" / own / "out/predictions.jsonl"
    lines = [json.loads(line) for line in answers.read_text().splitlines()]
    lines[3] |= {"correct": False, "text": "Answer: 21<script>"}
    answers.write_text("".join(json.dumps(line) + "\n" for line in lines))
    lock(project, plan)
    return project


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("notes.yaml", "is no name of a page: end it with `.html` (specs stand before `--html`)"),
        ("data.csv", "is no name of a page"),
        ("generated/page.html", "lies where builds and runs write: name another folder"),
    ],
)
def test_a_page_takes_the_place_of_nothing_else(name: str, told: str, done: Path) -> None:
    (done / name).parent.mkdir(exist_ok=True)
    (done / name).write_text("mine", encoding="utf-8")
    with pytest.raises(ProblemError, match=re.escape(told)):
        results.run([], output="text", page=Path(name))
    assert (done / name).read_text(encoding="utf-8") == "mine"


def test_a_page_of_results_is_written_into_a_file_or_a_folder(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert results.run([], output="text", page=Path("page.html")) == 0
    assert "page.html: " in capsys.readouterr().out
    page = (done / "page.html").read_text(encoding="utf-8")
    whole(page)
    said = Parsed(page).said
    assert "example → example--faster" in said
    assert "Answer: 21<script>" in said
    assert "<script>" not in page
    assert re.search(r"\d+ of \d+ tasks measured: ", said)
    assert " 12 s " in said
    assert re.search(r"stages\.second\.train\.lr: 2e-05 # specs/\w+\.yaml:\d+ \(variant faster\)", said)
    (done / "pages").mkdir()
    assert results.run([], output="text", page=Path("pages")) == 0
    assert (done / "pages/results.html").read_text(encoding="utf-8") == page


def test_a_base_is_chosen_for_every_form_and_a_wrong_one_is_named(
    done: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert results.run([], output="json", base="example--faster") == 0
    told = {row["experiment"]: row["base"] for row in json.loads(capsys.readouterr().out)}
    assert told == {"example": "example--faster", "example--faster": None}
    with pytest.raises(ProblemError, match="there is no experiment `example--fastr` among these: did you mean"):
        results.run([], output="text", base="example--fastr")


def test_a_base_over_seeds_has_the_name_that_results_print(done: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (spec,) = done.glob("specs/*.yaml")
    with spec.open("a", encoding="utf-8") as file:
        file.write("  often: {stages.second.train.lr: 3e-5, seeds: [1, 2]}\n")
    assert results.run([], output="text", base="example--often") == 0
    over = capsys.readouterr().out
    assert results.run([], output="text", base="example--often-seed-1") == 0
    assert capsys.readouterr().out == over
    assert "example--often " in over


def test_with_a_base_over_seeds_each_is_compared_with_that_of_its_own_seed(done: Path) -> None:
    (spec,) = done.glob("specs/*.yaml")
    with spec.open("a", encoding="utf-8") as file:
        file.write("  often: {stages.second.train.lr: 3e-5, seeds: [1, 2]}\n")
    checked = results._checked(done, named(done, []))
    assert checked is not None
    assert results._bases("example--often", checked) == {1: "example--often-seed-1", 2: "example--often-seed-2"}
    assert set(results._bases("example--faster", checked).values()) == {"example--faster"}


def test_a_place_that_cannot_be_written_is_a_message(done: Path) -> None:
    with pytest.raises(ProblemError, match=r"cannot write no/such/folder.html: No such file or directory"):
        results.run([], output="text", page=Path("no/such/folder.html"))


@pytest.mark.parametrize(
    ("written", "told"),
    [
        ("", "now 512, with `temperature: 0` beside it (a `sampling` that is written has other defaults)\n"),
        ("sampling: {temperature: 0, max_new_tokens: 64}, ", "now 64\n"),
    ],
)
def test_answers_that_were_cut_name_the_key_that_says_where(
    written: str, told: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = finished(tmp_path, SPEC.replace("evaluate: {", f"evaluate: {{{written}", 1))
    (own,) = [each.id for each in plan.tasks if "evaluation of first of example" in map(str, each.labels)]
    metrics = tmp_path / "generated/stages" / own / "out/metrics.json"
    metrics.write_text(json.dumps(json.loads(metrics.read_text()) | {"truncated": 0.15}))
    lock(tmp_path, plan)
    assert results.run(["example@"], output="text") == 0
    assert "were cut" not in capsys.readouterr().out, "the last model has none"
    assert results.run(["example@:first"], output="text") == 0
    cut = "example:first: 3 of 20 answers (15 %) were cut at `max_new_tokens`: raise `evaluate.sampling.max_new_tokens`"
    assert f"\n{cut}, {told}" in capsys.readouterr().out


def test_figures_of_a_suite_are_shown_where_it_has_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    suites = "evaluate: {suites: {look: {tasks: [arc_easy], of: [base, second]}}, "
    plan = finished(tmp_path, SPEC.replace("evaluate: {", suites, 1))
    assert results.run(["specs/a.yaml"], output="text", page=Path("page.html")) == 0
    page = (tmp_path / "page.html").read_text(encoding="utf-8")
    whole(page)
    assert "0.5000 ± 0.1000" in Parsed(page).said
    capsys.readouterr()
    assert results.run(["specs/a.yaml@faster"], output="json") == 0
    rows = [row for row in json.loads(capsys.readouterr().out) if row["suite"]]
    assert [(row["experiment"], row["suite"], row["suite_task"], row["value_change"]) for row in rows] == [
        ("example", "look", "arc_easy", None),
        ("example--faster", "look", "arc_easy", 0.0),
    ]
    for path in tmp_path.glob("generated/stages/suite-*/out/suite.json"):
        path.write_text('{"tasks": {"arc_easy": {"n": 4, "metrics": {"acc": 0.5}}}}')
    lock(tmp_path, plan)
    with pytest.raises(ProblemError, match="does not hold what a suite writes"):
        results.run([], output="text")


@pytest.mark.parametrize(("of", "change"), [("[tutor, base, second]", 0.0), ("[tutor, second]", None)])
def test_the_change_to_the_student_is_from_the_model_that_was_trained_wherever_it_stands(
    of: str,
    change: float | None,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    plan = finished(tmp_path, SPEC.replace("of: [base, first, second]", f"of: {of}"))
    (own,) = [each.id for each in plan.tasks if "evaluation of tutor of example" in map(str, each.labels)]
    answers = tmp_path / "generated/stages" / own / "out/predictions.jsonl"
    answers.write_text(answers.read_text().replace('"correct": true', '"correct": false'))
    lock(tmp_path, plan)
    assert results.run(["example@"], output="json") == 0
    (told,) = json.loads(capsys.readouterr().out)
    assert (told["accuracy"], told["student_change"]) == (0.5, change)
