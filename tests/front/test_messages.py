"""Wrong keys, types and values: one finding per mistake, in the spec's own words."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load

BASE = Path(__file__).parents[1] / "passes" / "base.yaml"


def found(old: str, new: str, folder: Path) -> list[Diagnostic]:
    text = BASE.read_text(encoding="utf-8")
    assert old in text
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text.replace(old, new), encoding="utf-8")
    load(file, sink)
    return list(sink.sorted())


SFT, GRPO = "{by: sft, lr: 1e-4}", "{by: grpo, lr: 1e-5, group: 4}"
BY_EACH = ", ".join(f"`{{by: {name}, lr: …}}`" for name in ("sft", "grpo", "dpo", "orpo"))
BY_EACH += " or `{by: distill, lr: …, teacher: …}`"
CASES = [
    (SFT, "{by: sft, learnign_rate: 1e-4}", "unknown-key", "`train` (sft) has no setting `learnign_rate`", "`lr`"),
    (SFT, "{by: sft, learning_rate: 1e-4}", "unknown-key", "`train` (sft) has no setting `learning_rate`", "`lr`"),
    (SFT, "{by: sft}", "missing-key", "`train` needs `lr`", "Peak learning rate"),
    (
        SFT,
        "{by: sfft, lr: 1e-4}",
        "wrong-value",
        "`by` must be `sft`, `grpo`, `dpo`, `orpo` or `distill`, not the text `sfft`",
        "`sft`",
    ),
    (SFT, "{lr: 1e-4}", "missing-key", "`train` needs `by`", "`sft`, `grpo`, `dpo`, `orpo` or `distill`"),
    (SFT, "{bye: sft, lr: 1e-4}", "unknown-key", "`train` has no setting `bye`", "`by`"),
    (
        SFT,
        "sft",
        "wrong-type",
        f"`train` wants {BY_EACH}, got the text `sft`",
        "{by: sft, …}",
    ),
    (
        SFT,
        "",
        "wrong-type",
        f"`train` wants {BY_EACH}, got nothing",
        "",
    ),
    (SFT, "{by: sft, lr: '1e-4'}", "wrong-type", "`lr` wants a number, above 0, got the text `1e-4`", "without quotes"),
    (SFT, "{by: sft, lr: 0}", "wrong-value", "`lr` is 0; it must be above 0", ""),
    (
        SFT,
        "{by: sft, lr: 1e-4, epochs: three}",
        "wrong-type",
        "`epochs` wants a whole number, at least 1, got the text `three`",
        "",
    ),
    (
        SFT,
        "{by: sft, lr: 1e-4, epochs: 1.5}",
        "wrong-type",
        "`epochs` wants a whole number, at least 1, got the number 1.5",
        "",
    ),
    (SFT, "{by: sft, lr: 1e-4, group: 4}", "unknown-key", "`train` (sft) has no setting `group`", "of `grpo`"),
    (
        "{by: tutor, over: train}",
        "{by: tutor, over: train, warmup_ratio: 0.1}",
        "unknown-key",
        "`teach` has no setting `warmup_ratio`",
        "it belongs in `stages.first.train`",
    ),
    (
        GRPO,
        "{by: grpo, lr: 1e-5, max_prompt_length: 512}",
        "unknown-key",
        "`train` (grpo) has no setting `max_prompt_length`",
        "what `max_length` leaves besides `sampling.max_new_tokens`",
    ),
    (
        GRPO,
        "{by: grpo, lr: 1e-5, num_generations: 4}",
        "unknown-key",
        "`train` (grpo) has no setting `num_generations`",
        "`group`",
    ),
    (
        GRPO,
        "{by: grpo, lr: 1e-5, per_device_train_batch_size: 4}",
        "unknown-key",
        "`train` (grpo) has no setting `per_device_train_batch_size`",
        "`resources.train.per_device_batch`",
    ),
    (
        GRPO,
        "{by: grpo, lr: 1e-5, sampling: {max_tokens: 5}}",
        "unknown-key",
        "`sampling` has no setting `max_tokens`",
        "`max_new_tokens`",
    ),
    ("shuffle: true", "shuffle: yes", "wrong-type", "`shuffle` wants `true` or `false`, got the text `yes`", "true"),
    ("shuffle: true", "epochs: 3", "unknown-key", "`stages.first` has no setting `epochs`", "in `stages.first.train`"),
    (
        GRPO,
        "{by: grpo, lr: 1e-5, temperature: 1}",
        "unknown-key",
        "`train` (grpo) has no setting `temperature`",
        "in `stages.second.train.sampling`",
    ),
    (SFT, "{by: sft, lr: 1e-4, kl: 1}", "unknown-key", "`train` (sft) has no setting `kl`", "`beta`"),
    ("shuffle: true", "mask: {share: {from: 0.1, too: 1}}", "unknown-key", "`share` has no setting `too`", "`to`"),
    ("shuffle: true", "mask: {share: 1.5}", "wrong-value", "`share` is 1.5; it must be at most 1", ""),
    (
        "shuffle: true",
        "mask: {share: 50%}",
        "wrong-type",
        "`share` wants a number from 0 to 1 or `{from: …, to: …}`, got the text `50%`",
        "write 0.5",
    ),
    (
        "shuffle: true",
        "mask: {unit: stepp}",
        "wrong-value",
        "`unit` must be `step`, `sentence`, `number`, `equation` or `{regex: …}`, not the text `stepp`",
        "`step`",
    ),
    (
        "shuffle: true",
        "mask: {mask_probability: 0.7}",
        "unknown-key",
        "`mask` has no setting `mask_probability`",
        "`rows`",
    ),
    (
        "shuffle: true",
        "advance: {checkpoint: finl}",
        "wrong-value",
        "`checkpoint` must be `final`, `{step: …}` or `{best: …}`, not the text `finl`",
        "`final`",
    ),
    (
        "shuffle: true",
        "advance: {checkpoint: {best: train.loss, evry: 1}}",
        "unknown-key",
        "`checkpoint` has no setting `evry`",
        "`every`",
    ),
    ("shuffle: true", "advance: {checkpoint: {stp: 3}}", "unknown-key", "`checkpoint` has no setting `stp`", "`step`"),
    (
        "rows: {from: teach}\n    task: reconstruct",
        "rows: {from_: teach}\n    task: reconstruct",
        "unknown-key",
        "`rows` has no setting `from_`",
        "`from`",
    ),
    (
        "rows: {from: teach}\n    task: reconstruct",
        "rows: {from: teach, slice: [1]}\n    task: reconstruct",
        "wrong-value",
        "`slice` wants 2 values, not a list of 1",
        "",
    ),
    (
        SFT,
        "{by: sft, lr: 1e-4, gpus: 4}",
        "unknown-key",
        "`train` (sft) has no setting `gpus`",
        "it is `resources.train.gpus`",
    ),
    (
        "resources:\n",
        "resources:\n  generate: {precision: bf16}\n",
        "unknown-key",
        "`generate` has no setting `precision`",
        "under `train` of each stage",
    ),
    (
        "rows: {from: teach}\n    task: reconstruct",
        "rows: {from: teach, slice: 7}\n    task: reconstruct",
        "wrong-type",
        "`slice` wants a list of 2 values, got the number 7",
        "[first, last]",
    ),
    (
        "name: example",
        "name: example\nseed: x",
        "wrong-type",
        "`seed` wants a whole number, at least 0, below 4294967296, got the text `x`",
        "",
    ),
    (
        SFT,
        "{by: sft, lr: 1e-4, lora: {targets: []}}",
        "wrong-value",
        "`targets` needs 1 entry or more, not an empty list",
        "",
    ),
    (SFT, "{by: sft, lr: 1e-4, lora: {targets: ['']}}", "wrong-value", "`targets[0]` must not be empty", ""),
    ("cotspec: 2", "cotspec: 3", "wrong-value", "`cotspec` must be `2`, not the number 3", ""),
    ("name: example", "name: My Spec", "wrong-value", "`name` is the text `My Spec`, which is not a name", ""),
    ("  second:", "  Second Stage:", "wrong-value", "`Second Stage` is not a name", ""),
    ("of: [base, first, second]", "of: base", "wrong-type", "`of` wants a list, got the text `base`", "[base]"),
    ("of: [base, first, second]", "of: [3]", "wrong-type", "`of[0]` wants text, got the number 3", "quotes"),
    (
        SFT,
        "{by: sft, lr: 1e-4, lora: {targets: all}}",
        "wrong-type",
        "`targets` wants a list, got the text `all`",
        "write [all-linear] for every linear layer but the output",
    ),
    (
        SFT,
        "{by: dpo, lr: 1e-4, loss: simpo}",
        "wrong-value",
        "`loss` must be `sigmoid`, `robust`, `ipo`, `hinge`, `sigmoid_norm`, `apo_zero` or `apo_down`, not the text "
        "`simpo`",
        "`sigmoid_norm` divides by length",
    ),
]


@pytest.mark.parametrize(("old", "new", "rule", "message", "advice"), CASES, ids=lambda v: str(v)[:40])
def test_one_mistake_is_one_finding(old: str, new: str, rule: str, message: str, advice: str, tmp_path: Path) -> None:
    findings = found(old, new, tmp_path)
    assert [(f.rule, f.message.split(": a lower-case")[0]) for f in findings] == [(rule, message)]
    assert advice in findings[0].help


MODEL, TRAIN = "{builtin: tiny-student}", "{builtin: chains, split: train, size: 200}"
PLAIN = [
    # a plain value where a group is wanted, and the group it is
    (MODEL, "Qwen/Qwen2.5-0.5B", "{hub: Qwen/Qwen2.5-0.5B}"),
    (MODEL, "./models/mine", "{path: ./models/mine}"),
    (MODEL, "../models/mine/last", "{path: ../models/mine/last}"),
    (MODEL, "tiny-small", "{builtin: tiny-small}"),
    (MODEL, "tiny-studnet", "{builtin: tiny-student}"),
    (TRAIN, "openai/gsm8k", "{hub: openai/gsm8k}"),
    (TRAIN, "data/problems.jsonl", "{file: data/problems.jsonl}"),
    (TRAIN, "chains", "{builtin: chains}"),
    ("{from: teach}\n    task: solve", "failures\n    task: solve", "{from: failures}"),
    ("shuffle: true", "mask: sentence", "{unit: sentence}"),
    ("{value: 1 if correct else 0}", "1.0", "{value: 1.0}"),
    ("evaluate:", 'trace: {step: "Step {n}:"}\nevaluate:', '{opens: "Step {n}:"}'),
]


@pytest.mark.parametrize(("old", "new", "right"), PLAIN, ids=[new[:30] for _, new, _ in PLAIN])
def test_a_plain_value_is_answered_by_the_group_it_belongs_in(old: str, new: str, right: str, tmp_path: Path) -> None:
    (finding,) = found(old, new, tmp_path)
    assert finding.rule in ("wrong-type", "wrong-value")
    assert finding.help.startswith(f"write `{right}`")


@pytest.mark.parametrize("case", CASES, ids=lambda case: case[1][:40])
def test_finding_points_into_the_changed_text(case: tuple[str, str, str, str, str], tmp_path: Path) -> None:
    old, new, *_ = case
    text = BASE.read_text(encoding="utf-8").replace(old, new)
    start = text.index(new) if new else text.index("train:", text.index("first:"))
    (finding,) = found(old, new, tmp_path)
    first, last = text.count("\n", 0, start) + 1, text.count("\n", 0, start + len(new)) + 1
    assert first <= finding.span.line <= last


def test_findings_of_a_phase_come_all_at_once_in_file_order(tmp_path: Path) -> None:
    text = BASE.read_text(encoding="utf-8").replace("cotspec: 2", "cotspec: 2\nsead: 1").replace("gpus: 0", "gpus: -1")
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    assert load(tmp_path / "spec.yaml", sink) is None
    assert [f.rule for f in sink.sorted()] == ["unknown-key", "wrong-value"]


def test_no_message_has_pydantics_words(tmp_path: Path) -> None:
    for old, new, *_ in CASES:
        for finding in found(old, new, tmp_path):
            words = f"{finding.message} {finding.help}"
            assert re.search(r"Input should|\bunion|\btag|literal|Field required|None\b", words) is None
