"""Settings of TRL that nothing reads."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Grpo, Sft
from cotspec.spec.resources import TrainResources
from cotspec.spec.trainer import GrpoTrainer, SftTrainer

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: sft, lr: 1e-5, trainer:"

RULE = Rule(
    slug="trainer-effect",
    claim="Every setting of `trainer` is read by the trainer as it is set up.",
    why="A setting that another one switches off looks like part of the method and is none.",
    failing=f"stages: {{first: {{{_STAGE} {{optim: sgd, adam_beta2: 0.95}}}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{optim: adamw_torch, adam_beta2: 0.95}}}}}}}}\n",
)

_BETAS: Final = ("adam_beta1", "adam_beta2")
_CLIPS: Final = ("mode", "clip_max", "clip_min")


def check(context: Context) -> Iterator[Diagnostic]:
    """Every stage that passes settings on."""
    for path, name, stage in context.stages():
        train, here = stage.train, (*path, "train", "trainer")
        if train.trainer is None:
            continue
        given = train.trainer
        idle = [*_optimizer(given), *_own(train, context.resources(name))]
        for key, why in idle:
            default = type(given).model_fields[key].default
            if key in given.model_fields_set and getattr(given, key) != default:
                message = f"`{key}` has no effect {why}"
                yield warning(RULE, context.source.key((*here, key)), message, "leave it out")


def _optimizer(given: SftTrainer | GrpoTrainer) -> Iterator[tuple[str, str]]:
    adam = "adam" in given.optim
    if not adam and "lion" not in given.optim:
        yield from ((key, f"on `optim: {given.optim}`") for key in _BETAS)
    if not adam:
        yield "adam_epsilon", f"on `optim: {given.optim}`"


def _own(train: Sft | Grpo, resources: TrainResources) -> Iterator[tuple[str, str]]:
    if isinstance(train, Sft):
        if train.trainer is not None and train.trainer.loss_type == "dft":
            yield "label_smoothing_factor", "on `loss_type: dft`"
        return
    if train.beta == 0:
        yield "use_bias_correction_kl", "with `beta: 0`, where there is no KL term"
    if train.precision == "fp32":
        yield "cast_lm_head_to_fp32", "in fp32, which is 32 bits already"
    corrects = train.trainer is not None and train.trainer.vllm_importance_sampling_correction
    why = "without the correction" if resources.vllm else "where vLLM does not generate"
    if not resources.vllm or not corrects:
        yield from ((f"vllm_importance_sampling_{part}", why) for part in _CLIPS)
    if not resources.vllm:
        yield "vllm_importance_sampling_correction", why
