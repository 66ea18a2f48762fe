"""Which of several texts go on: different ones, so many of each record, and how the others are counted."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from bodies import FORMAT
from conftest import Run, Stage, write_lines

from cotspec.runtime import report_counts
from cotspec.spec.payload import CompareBody, Pick, SegmentFormat, TracesBody

FIELDS = {"traces.distinct", "traces.most", "traces.best_by", "traces.best_n"}

ANSWERS = (
    "Step 1: 3 + 4 = 7.\nAnswer: 7",
    "Step 1: first, 3 apples + 4 apples = 7 apples.\nAnswer: 7",
    "Step 1: 4 + 3 = 7.\nAnswer: 7",
    "Step 1: 3 + 4 = 7.\n\nAnswer: 7",
    "Step 1: 9 - 2 = 7.\nAnswer: 7",
    "Step 1: 3 + 4 = 8.\nAnswer: 8",
)
TOKENS = (9, 5, 8, 7, 6, 1)


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def kept(stage: Stage, run_here: Run, folder: Path, kind: str = "first", **fields: Any) -> tuple[list[int], Any, Path]:
    """Which of the answers go on, by their tokens, and what counts.json says."""
    rollouts = [
        {"id": id, "question": "3 + 4?", "answer": "7", "text": text, "tokens": tokens, "truncated": False}
        for id in (3, 5)
        for text, tokens in zip(ANSWERS, TOKENS, strict=True)
    ]
    pick = Pick.model_validate({"kind": kind, "shortest": 0.0, "seed": 0})
    body = TracesBody(format=FORMAT, answer="correct", at_least=0, at_most=9, pick=pick, **fields)
    made = stage(
        f"traces-{kind}-{'-'.join(map(str, fields.values()))}",
        body,
        {"rollouts": write_lines(folder / "r.jsonl", rollouts)},
    )
    code, _, err = run_here(made)
    assert code == 0, err
    records = read(made / "out/traces.jsonl")
    tokens = [each["tokens"] for each in records if each["id"] == 3]
    assert tokens == [each["tokens"] for each in records if each["id"] == 5]
    if len(tokens) > 1:
        assert [ANSWERS[each["sample"]] for each in records] == [each["trace"] for each in records]
    return tokens, json.loads((made / "out/counts.json").read_text()), made / "out/counts.json"


def test_of_equal_texts_one_goes_on_and_the_others_are_counted_as_duplicates(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    cases = (
        ("all", "", 1, [9, 5, 8, 7, 6], 0, 0),
        ("all", "text", 1, [9, 5, 8, 6], 1, 0),
        ("all", "calculations", 1, [9, 8, 6], 2, 0),
        ("first", "calculations", 2, [9, 8], 2, 1),
        ("shortest", "calculations", 2, [5, 6], 2, 1),
        ("longest", "text", 2, [9, 8], 1, 2),
        ("first", "", 4, [9, 5, 8, 7], 0, 1),
        ("shortest", "", 1, [5], 0, 4),
    )
    for kind, distinct, most, want, duplicates, beyond in cases:
        tokens, counts, path = kept(stage, run_here, tmp_path, kind, distinct=distinct, most=most)
        assert tokens == want, (kind, distinct, most)
        more = {"question_has_one" if most == 1 else "question_has_enough": 2 * beyond, "duplicate": 2 * duplicates}
        assert counts["dropped"] == {"wrong_answer": 2, **{why: count for why, count in more.items() if count}}
        assert counts["traces"] + sum(counts["dropped"].values()) == counts["rollouts"] == 12
        (flow,) = report_counts.flow("kept/teach", path)
        assert {part.name: part.said for part in flow.parts}.get("duplicate:", "0").startswith(f"{2 * duplicates}")


def test_the_best_of_all_go_on_in_their_order_and_of_equal_ones_the_first(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    cases = (
        ("text.words", 2, [1, 3], {"not_among_best": 3}, 0),
        ("text.words", 3, [0, 1, 3], {"not_among_best": 2}, 2),
        ("0 - text.tokens", 1, [4], {"not_among_best": 4}, 0),
        ("text.words / (text.steps - 1)", 9, [1, 3], {"best_without_value": 3}, 0),
        ("text.score * 4 + text.steps / 10", 9, [0, 1, 2, 3, 4], {}, 0),
        ("text.score", 4, [0, 1, 2, 3], {"not_among_best": 1}, 0),
        ("1 if text.correct else 0", 1, [0], {"not_among_best": 4}, 3),
    )
    texts = (
        "Step 1: a\nAnswer: 0",
        *(f"Step 1: a b c\nStep 2: c\nAnswer: {at}" for at in (1,)),
        "Step 1: z\nAnswer: 2",
    )
    texts += ("Step 1: a b c d\nStep 2: c\nAnswer: 3", "Step 1: x\nAnswer: 9")
    rollouts = [
        {"id": at, "question": "?", "answer": str(at), "text": text, "tokens": 9 - at, "truncated": False}
        for at, text in enumerate(texts)
    ]
    inputs = {"rollouts": write_lines(tmp_path / "r.jsonl", rollouts)}
    pick = Pick(kind="first", shortest=0.0, seed=0)
    for at, (by, n, want, dropped, ties) in enumerate(cases):
        body = TracesBody(format=FORMAT, answer="any", at_least=0, at_most=9, pick=pick, best_by=by, best_n=n)
        made = stage(f"traces-{at}", body, inputs)
        code, out, err = run_here(made)
        assert code == 0, err
        assert [each["id"] for each in read(made / "out/traces.jsonl")] == want, by
        counts = json.loads((made / "out/counts.json").read_text())
        assert (counts["dropped"], counts.get("as_good_left_out", 0)) == (dropped, ties), by
        assert (f"{ties} of those left out are as good as the last that goes on" in out) is bool(ties)
        (flow,) = report_counts.flow("kept/teach", made / "out/counts.json")
        assert any(part.name.startswith("left out, though as good") for part in flow.parts) is bool(ties)


def test_texts_of_which_none_has_a_value_are_an_error(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    rollouts = [{"id": 0, "question": "?", "answer": "7", "text": ANSWERS[0], "tokens": 9, "truncated": False}]
    pick = Pick(kind="first", shortest=0.0, seed=0)
    body = TracesBody(
        format=FORMAT, answer="any", at_least=0, at_most=9, pick=pick, best_by="1 / (text.steps - 1)", best_n=1
    )
    code, _, err = run_here(stage("traces", body, {"rollouts": write_lines(tmp_path / "r.jsonl", rollouts)}))
    assert code == 2
    assert "none of 1 texts has a value to be best by (`keep.best.by`)" in err


VOTES = (
    *((3, "3"), (3, "3.0"), (3, "4"), (3, "five"), (3, None)),
    *((4, "4"), (4, "4"), (4, "5"), (4, "5"), (4, "6")),
    *((5, "at least 5"), (5, "7"), (5, "7 apples"), (5, "cut 7"), (5, "7")),
)
"""Questions with what five texts answer; of question 4 two answers lead alike."""


def voters(folder: Path) -> dict[str, Path]:
    rollouts = [
        {
            "id": id,
            "question": "?",
            "answer": "",
            "text": "Step 1: a" + ("" if said is None else f"\nAnswer: {said.removeprefix('cut ')}"),
        }
        | {"tokens": at, "truncated": said is not None and said.startswith("cut ")}
        for at, (id, said) in enumerate(VOTES)
    ]
    return {"rollouts": write_lines(folder / "votes.jsonl", rollouts)}


def test_texts_go_on_that_others_agree_with_and_what_has_no_vote_is_told(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    """Without a gold answer."""
    told = {
        "records_with_answers_that_do_not_compare": 1,
        "records_without_a_majority": 1,
        "texts_without_a_vote": 2,
    }
    every = Pick(kind="all", shortest=0.0, seed=0)
    cases: tuple[tuple[str, dict[str, Any], list[int]], ...] = (
        ("text.majority", {}, [0, 1, 11, 12, 14]),
        ("text.votes >= 0.4", {}, [0, 1, 5, 6, 7, 8, 11, 12, 14]),
        ("text.majority and text.votes > 0.5", {}, [11, 12, 14]),
        ("text.votes == 0", {}, [4]),
        ("text.majority", {"best_by": "text.votes - text.tokens / 1000", "best_n": 2}, [11, 12]),
    )
    for at, (where, more, want) in enumerate(cases):
        body = TracesBody(format=FORMAT, answer="any", at_least=0, at_most=9, pick=every, where=where, **more)
        made = stage(f"traces-{at}", body, voters(tmp_path))
        code, out, err = run_here(made)
        assert code == 0, err
        assert [each["tokens"] for each in read(made / "out/traces.jsonl")] == want, where
        assert json.loads((made / "out/counts.json").read_text())["votes"] == told
        assert "of the votes: 1 records with answers that do not compare, 1 records without a majority" in out
        (flow,) = report_counts.flow("kept/own", made / "out/counts.json")
        assert {part.name: part.said for part in flow.parts}["records without a majority:"] == "1"


def test_a_text_that_more_agree_with_is_the_better_one_of_a_pair(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    body = CompareBody(format=FORMAT, better="text.votes", gap=0.2, most=1, target=0)
    made = stage("compare", body, voters(tmp_path))
    code, _, err = run_here(made)
    assert code == 0, err
    answers = [
        tuple(each[side].partition("Answer: ")[2] for side in ("chosen", "rejected"))
        for each in read(made / "out/pairs.jsonl")
    ]
    assert answers == [("3", ""), ("7", "at least 5")]
    assert json.loads((made / "out/counts.json").read_text())["texts_without_a_vote"] == 2


def test_a_text_is_compared_by_what_others_say_of_it_and_what_they_leave_open_is_no_no(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    """Three verdicts on each of four drafts of a question; nobody says anything of the last."""
    form = (SegmentFormat(name="critic", opens="Verdict:", closes="", label=("T", "F")),)
    verdicts = {"good": "T T F", "fair": "T - -", "poor": "F F T", "mute": "- - -"}
    rollouts = [
        {"id": 1, "of": of, "question": "?", "answer": "7", "text": "Hm." if said == "-" else f"Hm.\nVerdict: {said}"}
        | {"tokens": 3, "truncated": draft == "good" and said == "F", "before": [draft], "before_tokens": [1]}
        for of, (draft, all_) in enumerate(verdicts.items())
        for said in all_.split()
    ]
    inputs = {"rollouts": write_lines(tmp_path / "verdicts.jsonl", rollouts)}
    for better, want in (("text.critic.T", [("good", "poor")]), ("0 if text.critic.T else 1", [("poor", "good")])):
        body = CompareBody(format=FORMAT.model_copy(update={"form": form}), better=better, gap=0.5, most=2, target=1)
        made = stage(f"compare-{len(better)}", body, inputs)
        code, out, err = run_here(made)
        assert code == 0, err
        assert [(each["chosen"], each["rejected"]) for each in read(made / "out/pairs.jsonl")] == want
        counts = json.loads((made / "out/counts.json").read_text())
        assert (counts["texts"], counts["verdicts_left_open"], counts["texts_without_value"]) == (4, 6, 1)
        assert "6 verdicts left open" in out
