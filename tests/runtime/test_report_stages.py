"""What a report tells of the stages behind its rows."""

from __future__ import annotations

import json
from pathlib import Path

from conftest import Run, Stage

from cotspec.spec.payload import ReportBody

SHARES = dict.fromkeys(("accuracy", "accuracy_low", "accuracy_high", "formatted"), 0.5)
EVALUATED = {"n": 500, "tokens": 9.5, "truncated": 0.0, "ungradable": 0, **SHARES}


def test_the_report_tells_what_stages_left_out_and_how_little_they_learnt(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    trained = {
        "structure": {"rows": 200, "rows_used": 188, "rows_too_long": 12, "steps": 50, "steps_without_signal": 0},
        "compress": {
            "rows": 100,
            "rows_too_long": 0,
            "rows_beyond_last_batch": 4,
            "steps": 12,
            "steps_without_signal": 12,
            "groups_without_signal": 1.0,
            "truncated": 1.0,
        },
        "older": {"rows": 10, "steps": 5, "train.loss": 0.5},
    }
    files = {"evaluate.student": EVALUATED, **{f"stage.{name}": value for name, value in trained.items()}}
    paths = {}
    for role, values in files.items():
        paths[role] = tmp_path / f"{role}.json"
        paths[role].write_text(json.dumps(values))
    body = ReportBody(name="tiny", about="", labels=("student",), stages=tuple(trained))
    folder = stage("report-tiny", body, paths)
    code, out, err = run_here(folder)
    assert code == 0, err
    told = [
        "structure: 12 of 200 rows (6 %) were left out as too long",
        "compress: it learnt nothing: none of its 12 steps had a signal",
        "compress: 100 % of its completions were cut at `max_new_tokens`",
    ]
    assert [line for line in out.splitlines() if line.partition(":")[0] in trained] == told
    record = json.loads((folder / "out/report.json").read_text())
    assert [f"{each['stage']}: {note}" for each in record["stages"] for note in each["notes"]] == told
    assert record["stages"][1]["groups_without_signal"] == 1.0
    page = (folder / "out/report.md").read_text()
    assert "| compress | 12 | 100 | 0 | 4 (4 %) | 12 (100 %) | 100 % | 100 % |" in page
    assert "| older | 5 | 10 |  |  |  |  |  |" in page


def test_an_accuracy_of_answers_that_were_cut_at_the_limit_says_so(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    paths = {}
    for label, share in {"student": 0.02, "learn": 1.0}.items():
        paths[f"evaluate.{label}"] = tmp_path / f"{label}.json"
        paths[f"evaluate.{label}"].write_text(json.dumps(EVALUATED | {"truncated": share}))
    folder = stage("report-tiny", ReportBody(name="tiny", about="", labels=("student", "learn")), paths)
    code, _out, err = run_here(folder)
    assert code == 0, err
    n = EVALUATED["n"]
    told = f"{n} of {n} answers (100 %) were cut at `max_new_tokens`"
    for name in ("table.txt", "report.md"):
        shown = (folder / "out" / name).read_text()
        assert f"learn: {told}: raise `evaluate.sampling.max_new_tokens`" in shown
        assert shown.count("were cut") == 1
    page = (folder / "out/report.html").read_text()
    assert page.count("were cut at") == 1
