"""Suites of lm-eval: called in its own environment, its figures with their errors and nothing of time or place.

What runs lm-eval itself is skipped without it. To run it: `python3 -m venv /tmp/lm && /tmp/lm/bin/pip install
"lm-eval[hf]"`, then `COTSPEC_TEST_LM_EVAL=/tmp/lm/bin/python pytest tests/runtime/test_suite.py`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml
from conftest import Run, lay_out, settings, write_lines

from cotspec.runtime import models, report_suites, suite
from cotspec.runtime.task import Task
from cotspec.spec.local import LmEval
from cotspec.spec.payload import BuiltinModel, Payload, PreflightBody, ReportBody, ReportSuite, SuiteBody

FIELDS = {f"suite.{name}" for name in ("model", "tasks", "shots", "limit", "version", "seed")}
FIELDS |= {"report.suites.name", "report.suites.labels", "preflight.suites"}
"""What this file shows to arrive (test_fields.py)."""
LM_EVAL = os.environ.get("COTSPEC_TEST_LM_EVAL", "")
QUESTIONS = [("Ann has 3 pens. She buys 4. How many pens does Ann have now?", k) for k in ("7", "8", "7", "9")]
TASK = {
    "task": "sums",
    "dataset_path": "json",
    "test_split": "test",
    "output_type": "generate_until",
    "doc_to_text": "Question: {{question}}\nSolution:\n",
    "doc_to_target": "{{answer}}",
    "generation_kwargs": {"max_gen_toks": 100, "until": ["Question:"], "do_sample": False},
    "filter_list": [{"name": "last", "filter": [{"function": "regex", "regex_pattern": "Answer: (\\d+)"}]}],
    "metric_list": [{"metric": "exact_match", "aggregation": "mean", "higher_is_better": True}],
    "metadata": {"version": 2.0},
}


def body(**changes: Any) -> SuiteBody:
    given: dict[str, Any] = {"model": BuiltinModel(name="tiny-student", digest="", chat=False), "tasks": ("sums",)}
    given |= {"shots": 0, "limit": 0, "version": "", "seed": 3}
    return SuiteBody(**(given | changes))


def project(root: Path, python: str) -> None:
    """A machine that has lm-eval, with a task of its own."""
    tasks = root / "tasks"
    tasks.mkdir()
    lines = (json.dumps({"question": question, "answer": gold}) + "\n" for question, gold in QUESTIONS)
    (tasks / "sums.jsonl").write_text("".join(lines), encoding="utf-8")
    data = {"dataset_kwargs": {"data_files": {"test": str(tasks / "sums.jsonl")}}}
    (tasks / "sums.yaml").write_text(yaml.safe_dump(TASK | data), encoding="utf-8")
    (root / "cotspec.local.yaml").write_text(f"lm_eval: {{python: {python}, tasks: tasks}}\n", encoding="utf-8")


@pytest.mark.skipif(not LM_EVAL, reason="COTSPEC_TEST_LM_EVAL names no python that has lm-eval (see above)")
def test_lm_eval_measures_a_model_and_its_figures_come_back_the_same_every_time(
    tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    project(tmp_path, LM_EVAL)
    folders = [lay_out(tmp_path, name, body()) for name in ("suite-1", "suite-2")]
    for folder in folders:
        code, _, err = run_here(folder)
        assert code == 0, err
    texts = [(folder / "out/suite.json").read_text(encoding="utf-8") for folder in folders]
    assert texts[0] == texts[1]
    record = json.loads(texts[0])
    (told,) = record["tasks"].values()
    assert (told["version"], told["shots"], told["n"]) == (2.0, 0, 4)
    assert told["metrics"].keys() == {"exact_match (last)"}
    figure = told["metrics"]["exact_match (last)"]
    assert figure["value"] in (0.0, 0.25, 0.5)
    assert figure["stderr"] is not None
    assert "sums (4 questions): exact_match (last) " in suite.told(record)[0]
    assert str(tmp_path) not in texts[0]


@pytest.mark.skipif(not LM_EVAL, reason="COTSPEC_TEST_LM_EVAL names no python that has lm-eval (see above)")
def test_what_lm_eval_refuses_and_another_version_are_errors(tmp_path: Path, run_here: Run) -> None:
    project(tmp_path, LM_EVAL)
    code, _, err = run_here(lay_out(tmp_path, "suite-1", body(version="0.0.1")))
    assert code == 2
    assert "the suite wants lm-eval 0.0.1 and " in err
    code, _, err = run_here(lay_out(tmp_path, "suite-2", body(tasks=("no_such_task",))))
    assert code == 2
    assert "lm-eval failed (" in err
    assert "no_such_task" in err
    assert not (tmp_path / "generated/stages/suite-2/out").exists()


@pytest.mark.parametrize(
    ("local", "told"),
    [
        ("", "a suite needs lm-eval in an environment of its own"),
        ("lm_eval: {python: /no/such/python}", "names /no/such/python for lm-eval, which does not start"),
        (f"lm_eval: {{python: {sys.executable}}}", "has no lm-eval: `"),
    ],
)
def test_a_machine_without_lm_eval_says_how_to_get_it(local: str, told: str, tmp_path: Path, run_here: Run) -> None:
    (tmp_path / "cotspec.local.yaml").write_text(local + "\n", encoding="utf-8")
    code, _, err = run_here(lay_out(tmp_path, "suite-1", body()))
    assert code == 2
    assert told in err


@pytest.mark.parametrize(
    ("local", "told"),
    [
        ("", "suite look of last of own would stop: a suite needs lm-eval in an environment of its own"),
        ("lm_eval: {python: no/such}", "would stop: cotspec.local.yaml names "),
        (f"lm_eval: {{python: {sys.executable}}}", ""),
    ],
)
def test_the_preflight_says_what_suites_lack_and_lets_the_others_run(
    local: str, told: str, tmp_path: Path, run_here: Run
) -> None:
    (tmp_path / "cotspec.local.yaml").write_text(local + "\n", encoding="utf-8")
    asked = PreflightBody(demands=(), suites=("suite look of last of own",))
    code, out, err = run_here(lay_out(tmp_path, "preflight", asked))
    assert code == 0, err
    assert told in out
    assert ("would stop" in out) == bool(told)


def test_a_table_of_a_suite_has_a_column_for_each_model_and_a_gap_for_what_one_lacks() -> None:
    def record(**metrics: Any) -> dict[str, Any]:
        return {"lm_eval": "0.4.9", "tasks": {"sums": {"version": 1, "shots": 0, "n": 1200, "metrics": metrics}}}

    both = report_suites.Suite(
        name="standard",
        records={
            "base": record(acc={"value": 0.25, "stderr": 0.0125}),
            "first": record(acc={"value": 0.5, "stderr": None}, acc_norm={"value": 0.75, "stderr": 0.1}),
        },
    )
    assert both.cells == [
        ("sums", "acc", "1,200", "0.2500 ± 0.0125", "0.5000"),
        ("sums", "acc_norm", "1,200", "", "0.7500 ± 0.1000"),
    ]
    assert "| sums | acc_norm | 1,200 |  | 0.7500 ± 0.1000 |" in report_suites.markdown([both])
    assert "standard: lm-eval 0.4.9; figures ± their standard errors" in "\n".join(report_suites.text([both]))


def command(tmp_path: Path, **changes: Any) -> list[str]:
    """What is called for a body, after the interpreter."""
    payload = Payload(id="suite-1", kernel={}, inputs={}, task=body(**changes))
    task = Task(payload=payload, settings=settings(), folder=tmp_path, root=tmp_path)
    origin = models.source(task, task.body(SuiteBody).model)
    own = LmEval(python="python", tasks="tasks")
    return suite._command(task, task.body(SuiteBody), own, "python", origin, tmp_path / "out")[1:]


def test_every_field_of_a_suite_is_in_what_is_called(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the device is torch's")
    usual = command(tmp_path)
    assert usual[usual.index("--tasks") + 1] == "sums"
    assert usual[usual.index("--include_path") + 1] == str(tmp_path / "tasks")
    assert "--limit" not in usual
    for name, value, told in (
        ("tasks", ("sums", "more"), "--tasks sums,more"),
        ("shots", 3, "--num_fewshot 3"),
        ("limit", 7, "--limit 7"),
        ("seed", 8, "--seed 8"),
    ):
        assert told in " ".join(command(tmp_path, **{name: value}))
        assert told not in " ".join(usual)
    assert "--num_fewshot" not in command(tmp_path, shots=-1)
    other = command(tmp_path, model=BuiltinModel(name="tiny-teacher", digest="", chat=False))
    about = json.loads(other[other.index("--model_args") + 1])
    assert about["pretrained"].endswith("/tiny-teacher")
    assert (about["dtype"], about["trust_remote_code"]) == ("float32", False)


def test_a_report_shows_a_suite_in_all_of_its_forms(tmp_path: Path, run_here: Run) -> None:
    measured = {"n": 4, "accuracy": 0.5, "accuracy_low": 0.1, "accuracy_high": 0.9, "tokens": 9.0, "formatted": 1.0}
    metrics = write_lines(tmp_path / "metrics.json", [measured | {"truncated": 0.0, "ungradable": 0}])
    figure = {"version": 1, "shots": 0, "n": 4, "metrics": {"acc": {"value": 0.25, "stderr": 0.125}}}
    written = tmp_path / "suite.json"
    written.write_text(json.dumps({"lm_eval": "0.4.9<b>", "tasks": {"sums": figure}}), encoding="utf-8")
    report = ReportBody(
        name="example", about="", labels=("base",), suites=(ReportSuite(name="standard", labels=("base",)),)
    )
    folder = lay_out(tmp_path, "report-1", report, {"evaluate.base": metrics, "suite.standard.base": written})
    code, _, err = run_here(folder)
    assert code == 0, err
    assert "standard: lm-eval 0.4.9<b>" in (folder / "out/table.txt").read_text(encoding="utf-8")
    assert "| task | figure | questions | base |" in (folder / "out/report.md").read_text(encoding="utf-8")
    (row,) = json.loads((folder / "out/report.json").read_text(encoding="utf-8"))["suites"]
    assert (row["suite"], row["label"], row["tasks"]["sums"]["metrics"]["acc"]["stderr"]) == ("standard", "base", 0.125)
    page = (folder / "out/report.html").read_text(encoding="utf-8")
    assert '<section id="suites">' in page
    assert "0.2500 ± 0.1250" in page
    assert "0.4.9<b>" not in page
