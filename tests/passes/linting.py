"""The small spec with texts replaced, checked and linted: what is found, where, and what is marked."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load
from cotspec.history.traces import Traces
from cotspec.passes.check import check
from cotspec.passes.check.context import Context
from cotspec.passes.lint import lint

BASE = Path(__file__).with_name("base.yaml").read_text(encoding="utf-8")
SFT = "{by: sft, lr: 1e-4}"
GRPO = "{by: grpo, lr: 1e-5, group: 4}"
TRAIN = "  train: {gpus: 0}\n"
FIRST = "    rows: {from: teach}\n    task: reconstruct\n"
SECOND = "    rows: {from: teach}\n    task: solve\n"
TRAINING = "train: {builtin: chains, split: train, size: 200}"

Change = tuple[str, str]
Told = tuple[str, str, str, str]
"""Severity, rule, marked text, message."""


def first(rows: str, task: str = "reconstruct") -> Change:
    return FIRST, f"    rows: {rows}\n    task: {task}\n"


def second(rows: str, more: str = "", task: str = "solve") -> Change:
    return SECOND, f"    rows: {rows}\n    task: {task}\n{more}"


def sft(more: str) -> Change:
    return SFT, f"{SFT[:-1]}, {more}}}"


def grpo(more: str) -> Change:
    return GRPO, f"{GRPO[:-1]}, {more}}}"


def changed(changes: Sequence[Change]) -> str:
    text = BASE
    for old, new in changes:
        assert old in text, old
        text = text.replace(old, new, 1)
    return text


def found(folder: Path, *changes: Change, count: int | None = None) -> list[Told]:
    """Findings, with an earlier run of `count` traces when it is given."""
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(changed(changes), encoding="utf-8")
    loaded = load(file, sink)
    if loaded is not None:
        run = None if count is None else Traces(file="traces.jsonl", records=(), whole=False, count=count)
        context = Context(
            experiment=loaded.experiment, source=loaded.source, files=loaded.files, read_traces=lambda _: run
        )
        check(context, sink)
        if not sink.failed:
            lint(context, sink)
    return told(sink.sorted(), file)


def planned(file: Path) -> list[Told]:
    """Findings of a spec on disk, as the command line has them."""
    sink = Sink()
    plan_specs({file.name: file}, sink)
    return told(sink.sorted(), file)


def told(findings: Sequence[Diagnostic], file: Path) -> list[Told]:
    lines = file.read_text(encoding="utf-8").split("\n")
    return [
        (f.severity, f.rule, lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1], f.message)
        for f in findings
    ]
