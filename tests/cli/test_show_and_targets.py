"""`cotspec show` and `cotspec targets` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import Run

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "one.yaml").write_text(BASE + "variants:\n  wide: {stages.second.train.group: 8}\n")
    monkeypatch.chdir(tmp_path)


def test_show_prints_the_variant_with_its_origins(run: Run) -> None:
    code, out, err = run("show", "specs/one.yaml@wide")
    assert (code, err) == (0, "")
    (line,) = [line for line in out.splitlines() if "(variant wide)" in line]
    assert line.split() == ["group:", "8", "#", "specs/one.yaml:28", "(variant", "wide)"]


def test_show_as_json_has_a_place_for_each_written_value_and_none_for_a_default(run: Run) -> None:
    _, out, _ = run("show", "specs/one.yaml", "--format", "json")
    records = {record["path"]: record for record in json.loads(out)}
    assert records["stages.second.train.group"] == {
        "path": "stages.second.train.group",
        "value": 4,
        "origin": "file",
        "file": "specs/one.yaml",
        "line": 20,
        "column": 40,
    }
    assert records["stages.second.train.beta"] == {
        "path": "stages.second.train.beta",
        "value": 0.0,
        "origin": "default",
    }


def test_show_of_a_spec_with_errors_shows_them(run: Run) -> None:
    Path("specs/one.yaml").write_text(BASE.replace("group: 4", "grop: 4"))
    code, out, err = run("show", "specs/one.yaml")
    assert (code, out) == (1, "")
    assert "unknown-key" in err


@pytest.mark.parametrize("command", ["show", "targets"])
def test_an_unknown_variant_is_a_usage_error_with_a_suggestion(command: str, run: Run) -> None:
    code, out, err = run(command, "specs/one.yaml@wdie")
    assert (code, out) == (2, "")
    assert "did you mean `wide`?" in err


def test_targets_names_the_file_of_the_report_of_a_variant_or_of_the_whole_family(run: Run) -> None:
    assert run("targets", "specs/one.yaml@wide") == (0, "generated/reports/example--wide/dvc.yaml\n", "")
    assert run("targets", "specs/one.yaml")[1].split() == [
        "generated/reports/example/dvc.yaml",
        "generated/reports/example--wide/dvc.yaml",
    ]
    run("build")
    assert all(Path(target).is_file() for target in run("targets", "specs/one.yaml")[1].split())


def test_a_file_whose_own_name_holds_an_at_sign_is_the_file(run: Run) -> None:
    Path("specs/a@b.yaml").write_text(BASE)
    assert run("targets", "specs/a@b.yaml")[1] == "generated/reports/example/dvc.yaml\n"
