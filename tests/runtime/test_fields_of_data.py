"""Each field of the tasks without a model shows in what they leave: the real task, with and without it."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from bodies import FORMAT
from conftest import write_lines
from fields import Effect, Ran, Workshop, assert_seen
from fields_of_texts import COMPARE, COMPARED, LONG, LONGER, MIX, MIXES, RESULT, SHORT, THOUGHT, WRONG

from cotspec.builtin import problems
from cotspec.runtime.evaluate import Metrics
from cotspec.spec.payload import (
    BuiltinData,
    DataBody,
    FileData,
    HubData,
    Mask,
    Pick,
    Ramp,
    Range,
    ReportBody,
    ReportTable,
    RowsBody,
    SegmentFormat,
    TraceFormat,
    TracesBody,
)

WHOLE = Range(first=0, end=-1)
ODD = TraceFormat(thinking="Musing:", step="Line {n})", answer="Result:")

FILE = DataBody(source=FileData(question="q", answer="a", answer_after=""), slice=WHOLE)
BUILTIN = DataBody(source=BuiltinData(name="chains", split="train", size=6, seed=1, steps=(2, 3)), slice=WHOLE)
HUB = DataBody(
    source=HubData(
        id="lab/sums", config="plain", split="train", revision="main", question="q", answer="a", answer_after=""
    ),
    slice=WHOLE,
)
TRACES = TracesBody(format=FORMAT, answer="any", at_least=0, at_most=9, pick=Pick(kind="first", shortest=0.0, seed=0))
MASK = Mask(
    unit="step",
    select="first",
    rows=1.0,
    count=1,
    share=Ramp(first=0.0, last=0.0),
    at_least=0,
    leave=0,
    placeholder="[MASKED]",
)
ROWS = RowsBody(
    by="sft",
    task="complete",
    format=FORMAT,
    prompt="Q: {{ question }} T: {{ trace }}",
    mask=MASK,
    shuffle=False,
    loss_on=("step", "answer"),
    epochs=1,
    slice=Range(first=0, end=3),
    seed=1,
)
SHARED = ROWS.model_copy(update={"mask": MASK.model_copy(update={"count": 0})})
REPORT = ReportBody(name="one", about="", labels=("base",))
SETS = ReportBody(name="one", about="", labels=("base",), sets=(ReportTable(name="test", labels=("base",)),))


def questions(ran: Ran) -> list[str]:
    return [problem["question"] for problem in ran.read("problems.jsonl")]


def answers(ran: Ran) -> list[str]:
    return [problem["answer"] for problem in ran.read("problems.jsonl")]


def traces(ran: Ran) -> list[str | None]:
    return [problem.get("trace") for problem in ran.read("problems.jsonl")]


def mentioned(text: str) -> Callable[[Ran], bool]:
    return lambda ran: text in ran.out + ran.err


def generated(split: problems.Split = "train", seed: int = 1, steps: tuple[int, int] = (2, 3)) -> list[str]:
    return [problem.question for problem in problems.generate(split=split, size=6, seed=seed, steps=steps)]


DATA = (
    Effect(name="data.source.file.question", value="q2", see=questions, want=["other 0", "other 1"], base=FILE),
    Effect(name="data.source.file.answer", value="b", see=answers, want=["7", "8"], base=FILE),
    Effect(name="data.source.file.answer_after", value="so", see=answers, want=["5", "6"], base=FILE),
    Effect(name="data.source.file.trace", value="q2", see=traces, want=["other 0", "other 1"], base=FILE),
    Effect(name="data.source.hub.trace", value="q2", see=traces, want=["other"], base=HUB),
    Effect(
        name="data.source.builtin.trace",
        value="trace",
        see=lambda ran: [str(trace)[:9] for trace in traces(ran)],
        want=["Thinking…"] * 6,
        base=BUILTIN,
    ),
    Effect(name="data.slice.first", value=1, see=questions, want=["question 1"], base=FILE),
    Effect(name="data.slice.end", value=1, see=questions, want=["question 0"], base=FILE),
    Effect(name="data.source.builtin.name", value="none", see=mentioned("data set `none`"), want=True, base=BUILTIN),
    Effect(name="data.source.builtin.split", value="test", see=questions, want=generated("test"), base=BUILTIN),
    Effect(name="data.source.builtin.size", value=3, see=questions, want=generated()[:3], base=BUILTIN),
    Effect(name="data.source.builtin.seed", value=2, see=questions, want=generated(seed=2), base=BUILTIN),
    Effect(name="data.source.builtin.steps", value=(5, 5), see=questions, want=generated(steps=(5, 5)), base=BUILTIN),
    Effect(name="data.source.hub.id", value="lab/more", see=questions, want=["more plain train"], base=HUB),
    Effect(name="data.source.hub.config", value="hard", see=questions, want=["sums hard train"], base=HUB),
    Effect(name="data.source.hub.split", value="test", see=questions, want=["sums plain test"], base=HUB),
    Effect(name="data.source.hub.revision", value="0" * 40, see=mentioned("0 is wanted"), want=True, base=HUB),
    Effect(name="data.source.hub.question", value="q2", see=questions, want=["other"], base=HUB),
    Effect(name="data.source.hub.answer", value="b", see=answers, want=["7"], base=HUB),
    Effect(name="data.source.hub.answer_after", value="so", see=answers, want=["5"], base=HUB),
)


# --- traces -----------------------------------------------------------------------------------------------------------


def kept(ran: Ran) -> list[int]:
    return [trace["id"] for trace in ran.read("traces.jsonl")]


def sizes(ran: Ran) -> list[int]:
    return [trace["tokens"] for trace in ran.read("traces.jsonl")]


def steps_of(question: int) -> Callable[[Ran], int]:
    return lambda ran: next(trace["steps"] for trace in ran.read("traces.jsonl") if trace["id"] == question)


def drawn(seed: int) -> list[int]:
    """Lengths that a fair draw of short and long keeps, from decision 11's sha256 of seed and question."""
    shares = [hashlib.sha256(json.dumps(["pick", seed, question]).encode()).digest()[0] for question in range(6)]
    return [10 if share < 128 else 30 for share in shares] + [20, 20, 20]


