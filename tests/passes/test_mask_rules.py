"""What masks, losses and lengths do to traces: hits with their words and places, and near misses that stay quiet."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import pytest

from cotspec.cot.measures import words
from cotspec.cot.records import TraceRecord
from cotspec.cot.segment import segment
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load
from cotspec.history.traces import Traces
from cotspec.ir.bodies import trace_format
from cotspec.passes.check import check
from cotspec.passes.check.context import Context
from cotspec.passes.lint import lint
from cotspec.spec.experiment import USUAL

BASE = Path(__file__).with_name("base.yaml").read_text(encoding="utf-8")
FORMAT = trace_format(USUAL)


def made(number: int, *bodies: str, thinking: str = "", tokens: int = 100) -> TraceRecord:
    """A trace with these steps, measured as the runtime measures it."""
    steps = "".join(f"Step {k}: {body}\n" for k, body in enumerate(bodies, 1))
    text = (f"Thinking…\n{thinking}\n" if thinking else "") + steps + "Answer: 8\n"
    count = len(segment(text, FORMAT).steps)
    return TraceRecord(
        id=number, question="How many?", answer="8", trace=text, steps=count, words=words(text), tokens=tokens
    )


def of_steps(*counts: int) -> list[TraceRecord]:
    return [made(at, *(f"{k} + 1 = {k + 1}" for k in range(n))) for at, n in enumerate(counts)]


def linted(
    folder: Path, *, stage: str = "", keep: str = "", traces: Sequence[TraceRecord] = (), tail: str = ""
) -> list[Diagnostic]:
    """Findings on the small spec with its first stage's `shuffle: true` replaced, maybe with an earlier run."""
    text = BASE.replace(
        "    shuffle: true\n", "".join(f"    {line}\n" for line in stage.splitlines()) or "    shuffle: true\n"
    )
    text = (
        text.replace(
            "generate: {teach: {by: tutor, over: train}}", f"generate: {{teach: {{by: tutor, over: train{keep}}}}}"
        )
        + tail
    )
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    loaded = load(file, sink)
    assert loaded is not None, [f.message for f in sink.findings]
    run = Traces(file="traces.jsonl", records=traces, whole=True) if traces else None
    context = Context(experiment=loaded.experiment, source=loaded.source, files=loaded.files, read_traces=lambda _: run)
    context = context._replace(read_model=lambda _: None)  # whatever its context is
    check(context, sink)
    assert not sink.failed, [f.message for f in sink.findings]
    lint(context, sink)
    return list(sink.sorted())


def told(found: Sequence[Diagnostic], folder: Path) -> list[tuple[str, str, str, str]]:
    """(severity, rule, marked text, message)."""
    lines = (folder / "spec.yaml").read_text(encoding="utf-8").split("\n")
    return [
        (f.severity, f.rule, lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1], f.message)
        for f in found
    ]


STEPS = ", keep: {{where: teach.correct and teach.steps >= {} and teach.steps <= {}}}"
MASKED = "mask: {share: 0.5}\nloss: [masked]"

