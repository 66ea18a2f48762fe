"""Stages, their rows and what they are measured by: hits with their words and places, and near misses."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import GRPO, SECOND, TRAINING, Change, Told, first, found, grpo, second, sft

OF = "of: [base, first, second]"
TEST = "test: {builtin: chains, split: test, size: 50}"
VALID = "valid: {builtin: chains, split: valid, size: 50}"
HUB = "hub: a/b, revision: 0123456789abcdef0123456789abcdef01234567"


def way_out(text: str) -> Change:
    return SECOND, f"{SECOND}    advance: {text}\n"


BRIEF = (
    "generate: {teach: {by: tutor, over: train}}",
    "generate: {teach: {by: tutor, over: train, sampling: {max_new_tokens: 512}}}",
)
"""Traces that fit into a row twice."""


TRIES = "tries: {by: %s, over: teach, sampling: {n: 4, max_new_tokens: 512}, keep: {where: tries.score == 0}}"


def tries(by: str) -> Change:
    return BRIEF[0], f"{BRIEF[0][:-1]}, {TRIES % by}}}"


def compared() -> Change:
    """Tries that all count, for pairs."""
    old, new = tries("first")
    return old, new.replace(", keep: {where: tries.score == 0}", "")


DPO = "{by: dpo, lr: 1e-5}"
PAIRS = (
    "    rows: {from: teach}\n    task: solve\n",
    "    rows: {from: tries, pairs: {better: tries.correct}}\n    task: solve\n",
)
WITHOUT_REWARD = ("    reward: {terms: {solved: {value: 1 if correct else 0}}}\n", "")


def dpo(*changes: Change) -> list[Change]:
    """The second stage by preferences."""
    return [(GRPO, DPO), WITHOUT_REWARD, *([compared()] if PAIRS in changes else []), *changes]


HITS: dict[str, tuple[list[Change], Told]] = {
    "preferences without pairs": (
        dpo(),
        ("error", "stage-kind", "teach", "stage `second` trains by dpo, which learns from pairs of answers"),
    ),
    "pairs for a trainer that compares nothing": (
        [PAIRS, compared()],
        ("error", "stage-kind", "pairs", "stage `second` trains by grpo, which does not compare answers"),
    ),
    "pairs shown a trace that their answers were not written for": (
        dpo(PAIRS, ("correct}}\n    task: solve", "correct}}\n    task: rewrite")),
        ("error", "stage-kind", "rewrite", "the answers that are paired were written in answer to the question alone"),
    ),
    "a reward for preferences": (
        [(GRPO, DPO), PAIRS, compared()],
        ("error", "stage-kind", "reward", "stage `second` trains by dpo, which has no reward"),
    ),
    "smoothing that the loss does not read": (
        dpo(PAIRS, (DPO, "{by: dpo, lr: 1e-5, trainer: {label_smoothing: 0.1}}")),
        ("warning", "trainer-effect", "label_smoothing", "`label_smoothing` has no effect on `loss: sigmoid`"),
    ),
    "dropout that is switched off": (
        dpo(PAIRS, (DPO, "{by: dpo, lr: 1e-5, lora: {dropout: 0.1}}")),
        ("warning", "trainer-conflict", "0.1", "dpo switches off the `dropout: 0.1` of `lora`"),
    ),
    "one answer makes no pair": (
        dpo(PAIRS, ("{n: 4, max", "{n: 4, temperature: 0, max")),
        ("error", "sampling", "0", "4 samples at temperature 0 are 4 times the same"),
    ),
    "a model nobody uses": (
        [("  base: {", "  more: {builtin: tiny-student}\n  base: {")],
        ("warning", "unused", "more", "nothing uses the model `more`"),
    ),
    "a data set nobody uses": (
        [(f"  {TEST}", f"  {TEST}\n  more: {{file: more.jsonl}}")],
        ("warning", "unused", "more", "nothing uses the data set `more`"),
    ),
    "validation that no transition reads": (
        [way_out("{require: {train.formatted: '>= 0.9'}}")],
        ("warning", "unused", "valid", "no transition reads `valid`"),
    ),
    "a stage nobody looks at": (
        [(OF, "of: [base, first]")],
        (
            "warning",
            "unused-stage",
            "second",
            "stage `second` is trained and neither evaluated nor followed by another",
        ),
    ),
    "a stage evaluated twice": (
        [(OF, "of: [base, first, second, first]")],
        ("warning", "evaluated-twice", "first", "`first` is evaluated twice"),
    ),
    "traces past the questions": (
        [first("{from: teach, slice: [100, 300]}")],
        (
            "warning",
            "slice-past-end",
            "[100, 300]",
            "the slice [100, 300) reaches past the end: there is at most one trace for each of 200 problems",
        ),
    ),
    "traces after all questions": (
        [first("{from: teach, slice: [200, 300]}")],
        (
            "error",
            "slice-past-end",
            "[200, 300]",
            "the slice [200, 300) holds nothing: there is at most one trace for each of 200 problems",
        ),
    ),
    "problems past a builtin set": (
        [(TEST, f"{TEST[:-1]}, slice: [0, 60]}}")],
        ("warning", "slice-past-end", "[0, 60]", "the slice [0, 60) reaches past the end: there are 50 problems"),
    ),
    "a slice of sliced questions": (
        [(TRAINING, f"{TRAINING[:-1]}, slice: [0, 50]}}"), first("{from: teach, slice: [0, 60]}")],
        (
            "warning",
            "slice-past-end",
            "[0, 60]",
            "the slice [0, 60) reaches past the end: there is at most one trace for each of 50 problems",
        ),
    ),
    "slices that meet in part": (
        [first("{from: teach, slice: [0, 120]}"), second("{from: teach, slice: [100, 200]}")],
        (
            "warning",
            "stage-overlap",
            "[100, 200]",
            "stage `second` trains on traces 100 to 119, as `first` does, which it descends from",
        ),
    ),
    "a student that is its teacher": (
        [("base: {builtin: tiny-student}", "base: {builtin: tiny-teacher}")],
        ("warning", "self-teaching", "base", "the student starts from the teacher's own weights, `tutor`"),
    ),
    "accuracy on training rows": (
        [way_out("{require: {train.accuracy: '>= 0.5', valid.accuracy: '>= 0.5'}}")],
        (
            "warning",
            "gate-on-train",
            "train.accuracy",
            "the transition is decided by `train.accuracy`, measured on the rows it was trained on",
        ),
    ),
    "a checkpoint by the reward": (
        [way_out("{checkpoint: {best: train.reward, every: 10}, require: {valid.accuracy: '>= 0.5'}}")],
        (
            "warning",
            "gate-on-train",
            "train.reward",
            "the transition chooses a checkpoint by `train.reward`, measured on the rows it was trained on",
        ),
    ),
    "failures of another model": (
        [second("{from: tries, target: teach}"), tries("base")],
        (
            "warning",
            "mined-elsewhere",
            "base",
            "stage `second` starts from `first` and trains on the failures of `base`",
        ),
    ),
    "rewriting what is solved": (
        [second("{from: teach}", task="rewrite"), BRIEF],
        (
            "warning",
            "rewrite-solved",
            "teach",
            "`rewrite` has no failures to work on: its rows are all traces, solved or not",
        ),
    ),
    "a warm-up as long as the run": (
        [sft("epochs: 2, warmup_steps: 13")],
        (
            "warning",
            "past-the-run",
            "13",
            "the learning rate is never reached: warm-up takes 13 steps and the run has at most 13 steps "
            "(200 rows × 2 epochs, 32 a step)",
        ),
    ),
    "a checkpoint after the run": (
        [grpo("iterations: 2"), way_out("{checkpoint: {step: 101}, require: {valid.accuracy: '>= 0.5'}}")],
        (
            "error",
            "past-the-run",
            "101",
            "there is no step 101: the run has at most 100 steps (200 rows, 4 prompts a step, each used 2 times)",
        ),
    ),
    "candidates after the run": (
        [way_out("{checkpoint: {best: valid.accuracy}}")],
        (
            "warning",
            "past-the-run",
            "valid.accuracy",
            "there is nothing to choose from but the final weights: one is kept every 50 and the run has at most "
            "50 steps (200 rows, 4 prompts a step)",
        ),
    ),
    "a batch that is never full": (
        [grpo("global_batch: 2000")],
        ("error", "past-the-run", "2000", "stage `second` never fills a batch: 200 rows, 500 prompts a step"),
    ),
    "evaluation on one file in two spellings": (
        [(TRAINING, "train: {file: ./a/../data.jsonl}"), (TEST, "test: {file: data.jsonl}")],
        ("error", "evaluation-on-train", "test", "`test` holds problems the texts it trains on are made over"),
    ),
    "evaluation on part of the training split": (
        [(TRAINING, f"train: {{{HUB}, split: train}}"), (TEST, f"test: {{{HUB}, split: 'train[:10%]'}}")],
        ("error", "evaluation-on-train", "test", "`test` holds problems the texts it trains on are made over"),
    ),
    "rows of a split that meet": (
        [
            (TRAINING, f"train: {{{HUB}, split: 'train[:900]'}}"),
            (TEST, f"test: {{{HUB}, split: 'train[800:]'}}"),
        ],
        ("error", "evaluation-on-train", "test", "`test` holds problems the texts it trains on are made over"),
    ),
    "validation on training problems": (
        [
            (VALID, "valid: {builtin: chains, split: train, size: 50}"),
            way_out("{require: {valid.accuracy: '>= 0.5'}}"),
        ],
        ("error", "evaluation-on-train", "valid", "`valid` holds problems the texts it trains on are made over"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_what_is_not_meant_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert found(tmp_path, *changes) == [finding]


QUIET: dict[str, list[Change]] = {
    "a stage that another one follows": [(OF, "of: [base, second]")],
    "a slice up to the end": [first("{from: teach, slice: [100, 200]}")],
    "a slice of what only the hub can count": [
        (TRAINING, f"train: {{{HUB}, split: train}}"),
        first("{from: teach, slice: [0, 100000]}"),
    ],
    "slices side by side": [first("{from: teach, slice: [0, 100]}"), second("{from: teach, slice: [100, 200]}")],
    "the same slice twice": [first("{from: teach, slice: [0, 100]}"), second("{from: teach, slice: [0, 100]}")],
    "a slice of stages that have nothing to do with each other": [
        ("    start: first\n", "    start: base\n"),
        first("{from: teach, slice: [0, 120]}"),
        second("{from: teach, slice: [100, 200]}"),
    ],
    "form measured on training rows": [
        way_out("{require: {train.formatted: '>= 0.9', train.tokens: '< 90', valid.accuracy: '>= 0.1'}}"),
    ],
    "failures of what the stage starts from": [
        second("{from: tries, target: teach}", task="rewrite"),
        (BRIEF[0], BRIEF[1][:-1] + f", {TRIES % 'first'}}}"),
    ],
    "a warm-up shorter than the run": [sft("epochs: 2, warmup_steps: 12")],
    "a checkpoint of the last step": [
        way_out("{checkpoint: {step: 50}, require: {valid.accuracy: '>= 0.1'}}"),
    ],
    "rows of a split that do not meet": [
        (TRAINING, f"train: {{{HUB}, split: 'train[:90%]'}}"),
        (TEST, f"test: {{{HUB}, split: 'train[90%:]'}}"),
    ],
    "two splits of one set": [
        (TRAINING, f"train: {{{HUB}, split: train}}"),
        (TEST, f"test: {{{HUB}, split: test}}"),
    ],
    "validation on training problems that nobody reads": [
        (VALID, "valid: {builtin: chains, split: train, size: 50}"),
    ],
    "another revision of the teacher": [
        ("base: {builtin: tiny-student}", "base: {hub: a/b, revision: 0123456789abcdef0123456789abcdef01234567}"),
        ("tutor: {builtin: tiny-teacher}", "tutor: {hub: a/b, revision: 1123456789abcdef0123456789abcdef01234567}"),
    ],
}


@pytest.mark.parametrize("changes", QUIET.values(), ids=QUIET)
def test_what_is_meant_is_left_alone(changes: list[Change], tmp_path: Path) -> None:
    assert found(tmp_path, *changes) == []
