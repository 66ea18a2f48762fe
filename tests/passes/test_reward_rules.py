"""What rewards can and cannot do, found without running anything: hits with their words and places, and near misses."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from linting import BASE

from cotspec.cot.records import TraceRecord
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load
from cotspec.history.traces import Traces
from cotspec.passes.check import check
from cotspec.passes.check.context import Context
from cotspec.passes.lint import lint

OLD = "    reward: {terms: {solved: {value: 1 if correct else 0}}}\n"
CORRECT = "gates: [{unless: correct, reward: -2}]\n"
BOTH = "gates: [{unless: correct, reward: -2}, {unless: formatted, reward: -1}]\n"
KEPT = ", keep: {where: teach.correct and teach.steps >= 1}"
TRIED = re.compile(r"[0-9,]+(?= tried responses)")
Found = tuple[str, str, str, str]


def linted(
    folder: Path, reward: str, *, train: str = "", keep: str = KEPT, traces: Sequence[TraceRecord] = (), tail: str = ""
) -> list[Diagnostic]:
    """Findings on the small spec with another reward in its second stage, in groups of 4 unless `train` is given."""
    assert OLD in BASE
    body = "".join(f"      {line}\n" for line in reward.splitlines())
    text = BASE.replace(OLD, f"    reward:\n{body}") + tail
    text = text.replace("group: 4}", train + "}" if train else "group: 4}")
    text = text.replace(
        "generate: {teach: {by: tutor, over: train}}", f"generate: {{teach: {{by: tutor, over: train{keep}}}}}"
    )
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    loaded = load(file, sink)
    assert loaded is not None, [f.message for f in sink.findings]
    run = Traces(file="traces.jsonl", records=traces, whole=True) if traces else None
    context = Context(experiment=loaded.experiment, source=loaded.source, files={}, read_traces=lambda _: run)
    check(context, sink)
    assert not sink.failed, [f.message for f in sink.findings]
    lint(context, sink)
    return list(sink.sorted())


def told(found: list[Diagnostic], folder: Path) -> list[Found]:
    """(severity, rule, marked text, message)."""
    lines = (folder / "spec.yaml").read_text(encoding="utf-8").split("\n")
    return [
        (f.severity, f.rule, lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1], f.message)
        for f in found
    ]


def terms(**values: str) -> str:
    return "terms:\n" + "".join(f"  {name}: {{value: '{value}'}}\n" for name, value in values.items())


HITS: dict[str, tuple[str, dict[str, str], Found]] = {
    "an unused name": (
        "let: {budget: 100}\n" + CORRECT + terms(solved="1"),
        {},
        ("warning", "reward-unused", "budget", "nothing uses `budget`"),
    ),
    "a division by the words of an empty answer": (
        terms(a="(1 if correct else 0) / words"),
        {},
        (
            "error",
            "reward-undefined",
            "(1 if correct else 0) / words",
            "`(1 if correct else 0) / words` divides by zero where `words` is 0",
        ),
    ),
    "a division that only some numbers meet": (
        CORRECT + terms(a="1 / (words - 37)"),
        {},
        ("error", "reward-undefined", "1 / (words - 37)", "`1 / (words - 37)` divides by zero where `words` is 37"),
    ),
    "a division by what two measures make": (
        CORRECT + terms(a="1 / (2 * teacher_steps - steps)"),
        {"keep": ", keep: {where: teach.correct and teach.steps >= 3}"},
        (
            "error",
            "reward-undefined",
            "1 / (2 * teacher_steps - steps)",
            "`1 / (2 * teacher_steps - steps)` divides by zero where `steps` is 6 and `teacher_steps` is 3",
        ),
    ),
    "a logarithm of no steps": (
        CORRECT + terms(a="log(steps) / 10"),
        {},
        ("error", "reward-undefined", "log(steps)", "`log(steps)` takes the logarithm of 0 where `steps` is 0"),
    ),
    "a root below zero": (
        CORRECT + terms(a="sqrt(100 - words)"),
        {},
        (
            "error",
            "reward-undefined",
            "sqrt(100 - words)",
            "`sqrt(100 - words)` takes the square root of -1 where `words` is 101",
        ),
    ),
    "a power that grows too large": (
        CORRECT + terms(a="1 / 10 ** words"),
        {},
        ("error", "reward-undefined", "10 ** words", "`10 ** words` is too large a number where `words` is 500"),
    ),
    "a name of let divides": (
        "let: {part: words / teacher_words}\n" + CORRECT + terms(a="1 - part"),
        {"keep": ", keep: {pick: first}"},
        (
            "error",
            "reward-undefined",
            "words / teacher_words",
            "`words / teacher_words` divides by zero where `teacher_words` is 0",
        ),
    ),
    "a gate after a gate that implies it": (
        "gates: [{unless: correct and formatted, reward: -2}, {unless: formatted, reward: -1}]\n"
        + terms(a="1 / words"),
        {},
        (
            "warning",
            "reward-unreachable",
            "formatted",
            "gate 2 decides none of {} tried responses: `formatted` always holds after the gates above",
        ),
    ),
    "a gate that nothing passes": (
        "gates: [{unless: correct, reward: -2}, {unless: not correct, reward: -1}]\n" + terms(a="1 / words"),
        {},
        (
            "warning",
            "reward-unreachable",
            "not correct",
            "none of {} tried responses passes gate 2: `not correct` never holds, so no term is computed",
        ),
    ),
    "a gate behind one that decides all": (
        "gates: [{unless: words < 0, reward: -2}, {unless: correct, reward: -1}]\n" + terms(a="1 / words"),
        {},
        (
            "warning",
            "reward-unreachable",
            "correct",
            "none of {} tried responses gets to gate 2: gate 1 decides them all",
        ),
    ),
    "a penalty that a gate hides": (
        CORRECT + terms(a="1 if correct else -5"),
        {},
        (
            "warning",
            "reward-unreachable",
            "-5",
            "none of {} tried responses gets `-5`: `correct` holds for all that pass the gates",
        ),
    ),
    "a length that is never drawn": (
        CORRECT + terms(a="-1 if words > 512 else 1 / words"),
        {},
        ("warning", "reward-unreachable", "-1", "none of {} tried responses gets `-1`: `words > 512` is false for all"),
    ),
    "a term of the prompt alone": (
        terms(a="1 if correct else 0", b="teacher_steps / 10"),
        {},
        (
            "warning",
            "reward-constant",
            "'teacher_steps / 10'",
            "`b` depends on the teacher's trace only, so it is the same in a whole group: no advantage changes",
        ),
    ),
    "a constant without gates": (
        terms(a="1 if correct else 0", base="0.5"),
        {},
        (
            "warning",
            "reward-constant",
            "'0.5'",
            "`base` is 0.5 for every response, and no gate keeps it from any: it changes no advantage",
        ),
    ),
    "a term that the gates make nothing": (
        CORRECT + terms(a="1 / words", b="not correct"),
        {},
        (
            "warning",
            "reward-constant",
            "'not correct'",
            "`b` adds nothing: it is 0 for all {} tried responses past the gates",
        ),
    ),
    "a weight of nothing": (
        CORRECT + "terms: {a: {value: 1 / words}, b: {value: steps, weight: 0}}\n",
        {},
        ("warning", "reward-constant", "0", "`b` adds nothing: its weight is 0"),
    ),
    "brevity that outweighs being right": (
        terms(solved="1 if correct else 0", short="-words / 100"),
        {},
        (
            "warning",
            "reward-upset",
            "reward",
            "a wrong answer of 10 words scores -0.1, a right one of 512 words -4.12",
        ),
    ),
    "a weight that gets too large at the end of the run": (
        "terms:\n  solved: {value: 1 if correct else 0}\n  short: {value: -words / 1000, weight: {from: 1, to: 3}}\n",
        {},
        (
            "warning",
            "reward-upset",
            "reward",
            "a wrong answer of 10 words scores -0.03 at the end of the run, a right one of 512 words -0.536",
        ),
    ),
    "length without correctness": (
        terms(short="1 - words / teacher_words"),
        {"keep": ", keep: {where: teach.correct and teach.steps == 4}"},
        (
            "warning",
            "reward-upset",
            "reward",
            "nothing in the reward asks whether the answer is correct: for a trace of 20 words, a wrong answer of "
            "10 words scores 0.5, a right one of 512 words -24.6",
        ),
    ),
    "a group of two": (
        BOTH + terms(solved="1", short="-words / 1000"),
        {"train": "group: 2"},
        (
            "warning",
            "reward-order",
            "2",
            "in a group of 2 any two unequal rewards become ±0.707: only their order counts, not how far apart they "
            "are",
        ),
    ),
    "a best length beyond the limit": (
        CORRECT + terms(long="curve(words, [50, 0], [400, 1])"),
        {"train": "sampling: {max_new_tokens: 256}"},
        (
            "warning",
            "reward-length",
            "reward",
            "the reward is highest at 400 words, and `max_new_tokens` 256 holds fewer",
        ),
    ),
    "a budget beyond the limit": (
        "let: {budget: 35 * teacher_steps}\n" + CORRECT + terms(short="-0.5 if words > budget else 0.5"),
        {"train": "sampling: {max_new_tokens: 256}"},
        (
            "warning",
            "reward-length",
            "budget",
            "`budget` is 280 for a trace of 8 steps, and `max_new_tokens` 256 holds fewer words",
        ),
    ),
}


@pytest.mark.parametrize("name", HITS)
def test_hit(name: str, tmp_path: Path) -> None:
    reward, options, expected = HITS[name]
    found = [(*one[:3], TRIED.sub("{}", one[3])) for one in told(linted(tmp_path, reward, **options), tmp_path)]
    assert expected in found


QUIET: dict[str, tuple[str, dict[str, str]]] = {
    "the paper's first reward": (
        BOTH + "let: {budget: 35 * teacher_steps}\n"
        "terms:\n"
        "  solved: {value: 1.0}\n"
        "  fewer_steps: {value: 'clip(teacher_steps - steps, 0, 3)', weight: 0.3}\n"
        "  brevity:\n"
        "    range: [-1, 0.2]\n"
        "    value: >-\n"
        "      max(-0.01 * (words - budget), -1.0) if words > budget else\n"
        "      -0.002 * (words - 0.8 * budget) if words > 0.8 * budget else\n"
        "      min(0.001 * (0.8 * budget - words), 0.2)\n",
        {"keep": ", keep: {where: teach.correct and teach.steps >= 2}"},
    ),
    "the paper's second reward": (
        BOTH
        + terms(solved="1.0", shorter="curve(words / teacher_words, [0.2, 0.8], [0.5, 0.5], [0.8, 0], [2.0, -0.5])"),
        {},
    ),
    "right or wrong": (terms(solved="1 if correct else 0"), {}),
    "right or wrong in a group of two": (terms(solved="1 if correct else 0"), {"train": "group: 2"}),
    "grades in a group of two without scaling": (
        BOTH + terms(solved="1", short="-words / 1000"),
        {"train": "group: 2, scale_rewards: none"},
    ),
    "grades in a group of two scaled by the batch": (
        BOTH + terms(solved="1", short="-words / 1000"),
        {"train": "group: 2, scale_rewards: batch"},
    ),
    "a constant behind a gate": (CORRECT + terms(solved="1"), {}),
    "a term of the prompt behind a gate": (CORRECT + terms(solved="teacher_steps / 10"), {}),
    "form worth more than being right": (
        "gates: [{unless: formatted, reward: -1}, {unless: correct, reward: -0.5}]\n" + terms(solved="1"),
        {},
    ),
    "a form bonus beside being right": (terms(solved="1 if correct else 0", form="0.5 if formatted else 0"), {}),
    "brevity that stays below being right": (terms(solved="1 if correct else 0", short="-words / 1000"), {}),
    "a division behind a gate that asks for an answer": (CORRECT + terms(short="1 / words"), {}),
    "a division behind a gate that asks for the form": (BOTH + terms(short="1 / steps"), {}),
    "a division that asks first": (terms(a="(1 if correct else 0) / words if words > 0 else 0"), {}),
    "a division by a difference that asks first": (
        CORRECT + terms(a="1 / (words - teacher_words) if words > teacher_words else 1"),
        {},
    ),
    "a division by tokens": (terms(a="(1 if correct else 0) / tokens"), {}),
    "a division by the teacher's trace": (CORRECT + terms(a="-words / teacher_words / 1000"), {}),
    "a division by the teacher's steps": (CORRECT + terms(a="-steps / teacher_steps / 1000"), {}),
    "a logarithm of what is there": (CORRECT + terms(a="-log(words) / 10"), {}),
    "equal rewards of gates": (
        "gates: [{unless: correct, reward: -1}, {unless: formatted, reward: -1}]\n" + terms(solved="1"),
        {},
    ),
    "a name used by another name": (
        "let: {half: words / 2, quarter: half / 2}\n" + CORRECT + terms(a="-quarter / 100"),
        {},
    ),
    "a budget within the limit": (
        "let: {budget: 35 * teacher_steps}\n" + CORRECT + terms(short="-0.5 if words > budget else 0.5"),
        {},
    ),
    "a best length within the limit": (CORRECT + terms(long="curve(words, [50, 0], [400, 1])"), {}),
    "a range that a curve keeps": (
        CORRECT + "terms: {a: {value: 'curve(words, [0, 1], [300, 0])', range: [0, 1]}}\n",
        {},
    ),
    "a range of a condition": (CORRECT + "terms: {a: {value: formatted, range: [0, 1]}}\n", {}),
}


@pytest.mark.parametrize("name", QUIET)
def test_near_miss(name: str, tmp_path: Path) -> None:
    reward, options = QUIET[name]
    assert told(linted(tmp_path, reward, **options), tmp_path) == []


@pytest.mark.parametrize(
    ("value", "severity", "message"),
    [
        (
            "words / teacher_words",
            "error",
            "`a` leaves its range [0, 1]: it is 512 where `teacher_words` is 1 and `words` is 512",
        ),
        ("1 - words / 513", "", ""),
        ("1 - words / 511", "error", "`a` leaves its range [0, 1]: it is -0.001957 where `words` is 512"),
        ("words / teacher_words if words < teacher_words else 1", "", ""),
    ],
)
def test_a_range_that_a_response_leaves_is_refused_with_it(
    value: str, severity: str, message: str, tmp_path: Path
) -> None:
    reward = CORRECT + f"terms: {{a: {{value: '{value}', range: [0, 1]}}}}\n"
    found = [one for one in told(linted(tmp_path, reward), tmp_path) if one[1] == "reward-range"]
    assert found == ([(severity, "reward-range", "[0, 1]", message)] if message else [])


def test_terms_that_can_and_cannot_change_an_order_are_named(tmp_path: Path) -> None:
    reward = BOTH + terms(solved="2", short="-words / 1000", fewer="teacher_steps")
    (help,) = [f.help for f in linted(tmp_path, reward, train="group: 2") if f.rule == "reward-order"]
    assert "`short` can change the order, `solved` and `fewer` changed it in no pair that was tried" in help


def test_a_budget_is_counted_on_the_traces_of_a_run(tmp_path: Path) -> None:
    reward = "let: {budget: 2 * teacher_words}\n" + CORRECT + terms(short="-0.5 if words > budget else 0.5")
    traces = tuple(
        TraceRecord(id=at, question="?", answer="8", trace="Step 1: 8\nAnswer: 8", steps=1, words=words, tokens=words)
        for at, words in enumerate((100, 128, 129, 300))
    )
    found = told(linted(tmp_path, reward, train="sampling: {max_new_tokens: 256}", traces=traces), tmp_path)
    assert ("reward-length", "`budget` is above `max_new_tokens` 256 in 2 of 4 traces of an earlier run") in [
        (rule, message) for _, rule, _, message in found
    ]


def test_what_is_deliberate_can_be_allowed(tmp_path: Path) -> None:
    allow = "allow: [{rule: reward-order, reason: two is what fits, at: stages.second.train}]\n"
    reward = BOTH + terms(solved="1", short="-words / 1000")
    assert linted(tmp_path, reward, train="group: 2", tail=allow) == []


def test_a_part_of_a_folded_expression_is_marked_where_it_stands(tmp_path: Path) -> None:
    reward = CORRECT + "terms:\n  a:\n    value: >-\n      1 / words +\n      (0 if correct else\n      -7)\n"
    assert [found[1:3] for found in told(linted(tmp_path, reward), tmp_path)] == [("reward-unreachable", "-7")]
