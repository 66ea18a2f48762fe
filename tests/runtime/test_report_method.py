"""The method as a report lists it: every task of a built project, found by the payloads alone."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cotspec.runtime import report_method
from cotspec.runtime.report_method import Made
from cotspec.runtime.task import Task, load
from tests.history.projects import build


@pytest.fixture
def report(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Task:
    """The report of a spec that is built, and of which nothing has run."""
    (tmp_path / "specs").mkdir()
    monkeypatch.chdir(tmp_path)
    built = build()
    assert built.plan is not None
    folder = tmp_path / "generated/reports" / built.plan.reports[0].name
    return load(folder / "payload.json", folder / "run.json")


def test_every_task_is_there_once_after_what_it_reads_and_is_called_by_what_it_does(report: Task) -> None:
    made = report_method.tasks(report)
    folders = {path.name for path in (report.root / "generated/stages").iterdir()}
    assert {each.id for each in made} == folders
    assert len(made) == len(folders)
    seen: set[str] = set()
    for each in made:
        assert set(each.reads) <= seen
        seen.add(each.id)
    names = {each.name for each in made}
    assert {"questions of train", "texts of teach", "filter of teach", "rows of stage first", "stage first"} <= names
    assert {"evaluation of base", "contamination"} <= names
    assert not names & {each.kind for each in made} - {"contamination"}


def test_a_task_that_only_another_one_knows_is_called_by_that_one() -> None:
    assert report_method._by_reader("teach", "filter of teach") == "texts of teach"
    assert report_method._by_reader("probabilities", "stage agree") == "probabilities for stage agree"
    assert report_method._by_reader("teach", "") == "teach"


def test_models_and_data_are_named_with_what_is_recorded_of_them(report: Task) -> None:
    found: dict[str, Made] = {each.name: each for each in report_method.tasks(report)}
    assert found["questions of train"].uses == ("from builtin chains (split train, size 200, seed 0, steps [2, 4])",)
    (by,) = found["texts of teach"].uses
    assert by.startswith("by builtin tiny-teacher, sha256 ")
    assert json.loads(found["stage first"].settings)["optim"]["lr"] == 1e-4
    assert report_method.stage_settings([*found.values()], "first")["kind"] == "sft"
    assert report_method.stage_settings([*found.values()], "none") == {}


@pytest.mark.parametrize(
    ("role", "given", "told"),
    [
        ("model", {"kind": "hub", "id": "a/b", "revision": "abc"}, "by hub a/b at revision abc"),
        (
            "source",
            {"kind": "hub", "id": "a/b", "config": "main", "split": "test", "revision": "abc"},
            "from hub a/b (main/test) at revision abc",
        ),
        (
            "model",
            {"kind": "endpoint", "name": "big", "url": "https://x.example/v1", "version": "7"},
            "by endpoint big at https://x.example/v1, version 7",
        ),
        ("model", {"kind": "endpoint", "name": "big"}, "by endpoint big, where this machine knows it"),
        ("teacher", {"kind": "self"}, "learns from its own first weights"),
    ],
)
def test_what_a_task_uses_is_said_in_words(role: str, given: dict[str, str], told: str) -> None:
    assert list(report_method._uses({role: given})) == [told]


def test_a_payload_that_is_gone_broken_or_of_another_task_is_left_out(report: Task) -> None:
    before = {each.name: each.id for each in report_method.tasks(report)}
    stages = report.root / "generated/stages"
    (stages / before["stage first"] / "payload.json").write_text('{"inputs": [')
    (stages / before["contamination"] / "payload.json").unlink()
    other = json.loads((stages / before["questions of test"] / "payload.json").read_text())
    (stages / before["questions of test"] / "payload.json").write_text(json.dumps(other | {"id": "data-x"}))
    found = {each.name for each in report_method.tasks(report)}
    assert not found & {"stage first", "contamination", "questions of test"}
    assert "evaluation of base" in found


def test_tasks_that_read_each_other_are_listed_once(report: Task) -> None:
    made = {each.name: each.id for each in report_method.tasks(report)}
    stages = report.root / "generated/stages"
    place = stages / made["questions of train"] / "payload.json"
    payload = json.loads(place.read_text())
    back = {"path": f"../{made['stage first']}/out/model", "producer": made["stage first"]}
    place.write_text(json.dumps(payload | {"inputs": {"x": back}}))
    assert {each.id for each in report_method.tasks(report)} == set(made.values())
