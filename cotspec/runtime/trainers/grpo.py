"""GRPO with TRL's GRPOTrainer: prompts, and a reward for what the model completes them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cotspec.cot import signal
from cotspec.cot.rewards import RewardError, compile_reward
from cotspec.cot.rows import GrpoRow
from cotspec.runtime import fitting, models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.task import rank
from cotspec.runtime.train import trl_bridge
from cotspec.runtime.train.run import Log, Prepared, whole_batches
from cotspec.runtime.train.score import Example
from cotspec.runtime.train.trl_bridge import Training
from cotspec.runtime.trainers.grpo_reward import CompositeReward
from cotspec.spec.payload import GrpoBody
from cotspec.trainers.grpo import GRPO

if TYPE_CHECKING:
    from trl import GRPOTrainer as GRPOTrainerT

REPORTED = ("reward", "accuracy", "formatted", "tokens", "steps", signal.TRUNCATED, signal.GROUPS)
_OURS = frozenset({*REPORTED, "unscorable", "ungradable"})
_THEIRS = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "lr",
    "kl": "kl",
    "entropy": "entropy",
    "reward": "reward",
    "reward_std": "reward_std",
}


class _Grpo:
    row = GrpoRow

    def prepare(self, rows: Sequence[GrpoRow], encoder: Encoder, body: GrpoBody, *, max_length: int) -> Prepared:
        """Whole batches of the prompts that leave room for a completion."""
        kept = _fitting(rows, encoder, max_length - body.sampling.max_new_tokens)
        used = whole_batches(kept, GRPO.batch(body).rows, "prompts")
        counts = {"rows_used": len(used), "rows_too_long": len(rows) - len(kept)}
        counts["rows_beyond_last_batch"] = len(kept) - len(used)
        return Prepared(data=used, texts=[_example(row, encoder) for row in used], counts=counts)

    def trainer(self, training: Training, encoder: Encoder, data: Sequence[GrpoRow]) -> GRPOTrainerT:
        return _trainer(training, encoder, data)

    def name(self, key: str) -> str:
        return key if key in _OURS or key.startswith(("term/", "gate/", "unscorable/")) else _THEIRS.get(key, "")

    def shown(self, log: Mapping[str, float]) -> str:
        return _shown(log)

    def metrics(self, log: Log, body: GrpoBody) -> dict[str, float | int]:
        return _metrics(log, body)

    def no_signal(self, streak: signal.Streak, body: GrpoBody) -> str:
        groups, cut = streak.mean(signal.GROUPS) or 0.0, streak.mean(signal.TRUNCATED) or 0.0
        cuts = f"{signal.percent(cut)} of the completions were cut"
        return f"{signal.percent(groups)} of the groups taught nothing and {cuts}; {_reason(streak, body, groups, cut)}"


def _fitting(rows: Sequence[GrpoRow], encoder: Encoder, room: int) -> list[GrpoRow]:
    """The rows whose prompt fits into `room` tokens: what `max_new_tokens` leaves of the longest row; the others are
    refused."""
    kept = [row for row in rows if len(encoder(row.prompt)) <= room]
    told = f"the prompt is longer than the {room} tokens that max_new_tokens leaves"
    if not kept:
        raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
    if len(kept) < len(rows):
        say(f"{len(rows) - len(kept)} of {len(rows)} rows are not trained on: {told}")
    return kept


def _trainer(training: Training, encoder: Encoder, rows: Sequence[GrpoRow]) -> GRPOTrainerT:
    from accelerate.utils import gather_object
    from datasets import Dataset
    from trl import GRPOConfig

    from cotspec.runtime.trainers.grpo_rollouts import Trainer

    body, s, origin = training.task.body(GrpoBody), training.task.settings, training.origin
    try:
        reward = CompositeReward(
            compile_reward(body.reward), body, encoder.tokenizer, gather=gather_object, process=rank()
        )
    except RewardError as error:
        raise TaskError(str(error)) from error
    vllm, stop = s.engine == "vllm", body.sampling.stop
    if vllm:
        models.require("vllm", {"for": "vllm: true", "get": "pip install vllm, or remove it from `resources.train`"})
    config = GRPOConfig(
        **trl_bridge.arguments(training),
        steps_per_generation=s.accumulation,
        generation_kwargs={"stop": list(stop.texts)} if vllm and stop.texts else None,
        shuffle_dataset=False,
        use_vllm=vllm,
        vllm_mode="colocate",
        vllm_gpu_memory_utilization=s.vllm_memory,
        vllm_tensor_parallel_size=s.tensor_parallel,
        vllm_max_model_length=fitting.length(origin, body.max_length),
        model_init_kwargs={
            "dtype": trl_bridge.base_dtype(body),
            "trust_remote_code": origin.trust_remote_code,
        },
    )
    trainer = Trainer(
        encoder=encoder,
        stopper=Stopper(stop, encoder.tokenizer),
        model=origin.location,
        reward_funcs=reward,
        args=config,
        train_dataset=Dataset.from_list([_columns(row) for row in rows]),
        processing_class=encoder.tokenizer,
        peft_config=trl_bridge.lora(body),
    )
    reward.ends = frozenset(trainer.eos_token_ids)
    return trainer


def _columns(row: GrpoRow) -> dict[str, object]:
    """A row as TRL wants it; the prompt is text for chat models, too (rollouts.Trainer applies the template)."""
    return {
        "prompt": row.prompt,
        "answer": row.answer,
        "teacher_steps": row.teacher_steps,
        "teacher_words": row.teacher_words,
        "teacher_tokens": row.teacher_tokens,
    }


def _example(row: GrpoRow, encoder: Encoder) -> Example:
    """A text to compare weights on: the prompt, the gold answer and the end, all with loss."""
    answer = list(encoder.tokenizer(row.answer, add_special_tokens=False)["input_ids"])
    ids = [*encoder(row.prompt), *answer, int(encoder.tokenizer.eos_token_id)]
    return Example(input_ids=ids, labels=ids)


def _shown(log: Mapping[str, float]) -> str:
    parts = [
        f"{name} {float(log[name]):.3f}" for name in ("reward", "accuracy", "formatted") if log.get(name) is not None
    ]
    if "tokens" in log:
        parts.append(f"{float(log['tokens']):.0f} tokens")
    if signal.GROUPS in log:
        idle, cut = float(log[signal.GROUPS]), float(log[signal.TRUNCATED])
        parts.append(f"no signal in {100 * idle:.0f} % of the groups, {100 * cut:.0f} % truncated")
    return ", ".join(parts)


def _metrics(log: Log, body: GrpoBody) -> dict[str, float | int]:
    """Means over the last tenth of the steps; shares without signal and truncated over all of them; and how many
    completions could not be scored in the run, in all and for each term and gate that had any, and how many answers
    could not be compared with the gold answer (`ungradable`; they are not right)."""
    found = trl_bridge.tail_means(log, REPORTED, at_least=body.iterations)
    means = {name: signal.mean(log, name) for name in (signal.GROUPS, signal.TRUNCATED)}
    found |= {name: value for name, value in means.items() if value is not None}
    found |= signal.counted(log)
    parts = {"unscorable", "ungradable", *(name for entry in log for name in entry if name.startswith("unscorable/"))}
    counts = {part: sum(entry.get(part, 0.0) for entry in log) * body.global_batch for part in sorted(parts)}
    return found | {part: round(count) for part, count in counts.items()}


def _reason(streak: signal.Streak, body: GrpoBody, groups: float, cut: float) -> str:
    right, most = streak.mean("accuracy"), body.sampling.max_new_tokens
    if groups < 1.0:
        return "rewards differed and the gradient was exactly 0: see `clip`, `lora` and `trainer`"
    if cut > 0.5:
        masked = ", and `mask_truncated` leaves them out of the loss" if body.mask_truncated else ""
        return f"most completions end at `max_new_tokens` {most}, before their answer{masked}: raise it"
    if right == 0.0:
        return (
            "no completion was right: start from a model that solves some of the problems, show more of the trace in "
            "the prompt, raise `group`, or give a reward that tells wrong completions apart"
        )
    if right == 1.0:
        return "all completions were right and earned the same: take harder problems or a reward that tells them apart"
    return "the reward is the same for all completions of a prompt: see `reward`, and `sampling.temperature`"


ALGORITHM = _Grpo()
