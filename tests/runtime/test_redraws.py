"""Prompts whose completions all have one reward are drawn anew, those alone, and as often as asked."""

from __future__ import annotations

from pathlib import Path

import bodies
import pytest
import small
from conftest import Run, Stage, contents, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

import observe
from transformers import AutoTokenizer

from cotspec.spec.payload import GrpoBody, Ramp, Reward, RewardTerm

GROUP, PROMPTS, ROWS, REDRAWS = 4, 3, 9, 2
ENOUGH = Reward(
    gates=(), let=(), terms=(RewardTerm(name="enough", value="1 if words >= 4 else 0", weight=Ramp(first=1, last=1)),)
)


def body(**changes: object) -> GrpoBody:
    sampled = bodies.SAMPLED.model_copy(update={"n": GROUP, "max_new_tokens": 8, "top_p": 1.0})
    values = {"reward": ENOUGH, "group": GROUP, "global_batch": GROUP * PROMPTS, "sampling": sampled}
    return bodies.grpo(**(values | {"redraws": REDRAWS, "equal_groups": "skip", "iterations": 1} | changes))


def test_only_prompts_of_one_reward_are_drawn_anew_and_the_others_keep_their_completions(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    rows = small.grpo_rows(ROWS)
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model}
    folder = stage("grpo", body(), files, per_device_batch=GROUP, accumulation=PROMPTS)
    observed = observe.watch(monkeypatch)
    code, _, err = run_here(folder)
    assert code == 0, err
    tokenizer = AutoTokenizer.from_pretrained(small_model)

    def rewards(completions: observe.Ids) -> list[list[float]]:
        """By group."""
        texts = tokenizer.batch_decode(completions, skip_special_tokens=True)
        all_ = [float(len(text.split()) >= 4) for text in texts]
        return [all_[at : at + GROUP] for at in range(0, len(all_), GROUP)]

    draws, redrawn = iter(observed.generations), 0
    for number, entry in enumerate(small.log(folder)):
        asked = [tokenizer(row["prompt"])["input_ids"] for row in rows[number * PROMPTS : (number + 1) * PROMPTS]]
        prompts, completions = next(draws)
        assert prompts[::GROUP] == asked
        found, again = rewards(completions), 0
        for _ in range(REDRAWS):
            equal = [at for at, group in enumerate(found) if len(set(group)) == 1]
            if not equal:
                break
            prompts, completions = next(draws)
            assert prompts[::GROUP] == [asked[at] for at in equal]
            for at, group in zip(equal, rewards(completions), strict=True):
                found[at] = group
            again += len(equal)
        left = sum(len(set(group)) == 1 for group in found) / PROMPTS
        assert entry["groups_without_signal"] == pytest.approx(left)
        assert entry["reward"] == pytest.approx(sum(map(sum, found)) / GROUP / PROMPTS)
        assert entry["redrawn"] == pytest.approx(again / PROMPTS)
        redrawn += again
    assert next(draws, None) is None
    assert small.metrics(folder)["prompts_redrawn"] == redrawn > 0


def test_a_run_that_draws_anew_gives_the_same_bytes_when_it_is_stopped_and_goes_on(
    stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    from transformers import Trainer

    files = {"rows": write_lines(tmp_path / "rows.jsonl", small.grpo_rows(ROWS)), "model": small_model}
    whole = stage("whole", body(), files, per_device_batch=GROUP, accumulation=PROMPTS, save_steps=1)
    assert run_here(whole)[0] == 0
    stopped = stage("stopped", body(), files, per_device_batch=GROUP, accumulation=PROMPTS, save_steps=1)
    step, steps = Trainer.training_step, iter(range(2 * PROMPTS))

    def once(self: Trainer, *arguments: object, **options: object) -> object:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return step(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "training_step", once)
        assert run_here(stopped)[0] != 0
    assert run_here(stopped)[0] == 0
    assert contents(stopped / "out") == contents(whole / "out")
