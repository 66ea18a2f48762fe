"""A chain of texts as its tasks leave it: what a text was made over is in its prompt, in its filter and in its rows."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bodies import FORMAT, MODEL, NO_MASK, WHOLE
from conftest import Run, Stage, write_lines

from cotspec.runtime import generate
from cotspec.spec.payload import (
    CompareBody,
    GatherBody,
    MixBody,
    MixPart,
    Pick,
    RowsBody,
    Sampling,
    TextBody,
    TracesBody,
)

pytest.importorskip("torch", reason="the training stack (cotspec[train]) is not installed")

TWICE = Sampling(n=2, temperature=1.0, top_p=0.9, top_k=0, max_new_tokens=4)
ALL, FIRST = (Pick(kind=kind, shortest=0.0, seed=0) for kind in ("all", "first"))
QUESTION = {"question": "What is 1 + 2?", "answer": "3"}
#: Two drafts of one question, the first of which is wrong, with what was written before them.
DRAFTS = [
    {"id": 7, **QUESTION, "trace": f"Step 1: {k}.\nAnswer: {k}", "steps": 1, "words": 4, "tokens": 6}
    | {"sample": k - 2, "before": ["a plan "], "before_tokens": [2], "score": 0.5}
    for k in (2, 3)
]


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[generate.Request]:
    """Every request that goes to the engine, which answers it as ever."""
    requests_so_far: list[generate.Request] = []
    complete = generate.complete

    def watch(engine: Any, requests: Any, job: Any, done: Any) -> None:
        requests_so_far.extend(requests)
        complete(engine, requests, job, done)

    monkeypatch.setattr(generate, "complete", watch)
    return requests_so_far


def test_a_prompt_reads_every_text_of_its_record_and_each_text_is_drawn_by_itself(
    stage: Stage, run_here: Run, tmp_path: Path, tiny_model: Path, asked: list[generate.Request]
) -> None:
    prompt = "{{ question }} {{ text_1 }}:{% if text %} {{ text }}{% endif %}"
    body = TextBody(model=MODEL, prompt=prompt, sampling=TWICE, seed=5, slice=WHOLE)
    inputs = {"traces": write_lines(tmp_path / "traces.jsonl", DRAFTS), "model": tiny_model}
    folder = stage("text", body, inputs)
    code, _, err = run_here(folder)
    assert code == 0, err
    assert [request.prompt for request in asked[::2]] == [
        f"What is 1 + 2? a plan: Step 1: {k}.\nAnswer: {k}" for k in (2, 3)
    ]
    assert len({request.key for request in asked}) == 4
    rollouts = read(folder / "out/rollouts.jsonl")
    assert [(each["id"], each["of"], each["before"][1]) for each in rollouts] == [
        (7, of, "a plan ") for of in (0, 0, 1, 1)
    ]
    assert [each["before_tokens"] for each in rollouts] == [[6, 2]] * 4


#: Over each draft two texts: of the first both are right, of the second one.
REFINED = [
    {"id": 7, **QUESTION, "text": f"Step 1: so.\nAnswer: {answer}", "tokens": 5 + at, "truncated": False}
    | {"of": of, "before": [DRAFTS[of]["trace"], "a plan "], "before_tokens": [6, 2]}
    for at, (of, answer) in enumerate(((0, 3), (0, 3), (1, 4), (1, 3)))
]


@pytest.mark.parametrize(
    ("where", "pick", "kept"),
    [
        ("", ALL, [(0, 1.0), (1, 1.0), (2, 0.5), (3, 0.5)]),
        ("", FIRST, [(0, 1.0), (2, 0.5)]),
        ("text.correct", FIRST, [(0, 1.0), (3, 0.5)]),
        ("text.correct and not text_1.correct", ALL, [(0, 1.0), (1, 1.0)]),
        ("text_1.score < 1 and text_2.tokens == 2", ALL, [(2, 0.5), (3, 0.5)]),
        ("text.tokens > text_1.tokens", ALL, [(2, 0.5), (3, 0.5)]),
    ],
)
def test_a_filter_asks_about_every_text_of_a_record(
    where: str, pick: Pick, kept: list[tuple[int, float]], stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    body = TracesBody(format=FORMAT, answer="any", at_least=0, at_most=9, pick=pick, where=where)
    folder = stage("traces", body, {"rollouts": write_lines(tmp_path / "rollouts.jsonl", REFINED)})
    code, _, err = run_here(folder)
    assert code == 0, err
    found = read(folder / "out/traces.jsonl")
    tokens = [each["tokens"] - 5 for each in found]
    assert [(at, each["score"]) for at, each in zip(tokens, found, strict=True)] == kept
    assert len({each["sample"] for each in found}) == len(found)


def rows(**changes: Any) -> RowsBody:
    values: dict[str, Any] = {
        "by": "sft",
        "task": "solve",
        "format": FORMAT,
        "prompt": "{{ question }}",
        "mask": NO_MASK,
    }
    values |= {"shuffle": False, "loss_on": ("step", "answer"), "epochs": 2, "slice": WHOLE, "seed": 1}
    return RowsBody(**(values | changes))


def test_a_row_is_made_of_the_text_that_is_named_and_reads_those_before_it(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    kept = [
        DRAFTS[of]
        | {"trace": "Step 1: so.\nAnswer: 3", "before": [DRAFTS[of]["trace"], "a plan "]}
        | {"before_tokens": [6, 2], "sample": of}
        for of in (0, 1)
    ]
    body = rows(target=1, prompt="{{ question }} {{ text_2 }}", where="not text_1.correct")
    folder = stage("rows", body, {"traces": write_lines(tmp_path / "traces.jsonl", kept)})
    code, out, err = run_here(folder)
    assert code == 0, err
    made = read(folder / "out/rows.jsonl")
    assert [(row["prompt"], row["target"]) for row in made] == [("What is 1 + 2? a plan", "Step 1: 2.\nAnswer: 2")] * 2
    assert json.loads((folder / "out/counts.json").read_text())["condition_not_met"] == 1
    assert "dropped: 1 condition not met" in out


def test_two_texts_of_one_question_have_masks_and_places_of_their_own(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    steps = "\n".join(f"Step {k}: {k} + 1 = {k + 1}." for k in range(1, 9)) + "\nAnswer: 9"
    same = [DRAFTS[0] | {"trace": steps, "steps": 8, "sample": of} for of in range(6)]
    hidden = NO_MASK.model_copy(update={"rows": 1.0, "count": 3})
    body = rows(task="complete", prompt="{{ question }} {{ trace }}", mask=hidden, epochs=1)
    folder = stage("rows", body, {"traces": write_lines(tmp_path / "traces.jsonl", same)})
    code, _, err = run_here(folder)
    assert code == 0, err
    assert len({row["prompt"] for row in read(folder / "out/rows.jsonl")}) > 3


def test_a_data_sets_own_texts_are_kept_as_those_of_a_model(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    given = [{"id": k, **QUESTION, "trace": f"<think>\nHm.\n</think>\nStep 1: x\nAnswer: {k}"} for k in (3, 4)]
    body = TracesBody(format=FORMAT, answer="correct", at_least=0, at_most=9, pick=FIRST)
    folder = stage("traces", body, {"problems": write_lines(tmp_path / "problems.jsonl", given)})
    code, _, err = run_here(folder)
    assert code == 0, err
    (record,) = read(folder / "out/traces.jsonl")
    assert (record["id"], record["steps"], record["trace"].splitlines()[0]) == (3, 1, "Thinking…")


def test_a_text_that_tells_what_the_prompt_hides_costs_the_row(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    steps = "Step 1: 1 + 1 = 2.\nStep 2: 2 + 1 = 3.\nAnswer: 3"
    drafts = ("Step 1: so it is 4.\nAnswer: 4", "Step 1: 2 + 1 = 3.\nAnswer: 3")
    kept = [
        {"id": at, **QUESTION, "trace": steps, "steps": 2, "words": 9, "tokens": 9}
        | {"before": [draft], "before_tokens": [6]}
        for at, draft in enumerate(drafts)
    ]
    hidden = NO_MASK.model_copy(update={"rows": 1.0, "count": 1, "select": "last"})
    body = rows(task="complete", prompt="{{ question }} {{ text_1 }} {{ trace }}", mask=hidden, epochs=1)
    folder = stage("rows", body, {"traces": write_lines(tmp_path / "traces.jsonl", kept)})
    code, _, err = run_here(folder)
    assert code == 0, err
    assert [row["id"] for row in read(folder / "out/rows.jsonl")] == [0]
    assert json.loads((folder / "out/counts.json").read_text())["dropped"]["leak"] == [1]


def test_a_compared_text_whose_answer_cannot_be_graded_is_in_no_pair_and_counted(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    drafts = {0: "Step 1: so.\nAnswer: 3", 1: "Step 1: so.\nAnswer: more than 3", 2: "Step 1: so.\nAnswer: 5"}
    made = [
        REFINED[0] | {"of": of, "before": [draft], "before_tokens": [6]} for of, draft in drafts.items() for _ in (1, 2)
    ]
    body = CompareBody(format=FORMAT, better="text_1.correct", gap=0.0, most=1, target=1)
    folder = stage("compare", body, {"rollouts": write_lines(tmp_path / "rollouts.jsonl", made)})
    code, _, err = run_here(folder)
    assert code == 0, err
    (pair,) = read(folder / "out/pairs.jsonl")
    assert (pair["chosen"], pair["rejected"]) == (drafts[0], drafts[2])
    counts = json.loads((folder / "out/counts.json").read_text())
    assert (counts["texts"], counts["ungradable_texts"], counts["pairs"]) == (3, 1, 1)


def test_of_right_texts_alone_the_shorter_is_better_where_wrong_ones_have_no_value(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    short, long, wrong = "Step 1: so.\nAnswer: 3", "Step 1: so it is by far.\nAnswer: 3", "Answer: 5"
    made = [REFINED[0] | {"text": text, "sample": at} for at, text in enumerate((long, wrong, short))]
    body = CompareBody(format=FORMAT, better="-text.words / (1 if text.correct else 0)", gap=0.0, most=1, target=0)
    folder = stage("compare", body, {"rollouts": write_lines(tmp_path / "rollouts.jsonl", made)})
    code, _, err = run_here(folder)
    assert code == 0, err
    (pair,) = read(folder / "out/pairs.jsonl")
    assert (pair["chosen"], pair["rejected"]) == (short, long)
    counts = json.loads((folder / "out/counts.json").read_text())
    assert (counts["texts"], counts["texts_without_value"], counts["pairs"]) == (3, 1, 1)


def test_a_mix_stops_where_a_source_would_give_no_row(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    row = {"id": 1, "epoch": 0, "prompt": "", "target": "x", "supervise": [[0, 1]]}
    many, few = ([row | {"row": at} for at in range(count)] for count in (9, 1))
    body = MixBody(parts=(MixPart(share=0.0, run=1), MixPart(share=0.0, run=2)), order="alternate", seed=0)
    inputs = {f"rows_{at}": write_lines(tmp_path / f"{at}.jsonl", each) for at, each in enumerate((many, few), 1)}
    code, _, err = run_here(stage("mix", body, inputs))
    assert code == 2
    assert "of sources of 9, 1 rows the mix takes none of number 1" in err


@pytest.mark.parametrize("by", ["sft", "grpo"])
def test_a_loss_asks_about_the_texts_of_a_record(by: str, stage: Stage, run_here: Run, tmp_path: Path) -> None:
    kept = [
        DRAFTS[0] | {"id": at, "trace": "Step 1: so.\nAnswer: 3", "before": [f"Answer: {answer}"], "before_tokens": [6]}
        for at, answer in enumerate((3, 4))
    ]
    asked = {"measures": ("text_1.correct",), "loss_on": ()} if by == "grpo" else {}
    when = {"loss_when": {"step": "not text_1.correct"}} if by == "sft" else {}
    folder = stage(
        "rows", rows(by=by, epochs=1, **asked, **when), {"traces": write_lines(tmp_path / "traces.jsonl", kept)}
    )
    code, _, err = run_here(folder)
    assert code == 0, err
    made = {row["id"]: row for row in read(folder / "out/rows.jsonl")}
    if by == "sft":
        end = len("Step 1: so.\nAnswer: 3")
        assert (made[0]["supervise"], made[1]["supervise"]) == ([[12, end]], [[0, end]])
    else:
        assert (made[0]["texts"], made[1]["texts"]) == ({"text_1.correct": True}, {"text_1.correct": False})


def test_one_prompt_holds_several_records_and_rows_show_what_came_of_them(
    stage: Stage, run_here: Run, tmp_path: Path, tiny_model: Path, asked: list[generate.Request]
) -> None:
    three = [DRAFTS[0] | {"id": at, "question": f"Q{at}?", "trace": f"Answer: {at}"} for at in range(3)]
    once = TWICE.model_copy(update={"n": 1, "max_new_tokens": 40})
    body = GatherBody(model=MODEL, prompt="{{ text }}\nLessons:", sampling=once, seed=5, slice=WHOLE, size=2)
    inputs = {"traces": write_lines(tmp_path / "traces.jsonl", three), "model": tiny_model}
    folder = stage("gather", body, inputs)
    code, _, err = run_here(folder)
    assert code == 0, err
    assert [each["ids"] for each in read(folder / "out/gathered.jsonl")] == [[0, 1], [2]]
    assert [request.prompt for request in asked] == [
        "Problem 1: Q0?\n\nSolution 1:\nAnswer: 0\n\nProblem 2: Q1?\n\nSolution 2:\nAnswer: 1\nLessons:",
        "Problem 1: Q2?\n\nSolution 1:\nAnswer: 2\nLessons:",
    ]
    said = (([0, 1], "Count."), ([2], "Check."))
    gathered = [{"ids": ids, "text": text, "tokens": 2, "truncated": False} for ids, text in said]
    inputs = {
        "traces": write_lines(tmp_path / "kept.jsonl", DRAFTS[1:]),
        "shared": write_lines(tmp_path / "gathered.jsonl", gathered),
    }
    folder = stage("rows", rows(prompt="{{ shared }} | {{ question }}", epochs=1), inputs)
    code, _, err = run_here(folder)
    assert code == 0, err
    assert [row["prompt"] for row in read(folder / "out/rows.jsonl")] == ["Count.\n\nCheck. | What is 1 + 2?"]
