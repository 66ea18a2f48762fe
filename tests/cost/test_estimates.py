"""Estimates of the tasks of whole specs: from the spec alone, after the teacher ran, and what is not known."""

from __future__ import annotations

import copy
from collections.abc import Callable
from itertools import pairwise
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec.ir.plan import Read
from cotspec.passes.cost import Amount, Cost, total
from tests.cost.known import Known, estimator, lines, parts, ran
from tests.support import spec_data

SMALL = spec_data("small")
N = 544 * 128 + 3 * (4 * 128 * 128 + 3 * 128 * 384 + 2 * 128) + 128  # the tiny student


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
    assert amount.value is not None, amount.source
    return amount.value


# --- what is known --------------------------------------------------------------------------------------------------


def test_before_anything_ran_a_spec_bounds_the_teachers_tokens() -> None:
    found = costs(SMALL)["teacher"].tokens
    assert (found.value, found.limit) == (40 * 128, "at most")
    assert "`max_new_tokens`" in found.source
    assert "`size`" in found.source


def test_before_anything_ran_a_row_is_as_long_as_it_may_be() -> None:
    found = costs(SMALL)["stage structure"].seconds
    assert found.limit == "at most"
    assert "20 in slice [0, 20)" in found.source
    assert "2 epochs × at most 2,048 tokens (`max_length`)" in found.source


def test_the_teachers_traces_tell_the_length_of_rows_and_of_completions() -> None:
    found = costs(SMALL, traces=40)
    rows = found["stage structure"].seconds
    assert rows.limit == "about"
    assert "the mean of 40 in traces.jsonl" in rows.source
    answers = found["evaluation of structure"].tokens
    assert answers.value == 20 * 50


def test_rows_that_are_there_are_counted_and_measured() -> None:
    tasks, known = parts(SMALL), Known()
    ran(tasks, known, traces=40)
    rows = tasks["rows of stage structure"].id
    read = Read(rows, "rows.jsonl")
    known.files[read] = lines("rows.jsonl of it", 30, chars={"prompt": 240.0, "target": 160.0})
    cost = estimator(tasks, known).cost(tasks["stage structure"].id)
    # 30 rows of (240 + 160) / 4 tokens, 6 FLOPs a parameter and 12 · 3 layers · 128 · 100 for attention
    flops = 30 * 100 * (6 * N + 12 * 3 * 128 * 100)
    assert f"{flops:.2g} FLOPs" in cost.seconds.formula
    assert "30 rows (rows.jsonl of it) × 100 tokens (mean of 30 of them, 4.00 characters a token" in cost.seconds.source


def test_a_tasks_own_result_tells_its_tokens_exactly() -> None:
    tasks, known = parts(SMALL), Known()
    read = Read(tasks["evaluation of student"].id, "predictions.jsonl")
    known.files[read] = lines("predictions.jsonl", 20, chars={"text": 120.0}, tokens=33.0)
    found = estimator(tasks, known).cost(tasks["evaluation of student"].id).tokens
    assert (found.value, found.limit) == (20 * 33.0, "about")


def test_a_file_of_the_project_is_counted_and_cut() -> None:
    data = changed("data.train", {"file": "problems.jsonl", "slice": [5, 25]})
    known = Known(files={Read("", "specs/problems.jsonl"): lines("problems.jsonl", 22, chars={"question": 80.0})})
    found = costs(data, known=known)["teacher"].tokens
    assert found.value == 17 * 128
    assert "17 in slice [5, 25) of 22 questions (problems.jsonl)" in found.source


def test_a_gate_that_picks_the_best_on_validation_asks_every_candidate() -> None:
    # 20 rows in whole batches of 4 prompts are 5 steps: candidates at 2 and 4, and the final weights
    found = costs(SMALL, traces=40)["way out of stage compress"].tokens
    assert found.value == 3 * 10 * 50
    assert "3 candidates" in found.source


def test_every_amount_says_how_it_was_computed_and_from_what() -> None:
    for part, cost in costs(SMALL).items():
        for amount in (cost.seconds, cost.hours, cost.memory, cost.disk, cost.tokens):
            assert amount.formula, part
            assert amount.source or not amount.value, part


# --- what is not known ----------------------------------------------------------------------------------------------


