"""What rules about stages say of files, and of the traces of an earlier run; what variants use and specs allow."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from linting import BASE, TRAINING, changed, first, found, planned, second, sft

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink


def test_after_a_run_slices_and_steps_are_held_against_its_traces(tmp_path: Path) -> None:
    slices = first("{from: teach, slice: [0, 150]}"), second("{from: teach, slice: [150, 200]}")
    assert found(tmp_path, *slices) == []
    assert found(tmp_path, *slices, count=140) == [
        (
            "warning",
            "slice-past-end",
            "[0, 150]",
            "the slice [0, 150) reaches past the end: there are 140 traces",
        ),
        ("error", "slice-past-end", "[150, 200]", "the slice [150, 200) holds nothing: there are 140 traces"),
    ]
    assert [rule for _, rule, _, _ in found(tmp_path, sft("warmup_steps: 5"), count=140)] == ["past-the-run"]


def test_the_records_of_a_file_are_counted(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    rows = [json.dumps({"question": f"How many are {k}?", "answer": str(k)}) for k in range(30)]
    (tmp_path / "specs" / "mine.jsonl").write_text("\n\n".join(rows) + "\n", encoding="utf-8")
    file = tmp_path / "specs" / "spec.yaml"
    text = changed([(TRAINING, "train: {file: mine.jsonl}"), first("{from: teach, slice: [0, 31]}")])
    file.write_text(text, encoding="utf-8")
    assert planned(file) == [
        (
            "warning",
            "slice-past-end",
            "[0, 31]",
            "the slice [0, 31) reaches past the end: there is at most one trace for each of 30 problems",
        )
    ]
    file.write_text(text.replace("[0, 31]", "[0, 30]"), encoding="utf-8")
    assert planned(file) == []


def test_the_number_of_traces_is_read_from_a_run(tmp_path: Path) -> None:
    from cotspec.history import traces

    record = {"id": 0, "question": "?", "answer": "1", "trace": "Step 1: 1.\nAnswer: 1", "steps": 1, "words": 5}
    line = json.dumps({**record, "tokens": 9}) + "\n"
    (tmp_path / "traces.jsonl").write_text(line * (traces.MOST + 5), encoding="utf-8")
    (tmp_path / "counts.json").write_text(json.dumps({"traces": traces.MOST + 5}), encoding="utf-8")
    read = traces.read(tmp_path, "traces.jsonl")
    assert read is not None
    assert (read.whole, read.count, len(read.records)) == (False, traces.MOST + 5, traces.MOST)


def test_what_a_variant_uses_is_used(tmp_path: Path) -> None:
    file = tmp_path / "spec.yaml"
    more = BASE.replace("  base: {", "  more: {builtin: tiny-student}\n  base: {")
    file.write_text(f"{more}variants: {{other: {{stages.first.start: more}}}}\n", encoding="utf-8")
    assert planned(file) == []


def test_self_teaching_can_be_allowed(tmp_path: Path) -> None:
    allow = "allow: [{rule: self-teaching, at: stages.first, reason: rejection sampling}]\n"
    same = ("base: {builtin: tiny-student}", "base: {builtin: tiny-teacher}")
    assert found(tmp_path, same, ("resources:\n", f"{allow}resources:\n")) == []


ADDED = {
    "models": ("{models.bsae: {builtin: tiny-small}}", "bsae", "base"),
    "data": ("{data.tset: {builtin: chains, split: test, size: 9}}", "tset", "test"),
    "generate": ("{generate.taech: {by: tutor, over: train}}", "taech", "teach"),
    "stages": (
        "{stages.frist: {start: base, train: {by: sft, lr: 1e-4}, rows: {from: teach}, task: solve}}",
        "frist",
        "first",
    ),
}


@pytest.mark.parametrize(("change", "name", "meant"), ADDED.values(), ids=ADDED)
def test_a_variant_that_adds_what_nearly_has_the_name_of_another_meant_that_one(
    change: str, name: str, meant: str, tmp_path: Path
) -> None:
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(f"{BASE}variants: {{other: {change}}}\n", encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    (error,) = (finding for finding in sink.findings if finding.severity == "error")
    assert error.rule in ("unused", "unused-stage")
    assert f"`{name}`" in error.message
    assert error.suggestions == (meant,)