HITS = {
    "a share that is rounded down": (
        {"stage": "mask: {share: 0.25}"},
        ("warning", "mask-hides-nothing", "0.25", "`share: 0.25` hides nothing in traces of 2 or 3 steps"),
    ),
    "a ramp is judged by its larger end": (
        {"stage": "mask: {share: {from: 0.1, to: 0.4}}"},
        (
            "warning",
            "mask-hides-nothing",
            "{from: 0.1, to: 0.4}",
            "`share: {from: 0.1, to: 0.4}` hides nothing in traces of 2 steps",
        ),
    ),
    "too much left for every trace there can be": (
        {"stage": "mask: {share: 0.9, leave: 4}", "keep": STEPS.format(2, 4)},
        ("error", "mask-hides-nothing", "4", "`leave: 4` never hides anything: traces have at most 4 steps"),
    ),
    "inner steps of traces without any": (
        {"stage": "mask: {select: inner}", "keep": STEPS.format(1, 2)},
        ("error", "mask-hides-nothing", "inner", "`select: inner` never hides anything: traces have at most 2 steps"),
    ),
    "inner steps of short traces": (
        {"stage": "mask: {select: inner}"},
        ("warning", "mask-hides-nothing", "inner", "`select: inner` hides nothing in traces of 2 steps"),
    ),
    "rows of an earlier run that stay whole": (
        {"stage": "mask: {share: 0.3}", "traces": of_steps(2, 3, 3, 4, 5)},
        (
            "warning",
            "mask-hides-nothing",
            "0.3",
            "`share: 0.3` hides nothing in 3 of 5 traces of an earlier run: they have at most 3 steps",
        ),
    ),
    "few sentences": (
        {
            "stage": "mask: {unit: sentence, share: 0.3}",
            "traces": [made(0, "One is here. Two is here."), made(1, "It is 1.", "It is 2.", "It is 3.", "It is 4.")],
        },
        (
            "warning",
            "mask-hides-nothing",
            "0.3",
            "`share: 0.3` hides nothing in 1 of 2 traces of an earlier run: they have at most 2 sentences",
        ),
    ),
    "a floor above short traces": (
        {"stage": "mask: {share: 0.5, at_least: 3}"},
        ("warning", "mask-hides-all", "3", "`at_least: 3` hides every step of traces of 2 or 3 steps"),
    ),
    "a count of all there are, as often as it happened": (
        {"stage": "mask: {count: 2}", "traces": of_steps(2, 2, 3, 4)},
        (
            "warning",
            "mask-hides-all",
            "2",
            "`count: 2` hides every step of traces of 2 steps: 2 of 4 traces of an earlier run",
        ),
    ),
    "an expression that needs a step's opener": (
        {"stage": "mask: {unit: {regex: 'Step \\d+:'}, count: 1}"},
        (
            "warning",
            "mask-never-matches",
            "'Step \\d+:'",
            "the regular expression needs the opener `Step 1:`, which is not part of what is searched",
        ),
    ),
    "an expression that needs the line end": (
        {
            "stage": 'mask: {unit: {regex: "people[.]?\\\\s*$\\n"}, count: 1}'.replace(
                "people[.]?\\\\s*$\\n", "apples\\\\.\\\\n"
            )
        },
        (
            "warning",
            "mask-never-matches",
            '"apples\\\\.\\\\n"',
            "the regular expression needs a line end around the step, which is not part of what is searched",
        ),
    ),
    "an expression that matches no real row": (
        {"stage": "mask: {unit: {regex: apples}, count: 1}", "traces": of_steps(2, 3)},
        (
            "error",
            "mask-never-matches",
            "apples",
            "the regular expression matches nothing in the steps of 2 of 2 traces of an earlier run",
        ),
    ),
    "letters that are not ASCII, in rows of an earlier run": (
        {
            "stage": "mask: {unit: {regex: '[a-z]\\w+'}, count: 1}",
            "traces": [made(0, "2 + 2 = 4 eggs"), made(1, "a naïve idea")],
        },
        (
            "warning",
            "regex-ascii",
            "'[a-z]\\w+'",
            "in 1 of 2 traces of an earlier run it passes by text that is not ASCII, such as `naïve`",
        ),
    ),
    "a boundary beside a letter that is not ASCII": (
        {"stage": "mask: {unit: {regex: '\\bé[a-z]+'}, count: 1}"},
        (
            "warning",
            "regex-ascii",
            "'\\bé[a-z]+'",
            "`\\b` is a boundary of ASCII words: it sees none at `é`",
        ),
    ),
    "equations that half of the rows lack": (
        {"stage": "mask: {unit: equation, count: 1}", "traces": [made(0, "2 + 2 = 4"), made(1, "Eight are left")]},
        (
            "warning",
            "mask-never-matches",
            "equation",
            "there is no equation in the steps of 1 of 2 traces of an earlier run",
        ),
    ),
    "a ramp that moves nothing": (
        {"stage": "mask: {share: {from: 0.5, to: 0.9}}", "keep": STEPS.format(2, 2)},
        (
            "warning",
            "mask-ramp",
            "{from: 0.5, to: 0.9}",
            "a share from 0.5 to 0.9 hides the same number of units over the whole run in traces of 2 steps",
        ),
    ),
    "a ramp that moves nothing in most real rows": (
        {"stage": "mask: {share: {from: 0.5, to: 0.9}}", "traces": of_steps(2, 2, 2, 4, 5)},
        (
            "warning",
            "mask-ramp",
            "{from: 0.5, to: 0.9}",
            "a share from 0.5 to 0.9 hides the same number of units over the whole run in 3 of 5 traces of an "
            "earlier run",
        ),
    ),
    "no answer": (
        {"stage": "mask: {share: 0.5}\nloss: [step, masked]"},
        ("warning", "answer-unsupervised", "[step, masked]", "the answer is not supervised"),
    ),
    "rows of an earlier run without thoughts": (
        {
            "stage": "shuffle: true\nloss: [thinking]",
            "traces": [made(0, "1 + 1 = 2"), made(1, "1 + 1 = 2", thinking="Add.")],
        },
        (
            "warning",
            "loss-drops-rows",
            "[thinking]",
            "`thinking` supervises nothing in 1 of 2 traces of an earlier run: they are dropped",
        ),
    ),
    "traces longer than a row, counted": (
        {"stage": "shuffle: true", "traces": [made(0, "9 " * 2040), made(1, "1 + 1 = 2"), made(2, "9 " * 900)]},
        (
            "warning",
            "row-length",
            "train",
            "1 of 3 traces of an earlier run make a row longer than `max_length` 2048 (in the student's tokens)",
        ),
    ),
    "traces that may be longer than a row": (
        {"stage": "shuffle: true", "keep": ", sampling: {max_new_tokens: 2049}"},
        ("warning", "row-length", "train", "a text of `teach` may take 2049 tokens, more than `max_length` 2048"),
    ),
}