MIXED = TRACES.model_copy(update={"pick": Pick(kind="mixed", shortest=0.0, seed=0)})
FAIR = TRACES.model_copy(update={"pick": Pick(kind="mixed", shortest=0.5, seed=0)})
RIGHT = TRACES.model_copy(update={"answer": "correct"})
#: Questions 0 to 5 have a short and a long rollout, 6 a wrong one, 7 and 8 one in another format.
OTHERS = ((6, "Step 1: b\nAnswer: 0"), (7, "Line 1) a\nLine 2) b\nResult: 7"), (8, "Musing:\nStep 1: a\n\nStep 1: b"))


def formed(segment: SegmentFormat, **changes: Any) -> TracesBody:
    """A filter that keeps the texts of a form, which is one segment."""
    form = {"format": FORMAT.model_copy(update={"form": (segment.model_copy(update=changes),)})}
    return TRACES.model_copy(update={"where": "text.formatted", **form})


def kept_if_any(ran: Ran) -> list[int]:
    return kept(ran) if ran.code == 0 else []


GRADED = formed(RESULT).model_copy(update={"where": "text.correct"})
TRACED = (
    Effect(
        name="traces.format.form",
        value=(RESULT.model_copy(update={"grade": True}),),
        see=kept,
        want=[*range(6), 7],
        base=RIGHT,
    ),
    Effect(name="segment.name", value="answer", see=kept, want=[0, 1, 2, 3, 4, 5, 6], base=formed(RESULT)),
    Effect(name="segment.opens", value="Step 1", see=kept, want=[*range(7)], base=formed(RESULT)),
    Effect(name="segment.closes", value="7", see=kept_if_any, want=[], base=formed(RESULT)),
    Effect(name="segment.label", value=("7", "8"), see=kept_if_any, want=[7], base=formed(RESULT, label=("x", "y"))),
    Effect(name="segment.grade", value=True, see=kept, want=[0, 1, 2, 3, 4, 5, 7], base=GRADED),
    Effect(name="segment.when", value="none.T", see=kept, want=[0, 1, 2, 3, 4, 5, 6, 8], base=formed(RESULT)),
    Effect(name="segment.many", value=True, see=kept_if_any, want=[7], base=formed(RESULT, opens="Line")),
    Effect(name="traces.format.thinking", value="Musing:", see=steps_of(8), want=1),
    Effect(name="traces.format.step", value="Line {n})", see=steps_of(7), want=2),
    Effect(name="traces.format.answer", value="Result:", see=kept, want=[7], base=RIGHT),
    Effect(name="traces.answer", value="correct", see=kept, want=[0, 1, 2, 3, 4, 5]),
    Effect(name="traces.at_least", value=2, see=sizes, want=[30] * 6 + [20]),
    Effect(name="traces.at_most", value=1, see=kept, want=[0, 1, 2, 3, 4, 5, 6, 7]),
    Effect(name="traces.where", value="text.score < 1", see=kept, want=[6, 7, 8]),
    Effect(name="traces.pick.kind", value="longest", see=sizes, want=[30] * 6 + [20] * 3),
    Effect(name="traces.pick.shortest", value=1.0, see=sizes, want=[10] * 6 + [20] * 3, base=MIXED),
    Effect(name="traces.pick.seed", value=3, see=sizes, want=drawn(3), base=FAIR),
)


