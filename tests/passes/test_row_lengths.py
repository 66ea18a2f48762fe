"""What `check` counts of rows is what the trainer counts when it leaves some out."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from linting import BASE

from cotspec.builtin.digest import MODELS
from cotspec.builtin.problems import generate
from cotspec.cot.records import SftRow, TraceRecord
from cotspec.cot.row_counts import Counts
from cotspec.cot.rows import build
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load
from cotspec.history.traces import Traces
from cotspec.passes.check.context import Context
from cotspec.passes.lengths import rows_body
from cotspec.passes.lint import row_length

TRACES = [
    TraceRecord(
        id=number,
        question=problem.question,
        answer=problem.answer,
        trace=problem.trace,
        steps=problem.steps,
        words=len(problem.trace.split()),
        tokens=len(problem.trace.split()),
    )
    for number, problem in enumerate(generate(split="train", size=60, seed=1, steps=(2, 4)))
]


def context(folder: Path, old: str, new: str) -> Context:
    assert old in BASE
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(BASE.replace(old, new).replace("generate: {teach: ", TRIES), encoding="utf-8")
    loaded = load(file, sink)
    assert loaded is not None, sink.findings
    run = Traces(file="traces.jsonl", records=TRACES, whole=True)
    return Context(experiment=loaded.experiment, source=loaded.source, files=loaded.files, read_traces=lambda _: run)


def found(given: Context) -> list[Diagnostic]:
    return list(row_length.check(given))


def test_rows_that_are_too_long_are_as_many_as_the_trainer_leaves_out(tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="the training stack (cotspec[train]) is not installed")
    from transformers import AutoTokenizer

    from cotspec.runtime.encoding import Encoder
    from cotspec.runtime.trainers.sft import prepare

    given = context(tmp_path, "{by: sft, lr: 1e-4}", "{by: sft, lr: 1e-4, max_length: 220}")
    stage = given.experiment.stages["first"]
    body = rows_body(given, stage)
    assert body is not None
    rows = [row for row in build(body, TRACES, Counts()) if isinstance(row, SftRow)]
    tokenizer = AutoTokenizer.from_pretrained(MODELS / "tiny-student")
    ready = prepare(rows, Encoder(tokenizer, chat=None, ends=frozenset()), max_length=220)
    too_long = ready.counts["rows_too_long"]
    assert 3 < too_long < 57
    (finding,) = found(given)
    assert finding.message == (
        f"{too_long} of 60 traces of an earlier run make a row longer than `max_length` 220 (in the student's tokens)"
    )


def test_rows_that_all_fit_are_left_alone_to_the_last_token(tmp_path: Path) -> None:
    given = context(tmp_path, "{by: sft, lr: 1e-4}", "{by: sft, lr: 1e-4, max_length: 220}")
    longest = int(found(given)[0].help.rpartition("takes ")[2].rstrip(")"))
    for length, quiet in ((longest, True), (longest - 1, False)):
        own = context(tmp_path, "{by: sft, lr: 1e-4}", f"{{by: sft, lr: 1e-4, max_length: {length}}}")
        assert (found(own) == []) is quiet


def test_prompts_of_grpo_are_held_against_what_new_tokens_leave(tmp_path: Path) -> None:
    train = "{by: grpo, lr: 1e-5, group: 4, max_length: 200, sampling: {max_new_tokens: 160}}"
    (finding,) = found(context(tmp_path, "{by: grpo, lr: 1e-5, group: 4}", train))
    assert "have a prompt longer than the 40 that `max_length` 200 has besides new tokens" in finding.message


def test_what_cannot_be_counted_is_told_as_an_estimate(tmp_path: Path) -> None:
    hub = "{hub: a/b, revision: 0123456789abcdef0123456789abcdef01234567}"
    text = BASE.replace("{by: sft, lr: 1e-4}", "{by: sft, lr: 1e-4, max_length: 150}")
    given = context(tmp_path, BASE, text.replace("base: {builtin: tiny-student}", f"base: {hub}"))
    (finding,) = found(given)
    assert finding.message.startswith("about ")
    assert finding.message.endswith("(in the teacher's tokens)")
    assert "about" in finding.help


def test_thoughts_that_were_left_out_of_a_trace_take_no_room_in_a_row(tmp_path: Path) -> None:
    """A reasoning teacher's record has the tokens of its thoughts, which its trace does not hold."""
    given = context(tmp_path, "base: {builtin: tiny-student}", "base: {path: own}")
    thought = tuple(replace(record, tokens=5000) for record in TRACES)
    run = Traces(file="traces.jsonl", records=thought, whole=True)
    assert found(given._replace(read_traces=lambda _: run)) == []


PAIRS = """    train: {by: dpo, lr: 1e-5, max_length: %d}
    rows: {from: tries, pairs: {better: tries.correct}}
    task: solve
"""
TRIES = "generate: {tries: {by: first, over: teach, sampling: {n: 4, max_new_tokens: 300}}, teach: "
BY_REWARD = """    train: {by: grpo, lr: 1e-5, group: 4}
    rows: {from: teach}
    task: solve
    reward: {terms: {solved: {value: 1 if correct else 0}}}
"""


@pytest.mark.parametrize(("longest", "told"), [(20, True), (300, True), (320, False)])
def test_rows_of_answers_are_as_long_as_the_model_may_write_whatever_traces_there_are(
    longest: int, told: bool, tmp_path: Path
) -> None:
    given = context(tmp_path, BY_REWARD, PAIRS % longest)
    messages = [finding.message for finding in found(given)]
    assert messages == [
        f"an answer may take 300 tokens, as many as `max_length` {longest} or more" for _ in range(told)
    ]


def test_preferences_over_traces_are_for_another_rule_to_refuse(tmp_path: Path) -> None:
    given = context(tmp_path, BY_REWARD, (PAIRS % 20).replace("tries, pairs: {better: tries.correct}", "teach"))
    assert found(given) == []


def test_a_context_that_leaves_the_teacher_no_room_is_found(tmp_path: Path) -> None:
    (tmp_path / "told.jinja").write_text("{{ trace }}\n" * 9 + "{{ question }}\n", encoding="utf-8")
    train = "{by: distill, lr: 1e-5, teacher: tutor, context: told.jinja, sampling: {max_new_tokens: 500}}"
    changed = BY_REWARD.replace("{by: grpo, lr: 1e-5, group: 4}", train).partition("    reward")[0]
    given = context(tmp_path, BY_REWARD, changed)
    loaded = given._replace(files={"told.jinja": (tmp_path / "told.jinja").read_text(encoding="utf-8")})
    (finding,) = found(loaded)
    assert (
        "have a context that, with the text after it, is longer than the 1024 positions of `tutor`" in finding.message
    )
    assert found(loaded._replace(files={"told.jinja": "{{ trace }}\n{{ question }}\n"})) == []
