"""From what a teacher wrote to traces: its own thoughts, and what is said when nothing is kept."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from bodies import FORMAT
from conftest import QUESTIONS, Run, Stage, trace_of, write_lines

from cotspec.spec.payload import Pick, TracesBody


def filtered(stage: Stage, run: Run, tmp_path: Path, texts: list[str], **changes: Any) -> tuple[int, str, str, Path]:
    records = [
        {
            "id": i,
            "question": QUESTIONS[i][0],
            "answer": QUESTIONS[i][1],
            "text": text,
            "tokens": 20,
            "truncated": False,
        }
        for i, text in enumerate(texts)
    ]
    pick = Pick(kind="first", shortest=0.0, seed=0)
    keep: dict[str, Any] = {"answer": "correct", "at_least": 1, "at_most": 0} | changes
    body = TracesBody(format=FORMAT, pick=pick, **keep)
    folder = stage("traces", body, {"rollouts": write_lines(tmp_path / "rollouts.jsonl", records)})
    code, out, err = run(folder)
    return code, out, err, folder / "out"


def test_thoughts_that_the_chat_template_opened_become_the_traces_thinking_and_are_counted(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    rest = [trace_of(number).removeprefix("Thinking…\nEasy.\n\n") for number in range(4)]
    texts = [
        f"Hm, so.\n</think>\n\n{rest[0]}",
        f"Step 1: draft\nAnswer: 9\n</think>\n\n{rest[1]}",
        f"\n</think>\n\n{rest[2]}",
        rest[3],
    ]
    code, out, err, made = filtered(stage, run_here, tmp_path, texts)
    assert code == 0, err
    traces = [json.loads(line) for line in (made / "traces.jsonl").read_text().splitlines()]
    assert [trace["trace"] for trace in traces] == [f"Thinking…\nHm, so.\n\n{rest[0]}", *rest[1:]]
    assert [trace["steps"] for trace in traces] == [1, 1, 1, 1]
    counts = json.loads((made / "counts.json").read_text())
    assert counts["thoughts"] == {"left_out": 2, "renamed": 1}
    assert "thoughts ended with a closer of their own, which the format does not have: 2 left out, 1 renamed" in out


def test_counts_say_nothing_of_thoughts_where_there_is_nothing_to_say(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    code, out, _, made = filtered(stage, run_here, tmp_path, [trace_of(0)])
    assert code == 0
    assert json.loads((made / "counts.json").read_text()) == {"rollouts": 1, "traces": 1, "dropped": {}}
    assert "thoughts" not in out


@pytest.mark.parametrize(
    ("texts", "changes", "said"),
    [
        (
            ["So 0 + 1 = 1.\nAnswer: 1", "1 + 2 = 3.\nAnswer: 3"],
            {},
            ["2 too few steps", "it has 0 steps; a line that begins like `Step 1:`", "`keep.where`",
             "    So 0 + 1 = 1.\n    Answer: 1"],
        ),
        (
            ["Step 1: so it is one.\n", "Step 1: so 3\nAnswer: 4"],
            {},
            ["it gives no answer with `Answer:`, and the gold answer is '1'", "`trace.answer.opens`"],
        ),
        (["Step 1: a\nStep 2: b\nAnswer: 1"], {"at_most": 1}, ["it has 2 steps (`keep.where`)"]),
    ],
)  # fmt: skip
def test_a_filter_that_keeps_nothing_shows_a_rollout_and_names_the_setting(
    stage: Stage, run_here: Run, tmp_path: Path, texts: list[str], changes: dict[str, Any], said: list[str]
) -> None:
    code, _, err, _ = filtered(stage, run_here, tmp_path, texts, **changes)
    assert code == 2
    for part in said:
        assert part in err


def test_a_long_rollout_is_shown_by_its_ends(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    code, _, err, _ = filtered(stage, run_here, tmp_path, ["Begin. " + "x" * 5000 + " End."])
    assert code == 2
    assert "Begin." in err
    assert "End." in err
    assert "characters more" in err
    assert len(err) < 1500