# --- rows -------------------------------------------------------------------------------------------------------------


def prompt(ran: Ran) -> str:
    return str(min(ran.read("rows.jsonl"), key=lambda row: row["id"])["prompt"])


def read_by_teacher(ran: Ran) -> str:
    return str(min(ran.read("rows.jsonl"), key=lambda row: row["id"])["context"])


def masked(ran: Ran) -> list[int]:
    return [row["prompt"].count("[MASKED]") for row in ran.read("rows.jsonl")]


def ids(ran: Ran) -> list[int]:
    return [row["id"] for row in ran.read("rows.jsonl")]


def learned(ran: Ran) -> list[str]:
    """The texts of the first question that carry loss; none where no row could be made."""
    if ran.code:
        return []
    row = min(ran.read("rows.jsonl"), key=lambda row: row["id"])
    return [row["target"][start:end] for start, end in row["supervise"]]


def order(seed: int) -> list[int]:
    """The order of the questions 0, 1, 2, from decision 3's sha256 of seed, epoch and question."""
    return sorted(range(3), key=lambda id: hashlib.sha256(json.dumps(["order", seed, 0, id]).encode()).digest())


def steps(*shown: str) -> str:
    return "Q: Ann 0? T: " + "\n".join(f"Step {number}: {step}" for number, step in enumerate(shown, 1))


