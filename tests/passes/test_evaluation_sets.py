"""One set of an evaluation or several: each mistake at its place, and every rule that speaks of an evaluation sees all
of its sets."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import Change, Told, changed, found

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

ONE = "evaluate: {data: test, of: [base, first, second]}"
OF = "of: [base, first, second]"
TWO = "few-shot: {data: test, of: [base]}"
SPARE = ("  test: {", "  more: {builtin: chains, split: test, size: 50, seed: 1}\n  test: {")


def sets(*given: str, of: str = OF) -> Change:
    return ONE, f"evaluate: {{{of}, sets: {{{', '.join(given)}}}}}"


def suites(*given: str) -> Change:
    return ONE, f"evaluate: {{data: test, {OF}, suites: {{{', '.join(given)}}}}}"


MISTAKES: dict[str, tuple[list[Change], Told]] = {
    "both forms at once": (
        [(ONE, f"evaluate: {{data: test, {OF}, sets: {{{TWO}}}}}"), ("of: [base]", "of: [base, first, second]")],
        ("error", "evaluation-sets", "data", "`evaluate` has `data` and `sets`"),
    ),
    "neither form": (
        [(ONE, f"evaluate: {{{OF}}}")],
        ("error", "evaluation-sets", "evaluate", "`evaluate` names no questions"),
    ),
    "a set that asks whom the evaluation does not name": (
        [sets("test: {data: test}", "few: {data: test, of: [first]}", of="of: [base, second]")],
        ("error", "evaluation-sets", "first", "`evaluate.of` has no `first`"),
    ),
    "a suite of a model that the evaluation does not name": (
        [suites("s: {tasks: [arc_easy], of: [tutor]}")],
        ("error", "evaluation-sets", "tutor", "`evaluate.of` has no `tutor`"),
    ),
    **{
        f"a task of a suite that is no name: {task}": (
            [(ONE, f"evaluate: {{data: test, of: [base, first, second], suites: {{s: {{tasks: ['{task}']}}}}}}")],
            ("error", "wrong-value", f"'{task}'", f"`tasks[0]` cannot be the text `{task}`"),
        )
        for task in ("../../../evil", "/etc", "a,b", "*", "--model=x", "a b", ".")
    },
    "a model that a suite measures, misspelt where it is named first": (
        [suites("s: {tasks: [arc_easy], of: [second]}"), ("first, second], suites", "first, secnod], suites")],
        ("error", "unknown-reference", "secnod", "there is no model or stage `secnod`"),
    ),
    "a misspelt model of a set": (
        [sets("test: {data: test}", "few: {data: test, of: [bsae]}")],
        ("error", "evaluation-sets", "bsae", "`evaluate.of` has no `bsae`"),
    ),
    "a model that no set asks": (
        [sets("test: {data: test, of: [base, second]}", TWO)],
        ("error", "evaluation-sets", "first", "no set asks `first`"),
    ),
    "a shared setting that every set replaces": (
        [sets("test: {data: test, sampling: {temperature: 0}}", of=f"{OF}, sampling: {{temperature: 0.5}}")],
        ("error", "evaluation-sets", "sampling", "every set has a `sampling` of its own, and this one is used by none"),
    ),
    "data that is not there": (
        [sets("test: {data: test}", "few: {data: tset}")],
        ("error", "unknown-reference", "tset", "there is no data set `tset`"),
    ),
    "training data as a further set": (
        [sets("test: {data: test}", "seen: {data: train}")],
        ("error", "evaluation-on-train", "train", "`train` holds problems the texts it trains on are made over"),
    ),
    "validation data as a further set": (
        [
            sets("test: {data: test}", "held: {data: valid}"),
            ("    task: solve\n", "    task: solve\n    advance: {require: {valid.accuracy: '>= 0.1'}}\n"),
        ],
        ("error", "advance-metric", "valid.accuracy", "`valid` is also what `evaluate` reports on"),
    ),
    "one answer many times": (
        [sets("test: {data: test}", "many: {data: test, sampling: {n: 4, temperature: 0}}")],
        ("error", "sampling", "0", "4 samples at temperature 0 are 4 times the same"),
    ),
    "a stop that ends every answer of a set": (
        [sets("test: {data: test}", 'cut: {data: test, sampling: {stop: {texts: ["\\n"]}}}')],
        ("error", "stop", '"\\n"', "'\\n' ends the first line: no completion would go on after it"),
    ),
    "answers of a set that are cut": (
        [sets("test: {data: test}", "short: {data: test, sampling: {temperature: 0, max_new_tokens: 4}}")],
        (
            "warning",
            "answer-cut",
            "4",
            "no step and answer fit into 4 tokens: with their openers they take at least 9",
        ),
    ),
    "a data set that no set asks": (
        [SPARE, sets("test: {data: test}")],
        ("warning", "unused", "more", "nothing uses the data set `more`"),
    ),
    "a model that a set asks twice": (
        [sets("test: {data: test}", "few: {data: test, of: [base, base]}")],
        ("warning", "evaluated-twice", "base", "`base` is evaluated twice"),
    ),
    "a model that a suite measures twice": (
        [suites("s: {tasks: [arc_easy], of: [base, base]}")],
        ("warning", "evaluated-twice", "base", "`base` is evaluated twice"),
    ),
    "a task that a suite names twice": (
        [suites("s: {tasks: [arc_easy, gsm8k, arc_easy]}")],
        ("warning", "evaluated-twice", "arc_easy", "`arc_easy` is asked twice"),
    ),
    "two suites that measure the same": (
        [suites("s: {tasks: [arc_easy, gsm8k]}", "again: {tasks: [gsm8k, arc_easy], of: [base]}")],
        ("warning", "evaluated-twice", "again", "`again` measures what `s` measures"),
    ),
    "two sets that ask the same": (
        [sets("test: {data: test}", TWO)],
        ("warning", "evaluated-twice", "few-shot", "`few-shot` asks what `test` asks"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), MISTAKES.values(), ids=MISTAKES)
def test_a_mistake_in_the_sets_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert finding in found(tmp_path, *changes)
    assert [told for told in found(tmp_path, *changes) if told[0] == "error"] == [finding] * (finding[0] == "error")


@pytest.mark.parametrize(
    "given",
    [
        ["test: {data: test}"],
        ["test: {data: test}", "sampled: {data: test, sampling: {n: 4}, of: [base, second]}"],
        ["test: {data: test}", "other: {data: more}"],
    ],
)
def test_sets_that_ask_something_else_are_fine(given: list[str], tmp_path: Path) -> None:
    spare = [SPARE] if "more" in given[-1] else []
    assert found(tmp_path, *spare, sets(*given)) == []


def test_suites_that_measure_something_else_are_fine(tmp_path: Path) -> None:
    whole, shots = "s: {tasks: [arc_easy], of: [base]}", "few: {tasks: [arc_easy], shots: 3}"
    other = "rest: {tasks: [arc_easy], of: [first, second]}"
    assert found(tmp_path, suites(whole, shots, other)) == []


def test_a_prompt_of_a_set_is_read_and_must_show_the_question(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "ask.jinja").write_text("Solve it.")
    (tmp_path / "spec.yaml").write_text(changed([sets("test: {data: test}", "few: {data: test, prompt: ask.jinja}")]))
    sink = Sink()
    plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    assert [(f.rule, f.message) for f in sink.findings] == [("prompt-variable", "`ask.jinja` does not show `question`")]
    (tmp_path / "ask.jinja").unlink()
    sink = Sink()
    plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    assert [f.rule for f in sink.findings] == ["prompt-file"]


@pytest.mark.parametrize(("one", "rules"), [("evaluate.data: !remove , ", []), ("", ["evaluation-sets"])])
def test_a_variant_that_asks_several_sets_takes_out_the_one(one: str, rules: list[str], tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    several = "{test: {data: test}, few: {data: test, sampling: {n: 2}}}"
    (tmp_path / "spec.yaml").write_text(f"{changed([])}variants:\n  x: {{{one}evaluate.sets: {several}}}\n")
    sink = Sink()
    plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    assert [f.rule for f in sink.findings] == rules


def test_a_misspelt_set_in_the_path_of_a_variant_is_found(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    text = changed([sets("test: {data: test}", "few: {data: test, of: [base], sampling: {n: 2}}")])
    (tmp_path / "spec.yaml").write_text(f"{text}variants:\n  x: {{evaluate.sets.tset.sampling.n: 4}}\n")
    sink = Sink()
    plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    assert [(f.rule, f.message) for f in sink.findings] == [("unknown-path", "there is no `tset` in `sets`")]
