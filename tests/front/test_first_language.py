"""A spec of the first version gets one finding that says how to write each of its keys now."""

from __future__ import annotations

from pathlib import Path

import yaml

from cotspec.diagnostics import Sink
from cotspec.front.load import load

FIRST = """cotspec: 1
name: old
models: {student: {builtin: tiny-student}, teacher: {builtin: tiny-teacher}}
data: {train: {builtin: chains, split: train, size: 20}}
teach:
  model: teacher
  data: train
  sampling: {n: 2}
  keep: {answer: correct, steps: {at_least: 2, at_most: 9}, pick: shortest}
stages:
  first:
    start: student
    train: {by: sft, lr: 1e-4}
    rows: {from: failures, of: student, attempts: 3, keep: any_wrong, slice: [0, 5], sampling: {top_k: 3}}
    task: rewrite
    loss: {on: [step, answer]}
  second:
    start: first
    train: {by: dpo, lr: 1e-4}
    rows: {from: pairs, of: first}
    task: solve
evaluate: {data: train, of: [student]}
"""


def test_one_finding_says_for_each_changed_key_what_to_write(tmp_path: Path) -> None:
    file, sink = tmp_path / "old.yaml", Sink()
    file.write_text(FIRST, encoding="utf-8")
    assert load(file, sink) is None
    (finding,) = sink.findings
    assert (finding.rule, finding.span.line, finding.help) == (
        "first-language",
        1,
        "write `cotspec: 2`, and what the notes say",
    )
    assert [(span.line, note) for span, note in finding.related] == [
        (5, "write `generate: {teach: {by: teacher, over: train}}`"),
        (8, "it goes into `generate.teach` as it is"),
        (9, "write `keep: {where: teach.correct and teach.steps >= 2 and teach.steps <= 9}`; `pick` stays beside it"),
        (16, "write the list itself: `loss: [step, answer]`"),
        (
            14,
            "write `tries: {by: student, over: teach, sampling: {n: 3, …}, slice: …, keep: {where: tries.score < 1}}` "
            "in `generate`",
        ),
        (14, "and here `rows: {from: tries, target: teach}`"),
        (
            20,
            "write `tries_2: {by: first, over: teach, "
            "sampling: {n: 4, temperature: 0.7, top_p: 0.9, max_new_tokens: 512}}` in `generate`",
        ),
        (20, "and here `rows: {from: tries_2, pairs: {better: tries_2.correct}}`"),
    ]


def test_a_first_spec_with_nothing_that_changed_needs_its_number_alone(tmp_path: Path) -> None:
    file, sink = tmp_path / "old.yaml", Sink()
    same = {key: value for key, value in yaml.safe_load(FIRST).items() if key not in ("teach", "stages")}
    file.write_text(yaml.safe_dump(same), encoding="utf-8")
    assert load(file, sink) is None
    assert [(finding.help, finding.related) for finding in sink.findings] == [("write `cotspec: 2`", ())]


def test_a_filter_that_was_the_default_is_written_out(tmp_path: Path) -> None:
    file, sink = tmp_path / "old.yaml", Sink()
    old = yaml.safe_load(FIRST)
    del old["teach"]["keep"], old["stages"]
    file.write_text(yaml.safe_dump(old), encoding="utf-8")
    assert load(file, sink) is None
    kept = "keep: {where: teach.correct and teach.steps >= 1}"
    assert sink.findings[0].related[0][1] == f"write `generate: {{teach: {{by: teacher, over: train, {kept}}}}}`"