ONE, TWO, THREE = "0 + 2 = 2.", "2 + 4 = 6.", "6 + 5 = 11."
HIDDEN = "[MASKED]"
THOUGHTFUL = ROWS.model_copy(update={"slice": Range(first=3, end=4)})
TOLD = f"Thinking…\nEasy.\n\nStep 1: {ONE}\nStep 2: {TWO}\nStep 3: {THREE}\nAnswer: 11"
TAUGHT = ROWS.model_copy(update={"by": "distill"})
ANSWERED = ROWS.model_copy(update={"loss_on": ("answer",)})
ALL_ROWS = ROWS.model_copy(update={"slice": WHOLE})
BUILT = (
    Effect(name="rows.by", value="grpo", see=lambda ran: "teacher_tokens" in ran.read("rows.jsonl")[0], want=True),
    Effect(
        name="rows.by",
        value="imitate",
        see=lambda ran: ran.read("rows.jsonl")[0].get("demonstration", "")[-10:],
        want="Answer: 11",
    ),
    Effect(
        name="rows.begin",
        value=1,
        see=lambda ran: ran.read("rows.jsonl")[0].get("begin"),
        want="Thinking…\nEasy.\n\nStep 1: 0 + 2 = 2.\n",
        base=ROWS.model_copy(update={"by": "grpo"}),
    ),
    Effect(name="rows.task", value="solve", see=prompt, want="Q: Ann 0? T: "),
    Effect(name="rows.format.thinking", value="Hm:", see=prompt, want=steps(HIDDEN), base=THOUGHTFUL),
    Effect(name="rows.format.step", value="Line {n})", see=lambda ran: ran.code, want=2),
    Effect(name="rows.format.answer", value="Result:", see=learned, want=[], base=ANSWERED),
    Effect(
        name="rows.format.form",
        value=(SegmentFormat(name="third", opens="Step 3:", closes=""),),
        see=learned,
        want=[f"Step 1: {ONE}\nStep 2: {TWO}\n", "Answer: 11"],
    ),
    Effect(name="rows.prompt", value="P: {{ question }}", see=prompt, want="P: Ann 0?"),
    Effect(name="rows.mask.unit", value="number", see=prompt, want=steps("[MASKED] + 2 = 2.", TWO, THREE)),
    Effect(name="rows.mask.select", value="last", see=prompt, want=steps(ONE, TWO, HIDDEN)),
    Effect(name="rows.mask.rows", value=0.0, see=prompt, want=steps(ONE, TWO, THREE)),
    Effect(name="rows.mask.count", value=2, see=prompt, want=steps(HIDDEN, HIDDEN, THREE)),
    Effect(name="rows.mask.share.first", value=1.0, see=masked, want=[3, 1, 0], base=SHARED),
    Effect(name="rows.mask.share.last", value=1.0, see=masked, want=[0, 1, 3], base=SHARED),
    Effect(name="rows.mask.at_least", value=2, see=prompt, want=steps(HIDDEN, HIDDEN, THREE)),
    Effect(name="rows.mask.leave", value=3, see=prompt, want=steps(ONE, TWO, THREE)),
    Effect(name="rows.mask.placeholder", value="…", see=prompt, want=steps("…", TWO, THREE)),
    Effect(name="rows.shuffle", value=True, see=lambda ran: "\n- " in prompt(ran), want=True),
    Effect(name="rows.loss_on", value=("answer",), see=learned, want=["Answer: 11"]),
    Effect(name="rows.loss_when", value={"step": "steps > 5"}, see=learned, want=["Answer: 11"]),
    Effect(name="rows.epochs", value=2, see=lambda ran: len(ids(ran)), want=6),
    Effect(name="rows.slice.first", value=2, see=ids, want=[2]),
    Effect(name="rows.slice.end", value=1, see=ids, want=[0]),
    Effect(name="rows.context", value="T: {{ trace }}", see=read_by_teacher, want="T: " + TOLD, base=TAUGHT),
    Effect(name="rows.seed", value=2, see=ids, want=order(2)),
    Effect(name="rows.target", value=1, see=learned, want=["Step 1: 3.\nAnswer: 3"]),
    Effect(
        name="rows.measures",
        value=("text.correct", "text_1.tokens"),
        see=lambda ran: [row.get("texts") for row in ran.read("rows.jsonl") if row["id"] == 1],
        want=[{"text.correct": True, "text_1.tokens": 8.0}],
        base=ROWS.model_copy(update={"by": "grpo"}),
    ),
    Effect(
        name="rows.shows",
        value=("answer", "question", "text_1"),
        see=lambda ran: [row.get("shown") for row in ran.read("rows.jsonl") if row["id"] == 1],
        want=[{"answer": "11", "question": "Ann 1?", "text_1": "Step 1: 3.\nAnswer: 3"}],
        base=ROWS.model_copy(update={"by": "grpo"}),
    ),
    Effect(name="rows.where", value="text_1.tokens < 8", see=ids, want=[0], base=ALL_ROWS),
)


REPORTED = (
    Effect(name="report.name", value="two", see=lambda ran: ran.read("report.json")["name"], want="two"),
    Effect(name="report.about", value="why", see=lambda ran: ran.read("report.json")["about"], want="why"),
    Effect(
        name="report.labels",
        value=("other", "base"),
        see=lambda ran: [row["label"] for row in ran.read("report.json")["rows"]],
        want=["other", "base"],
    ),
    Effect(
        name="report.stages",
        value=("first",),
        see=lambda ran: [row["stage"] for row in ran.read("report.json")["stages"]],
        want=["first"],
    ),
    Effect(
        name="report.sets.name",
        value="hard",
        see=lambda ran: [(row["set"], row["tokens"]) for row in ran.read("report.json")["rows"]],
        want=[("hard", 0.25)],
        base=SETS,
    ),
    Effect(
        name="report.sets.labels",
        value=("other", "base"),
        see=lambda ran: [row["label"] for row in ran.read("report.json")["rows"]],
        want=["other", "base"],
        base=SETS,
    ),
)
EFFECTS = (*DATA, *TRACED, *BUILT, *COMPARED, *MIXES, *REPORTED)
BASES = {"traces": TRACES, "rows": ROWS, "compare": COMPARE, "mix": MIX, "report": REPORT}


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("data"))


