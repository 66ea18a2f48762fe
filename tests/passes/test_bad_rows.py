"""Bad rows of a data file that a spec lets be left out."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import changed

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.history import data_files

GOOD = b'{"question": "3 + 4?", "answer": "7"}\n'
ROWS = b'{"question": "q", "answer": "8"}\n' + GOOD * 98 + b'{"question": "q"}\n'


def findings(folder: Path, content: bytes, settings: str) -> list[Diagnostic]:
    """What is found in a spec whose test set is a file."""
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "test.jsonl").write_bytes(content)
    file = f"test: {{file: test.jsonl, {settings}}}"
    text = changed([("test: {builtin: chains, split: test, size: 50}", file)])
    (folder / "spec.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    plan_specs({"spec.yaml": folder / "spec.yaml"}, sink)
    return list(sink.sorted())


@pytest.mark.parametrize(
    ("most", "rows", "severity", "advice"),
    [
        (0.01, 1000, "note", "1 of 100 rows is bad and left out, as `max_bad_rows: 0.01` allows"),
        (0.009, 1000, "error", "1 of 100 rows is bad, more than `max_bad_rows: 0.009` allows; put the row right"),
        (0.01, 100, "note", "1 of 100 rows is bad and left out, as `max_bad_rows: 0.01` allows"),
        (0.009, 100, "warning", "1 of 100 rows is bad, more than `max_bad_rows: 0.009` allows; the task"),
        (0, 1000, "error", "put the row right or leave it out, or say how many may be left out"),
    ],
)
def test_bad_rows_that_may_be_left_out_are_counted_and_shown(
    most: float, rows: int, severity: str, advice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "MOST_ROWS", rows)
    content = ROWS + GOOD * (rows == 100)  # of a longer file only the beginning is read
    found, *_ = [each for each in findings(tmp_path, content, f"max_bad_rows: {most}") if "lack it" in each.message]
    assert (found.severity, found.help[: len(advice)]) == (severity, advice)
    assert (
        f"no column `answer` in line 100 (1 of {'the first ' if rows == 100 else ''}100 rows lack it)" in found.message
    )


def test_a_column_that_no_row_has_is_an_error_whatever_may_be_bad(tmp_path: Path) -> None:
    (found,) = findings(tmp_path, GOOD * 3, "answer: anwser, max_bad_rows: 1")
    assert (found.severity, found.suggestions) == ("error", ("answer",))


def test_rows_before_the_slice_count_neither_as_good_nor_as_bad(tmp_path: Path) -> None:
    """They are not looked at: a column that no row of the slice has is missing everywhere."""
    (found,) = findings(tmp_path, GOOD * 9, "answer: anwser, slice: [3, 9]")
    assert "has no column `anwser`" in found.message
    assert "lack it" not in found.message
    assert found.suggestions == ("answer",)


def test_bad_rows_are_counted_among_those_of_the_slice(tmp_path: Path) -> None:
    content = b'{"question": "q"}\n' + GOOD * 2 + b'{"question": "q"}\n' + GOOD * 3
    (found,) = findings(tmp_path, content, "slice: [2, 7], max_bad_rows: 0.2")
    assert "no column `answer` in line 4 (1 of 5 rows lack it)" in found.message
    assert found.help.startswith("1 of 5 rows is bad and left out")


def test_of_bad_rows_of_several_kinds_the_first_says_how_many_they_are(tmp_path: Path) -> None:
    content = GOOD * 7 + b'{"question": "q"}\n{"question": "", "answer": "7"}\nno JSON\n'
    first, *others = findings(tmp_path, content, "max_bad_rows: 0.3")
    assert first.help == "3 of 10 rows are bad and left out, as `max_bad_rows: 0.3` allows"
    assert [each.help for each in others] == ["", ""]
    first, *others = findings(tmp_path, content, "max_bad_rows: 0.2")
    assert first.help.startswith("3 of 10 rows are bad, more than `max_bad_rows: 0.2` allows; put the row right")
    assert [each.help for each in others] == ["put the row right or leave it out"] * 2
