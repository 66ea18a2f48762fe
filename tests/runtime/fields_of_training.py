"""What the fields of a training task are set to by the tests, and where each is read back from.

One run sets many fields at once, none of them to what TRL, transformers or PEFT do by themselves: the same reading of
a trainer that the library built with its own settings must give something else.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fields import Ran, value_of
from scenes import DRAWN, PASSED, PREFERENCES
from scenes import SCENES as SCENES
from scenes import Scene as Scene

from cotspec.runtime.train.optimizer_state import FILE


@dataclass(frozen=True, kw_only=True)
class Trained:
    """A trainer after its run; `ran` is None for one that the library built with its own settings."""

    trainer: Any
    ran: Ran | None = None

    @property
    def optimizer(self) -> Any:
        return getattr(self.trainer.optimizer, "optimizer", self.trainer.optimizer)


Read = Callable[[Trained], Any]


@dataclass(frozen=True, kw_only=True)
class Arrives:
    """A field and where it is found again. `want` is what is found there, the value itself when it is left out;
    `other` is what must give something else: a scene, or the trainer of the library."""

    name: str
    scene: str
    read: Read
    want: Any = None
    other: str = "library"


def argument(name: str) -> Read:
    return lambda trained: getattr(trained.trainer.args, name)


def attribute(name: str) -> Read:
    return lambda trained: getattr(trained.trainer, name)


def drawing(name: str) -> Read:
    return lambda trained: getattr(trained.trainer.generation_config, name)


def stop(name: str) -> Read:
    return lambda trained: value_of(trained.trainer._stopper._stop, name)


def group(name: str) -> Read:
    """A setting of the optimizer; of several groups of weights, the largest."""
    return lambda trained: max(group[name] for group in trained.optimizer.param_groups)


def beta(which: int) -> Read:
    return lambda trained: trained.optimizer.param_groups[0]["betas"][which]


def optimizer(trained: Trained) -> str:
    return f"{type(trained.optimizer).__name__}, fused {bool(trained.optimizer.param_groups[0].get('fused'))}"


def schedule(trained: Trained) -> str:
    return str(trained.trainer.lr_scheduler.lr_lambdas[0].func.__name__.split("_")[2])


def warm_up(trained: Trained) -> int:
    return int(trained.trainer.lr_scheduler.lr_lambdas[0].keywords["num_warmup_steps"])


def batch(trained: Trained) -> int:
    args = trained.trainer.args
    return int(args.per_device_train_batch_size * args.gradient_accumulation_steps * args.world_size)


def left(file: str, name: str) -> Read:
    return lambda trained: trained.ran.read(file)[name]  # type: ignore[union-attr]


def kept(trained: Trained) -> list[str]:
    assert trained.ran is not None
    return sorted(path.name for path in (trained.ran.folder / "out/checkpoints").glob("*"))


def begun_before(trained: Trained) -> bool:
    """Whether the optimizer has seen more steps than the run has made."""
    state = trained.trainer.optimizer.state.values()
    return max(int(own["step"]) for own in state) > trained.trainer.state.global_step


def kept_state(trained: Trained) -> bool:
    assert trained.ran is not None
    return (trained.ran.folder / "out/model" / FILE).exists()


def saved_in(trained: Trained) -> str:
    from safetensors.torch import load_file

    assert trained.ran is not None
    weights = load_file(trained.ran.folder / "out/model/model.safetensors")
    return str(next(iter(weights.values())).dtype)


def adapters(trained: Trained) -> dict[str, Any]:
    """Name → adapted layer."""
    return {name: module for name, module in trained.trainer.model.named_modules() if hasattr(module, "lora_A")}


def adapted(read: Callable[[Any], Any]) -> Read:
    """Of every adapted layer the same."""

    def one(trained: Trained) -> Any:
        (found,) = {read(module) for module in adapters(trained).values()}
        return found

    return one


def started_from(trained: Trained) -> str:
    return Path(trained.trainer.model.config._name_or_path).name


def taught_by(trained: Trained) -> str:
    return Path(trained.trainer.teacher_model.config._name_or_path).name


def judged(name: str) -> Read:
    """A field of the judge that is asked; None where nobody is."""

    def read(trained: Trained) -> Any:
        loaded = trained.trainer._reward._judges._loaded
        return value_of(loaded[0].judge, name) if loaded else None

    return read


def judging(trained: Trained) -> str:
    loaded = trained.trainer._reward._judges._loaded
    return Path(loaded[0].writer.engine._model.config._name_or_path).name if loaded else ""


def given(trained: Trained) -> bool:
    """Whether there are texts to learn from before any is written."""
    return bool(trained.trainer._texts[0].target)


def stop_limit(trained: Trained) -> int | None:
    known = trained.trainer.callback_handler.callbacks
    return next((callback._limit for callback in known if type(callback).__name__ == "Signal"), None)


# --- the reward, asked as the trainer asks it -------------------------------------------------------------------------


@dataclass
class State:
    global_step: int
    max_steps: int = 100


def asked(text: str, *, step: int = 0, gold: str = "5") -> Callable[[Trained], tuple[float, dict[str, float]]]:
    """The reward and what it logs for one completion at the first step of a run, or a later one."""

    def ask(trained: Trained) -> tuple[float, dict[str, float]]:
        logged: dict[str, float] = {}
        (total,) = trained.trainer.reward_funcs[0](
            completion_ids=[trained.trainer.processing_class(text)["input_ids"]],
            answer=[gold],
            thinking=[False],
            teacher_steps=[1],
            teacher_words=[11],
            teacher_tokens=[20],
            trainer_state=State(step),
            log_metric=logged.__setitem__,
        )
        return total, logged

    return ask


def total(text: str, *, step: int = 0) -> Read:
    return lambda trained: asked(text, step=step)(trained)[0]


def logged(text: str, name: str) -> Read:
    return lambda trained: asked(text)(trained)[1].get(name)


LINES, LONG = "Line 1) 2 + 3 = 5\nLine 2) so 5\nResult: 5", "word " * 60
RESTARTED = "Musing:\nLine 1) a\nLine 2) b\nLine 1) c\nResult: 5"
TEN = "word " * 10


STOPPING = ("texts", "after", "format.thinking", "format.step", "format.answer")


# --- the table --------------------------------------------------------------------------------------------------------


def of_all(by: str) -> tuple[Arrives, ...]:
    """What all trainers have in common."""
    lora, experts, plain = f"{by} lora", f"{by} experts", f"{by} plain"

    def arrives(name: str, scene: str, read: Read, **more: Any) -> Arrives:
        return Arrives(name=f"{by}.{name}", scene=scene, read=read, **more)

    return (
        arrives("start", lora, started_from, want="tiny-small", other=plain),
        arrives("optim.lr", by, group("initial_lr")),
        arrives("optim.schedule", by, schedule),
        arrives("optim.schedule", lora, schedule),
        arrives("optim.warmup_steps", by, warm_up),
        arrives("optim.warmup_ratio", lora, warm_up, want={"sft": 4, "distill": 3, "grpo": 3, "dpo": 3, "orpo": 3}[by]),
        arrives("optim.weight_decay", by, group("weight_decay")),
        arrives("optim.max_grad_norm", by, argument("max_grad_norm")),
        arrives("max_length", by, left("metrics.json", "rows_too_long"), want=1, other=plain),
        arrives("precision", by, argument("bf16"), want=False),
        arrives("precision", lora, argument("bf16"), want=True, other=plain),
        arrives("precision", lora, saved_in, want="torch.bfloat16", other=plain),
        arrives("lora.r", lora, adapted(lambda layer: layer.lora_A["default"].out_features)),
        arrives("lora.alpha", lora, adapted(lambda layer: layer.scaling["default"] * layer.r["default"])),
        arrives("lora.dropout", lora, adapted(lambda layer: getattr(layer.lora_dropout["default"], "p", 0.0))),
        arrives("lora.targets", lora, lambda trained: tuple(sorted({n.split(".")[-1] for n in adapters(trained)}))),
        arrives("trainer.optim", by, optimizer, want="AdamW, fused False"),
        arrives("trainer.optim", lora, optimizer, want="SGD, fused False"),
        arrives("trainer.adam_beta1", by, beta(0)),
        arrives("trainer.adam_beta2", by, beta(1)),
        arrives("trainer.adam_epsilon", by, group("eps")),
        *(
            arrives("trainer.router_aux_loss_coef", scene, attribute("router_aux_loss_coef"), other="library experts")
            for scene in (experts,)
            if scene in SCENES
        ),
        arrives("keep.step.step", lora, kept, want=["2"], other=plain),
        arrives("optimizer", by, begun_before, want=True, other=plain),
        arrives("keeps_optimizer", by, kept_state, want=True, other=plain),
        arrives("seed", by, argument("seed")),
        arrives("seed", by, argument("data_seed")),
    )


SFT = (
    Arrives(name="sft.global_batch", scene="sft", read=batch),
    Arrives(name="sft.trainer.loss_type", scene="sft", read=argument("loss_type")),
    Arrives(name="sft.trainer.neftune_noise_alpha", scene="sft", read=attribute("neftune_noise_alpha")),
    Arrives(
        name="sft.trainer.label_smoothing_factor",
        scene="sft lora",
        read=lambda trained: getattr(trained.trainer.label_smoother, "epsilon", 0.0),
    ),
    Arrives(name="sft.keep.best.every", scene="sft", read=kept, want=["3"], other="sft plain"),
)
GRPO = (
    Arrives(name="grpo.global_batch", scene="grpo", read=argument("generation_batch_size")),
    Arrives(name="grpo.group", scene="grpo", read=attribute("num_generations")),
    Arrives(name="grpo.beta", scene="grpo", read=attribute("beta")),
    Arrives(name="grpo.clip", scene="grpo", read=attribute("epsilon_low")),
    Arrives(name="grpo.iterations", scene="grpo", read=attribute("num_iterations")),
    Arrives(name="grpo.loss", scene="grpo", read=attribute("loss_type")),
    Arrives(name="grpo.scale_rewards", scene="grpo", read=attribute("scale_rewards")),
    Arrives(name="grpo.mask_truncated", scene="grpo", read=attribute("mask_truncated_completions")),
    Arrives(
        name="grpo.all_failed",
        scene="grpo",
        read=lambda trained: "demonstration" in trained.trainer.train_dataset.column_names,
        want=True,
        other="grpo plain",
    ),
    Arrives(name="grpo.equal_groups", scene="grpo", read=attribute("_skips_equal"), want=True, other="grpo plain"),
    Arrives(name="grpo.redraws", scene="grpo", read=attribute("_redraws"), want=2, other="grpo plain"),
    Arrives(name="grpo.sampling.temperature", scene="grpo", read=drawing("temperature")),
    Arrives(name="grpo.sampling.top_p", scene="grpo", read=drawing("top_p")),
    Arrives(name="grpo.sampling.top_k", scene="grpo", read=drawing("top_k")),
    Arrives(name="grpo.sampling.max_new_tokens", scene="grpo", read=drawing("max_new_tokens")),
    *(
        Arrives(name=f"grpo.sampling.stop.{name}", scene="grpo", read=stop(name), other="grpo plain")
        for name in STOPPING
    ),
    Arrives(name="grpo.trainer.min_p", scene="grpo", read=drawing("min_p")),
    Arrives(name="grpo.trainer.repetition_penalty", scene="grpo", read=drawing("repetition_penalty")),
    *(
        Arrives(name=f"grpo.trainer.{name}", scene="grpo", read=attribute(name))
        for name in PASSED
        if name not in ("min_p", "repetition_penalty", "delta", "use_bias_correction_kl", "disable_dropout")
        and name != "cast_lm_head_to_fp32"
    ),
    *(
        Arrives(name=f"grpo.trainer.{name}", scene="grpo", read=argument(name))
        for name in ("delta", "use_bias_correction_kl", "disable_dropout", "cast_lm_head_to_fp32")
    ),
    Arrives(name="grpo.format.step", scene="grpo", read=logged(LINES, "steps"), want=2.0, other="grpo plain"),
    Arrives(name="grpo.format.answer", scene="grpo", read=logged(LINES, "formatted"), want=1.0, other="grpo plain"),
    Arrives(name="grpo.format.thinking", scene="grpo", read=logged(RESTARTED, "steps"), want=1.0, other="grpo plain"),
    Arrives(
        name="grpo.format.form", scene="grpo lora", read=logged("Note: 5", "formatted"), want=1.0, other="grpo plain"
    ),
    Arrives(
        name="grpo.loss_on",
        scene="grpo lora",
        read=lambda trained: bool(trained.trainer._segments),
        want=True,
        other="grpo plain",
    ),
    Arrives(
        name="grpo.loss_when",
        scene="grpo lora",
        read=lambda trained: trained.trainer._segments._when,
        want={"thinking": "words < 99"},
        other="grpo plain",
    ),
    Arrives(name="grpo.judges.name", scene="grpo judged", read=judged("name"), want="fair", other="grpo plain"),
    Arrives(name="grpo.judges.model", scene="grpo judged", read=judging, want="tiny-small", other="grpo plain"),
    *(
        Arrives(name=f"grpo.judges.{name}", scene="grpo judged", read=judged(name), other="grpo plain")
        for name in (
            *("prompt", "sampling.temperature", "sampling.top_p", "sampling.top_k", "sampling.max_new_tokens"),
            *(f"sampling.stop.{name}" for name in STOPPING),
        )
    ),
    Arrives(name="grpo.reward.gates.unless", scene="grpo", read=logged(LONG, "gate/1"), want=1.0, other="grpo plain"),
    Arrives(name="grpo.reward.gates.reward", scene="grpo", read=total(LONG), want=-3.5, other="grpo plain"),
    Arrives(name="grpo.reward.let.name", scene="grpo", read=total(TEN), want=10.0, other="grpo plain"),
    Arrives(name="grpo.reward.let.value", scene="grpo", read=total(TEN), want=10.0, other="grpo plain"),
    Arrives(name="grpo.reward.terms.name", scene="grpo", read=logged(TEN, "term/odd"), want=10.0, other="grpo plain"),
    Arrives(name="grpo.reward.terms.value", scene="grpo", read=total(LINES), want=14.0, other="grpo plain"),
    Arrives(name="grpo.reward.terms.weight.first", scene="grpo", read=total(TEN), want=10.0, other="grpo plain"),
    Arrives(name="grpo.reward.terms.weight.last", scene="grpo", read=total(TEN, step=98), want=5.0, other="grpo plain"),
    Arrives(name="grpo.keep.best.every", scene="grpo", read=kept, want=["4"], other="grpo plain"),
)
DISTILL = (
    Arrives(name="distill.global_batch", scene="distill", read=batch),
    Arrives(name="distill.teacher", scene="distill lora", read=taught_by, want="tiny-teacher", other="distill plain"),
    Arrives(name="distill.follow", scene="distill follows", read=attribute("_rate"), other="distill followed"),
    Arrives(name="distill.over", scene="distill", read=given, want=False, other="distill plain"),
    Arrives(name="distill.divergence", scene="distill", read=attribute("beta")),
    Arrives(name="distill.divergence", scene="distill plain", read=attribute("beta"), want=1.0, other="distill"),
    Arrives(name="distill.top_k", scene="distill", read=attribute("_likeliest"), other="distill plain"),
    Arrives(name="distill.renormalise", scene="distill", read=attribute("_renormalise"), other="distill plain"),
    *(
        Arrives(name=f"distill.sampling.{name}", scene="distill", read=drawing(name))
        for name in ("temperature", "top_p", "top_k", "max_new_tokens")
    ),
    *(
        Arrives(name=f"distill.sampling.stop.{name}", scene="distill", read=stop(name), other="distill plain")
        for name in ("texts", "after", "format.thinking", "format.step", "format.answer")
    ),
    *(Arrives(name=f"distill.trainer.{name}", scene="distill", read=argument(name)) for name in DRAWN),
    Arrives(name="distill.keep.best.every", scene="distill", read=kept, want=["3"], other="distill plain"),
)
DPO = (
    Arrives(name="dpo.global_batch", scene="dpo", read=batch),
    Arrives(name="dpo.beta", scene="dpo", read=attribute("beta")),
    Arrives(name="dpo.loss", scene="dpo", read=lambda trained: trained.trainer.loss_types[0]),
    *(
        Arrives(name=f"dpo.trainer.{name}", scene="dpo", read=attribute(name))
        for name in PREFERENCES
        if name != "disable_dropout"
    ),
    Arrives(name="dpo.trainer.disable_dropout", scene="dpo", read=argument("disable_dropout")),
    Arrives(name="dpo.keep.best.every", scene="dpo", read=kept, want=["3"], other="dpo plain"),
)
ORPO = (
    Arrives(name="orpo.global_batch", scene="orpo", read=batch),
    Arrives(name="orpo.beta", scene="orpo", read=attribute("beta")),
    Arrives(name="orpo.trainer.disable_dropout", scene="orpo", read=argument("disable_dropout")),
    Arrives(name="orpo.keep.best.every", scene="orpo", read=kept, want=["3"], other="orpo plain"),
)
RUN = (
    Arrives(name="run.gpus", scene="sft", read=argument("use_cpu"), want=True, other="library declared"),
    Arrives(name="run.per_device_batch", scene="sft", read=argument("per_device_train_batch_size")),
    Arrives(name="run.per_device_batch", scene="grpo", read=argument("per_device_train_batch_size")),
    Arrives(name="run.accumulation", scene="sft", read=argument("gradient_accumulation_steps")),
    Arrives(name="run.accumulation", scene="grpo", read=argument("steps_per_generation")),
    Arrives(name="run.gradient_checkpointing", scene="sft", read=argument("gradient_checkpointing")),
    Arrives(
        name="run.gradient_checkpointing", scene="sft lora", read=argument("gradient_checkpointing"), other="sft plain"
    ),
    Arrives(name="run.save_steps", scene="sft", read=argument("save_steps")),
    Arrives(name="run.save_steps", scene="grpo", read=argument("save_steps"), want=4),
    Arrives(name="run.stop_without_signal", scene="sft", read=stop_limit),
)
ARRIVES = (
    *(arrives for by in ("sft", "distill", "grpo", "dpo", "orpo") for arrives in of_all(by)),
    *(*SFT, *DISTILL, *GRPO, *DPO, *ORPO, *RUN),
)