def test_a_data_set_of_unknown_size_leaves_the_teacher_unknown_and_a_slice_bounds_the_rows() -> None:
    found = costs(changed("data.train", {"hub": "someone/questions"}))
    assert found["teacher"].seconds.value is None
    assert "the size of someone/questions is not known" in found["teacher"].seconds.source
    assert found["stage structure"].seconds.limit == "at most"
    assert "an unknown number" in found["stage structure"].seconds.source
    sum = total(found.values())
    assert sum.seconds.unknown
    assert sum.seconds.limit != "at most"
    assert f"{sum.seconds.unknown} of {len(found)} tasks unknown" in sum.seconds.note


def test_a_model_whose_name_tells_nothing_has_no_cost_and_a_named_size_is_a_part_of_its_memory() -> None:
    nameless = costs(changed("models.student", {"hub": "someone/model"}))["stage structure"]
    assert (nameless.seconds.value, nameless.memory.value, nameless.disk.value) == (None, None, None)
    named = costs(changed("models.student", {"hub": "someone/model-0.5B"}))["stage structure"]
    assert "from the name `0.5B`" in named.seconds.source
    assert named.memory.limit == "at least"
    assert value(named.memory) > 16 * 0.5e9


def test_a_sum_of_amounts_that_miss_something_is_at_least_that_much() -> None:
    known, missing = Amount(2.0, "", ""), Amount(None, "", "")
    cost = costs(SMALL)["report"]
    sums = total([cost._replace(seconds=known), cost._replace(seconds=missing)])
    assert (sums.seconds.value, sums.seconds.limit, sums.seconds.note) == (2.0, "at least", "1 of 2 tasks unknown")


def test_hours_and_peaks_are_told_for_each_device() -> None:
    data = changed("resources.train", {"gpus": 2, "per_device_batch": 4})
    sums = total(costs(data).values())
    assert set(sums.hours) == set(sums.memory) == {"A100-80G", "cpu"}


# --- what must hold -------------------------------------------------------------------------------------------------

LARGER: list[tuple[str, str, Callable[[int], object]]] = [
    ("stage structure", "stages.structure.rows", lambda n: {"from": "teach", "slice": [0, n]}),
    ("stage structure", "stages.structure.train.epochs", lambda n: n),
    ("stage structure", "models.student", lambda n: {"hub": f"someone/model-{n}B"}),
    ("stage compress", "stages.compress.train.iterations", lambda n: n),
    ("stage compress", "stages.compress.train.sampling", lambda n: {"max_new_tokens": n}),
    ("teacher", "teach.sampling", lambda n: {"n": n, "max_new_tokens": 128}),
    ("teacher", "teach.sampling", lambda n: {"max_new_tokens": n}),
    ("teacher", "data.train", lambda n: {"builtin": "chains", "split": "train", "size": n}),
    (
        "failures for stage rewrite",
        "stages.rewrite.rows",
        lambda n: {"from": "failures", "of": "compress", "attempts": n},
    ),
]


@settings(max_examples=15, deadline=None)
@given(st.sampled_from(LARGER), st.integers(4, 60), st.integers(1, 60))
def test_more_work_is_never_faster_nor_smaller(
    one: tuple[str, str, Callable[[int], object]], few: int, more: int
) -> None:
    part, path, make = one
    less, greater = (costs(changed(path, make(n)))[part] for n in (few, few + more))
    assert value(less.seconds) <= value(greater.seconds)
    assert (less.disk.value or 0.0) <= (greater.disk.value or 0.0)
    assert value(less.tokens) <= value(greater.tokens)


@pytest.mark.parametrize("strategy", ["ddp", "fsdp", "zero2", "zero3"])
@pytest.mark.parametrize("part", ["stage structure", "stage compress"])
@pytest.mark.parametrize("precision", ["fp32", "bf16"])
def test_more_gpus_are_never_slower_and_never_take_more_memory_on_each(
    strategy: str, part: str, precision: str
) -> None:
    data = changed(f"stages.{part.partition(' ')[2]}.train.precision", precision)
    found = []
    for gpus in (1, 2, 4):
        train = {"gpus": gpus, "per_device_batch": 1, "strategy": strategy}
        found.append(costs(changed("resources.train", train, data))[part])
    for less, more in pairwise(found):
        assert value(more.seconds) <= value(less.seconds)
        assert value(more.memory) <= value(less.memory)


