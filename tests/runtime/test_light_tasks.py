"""Tasks without a model: what they write, what they count, what they refuse. And that they never load torch."""

from __future__ import annotations

import fcntl
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from bodies import FORMAT, NO_MASK, WHOLE
from conftest import QUESTIONS, Run, Stage, contents, environment, trace_of, write_lines

from cotspec.runtime.scratch import folder_of
from cotspec.runtime.task import load
from cotspec.spec.payload import (
    BuiltinData,
    CompareBody,
    DataBody,
    FileData,
    Pick,
    Range,
    ReportBody,
    ReportTable,
    RowsBody,
    TracesBody,
)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def builtin(size: int = 5) -> DataBody:
    source = BuiltinData(name="chains", split="train", size=size, seed=1, steps=(2, 3))
    return DataBody(source=source, slice=WHOLE)


def file_body(**changes: Any) -> DataBody:
    values = {"question": "q", "answer": "a", "answer_after": "####"} | changes
    return DataBody(source=FileData(**values), slice=Range(first=1, end=3))


def rows_body() -> RowsBody:
    return RowsBody(
        by="sft",
        task="solve",
        format=FORMAT,
        prompt="{{ question }}",
        mask=NO_MASK,
        shuffle=False,
        loss_on=("step", "answer"),
        epochs=2,
        slice=WHOLE,
        seed=1,
    )


def test_builtin_problems_are_the_same_bytes_each_time(stage: Stage, run_here: Run) -> None:
    one, two = stage("data-1", builtin()), stage("data-2", builtin())
    assert run_here(one)[0] == run_here(two)[0] == 0
    assert contents(one / "out") == contents(two / "out")
    assert [record["id"] for record in read(one / "out/problems.jsonl")] == [0, 1, 2, 3, 4]


def test_durations_and_versions_are_beside_the_results_and_not_among_them(stage: Stage, run_here: Run) -> None:
    folder = stage("data-1", builtin())
    assert run_here(folder)[0] == 0
    assert sorted(contents(folder / "out")) == ["counts.json", "problems.jsonl"]
    took = json.loads((folder / "last-run.json").read_text())
    assert set(took) == {"seconds", "memory", "payload", "run"}
    assert 5_000_000 < took["memory"] < 20_000_000_000, "bytes, whatever the system counts in"
    assert json.loads((folder / "provenance.json").read_text())["python"] == sys.version.split()[0]
    (work,) = (folder.parents[2] / ".cotspec/scratch").iterdir()
    assert {path.name for path in work.iterdir()} == {"kept", "kept.json", "lock"}


FIRST = Pick(kind="first", shortest=0.0, seed=0)


def rollout(number: int, text: str, *, truncated: bool = False) -> dict[str, Any]:
    question, answer = QUESTIONS[number]
    return {
        "id": number,
        "question": question,
        "answer": answer,
        "text": text,
        "tokens": 9,
        "truncated": truncated,
    }