@pytest.fixture(scope="module")
def inputs(shop: Workshop) -> dict[str, dict[str, Path]]:
    """By kind of task, what it reads."""
    root = shop.root
    file = [{"q": f"question {k}", "q2": f"other {k}", "a": f"1{k} so {k + 5}", "b": str(k + 7)} for k in range(2)]
    both = [(k, f"Step 1: a\nAnswer: {k}", 10) for k in range(6)]
    both += [(k, f"Step 1: a\nStep 2: b\nStep 3: c\nAnswer: {k}", 30) for k in range(6)]
    rollouts = [
        {"id": id, "question": "x", "answer": str(id), "text": text, "tokens": tokens, "truncated": False}
        for id, text, tokens in (*both, *((id, text, 20) for id, text in OTHERS))
    ]
    size = {"steps": 3, "words": 9, "tokens": 20}
    traces = [{"id": k, "question": f"Ann {k}?", "answer": "11", "trace": TOLD, **size} for k in range(3)]
    traces.append(
        traces[0] | {"id": 3, "trace": "Hm:\nStep 1: 4.\n\nStep 1: 0 + 2 = 2.\nAnswer: 2", "question": "Ann 0?"}
    )
    for k, each in enumerate(traces):
        each |= {"before": ["Step 1: 3.\nAnswer: 3"], "before_tokens": [7 + k]}
    drawn = [(0, 0, text) for text in (SHORT, LONGER, LONG, WRONG)] + [(1, 0, SHORT), (1, 1, WRONG)]
    drawn += [(2, 0, THOUGHT), (2, 0, WRONG)]
    compared = [
        {"id": id, "question": "x", "answer": "3", "text": text, "tokens": 5, "truncated": False}
        | {"of": of, "before": [f"draft {'ab'[of]}"], "before_tokens": [2]}
        for id, of, text in drawn
    ]
    several = [[{"row": k, "epoch": 0, "id": k} for k in ids] for ids in (range(4), range(10, 12))]
    measured = {field.name: 1 if field.type == "int" else 0.5 for field in dataclasses.fields(Metrics)}
    measured |= {"samples": 1, "pass_at": []}
    metrics = write_lines(root / "metrics.json", [measured])
    hard = write_lines(root / "hard.json", [measured | {"tokens": 0.25}])
    sets = {"evaluate.test.base": metrics, "evaluate.test.other": metrics, "evaluate.hard.base": hard}
    own = {f"lab/{name}": str(local_data(root, name)) for name in ("sums", "more")}
    (root / "cotspec.local.yaml").write_text(json.dumps({"data": own}), encoding="utf-8")
    return {
        "data": {"file": write_lines(root / "file.jsonl", file)},
        "traces": {"rollouts": write_lines(root / "rollouts.jsonl", rollouts)},
        "rows": {"traces": write_lines(root / "traces.jsonl", traces)},
        "report": {"evaluate.base": metrics, "evaluate.other": metrics, "stage.first": metrics, **sets},
        "compare": {"rollouts": write_lines(root / "compared.jsonl", compared)},
        "mix": {f"rows_{at}": write_lines(root / f"rows-{at}.jsonl", rows) for at, rows in enumerate(several, 1)},
    }


def local_data(root: Path, name: str) -> Path:
    """A data set of two configurations and two splits, in a folder that says which commit it is of."""
    folder = root / name / "snapshots" / ("1" * 40)
    folder.mkdir(parents=True)
    head = ["configs:"]
    for config in ("plain", "hard"):
        head += [f"- config_name: {config}", "  data_files:"]
        for split in ("train", "test"):
            row = {"q": f"{name} {config} {split}", "q2": "other", "a": "3 so 5", "b": "7"}
            write_lines(folder / f"{config}-{split}.jsonl", [row])
            head.append(f"  - {{split: {split}, path: {config}-{split}.jsonl}}")
    (folder / "README.md").write_text("\n".join(["---", *head, "---", ""]), encoding="utf-8")
    return folder


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_the_field_shows_in_what_the_task_leaves(
    effect: Effect, shop: Workshop, inputs: dict[str, dict[str, Path]]
) -> None:
    kind = effect.name.partition(".")[0].replace("segment", "traces")
    assert_seen(effect, shop, effect.base or BASES[kind], inputs[kind])
