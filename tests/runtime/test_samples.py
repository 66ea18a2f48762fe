"""Samples of a GRPO run: what is kept of it, and that keeping it changes nothing else."""

from __future__ import annotations

import json
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise
from pathlib import Path
from threading import Barrier
from types import SimpleNamespace
from typing import Any, cast

import bodies
import pytest
from conftest import Run, Stage, contents
from hypothesis import given
from hypothesis import strategies as st
from test_training import grpo_stage, kill_after_checkpoint

from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import Measured
from cotspec.cot.rewards import Score
from cotspec.runtime.stopping import Cut
from cotspec.runtime.train import samples
from cotspec.runtime.trainers.grpo_reward import Judged

torch = pytest.importorskip("torch", reason="training tests need the `train` extra")


def read(folder: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in (folder / "out/samples.jsonl").read_text(encoding="utf-8").splitlines()]


def test_a_killed_run_keeps_the_same_samples_as_one_that_was_never_stopped(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    whole, killed = (grpo_stage(stage, tmp_path, tiny_model, name) for name in ("grpo-a", "grpo-b"))
    assert run_here(whole)[0] == 0
    kill_after_checkpoint(killed, tmp_path / ".cotspec/scratch")
    code, out, err = run_here(killed)
    assert code == 0, err
    assert "resuming after step" in out
    assert (killed / "out/samples.jsonl").read_bytes() == (whole / "out/samples.jsonl").read_bytes()
    assert [group["step"] for group in read(whole)] == [0, 2, 4, 6]  # 4 generations, each used twice


def test_keeping_samples_changes_no_weight_and_no_number_of_a_run(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = grpo_stage(stage, tmp_path, tiny_model, "grpo-a")
    assert run_here(kept)[0] == 0
    monkeypatch.setattr(samples, "wanted", lambda generations: {})
    bare = grpo_stage(stage, tmp_path, tiny_model, "grpo-b")
    assert run_here(bare)[0] == 0
    rest, without = contents(kept / "out"), contents(bare / "out")
    assert rest.pop("samples.jsonl")
    assert without.pop("samples.jsonl") == b"", "a report names the file as an input"
    assert rest == without


def test_a_sample_says_what_each_completion_earned_by_which_terms_and_what_it_was_worth(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    folder = grpo_stage(stage, tmp_path, tiny_model, count=4, reward=bodies.reward("-0.01 * tokens"))
    assert run_here(folder)[0] == 0
    for group in read(folder):
        assert group["prompt"].startswith("Ann has")
        assert group["answer"]
        assert len(group["completions"]) == 4
        assert group["others"] == 0
        assert sum(one["advantage"] for one in group["completions"]) == pytest.approx(0, abs=1e-4)
        for one in group["completions"]:
            assert one["gate"] == 0
            assert set(one["terms"]) == {"brevity", "late"}
            assert one["reward"] == pytest.approx(sum(one["terms"].values()))
            assert one["terms"]["brevity"] == pytest.approx(-0.01 * one["tokens"])
            assert one["grade"] in {"right", "wrong", "ungradable"}
            assert one["characters"] == len(one["text"])
            assert one["tokens"] == 12 or not one["truncated"]


@given(st.integers(min_value=1, max_value=5000))
def test_samples_are_bounded_and_lie_evenly_over_a_run_of_any_length(generations: int) -> None:
    found = list(samples.wanted(generations))
    assert len(found) == min(generations, samples.MOST_GROUPS)
    assert found[0] == 0
    assert found[-1] == generations - 1
    ways = [after - before for before, after in pairwise(found)]
    assert not ways or (min(ways) > 0 and max(ways) - min(ways) <= 1)


class Processes:
    """So many processes that wait for each other: the same calls are made in all, and each gets what all gave."""

    def __init__(self, count: int) -> None:
        self.barrier, self.given = Barrier(count), [list[Any]() for _ in range(count)]

    def gather_of(self, process: int) -> Any:
        def gather(own: list[Any]) -> list[Any]:
            self.given[process] = own
            self.barrier.wait(timeout=20)
            every = [each for given in self.given for each in given]
            self.barrier.wait(timeout=20)
            return every

        return gather


def judged(text: str) -> Judged:
    return Judged(Cut(1, text), False, Measured({}, Grade.WRONG), Score(0.5, None, {"x": 0.5}), True)


def keep(
    folder: Path,
    process: int,
    gather: Any,
    texts: Sequence[str],
    *,
    equal: frozenset[int] = frozenset(),
    **changes: Any,
) -> None:
    reward = cast(Any, SimpleNamespace(last=tuple(map(judged, texts)), imitated=frozenset(), equal=equal))
    rows = [{"id": 7, "prompt": "p", "answer": "1"} for _ in texts]
    look = samples.Samples(folder, reward, bodies.grpo(group=4, **changes), gather=gather, process=process)
    look(rows, [0.0] * len(texts), cast(Any, SimpleNamespace(global_step=0, max_steps=8)))


def test_a_group_that_lies_in_two_processes_is_kept_whole_by_the_first(tmp_path: Path) -> None:
    shared, texts = Processes(2), (["a", "b", "x"], ["c", "d", "e"])
    with ThreadPoolExecutor(2) as pool:
        each = [pool.submit(keep, tmp_path / str(at), at, shared.gather_of(at), texts[at]) for at in range(2)]
        assert [done.result() for done in each] == [None, None]
    group = json.loads((tmp_path / "0/0.json").read_text())
    assert [one["text"] for one in group["completions"]] == ["a", "b", "x", "c"]
    assert not (tmp_path / "1").exists()


@pytest.mark.parametrize(("equal_groups", "in_loss"), [("skip", False), ("count", True)])
def test_a_group_that_is_left_out_of_the_loss_says_so(tmp_path: Path, equal_groups: str, in_loss: bool) -> None:
    keep(tmp_path, 0, list, ["a", "b", "c", "d"], equal=frozenset({0}), equal_groups=equal_groups)
    group = json.loads((tmp_path / "0.json").read_text())
    assert {one["in_loss"] for one in group["completions"]} == {in_loss}


def test_a_long_text_and_a_large_group_are_kept_in_part_and_the_rest_is_counted(tmp_path: Path) -> None:
    long = "y" * (samples.MOST_CHARACTERS + 5)
    reward = cast(
        Any, SimpleNamespace(last=tuple(judged(long) for _ in range(20)), imitated=frozenset(), equal=frozenset())
    )
    rows = [{"id": 7, "prompt": "p", "answer": "1"}] * 20
    look = samples.Samples(tmp_path, reward, bodies.grpo(group=20), gather=list, process=0)
    look(rows, [0.0] * 20, cast(Any, SimpleNamespace(global_step=0, max_steps=8)))
    group = json.loads((tmp_path / "0.json").read_text())
    assert len(group["completions"]) == samples.MOST_COMPLETIONS
    assert group["others"] == 4
    assert {len(one["text"]) for one in group["completions"]} == {samples.MOST_CHARACTERS}
    assert {one["characters"] for one in group["completions"]} == {len(long)}
