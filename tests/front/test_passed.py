"""What `trainer:` says about settings it does not pass on: whose they are, and what to do instead."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.diagnostics import Sink
from cotspec.front.load import load

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
SFT, GRPO = "{by: sft, lr: 1e-4}", "{by: grpo, lr: 1e-5, group: 4}"


def told(train: str, trainer: str, folder: Path) -> list[tuple[str, str, str]]:
    """(rule, marked text, help) of the small spec with settings passed on by one of its stages."""
    text = BASE.replace(train, f"{train[:-1]}, trainer: {trainer}}}")
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    load(file, sink)
    lines = text.split("\n")
    return [(f.rule, lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1], f.help) for f in sink.findings]


@pytest.mark.parametrize(
    ("train", "trainer"),
    [
        (SFT, "{adam_beta2: 0.95, optim: adafactor, loss_type: dft, neftune_noise_alpha: 5}"),
        (GRPO, "{epsilon_high: 0.28, importance_sampling_level: sequence, min_p: 0.05}"),
        (SFT, "{}"),
        (SFT, "{adam_beta2: 0.999, router_aux_loss_coef: 0}"),
    ],
)
def test_known_settings_are_taken(train: str, trainer: str, tmp_path: Path) -> None:
    assert told(train, trainer, tmp_path) == []


ADVICE = [
    (SFT, "learning_rate: 1e-4", "unknown-key", "learning_rate", "cotspec calls it `lr`, in `train`"),
    (SFT, "weight_decay: 0.1", "unknown-key", "weight_decay", "it belongs in `stages.first.train`"),
    (SFT, "lr: 1e-4", "unknown-key", "lr", "it stands in `train`"),
    (GRPO, "loss_type: dapo", "unknown-key", "loss_type", "cotspec calls it `loss`, in `train`"),
    (GRPO, "num_generations: 4", "unknown-key", "num_generations", "cotspec calls it `group`, in `train`"),
    (SFT, "deepspeed: ds.json", "unknown-key", "deepspeed", "set `resources.train.strategy`"),
    (
        SFT,
        "packing: true",
        "unknown-key",
        "packing",
        "leave it out: rows are built, masked, ordered and measured ahead",
    ),
    (
        GRPO,
        "entropy_coef: 0.01",
        "unknown-key",
        "entropy_coef",
        "leave it out: the result would depend on how a batch is split over devices",
    ),
    (SFT, "epsilon_high: 0.28", "unknown-key", "epsilon_high", "only grpo has it"),
    (SFT, "adam_bta2: 0.95", "unknown-key", "adam_bta2", "did you mean `adam_beta2` or `adam_beta1`?"),
    (
        SFT,
        "gradient_acumulation_steps: 2",
        "unknown-key",
        "gradient_acumulation_steps",
        "TRL's `gradient_accumulation_steps` is not passed on: it follows from `global_batch`, the GPUs and "
        "`resources.train.per_device_batch`",
    ),
    (SFT, "optim: adamw_bnb_8bit", "wrong-value", "adamw_bnb_8bit", "did you mean `adamw_8bit`?"),
    (SFT, "loss_type: dtf", "wrong-value", "dtf", "did you mean `dft`?"),
    (SFT, "adam_beta2: high", "wrong-type", "high", ""),
    (SFT, "adam_beta2: 1.0", "wrong-value", "1.0", ""),
    (GRPO, "delta: 0.9", "wrong-value", "0.9", ""),
]


@pytest.mark.parametrize(("train", "given", "rule", "marked", "advice"), ADVICE, ids=[row[1] for row in ADVICE])
def test_other_settings_say_what_to_do(
    train: str, given: str, rule: str, marked: str, advice: str, tmp_path: Path
) -> None:
    assert told(train, f"{{{given}}}", tmp_path) == [(rule, marked, advice)]


def test_a_setting_in_trl_words_counts_as_given(tmp_path: Path) -> None:
    text = BASE.replace(SFT, "{by: sft, trainer: {learning_rate: 1e-4}}")
    file, sink = tmp_path / "spec.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    load(file, sink)
    assert [f.rule for f in sink.findings] == ["unknown-key"]