@pytest.mark.parametrize("name", HITS)
def test_hit(name: str, tmp_path: Path) -> None:
    given, expected = HITS[name]
    assert expected in told(linted(tmp_path, **given), tmp_path)


QUIET = {
    "half of two": {"stage": "mask: {share: 0.5}"},
    "a rounded share with a floor": {"stage": "mask: {share: 0.25, at_least: 1}"},
    "a small share of long traces": {"stage": "mask: {share: 0.25}", "keep": STEPS.format(4, 9)},
    "one of few": {"stage": "mask: {count: 1}"},
    "a floor that leaves one": {"stage": "mask: {share: 0.5, at_least: 3, leave: 1}"},
    "a floor below the shortest": {"stage": "mask: {share: 0.5, at_least: 3}", "keep": STEPS.format(4, 9)},
    "all on purpose": {"stage": "mask: {select: all}"},
    "a share of one on purpose": {"stage": "mask: {share: 1.0, at_least: 2}"},
    "inner of long traces": {"stage": "mask: {select: inner}", "keep": STEPS.format(3, 9)},
    "short traces that no run has": {"stage": "mask: {share: 0.25}", "traces": of_steps(4, 5, 9)},
    "a floor that no run meets": {"stage": "mask: {share: 0.5, at_least: 3}", "traces": of_steps(4, 5, 9)},
    "one row in a hundred": {"stage": "mask: {share: 0.3}", "traces": of_steps(3, *[4] * 99)},
    "a word of steps": {"stage": "mask: {unit: {regex: '[Ss]tep'}, count: 1}"},
    "numbers by hand": {"stage": "mask: {unit: {regex: '\\d+'}, count: 1}"},
    "a list inside a step": {"stage": 'mask: {unit: {regex: "\\\\n- [^\\\\n]+"}, count: 1}'},
    "an expression of a language of its own": {"stage": "mask: {unit: {regex: '[一-龥]+'}, count: 1}"},
    "ASCII classes on text that has other letters elsewhere": {
        "stage": "mask: {unit: {regex: '\\d+'}, count: 1}",
        "traces": [made(0, "2 + 2 = 4 œufs"), made(1, "5 € a day")],
    },
    "numbers that rows have": {"stage": "mask: {unit: number, share: 0.5}", "traces": of_steps(2, 3)},
    "a ramp that moves where traces are long": {
        "stage": "mask: {share: {from: 0.5, to: 1.0}}",
        "keep": STEPS.format(2, 4),
    },
    "a ramp of unknown traces": {"stage": "mask: {share: {from: 0.5, to: 0.6}}"},
    "the answer beside what is hidden": {"stage": "mask: {share: 0.5, rows: 0.5}\nloss: [masked, answer]"},
    "a short row": {"stage": "shuffle: true", "traces": [made(0, "1 + 1 = 2", tokens=400)]},
}


