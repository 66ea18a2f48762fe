"""Estimates of whole specs: expected and at most, from measured runs first, and what is not known is never a number."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from cotspec.estimate import Amount, Cost
from cotspec.estimate.facts import Selected
from cotspec.ir.plan import Read
from cotspec.views import costs as told
from tests.estimate.known import Known, estimator, lines, parts, ran
from tests.support import spec_data

SMALL = spec_data("small")


def changed(path: str, value: object, data: dict[str, Any] = SMALL) -> dict[str, Any]:
    """The spec with one setting changed, by dotted path."""
    found = copy.deepcopy(data)
    *groups, last = path.split(".")
    place = found
    for group in groups:
        place = place.setdefault(group, {})
    place[last] = value
    return found


def costs(data: dict[str, Any], *, traces: int = 0, known: Known | None = None) -> dict[str, Cost]:
    """The cost of every part of a spec; with `traces`, after its teacher has run."""
    tasks, facts = parts(data), known or Known()
    if traces:
        ran(tasks, facts, traces=traces)
    found = estimator(tasks, facts)
    return {part: found.cost(task.id) for part, task in tasks.items()}


def value(amount: Amount) -> float:
    assert amount.value is not None, amount.text
    return amount.value


def test_before_anything_ran_there_is_an_expected_value_and_a_bound_for_every_task_of_a_known_size() -> None:
    for part, cost in costs(SMALL).items():
        assert value(cost.seconds) > 0, part
        assert cost.seconds.most is None or cost.seconds.most >= value(cost.seconds)
        assert value(cost.memory) > 0, part
        assert cost.seconds.text, part


def test_assumed_lengths_are_called_assumed_and_bounded_by_the_settings() -> None:
    tokens = costs(changed("generate.teach.sampling.max_new_tokens", 2000))["generation teach"].tokens
    assert tokens.most == 40 * 2000
    assert value(tokens) < 40 * 2000
    assert "assumed" in tokens.text


def test_no_expected_length_is_beyond_what_the_settings_allow() -> None:
    tokens = costs(changed("generate.teach.sampling.max_new_tokens", 16))["generation teach"].tokens
    assert tokens.value == tokens.most == 40 * 16


def test_the_teachers_traces_tell_the_length_of_what_follows() -> None:
    found = costs(SMALL, traces=40)
    assert found["evaluation of structure"].tokens.value == 20 * 50
    assert "traces.jsonl" in found["evaluation of structure"].tokens.text
    longer = costs(SMALL, traces=0)["stage structure"].seconds
    assert value(longer) > value(found["stage structure"].seconds), "the assumed trace has 300 tokens, the real one 50"


def test_a_tasks_own_result_tells_its_tokens_exactly() -> None:
    tasks, known = parts(SMALL), Known()
    read = Read(tasks["evaluation of student"].id, "predictions.jsonl")
    known.files[read] = lines("predictions.jsonl", 20, chars={"text": 120.0}, tokens=33.0)
    assert estimator(tasks, known).cost(tasks["evaluation of student"].id).tokens.value == 20 * 33.0


def test_rows_that_are_there_are_counted() -> None:
    tasks, known = parts(SMALL), Known()
    known.files[Read(tasks["rows of stage structure"].id, "rows.jsonl")] = lines(
        "rows.jsonl of it", 30, chars={"prompt": 240.0, "target": 160.0}
    )
    found = estimator(tasks, known).cost(tasks["stage structure"].id)
    assert "rows.jsonl of it" in found.seconds.text


def test_a_file_of_the_project_is_counted_and_cut() -> None:
    data = changed("data.train", {"file": "problems.jsonl", "slice": [5, 25]})
    known = Known(files={Read("", "specs/problems.jsonl"): lines("problems.jsonl", 22, chars={"question": 80.0})})
    found = costs(data, known=known)["generation teach"].tokens
    assert found.most == 17 * 128
    assert "slice [5, 25) of 22 questions (problems.jsonl)" in found.text


def own_traces() -> dict[str, Any]:
    """A stage that learns from traces in a file, by a condition."""
    data = changed("data.r1", {"file": "r1.jsonl", "trace": "trace"})
    return changed("stages.structure.rows", {"from": "r1", "where": "r1.words < 40"}, data)


def test_traces_that_lie_in_a_file_tell_their_length_before_anything_ran() -> None:
    known = Known(files={Read("", "specs/r1.jsonl"): lines("r1.jsonl", 100, chars={"question": 80.0, "trace": 150.0})})
    text = costs(own_traces(), known=known)["stage structure"].seconds.text
    assert "traces of 50 tokens (r1.jsonl, 3 characters a token)" in text
    assert "assumed" not in text


def test_a_condition_on_texts_that_are_there_leaves_the_rows_that_meet_it_and_as_long_as_those_are() -> None:
    data = own_traces()
    tasks, read = parts(data), Read("", "specs/r1.jsonl")
    known = Known(files={read: lines("r1.jsonl", 1000, chars={"question": 80.0, "trace": 150.0})})
    every = costs(data, known=known)["stage structure"].seconds
    known.left[tasks["data r1"].id] = Selected(0.25, 0.5)
    left = costs(data, known=known)["stage structure"].seconds
    assert "25% (by their condition) of " in left.text
    assert "traces of 25 tokens" in left.text
    start = 9.0
    assert value(left) - start < 0.25 * (value(every) - start)
    assert left.most == every.most


def test_a_gate_that_picks_the_best_on_validation_asks_every_candidate() -> None:
    # 20 rows in whole batches of 4 prompts are 5 steps: candidates at 2 and 4, and the final weights
    assert costs(SMALL, traces=40)["way out of stage compress"].tokens.value == 3 * 10 * 50


def test_twice_the_epochs_are_twice_the_work() -> None:
    once = costs(changed("stages.structure.train.epochs", 20), traces=40)["stage structure"].seconds
    twice = costs(changed("stages.structure.train.epochs", 40), traces=40)["stage structure"].seconds
    start = 9.0
    assert (value(twice) - start) / (value(once) - start) == pytest.approx(2, rel=0.05)


# --- measured runs ----------------------------------------------------------------------------------------------------


def test_a_run_like_it_is_scaled_by_its_tokens() -> None:
    tasks, known = parts(changed("stages.structure.train.epochs", 4)), Known()
    before = parts(SMALL)["stage structure"]  # two epochs
    ran(tasks, known, traces=40)
    known.times[before.id] = 100.0
    everything = {**parts(SMALL), **{f"new {name}": task for name, task in tasks.items()}}
    found = estimator(everything, known)
    ran(parts(SMALL), known, traces=40)
    seconds = found.cost(tasks["stage structure"].id).seconds
    assert seconds.value == pytest.approx(200.0)
    assert "as 1 run like it took" in seconds.text


def test_a_run_of_another_size_or_on_another_device_says_nothing() -> None:
    tasks, known = parts(SMALL), Known()
    ran(tasks, known, traces=40)
    known.times[tasks["stage structure"].id] = 1e6
    found = estimator(tasks, known)
    assert "like it took" not in found.cost(tasks["stage compress"].id).seconds.text
    assert "like it took" in found.cost(tasks["stage structure"].id).seconds.text


def test_a_measured_run_is_compared_with_what_the_others_say() -> None:
    tasks, known = parts(SMALL), Known()
    ran(tasks, known, traces=40)
    for part in ("evaluation of rewrite", "evaluation of structure"):
        known.times[tasks[part].id] = 10.0
    pair = {one.task: one for one in estimator(tasks, known).comparisons()}
    assert pair[tasks["evaluation of rewrite"].id].estimated == pytest.approx(10.0)
    assert list(told.compared(list(pair.values()))) == ["checked against 2 measured runs, off (median): time by 0 %"]


def test_the_memory_that_a_run_held_is_compared_with_the_formula() -> None:
    tasks, known = parts(SMALL), Known()
    task = tasks["evaluation of structure"]
    known.times[task.id] = 10.0
    found = estimator(tasks, known)
    known.held[task.id] = 0.8 * value(found.cost(task.id).memory)
    assert next(told.compared(found.comparisons())).endswith(", memory by 25 %")


# --- what is not known ------------------------------------------------------------------------------------------------


def test_a_model_of_unknown_size_leaves_its_tasks_unknown_and_the_sum_says_so() -> None:
    found = costs(changed("models.student", {"hub": "someone/unnamed"}))
    assert found["evaluation of student"].seconds.value is None
    assert "size of the model" in found["evaluation of student"].seconds.text
    assert told.short(found["evaluation of student"]).startswith("?, ")
    assert any("tasks unknown on" in line for line in told.totals(list(found.values())))


def test_a_data_sets_own_texts_and_rows_of_questions_are_light_work_and_no_unknown_model() -> None:
    data = changed("data.worked", {"builtin": "chains", "split": "valid", "size": 30, "seed": 5, "trace": "trace"})
    data["stages"]["structure"]["rows"] = {"from": "worked"}
    data["stages"]["compress"]["rows"] = {"from": "train"}
    data["stages"]["compress"] |= {"task": "solve", "mask": "!remove"}
    del data["stages"]["compress"]["mask"]
    data["stages"]["compress"]["reward"] = {"terms": {"solved": {"value": "1 if correct else 0"}}}
    found = costs(data)
    for part in ("traces worked", "rows of stage structure", "rows of stage compress"):
        assert 0 < value(found[part].seconds) < 10
        assert found[part].tokens.value == 0


@pytest.mark.parametrize(
    ("mix", "rows"),
    [
        ([{"from": "teach", "share": 0.8}, {"from": "teach", "share": 0.2}], 50),
        ([{"from": "teach"}, {"from": "teach", "slice": [0, 10]}], 50),
    ],
)
def test_a_mix_uses_as_many_rows_as_its_shares_allow(mix: list[dict[str, object]], rows: int) -> None:
    found = changed("stages.structure.rows", {"mix": mix})
    tasks = parts(found)
    counted = estimator(tasks, Known())._work.records(tasks["rows of stage structure"])
    assert counted is not None
    assert counted.expected == rows * found["stages"]["structure"]["train"]["epochs"]


def test_a_data_set_of_unknown_size_leaves_what_reads_it_unknown() -> None:
    found = costs(changed("data.train", {"hub": "someone/questions"}))
    assert found["generation teach"].seconds.value is None
    assert found["generation teach"].tokens.value is None


def test_an_unknown_kind_of_task_is_unknown_and_not_free(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotspec.estimate.LIGHT", {})
    found = costs(SMALL)["report"]
    assert found.seconds.value is None
    assert "report" in found.seconds.text


# --- as it is told ----------------------------------------------------------------------------------------------------


def cost(seconds: float | None, most: float | None = None, *, kind: str = "sft", tokens: float = 0.0) -> Cost:
    few = Amount(10.0, 10.0, "from a test")
    time = Amount(seconds, most, "2·N")
    return Cost("a", kind, "cpu", 1, time, Amount(3 * 2.0**30, None, ""), few, Amount(tokens, tokens, ""), None)


@pytest.mark.parametrize(("seconds", "said"), [(40, "40 s"), (600, "10 min"), (12600, "3.5 h")])
def test_a_duration_is_told_in_the_unit_a_person_would_use(seconds: float, said: str) -> None:
    assert told.duration(seconds) == said


@pytest.mark.parametrize(
    ("count", "said"), [(12, "12 B"), (1536, "1.5 KiB"), (3 * 2**30, "3.0 GiB"), (2**51, "2048.0 TiB")]
)
def test_a_size_is_told_in_binary_units(count: float, said: str) -> None:
    assert told.size(count) == said


def test_a_bound_stands_beside_what_is_expected_where_it_says_more() -> None:
    assert told.short(cost(600, 3600)) == "10 min (≤ 60 min), 3.0 GiB"
    assert told.short(cost(600, 601)) == "10 min, 3.0 GiB"
    assert told.short(cost(None)) == "?, 3.0 GiB"


def test_sums_are_of_what_is_known_and_say_what_is_not() -> None:
    assert (
        next(told.totals([cost(600, 3600), cost(None)])) == "time    10 min (≤ 60 min) and 1 of 2 tasks unknown on cpu"
    )


def test_the_tokens_of_generations_are_told_apart_whoever_writes_them() -> None:
    kinds = ("teach", "text", "gather", "mine", "pairs")
    lines = list(told.totals([*(cost(1, kind=kind, tokens=400) for kind in kinds), cost(1, tokens=500)]))
    assert lines[-1] == "tokens  2,000 written for `generate`, 2,500 in all"


def test_records_hold_plain_numbers_and_none_for_what_is_unknown() -> None:
    record = json.loads(json.dumps(told.record(cost(None))))
    assert record["seconds"] == {"value": None, "most": None, "text": "2·N"}
    assert json.loads(json.dumps(told.total_record([cost(60), cost(None)])))["seconds"] == {"value": 60, "unknown": 1}


def test_what_a_server_takes_is_unknown_until_it_was_measured() -> None:
    served = changed("models.teacher", {"endpoint": {"url": "http://localhost:8000/v1", "model": "big"}})
    served = changed("evaluate.of", ["student", "structure", "compress", "rewrite", "teacher"], served)
    before = costs(served)["generation teach"]
    assert (before.seconds.value, before.seconds.most) == (None, None)
    assert before.memory.value is not None, "a process without a model"
    tasks, known = parts(served), Known()
    ran(tasks, known, traces=40)
    known.times[tasks["generation teach"].id] = 100.0
    told = estimator(tasks, known).cost(tasks["evaluation of teacher"].id).seconds
    assert 0 < value(told) < 100
    assert "as 1 run like it took" in told.text
    priced = changed("resources.endpoints.teacher.price", {"input": 1.0, "output": 2.0}, served)
    assert "at 2 a million they cost 0.01 at most" in costs(priced)["generation teach"].tokens.text
