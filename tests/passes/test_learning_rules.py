"""Settings with which a run learns nothing, or forgets all it knew: hits with words and places, and near misses."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import GRPO, SFT, Change, Told, found

HUGE = "so large that a few steps leave nothing of the model"
TINY = "so small that the weights stay as they were"


def sft(text: str) -> Change:
    return SFT, f"{{by: sft, {text}}}"


def grpo(text: str) -> Change:
    return GRPO, f"{{by: grpo, group: 4, {text}}}"


CUT = (
    "it is to be expected that every solution is cut at 24 tokens: worked ones of such problems take 35 to 82 where "
    "they are short"
)
EVALUATE = "of: [base, first, second]}"
TEACH = "generate: {teach: {by: tutor, over: train}}"
TEST = "test: {builtin: chains, split: test, size: 50}"


def evaluated(limit: int) -> Change:
    return EVALUATE, f"{EVALUATE[:-1]}, sampling: {{temperature: 0, max_new_tokens: {limit}}}}}"


def taught(text: str) -> Change:
    return TEACH, f"{TEACH[:-2]}, {text}}}}}"


HITS: dict[str, tuple[Change, Told]] = {
    "ten": (sft("lr: 10"), ("warning", "learning-rate", "10", f"`lr` 10 is {HUGE}")),
    "an exponent that was lost": (grpo("lr: 1"), ("warning", "learning-rate", "1", f"`lr` 1 is {HUGE}")),
    "a sign too many": (sft("lr: 1e-15"), ("warning", "learning-rate", "1e-15", f"`lr` 1e-15 is {TINY}")),
    "what only adapters stand": (sft("lr: 1e-2"), ("warning", "learning-rate", "1e-2", f"`lr` 0.01 is {HUGE}")),
    "what only sft stands": (grpo("lr: 3e-3"), ("warning", "learning-rate", "3e-3", f"`lr` 0.003 is {HUGE}")),
    "too much for adapters": (
        grpo("lr: 1e-2, lora: {r: 8}"),
        ("warning", "learning-rate", "1e-2", f"`lr` 0.01 is {HUGE}"),
    ),
    "completions that are all cut": (
        grpo("lr: 1e-5, sampling: {max_new_tokens: 24}"),
        ("warning", "answer-cut", "24", CUT),
    ),
    "evaluated answers that are all cut": (evaluated(24), ("warning", "answer-cut", "24", CUT)),
    "a teacher that is cut": (taught("sampling: {max_new_tokens: 24}"), ("warning", "answer-cut", "24", CUT)),
    "a teacher that cannot write as many steps as are kept": (
        taught("sampling: {max_new_tokens: 40}, keep: {where: teach.correct and teach.steps >= 9}"),
        (
            "warning",
            "answer-cut",
            "40",
            "no 9 steps, which `keep` asks for, and answer fit into 40 tokens: with their openers they take at least "
            "49",
        ),
    ),
    "a run that never stops": (
        grpo("lr: 1e-5, stop_without_signal: never"),
        ("warning", "signal-limit", "never", "the run never stops, however long it learns nothing"),
    ),
    "a run that stops late": (
        sft("lr: 1e-5, stop_without_signal: 51"),
        ("warning", "signal-limit", "51", "the run goes on for 51 steps without a learning signal"),
    ),
}


@pytest.mark.parametrize(("change", "finding"), HITS.values(), ids=HITS)
def test_a_run_that_cannot_learn_is_found(change: Change, finding: Told, tmp_path: Path) -> None:
    assert found(tmp_path, change) == [finding]


QUIET: dict[str, Change] = {
    "a large model": sft("lr: 1e-6"),
    "a model of a million weights": sft("lr: 2e-3"),
    "adapters": sft("lr: 1e-2, lora: {r: 8}"),
    "rewards": grpo("lr: 5e-7"),
    "rewards on a model of a million weights": grpo("lr: 2e-4"),
    "steps as large as the gradient": sft("lr: 0.5, trainer: {optim: sgd}"),
    "completions that may be whole": grpo("lr: 1e-5, sampling: {max_new_tokens: 30}"),
    "answers to shorter problems": evaluated(30),
    "a run that stops sooner": sft("lr: 1e-5, stop_without_signal: 5"),
}


@pytest.mark.parametrize("change", QUIET.values(), ids=QUIET)
def test_a_run_that_can_is_left_alone(change: Change, tmp_path: Path) -> None:
    assert found(tmp_path, change) == []


def test_problems_nothing_is_known_of_are_left_alone(tmp_path: Path) -> None:
    assert found(tmp_path, (TEST, "test: {file: x.jsonl}"), evaluated(24)) == []


def test_shorter_problems_have_shorter_solutions(tmp_path: Path) -> None:
    assert found(tmp_path, (TEST, f"{TEST[:-1]}, steps: [1, 1]}}"), evaluated(24)) == []


def test_traces_of_a_run_are_counted_in_place_of_the_estimate(tmp_path: Path) -> None:
    assert found(tmp_path, evaluated(24), count=100) == []


def test_a_run_that_never_stops_is_accepted_with_a_reason(tmp_path: Path) -> None:
    change = grpo("lr: 1e-5, stop_without_signal: never")
    reason = "resources:\n", "allow: [{rule: signal-limit, reason: a control that learns nothing}]\nresources:\n"
    assert found(tmp_path, change, reason) == []


@pytest.mark.parametrize("text", ["0", "-1", "sometimes", "false", "1.5"])
def test_a_limit_is_a_number_of_steps_or_never(text: str, tmp_path: Path) -> None:
    (finding,) = found(tmp_path, sft(f"lr: 1e-5, stop_without_signal: {text}"))
    assert finding[:3] == ("error", "wrong-value", text) or finding[:3] == ("error", "wrong-type", text), finding
