"""What the fields of a training task are set to by the tests: none of them to what TRL, transformers or PEFT do by
themselves."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bodies

from cotspec.spec.payload import (
    AtStep,
    Best,
    Binding,
    BuiltinModel,
    Judge,
    Lora,
    Optim,
    Ramp,
    Reward,
    RewardGate,
    RewardTerm,
    Sampling,
    SegmentFormat,
    Stop,
    TraceFormat,
)

LORA = Lora(r=3, alpha=7.0, dropout=0.2, targets=("down_proj", "k_proj"))
SLOW = Optim(lr=3e-3, schedule="cosine", warmup_steps=2, warmup_ratio=0.0, weight_decay=0.07, max_grad_norm=0.3)
FLAT = Optim(lr=2e-3, schedule="constant", warmup_steps=0, warmup_ratio=0.5, weight_decay=0.03, max_grad_norm=0.4)
ADAM = {"adam_beta1": 0.85, "adam_beta2": 0.97, "adam_epsilon": 1e-6}
BUILTIN = BuiltinModel(name="tiny-small", digest="", chat=False)
REWARD = Reward(
    gates=(RewardGate(unless="words < 50", reward=-3.5),),
    let=(Binding(name="brief", value="words * 2"),),
    terms=(RewardTerm(name="odd", value="brief + steps", weight=Ramp(first=0.5, last=0.25)),),
)
ODD = TraceFormat(thinking="Musing:", step="Line {n})", answer="Result:")
NOTED = ODD.model_copy(update={"form": (SegmentFormat(name="note", opens="Note:", closes=""),)})
STOP = Stop(texts=("zebra",), after="answer", format=ODD)
PASSED = {
    "epsilon_high": 0.31,
    "delta": 1.7,
    "importance_sampling_level": "sequence",
    "off_policy_mask_threshold": 0.6,
    "top_entropy_quantile": 0.3,
    "use_bias_correction_kl": False,
    "min_p": 0.01,
    "repetition_penalty": 1.1,
    "disable_dropout": True,
    "cast_lm_head_to_fp32": True,
    "vllm_importance_sampling_correction": False,
    "vllm_importance_sampling_mode": "token_truncate",
    "vllm_importance_sampling_clip_max": 2.5,
    "vllm_importance_sampling_clip_min": 0.2,
}


DRAWN = {"min_p": 0.01, "repetition_penalty": 1.1, "disable_dropout": True}
PREFERENCES = {"label_smoothing": 0.15, "ld_alpha": 0.6, "use_weighting": True, "disable_dropout": False}


FAIR = Judge(
    name="fair",
    model=BUILTIN,
    prompt="So: {{ response }}",
    sampling=Sampling(n=1, temperature=0.6, top_p=0.95, top_k=11, max_new_tokens=7, stop=STOP),
)
FAIRLY = Reward(
    gates=(),
    let=(),
    terms=(
        RewardTerm(name="fair", value="words + fair.words if words < 1 else words", weight=Ramp(first=1.0, last=1.0)),
    ),
)


@dataclass(frozen=True, kw_only=True)
class Scene:
    """A task whose fields are read back, and how it is launched."""

    body: Any
    run: dict[str, Any]
    model: str = "tiny"
    """A model of the tests, or the scene whose result it starts from."""


SPLIT = {"per_device_batch": 3, "accumulation": 2, "save_steps": 3}
CARRIED = {"optimizer": "carried", "keeps_optimizer": True}
ADAPTED = {
    "start": BUILTIN,
    "optim": FLAT,
    "max_length": 200,
    "precision": "bf16",
    "lora": LORA,
    "trainer": {"optim": "sgd", "disable_dropout": False},
    "keep": AtStep(step=2),
}
"""Adapters trained on pairs."""
SCENES = {
    "sft kept": Scene(body=bodies.sft(keeps_optimizer=True), run={}),
    "sft": Scene(
        body=bodies.sft(
            **CARRIED,
            optim=SLOW,
            global_batch=6,
            max_length=60,
            trainer={"optim": "adamw_torch", "loss_type": "dft", "neftune_noise_alpha": 0.5, **ADAM},
            keep=Best(metric="train.loss", every=3),
            seed=11,
        ),
        run=SPLIT | {"stop_without_signal": 7},
        model="sft kept",
    ),
    "sft plain": Scene(body=bodies.sft(), run={}),
    "sft lora": Scene(
        body=bodies.sft(
            start=BUILTIN,
            optim=FLAT,
            max_length=200,
            precision="bf16",
            lora=LORA,
            trainer={"optim": "sgd", "label_smoothing_factor": 0.1},
            keep=AtStep(step=2),
        ),
        run={"gradient_checkpointing": True},
    ),
    "sft experts": Scene(body=bodies.sft(trainer={"router_aux_loss_coef": 0.02}), run={}, model="experts"),
    "grpo": Scene(
        body=bodies.grpo(
            **CARRIED,
            format=ODD,
            optim=SLOW,
            global_batch=12,
            beta=0.07,
            clip=0.15,
            loss="dr_grpo",
            scale_rewards="batch",
            mask_truncated=True,
            all_failed="imitate",
            equal_groups="skip",
            redraws=2,
            max_length=60,
            trainer={"optim": "adamw_torch", **ADAM, **PASSED},
            sampling=Sampling(n=4, temperature=0.7, top_p=0.85, top_k=7, max_new_tokens=9, stop=STOP),
            reward=REWARD,
            keep=Best(metric="train.reward", every=4),
            seed=11,
        ),
        run={"per_device_batch": 6, "accumulation": 2, "save_steps": 3},
        model="sft kept",
    ),
    "distill": Scene(
        body=bodies.distill(
            **CARRIED,
            optim=SLOW,
            global_batch=6,
            max_length=60,
            over="student",
            divergence=0.25,
            top_k=9,
            renormalise=True,
            sampling=Sampling(n=1, temperature=0.7, top_p=0.85, top_k=7, max_new_tokens=9, stop=STOP),
            trainer={"optim": "adamw_torch", **ADAM, **DRAWN},
            keep=Best(metric="train.loss", every=3),
            seed=11,
        ),
        run=SPLIT,
        model="sft kept",
    ),
    "distill follows": Scene(body=bodies.distill(follow=0.3), run={}),
    "distill followed": Scene(body=bodies.distill(follow=0.6), run={}),
    "distill plain": Scene(body=bodies.distill(), run={}),
    "distill lora": Scene(
        body=bodies.distill(
            start=BUILTIN,
            teacher=BuiltinModel(name="tiny-teacher", digest="", chat=False),
            optim=FLAT,
            max_length=200,
            precision="bf16",
            lora=LORA,
            trainer={"optim": "sgd"},
            keep=AtStep(step=2),
        ),
        run={"gradient_checkpointing": True},
    ),
    "dpo": Scene(
        body=bodies.dpo(
            **CARRIED,
            optim=SLOW,
            global_batch=6,
            beta=0.23,
            loss="ipo",
            max_length=60,
            trainer={"optim": "adamw_torch", **ADAM, **PREFERENCES},
            keep=Best(metric="train.loss", every=3),
            seed=11,
        ),
        run=SPLIT,
        model="sft kept",
    ),
    "dpo plain": Scene(body=bodies.dpo(), run={}),
    "dpo lora": Scene(
        body=bodies.dpo(**ADAPTED),
        run={"gradient_checkpointing": True},
    ),
    "dpo experts": Scene(body=bodies.dpo(trainer={"router_aux_loss_coef": 0.02}), run={}, model="experts"),
    "orpo": Scene(
        body=bodies.orpo(
            **CARRIED,
            optim=SLOW,
            global_batch=6,
            beta=0.23,
            max_length=60,
            trainer={"optim": "adamw_torch", **ADAM, "disable_dropout": False},
            keep=Best(metric="train.loss", every=3),
            seed=11,
        ),
        run=SPLIT,
        model="sft kept",
    ),
    "orpo plain": Scene(body=bodies.orpo(), run={}),
    "orpo lora": Scene(
        body=bodies.orpo(**ADAPTED),
        run={"gradient_checkpointing": True},
    ),
    "grpo plain": Scene(body=bodies.grpo(), run={"per_device_batch": 8}),
    "grpo lora": Scene(
        body=bodies.grpo(
            start=BUILTIN,
            format=NOTED,
            optim=FLAT,
            precision="bf16",
            lora=LORA,
            trainer={"optim": "sgd"},
            keep=AtStep(step=2),
            loss_on=("thinking",),
            loss_when={"thinking": "words < 99"},
        ),
        run={"per_device_batch": 8, "gradient_checkpointing": True},
    ),
    "grpo judged": Scene(body=bodies.grpo(judges=(FAIR,), reward=FAIRLY), run={"per_device_batch": 8}),
    "grpo experts": Scene(
        body=bodies.grpo(trainer={"router_aux_loss_coef": 0.02}), run={"per_device_batch": 8}, model="experts"
    ),
}