@pytest.mark.parametrize("name", QUIET)
def test_near_miss(name: str, tmp_path: Path) -> None:
    assert told(linted(tmp_path, **QUIET[name]), tmp_path) == []


@pytest.mark.parametrize(
    ("stage", "traces", "message"),
    [
        ("mask: {count: 1, rows: 0.7}", (), "in 30% of the rows, where nothing is hidden"),
        ("mask: {share: 0.5}", of_steps(1, 2, 3, 3), "in 25% of the rows (about 1 of 4), where nothing is hidden"),
        (
            "mask: {share: 0.5, rows: 0.5}",
            of_steps(1, 2, 3, 3),
            "in 62% of the rows (about 2 of 4), where nothing is hidden",
        ),
        ("mask: {share: 0.5}", (), ""),
    ],
)
def test_rows_without_loss_are_counted(stage: str, traces: Sequence[TraceRecord], message: str, tmp_path: Path) -> None:
    found = linted(tmp_path, stage=f"{stage}\nloss: [masked]", traces=traces)
    said = [f.message for f in found if f.rule == "loss-drops-rows"]
    assert said == ([f"`masked` supervises nothing {message}"] if message else [])


def test_only_the_slice_of_a_stage_is_counted(tmp_path: Path) -> None:
    rows = of_steps(2, 2, 9, 9)
    text = "mask: {share: 0.25}"
    assert linted(tmp_path, stage=text, traces=rows) != []
    sliced = BASE.replace(
        "rows: {from: teach}\n    task: reconstruct", "rows: {from: teach, slice: [2, 4]}\n    task: reconstruct"
    )
    assert sliced != BASE
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(sliced.replace("shuffle: true", text), encoding="utf-8")
    loaded = load(file, sink)
    assert loaded is not None
    run = Traces(file="traces.jsonl", records=rows, whole=True)
    context = Context(experiment=loaded.experiment, source=loaded.source, files={}, read_traces=lambda _: run)
    lint(context, sink)
    assert [f.rule for f in sink.findings] == []


def test_solutions_longer_than_the_limit_are_counted_at_each_limit(tmp_path: Path) -> None:
    traces = [made(at, "1 + 1 = 2. " * 120, tokens=tokens) for at, tokens in enumerate((500, 512, 513, 600))]
    traces.append(made(4, "1 + 1 = 2", tokens=600))  # most of it were thoughts that the trace does not hold
    found = told(linted(tmp_path, traces=traces), tmp_path)
    assert [(rule, marked, message) for _, rule, marked, message in found] == [
        ("answer-cut", "train", "2 of 5 traces of an earlier run are longer than 512 tokens (in the teacher's)"),
        ("answer-cut", "evaluate", "2 of 5 traces of an earlier run are longer than 512 tokens (in the teacher's)"),
    ]


def test_what_is_deliberate_can_be_allowed(tmp_path: Path) -> None:
    allow = "allow: [{rule: mask-hides-nothing, reason: short traces stay whole, at: stages.first.mask}]\n"
    assert linted(tmp_path, stage="mask: {share: 0.25}", tail=allow) == []


def test_an_exception_that_only_rows_of_a_run_need_is_kept_before_it(tmp_path: Path) -> None:
    allow = "allow: [{rule: answer-cut, reason: the limit is the paper's}]\n"
    long = [made(at, "1 + 1 = 2. " * 120, tokens=600) for at in range(3)]
    assert [f.rule for f in linted(tmp_path, traces=long)] == ["answer-cut", "answer-cut"]
    assert linted(tmp_path, traces=long, tail=allow) == []
    assert linted(tmp_path, tail=allow) == []
