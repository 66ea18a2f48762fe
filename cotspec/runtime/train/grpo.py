"""Task `grpo`: rows.jsonl and a reward → model/, metrics.json, log.jsonl, with TRL's GRPOTrainer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cot import signal
from cotspec.cot.rewards import RewardError, compile_reward
from cotspec.cot.rows import GrpoRow
from cotspec.runtime import fitting, lines, models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.task import Task, rank
from cotspec.runtime.train import export, score, trl_bridge
from cotspec.runtime.train.reward import CompositeReward
from cotspec.spec.payload import GrpoBody

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


def run(task: Task, work: Path, result: Path) -> None:
    """Train and leave the result."""
    body = task.body(GrpoBody)
    trl_bridge.check_batch(task, body)
    if body.global_batch % body.group:
        raise TaskError(f"global_batch {body.global_batch} is not a multiple of group {body.group}")
    models.settle()
    origin = models.source(task, body.start)
    models.announce(origin)
    fitting.check_targets(origin, body.lora.targets)
    tokenizer = models.load_tokenizer(origin)
    rows = lines.read(task.input("rows"), GrpoRow)
    encoder = models.load_encoder(origin, tokenizer)
    longest = fitting.length(origin, body.max_length)
    usable = _fitting(rows, encoder, longest - body.sampling.max_new_tokens)
    fitting.check_ids(models.load_config(origin).to_dict(), (encoder(row.prompt) for row in usable))
    used = _whole_batches(usable, body)
    scored = score.some(_example(row, encoder) for row in used)
    training = trl_bridge.Training(task=task, body=body, origin=origin, work=work, scored=scored)
    with trl_bridge.building(body):
        trainer = _trainer(training, encoder, used)
    trl_bridge.train(trainer, training, _shown, _name)
    log = trl_bridge.history(trainer, _name)
    counts = {"rows": len(rows), "rows_used": len(used), "rows_too_long": len(rows) - len(usable)}
    counts["rows_beyond_last_batch"] = len(usable) - len(used)

    def metrics(entries: list[dict[str, float]]) -> Mapping[str, float | int]:
        return _metrics(entries, body) | counts | {"steps": int(entries[-1]["step"]) if entries else 0}

    export.finish(training, result, log=log, metrics=metrics)
    if rank() == 0:
        told = metrics(log)
        parts = ", ".join(f"{name[6:]} {value:.3f}" for name, value in told.items() if name.startswith("train."))
        say(f"trained {trainer.state.global_step} steps on {len(used)} of {len(rows)} rows; at the end: {parts}")
        trl_bridge.note(told)


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


def _whole_batches(rows: Sequence[GrpoRow], body: GrpoBody) -> list[GrpoRow]:
    """The rows that fill whole generation batches; TRL drops the others without a word."""
    prompts = body.global_batch // body.group
    used = len(rows) // prompts * prompts
    if not used:
        raise TaskError(f"{len(rows)} rows do not fill one batch of {prompts} prompts: lower `global_batch`")
    if used < len(rows):
        say(
            f"the last {len(rows) - used} of {len(rows)} rows do not fill a batch of {prompts} prompts and are not used"
        )
    return list(rows[:used])


def _trainer(training: trl_bridge.Training, encoder: Encoder, rows: Sequence[GrpoRow]) -> GRPOTrainerT:
    from accelerate.utils import gather_object
    from datasets import Dataset
    from trl import GRPOConfig

    from cotspec.runtime.train.rollouts import Trainer

    body, s, origin = training.task.body(GrpoBody), training.task.settings, training.origin
    try:
        reward = CompositeReward(compile_reward(body.reward), body, encoder.tokenizer, gather=gather_object)
    except RewardError as error:
        raise TaskError(str(error)) from error
    vllm, stop = s.engine == "vllm", body.sampling.stop
    if vllm:
        models.require("vllm", {"for": "vllm: true", "get": "pip install vllm, or remove it from `resources.train`"})
    config = GRPOConfig(
        **trl_bridge.arguments(training),
        num_generations=body.group,
        steps_per_generation=s.accumulation,
        num_iterations=body.iterations,
        beta=body.beta,
        epsilon=body.clip,
        loss_type=body.loss,
        scale_rewards=body.scale_rewards,
        mask_truncated_completions=body.mask_truncated,
        max_completion_length=body.sampling.max_new_tokens,
        temperature=body.sampling.temperature,
        top_p=body.sampling.top_p,
        top_k=body.sampling.top_k,
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


def _example(row: GrpoRow, encoder: Encoder) -> score.Example:
    """A text to compare weights on: the prompt, the gold answer and the end, all with loss."""
    answer = list(encoder.tokenizer(row.answer, add_special_tokens=False)["input_ids"])
    ids = [*encoder(row.prompt), *answer, int(encoder.tokenizer.eos_token_id)]
    return score.Example(input_ids=ids, labels=ids)


def _name(key: str) -> str:
    """TRL's log keys → ours; "" for those that depend on the clock or on how often a run was resumed."""
    if key in _OURS or key.startswith(("term/", "gate/", "unscorable/")):
        return key
    return _THEIRS.get(key, "")


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


def _metrics(log: list[dict[str, float]], body: GrpoBody) -> dict[str, float | int]:
    """Means over the last tenth of the steps; shares without signal and truncated over all of them; and how many
    completions could not be scored in the run, in all and for each term and gate that had any, and how many answers
    could not be compared with the gold answer (`ungradable`; they are not right)."""
    means = {f"train.{name}": trl_bridge.tail_mean(log, name, at_least=body.iterations) for name in REPORTED}
    means |= {name: signal.mean(log, name) for name in (signal.GROUPS, signal.TRUNCATED)}
    found: dict[str, float | int] = {name: value for name, value in means.items() if value is not None}
    found[signal.STEPS] = signal.steps_without_signal(log)
    parts = {"unscorable", "ungradable", *(name for entry in log for name in entry if name.startswith("unscorable/"))}
    counts = {part: sum(entry.get(part, 0.0) for entry in log) * body.global_batch for part in sorted(parts)}
    return found | {part: round(count) for part, count in counts.items()}