def test_checkpointing_takes_longer_and_keeps_less() -> None:
    train = {"gpus": 1, "per_device_batch": 8}
    plain = costs(changed("resources.train", train))["stage structure"]
    again = costs(changed("resources.train", train | {"gradient_checkpointing": True}))["stage structure"]
    assert value(again.seconds) > value(plain.seconds)
    assert value(again.memory) < value(plain.memory)
    assert "8·N·T" in again.seconds.formula


def test_a_kl_term_adds_a_reference_and_its_passes() -> None:
    free, tied = (costs(changed("stages.compress.train.beta", beta))["stage compress"] for beta in (0.0, 0.1))
    assert value(tied.seconds) > value(free.seconds)
    assert value(tied.memory) - value(free.memory) == pytest.approx(4 * N)
    assert "reference" in tied.memory.formula
    assert "reference" not in free.memory.formula


def test_adapters_hold_no_moments_of_the_base_and_need_no_second_copy_for_a_reference() -> None:
    data = changed("stages.compress.train.beta", 0.1)
    lora = changed("stages.compress.train.lora", {"r": 4}, data)
    whole, part = costs(data)["stage compress"].memory, costs(lora)["stage compress"].memory
    assert value(part) < value(whole)
    assert "reference" not in part.formula


def test_an_optimizer_without_moments_takes_less_memory_and_scratch() -> None:
    plain, bare = (
        costs(changed("stages.structure.train.trainer", given))["stage structure"] for given in ({}, {"optim": "sgd"})
    )
    assert value(plain.memory) - value(bare.memory) == pytest.approx(8 * N)
    assert value(plain.scratch) - value(bare.scratch) == 2 * 8 * N


def test_the_gpu_decides_how_long_it_takes() -> None:
    data = changed("resources.train", {"gpus": 1, "per_device_batch": 4})
    slow, fast = (costs(data, known=Known(gpu=gpu))["stage compress"] for gpu in ("A100-80G", "H100"))
    assert value(fast.seconds) < value(slow.seconds)
    assert (slow.device, fast.device) == ("A100-80G", "H100")


def test_hours_are_those_of_all_devices_a_task_holds() -> None:
    data = changed("resources.train", {"gpus": 4, "per_device_batch": 1})
    cost = costs(data)["stage structure"]
    assert value(cost.hours) == pytest.approx(4 * value(cost.seconds) / 3600)


def test_best_keeps_a_copy_of_the_weights_for_each_candidate() -> None:
    final = costs(changed("stages.compress.advance", {"checkpoint": "final"}), traces=40)["stage compress"].disk
    best = costs(SMALL, traces=40)["stage compress"].disk
    assert value(best) - value(final) == 2 * 4 * N
    assert "3 ×" in best.formula


def test_a_stage_is_saved_in_its_own_precision() -> None:
    whole, half = (costs(changed("stages.rewrite.train.precision", p))["stage rewrite"].disk for p in ("fp32", "bf16"))
    assert value(whole) - value(half) == 2 * N


# --- measured runs --------------------------------------------------------------------------------------------------


def test_an_estimate_is_scaled_by_measured_runs_of_its_kind_and_says_so() -> None:
    tasks, known = parts(SMALL), Known()
    plain = estimator(tasks, known)
    structure, rewrite = tasks["stage structure"].id, tasks["stage rewrite"].id
    known.times[structure] = 2 * value(plain.cost(structure).plain)
    scaled = estimator(tasks, known).cost(rewrite)
    assert value(scaled.seconds) == pytest.approx(2 * value(scaled.plain))
    assert "× 2.00 from 1 measured sft run" in scaled.seconds.formula
    assert value(scaled.hours) == pytest.approx(value(scaled.seconds) / 3600)


def test_a_measured_task_is_compared_without_its_own_record() -> None:
    tasks, known = parts(SMALL), Known()
    plain = estimator(tasks, known)
    names = ("evaluation of structure", "evaluation of compress")
    for part, factor in zip(names, (2, 3), strict=True):
        known.times[tasks[part].id] = factor * value(plain.cost(tasks[part].id).plain)
    found = {one.task: one for one in estimator(tasks, known).comparisons()}
    assert found[tasks[names[0]].id].error == pytest.approx(1 / 2 - 1)
    assert found[tasks[names[0]].id].scaled_error == pytest.approx(3 / 2 - 1)


def test_an_unknown_estimate_is_not_compared_with_a_measured_run() -> None:
    data = changed("models.student", {"hub": "someone/model"})
    tasks = parts(data)
    known = Known(times={tasks["stage structure"].id: 10.0})
    assert estimator(tasks, known).comparisons() == []