def test_the_filter_counts_every_rollout_it_drops_under_its_reason(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    rollouts = [
        rollout(0, trace_of(0)),
        rollout(0, trace_of(0)),
        rollout(1, trace_of(2)),
        rollout(2, trace_of(2), truncated=True),
        rollout(3, "Answer: 7"),
        rollout(5, f"Step 1: x\nAnswer: more than {QUESTIONS[5][1]}"),
        rollout(4, "\n".join(f"Step {k}: x" for k in range(1, 5)) + "\nAnswer: 9"),
    ]
    body = TracesBody(format=FORMAT, answer="correct", at_least=1, at_most=3, pick=FIRST)
    folder = stage("traces-1", body, {"rollouts": write_lines(tmp_path / "r.jsonl", rollouts)})
    assert run_here(folder)[0] == 0
    assert [record["id"] for record in read(folder / "out/traces.jsonl")] == [0]
    counts = json.loads((folder / "out/counts.json").read_text())
    assert counts["dropped"] == {
        "question_has_one": 1,
        "too_few_steps": 1,
        "too_many_steps": 1,
        "truncated": 1,
        "ungradable_answer": 1,
        "wrong_answer": 1,
    }


def test_the_shortest_good_rollout_of_a_question_is_its_trace_and_a_shorter_bad_one_is_not(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    rollouts = [
        rollout(0, trace_of(0)) | {"tokens": 9},
        rollout(0, trace_of(0) + "\n") | {"tokens": 5},
        rollout(0, trace_of(0).replace("Step", "Stop")) | {"tokens": 2},
    ]
    pick = Pick(kind="shortest", shortest=0.0, seed=0)
    body = TracesBody(format=FORMAT, answer="correct", at_least=1, at_most=9, pick=pick)
    folder = stage("traces-1", body, {"rollouts": write_lines(tmp_path / "r.jsonl", rollouts)})
    assert run_here(folder)[0] == 0
    assert [record["tokens"] for record in read(folder / "out/traces.jsonl")] == [5]


def test_a_filter_that_leaves_nothing_is_an_error(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    body = TracesBody(format=FORMAT, answer="correct", at_least=2, at_most=3, pick=FIRST)
    folder = stage("traces-1", body, {"rollouts": write_lines(tmp_path / "r.jsonl", [rollout(0, trace_of(0))])})
    code, _, err = run_here(folder)
    assert code == 2
    assert "none of 1 rollouts passed the filter: 1 too few steps" in err
    assert "raise `max_new_tokens`" not in err


def test_texts_of_which_most_were_cut_are_said_to_be_too_short(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    cut = [rollout(at, "Step 1: on and on") | {"truncated": at > 0} for at in range(3)]
    rollouts = write_lines(tmp_path / "r.jsonl", cut)
    traces = TracesBody(format=FORMAT, answer="correct", at_least=1, at_most=9, pick=FIRST)
    pairs = CompareBody(format=FORMAT, better="text.words", gap=0.0, most=1, target=0)
    for name, body in (("traces-1", traces), ("compare-1", pairs)):
        code, _, err = run_here(stage(name, body, {"rollouts": rollouts}))
        assert code == 2
        assert "2 truncated" in err
        assert "raise `max_new_tokens` of `sampling`, or say in its `stop` what ends a text" in err


def test_rows_of_all_epochs_are_written_in_training_order(stage: Stage, run_here: Run, traces: Path) -> None:
    folder = stage("rows-1", rows_body(), {"traces": traces})
    code, out, err = run_here(folder)
    assert code == 0, err
    rows = read(folder / "out/rows.jsonl")
    assert [row["row"] for row in rows] == list(range(24))
    assert [row["epoch"] for row in rows] == [0] * 12 + [1] * 12
    assert {row["id"] for row in rows[:12]} == {row["id"] for row in rows[12:]} == set(range(12))
    assert "24 rows from 12 records" in out


def metrics(accuracy: float, tokens: float) -> dict[str, Any]:
    shares = {"accuracy_low": accuracy - 0.04, "accuracy_high": accuracy + 0.04, "formatted": 0.99, "truncated": 0.0}
    return {"n": 500, "accuracy": accuracy, "tokens": tokens, "ungradable": 0, **shares}


def test_the_report_shows_each_row_against_the_first(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    files = {}
    for label, values in (("student", metrics(0.5, 120.0)), ("rewrite", metrics(0.625, 90.0))):
        folder = tmp_path / "generated/stages" / f"evaluate-{label}" / "out"
        folder.mkdir(parents=True)
        (folder / "metrics.json").write_text(json.dumps(values))
        files[f"evaluate.{label}"] = folder / "metrics.json"
    folder = stage("report-tiny", ReportBody(name="tiny", about="About.", labels=("student", "rewrite")), files)
    code, out, err = run_here(folder)
    assert code == 0, err
    table = (folder / "out/table.txt").read_text()
    line = next(line for line in table.splitlines() if line.startswith("rewrite"))
    assert " ".join(line.split()) == "rewrite 62.5 % 58.5 – 66.5 % +12.5 points 90.0 -25.0 % 99.0 %"
    assert "rewrite: accuracy 62.5 %, 90.0 tokens (generated/stages/evaluate-rewrite/out/metrics.json)\n" in out
    assert "58.5" not in out, "the table is what all of a run ends with"
    record = json.loads((folder / "out/report.json").read_text())
    assert [row["label"] for row in record["rows"]] == ["student", "rewrite"]
    page = (folder / "out/report.md").read_text()
    link = page.split("](")[-1].split(")")[0]
    assert (folder / "out" / link).resolve().is_file()
    assert str(tmp_path) not in page + out + json.dumps(record)


def test_a_report_of_several_sets_has_a_table_for_each_and_the_headline_first(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    found = {
        "evaluate.test.student": metrics(0.5, 120.0),
        "evaluate.test.rewrite": metrics(0.625, 90.0),
        "evaluate.few-shot.student": metrics(0.75, 60.0) | {"n": 100},
    }
    files = {}
    for role, values in found.items():
        files[role] = tmp_path / role / "metrics.json"
        files[role].parent.mkdir()
        files[role].write_text(json.dumps(values))
    tables = (
        ReportTable(name="test", labels=("student", "rewrite")),
        ReportTable(name="few-shot", labels=("student",)),
    )
    body = ReportBody(name="tiny", about="About.", labels=("student", "rewrite"), sets=tables)
    folder = stage("report-tiny", body, files)
    code, _, err = run_here(folder)
    assert code == 0, err
    shown = (folder / "out/table.txt").read_text().splitlines()
    heads = [line for line in shown if line.startswith("tiny · ")]
    assert heads == ["tiny · test · 500 problems", "tiny · few-shot · 100 problems"]
    rows = [" ".join(line.split()) for line in shown if line.startswith("student  ")]
    assert rows[1] == "student 75.0 % 71.0 – 79.0 % 60.0 99.0 %"  # it is the first of its own table
    page = (folder / "out/report.md").read_text()
    assert [line for line in page.splitlines() if line.startswith("## ")][:2] == ["## test", "## few-shot"]
    record = json.loads((folder / "out/report.json").read_text())
    told = [(row["set"], row["label"], row["accuracy"]) for row in record["rows"]]
    assert told == [("test", "student", 0.5), ("test", "rewrite", 0.625), ("few-shot", "student", 0.75)]


def test_the_report_counts_ungradable_answers_when_there_are_any(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    files = {}
    for label, values in (("student", metrics(0.5, 120.0)), ("rewrite", metrics(0.6, 90.0) | {"ungradable": 7})):
        (tmp_path / label).mkdir()
        files[f"evaluate.{label}"] = tmp_path / label / "metrics.json"
        files[f"evaluate.{label}"].write_text(json.dumps(values))
    folder = stage("report-tiny", ReportBody(name="tiny", about="", labels=("student", "rewrite")), files)
    code, _, err = run_here(folder)
    assert code == 0, err
    table = (folder / "out/table.txt").read_text()
    assert next(line for line in table.splitlines() if line.startswith("rewrite")).split()[-1] == "7"
    assert "ungradable" in (folder / "out/report.md").read_text()


@pytest.mark.parametrize("kind", ["data", "contamination", "traces", "rows", "report"])
def test_tasks_without_a_model_never_load_torch(kind: str) -> None:
    program = (
        "import sys; from types import SimpleNamespace; from cotspec.runtime.__main__ import runner_of;"
        f"runner_of(SimpleNamespace(kind={kind!r}));"
        "print([m for m in ('torch', 'transformers', 'trl', 'datasets') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def place_of(folder: Path) -> Path:
    task = load(folder / "payload.json", folder / "run.json")
    return folder_of(task)


def test_a_second_process_on_a_locked_scratch_refuses_and_names_the_first(stage: Stage, run_here: Run) -> None:
    folder = stage("data-1", builtin())
    place = place_of(folder)
    place.mkdir(parents=True)
    with (place / "lock").open("w") as lock:
        lock.write("4711")
        lock.flush()
        fcntl.flock(lock, fcntl.LOCK_EX)
        code, _, err = run_here(folder)
    assert code == 2
    assert "another process (pid 4711) is working on this task" in err
    assert run_here(folder)[0] == 0


def test_other_content_of_an_input_is_another_scratch(stage: Stage, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "d.jsonl", [{"q": "x", "a": "1"}])
    folder = stage("data-1", file_body(), {"file": file})
    before = place_of(folder)
    assert before == place_of(folder)
    write_lines(file, [{"q": "x", "a": "2"}])
    after = place_of(folder)
    assert before != after
    assert before.parent == tmp_path / ".cotspec/scratch"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda p: p | {"cotspec": 2}, "payload.json: cotspec: Input should be 1"),
        (lambda p: p | {"surprise": 1}, "payload.json: surprise: Extra inputs are not permitted"),
        (lambda p: p | {"kernel": {"problems": 999}}, "payload.json was built for `problems` 999"),
        (lambda p: p | {"task": p["task"] | {"kind": "bake"}}, "payload.json: task: "),
    ],
)
def test_a_payload_of_another_cotspec_is_refused_in_one_line(
    stage: Stage, run_here: Run, change: Any, message: str
) -> None:
    folder = stage("data-1", builtin())
    payload = json.loads((folder / "payload.json").read_text())
    (folder / "payload.json").write_text(json.dumps(change(payload)))
    code, _, err = run_here(folder)
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_a_bug_is_one_line_and_a_log_and_with_debug_a_traceback(
    stage: Stage, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    def burst(*_: object, **__: object) -> None:
        raise ZeroDivisionError("boom")

    monkeypatch.setattr("cotspec.runtime.data.lines.write", burst)
    folder = stage("data-1", builtin())
    code, _, err = run_here(folder)
    assert code == 3
    (log,) = (folder.parents[2] / ".cotspec/logs").iterdir()
    assert err == f"cotspec: ZeroDivisionError: boom; the full log is ../../../.cotspec/logs/{log.name}\n"
    assert "in burst" in log.read_text()
    monkeypatch.setenv("COTSPEC_DEBUG", "1")
    assert "Traceback" in run_here(folder)[2]


def test_a_missing_input_says_who_writes_it(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    folder = stage("rows-1", rows_body(), {"traces": tmp_path / "absent.jsonl"})
    code, _, err = run_here(folder)
    assert code == 2
    assert "the input `traces`" in err
    assert "is not there" in err


def test_usage_is_told_when_arguments_are_missing() -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cotspec.runtime"], env=environment(), capture_output=True, text=True, check=False
    )
    assert done.returncode == 2
    assert done.stderr.startswith("usage:")
