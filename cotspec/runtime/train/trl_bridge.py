"""What all trainers share: settings in TRL's words, resuming, kept checkpoints.

Everything is built from the validated payload in Python; nothing goes through a YAML file or the command line of TRL.
"""

from __future__ import annotations

import math
import os
import shutil
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from operator import attrgetter
from pathlib import Path
from typing import TYPE_CHECKING, Any

from cotspec.cot import model_config, signal
from cotspec.runtime import fitting, models, tracking, vllm_server
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.task import Task, rank
from cotspec.runtime.train import checkpoint, optimizer_state, score
from cotspec.runtime.train.callbacks import Begin, Candidates, Finite, Names, Show, Signal, Watch, named
from cotspec.runtime.train.score import Example
from cotspec.spec.payload import AtStep, Best, Checkpoint, Final, Stop, TrainBody
from cotspec.spec.trainer import BITSANDBYTES
from cotspec.trainers import trainer_of

if TYPE_CHECKING:
    from peft import LoraConfig
    from transformers import Trainer

NoSignal = Callable[[signal.Streak, Any], str]
"""Steps without a signal and the body → why there was none."""
SCORE = "loss.txt"
"""Beside weights as the trainer saved them: their loss on the rows that are compared."""
_ALL_STEPS = 1 - 1e-9
"""A warm-up over the whole run; transformers reads 1.0 as one step."""


@dataclass(frozen=True, kw_only=True)
class Training:
    """A stage being trained: what to train, from where, and where it works."""

    task: Task
    body: TrainBody
    origin: models.ModelSource
    work: Path
    scored: Sequence[Example]
    """The rows on which what is saved is compared with what was trained (cotspec.runtime.train.score)."""

    @property
    def raw(self) -> Path:
        """Weights as the trainer saves them, before they are merged and converted."""
        return self.work / "raw"


def check_batch(task: Task, body: TrainBody) -> None:
    """Refuse a batch that tears a group apart, run settings whose parts do not multiply to the batch the payload
    promises, and another launch."""
    s, batch = task.settings, trainer_of(body).batch(body)
    if body.global_batch % batch.of:
        raise TaskError(f"global_batch {body.global_batch} is not a multiple of group {batch.of}")
    product = s.processes * s.per_device_batch * s.accumulation
    if product != body.global_batch:
        raise TaskError(
            f"run.json makes batches of {product} ({s.processes} processes × {s.per_device_batch} × {s.accumulation}) "
            f"and the payload asks for {body.global_batch}: run `cotspec build`"
        )
    world = int(os.environ.get("WORLD_SIZE", "1"))
    if world != s.processes:
        raise TaskError(f"run.json is for {s.processes} processes and {world} were started: use launch.sh")


def arguments(training: Training) -> dict[str, Any]:
    """Keyword arguments of TRL's configuration: those all share (they are TrainingArguments), the trainer's own by its
    table, and what the spec passes on."""
    body, s = training.body, training.task.settings
    models.device(s.gpus)
    own = {theirs: attrgetter(ours)(body) for ours, theirs in trainer_of(body).trl.items()}
    return (
        body.trainer
        | own
        | {
            "output_dir": str(training.work / "trainer"),
            "per_device_train_batch_size": s.per_device_batch,
            "gradient_accumulation_steps": s.accumulation,
            "gradient_checkpointing": s.gradient_checkpointing,
            "num_train_epochs": 1,  # the rows hold all epochs
            "learning_rate": body.optim.lr,
            "lr_scheduler_type": body.optim.schedule if body.optim.schedule != "constant" else "constant_with_warmup",
            "warmup_steps": body.optim.warmup_steps
            or min(body.optim.warmup_ratio, _ALL_STEPS),  # below 1 it is a share
            "weight_decay": body.optim.weight_decay,
            "max_grad_norm": body.optim.max_grad_norm,
            "bf16": body.precision == "bf16",
            "fp16": body.precision == "fp16",
            "use_cpu": s.gpus == 0,
            "seed": body.seed,
            "data_seed": body.seed,
            "logging_steps": 1,
            "logging_first_step": True,
            "logging_nan_inf_filter": False,
            "save_strategy": "steps",
            "save_steps": save_every(training),
            "save_total_limit": 2,  # the older one stays until the newer is whole
            "disable_tqdm": True,
            "dataloader_pin_memory": s.gpus > 0,
            "ddp_find_unused_parameters": False,
        }
        | tracking.arguments(training.task)
    )


def generating(training: Training, stop: Stop) -> dict[str, Any]:
    """Keyword arguments of the configuration of a trainer whose model writes its texts, with vLLM or without."""
    s = training.task.settings
    vllm = s.engine == "vllm"
    if vllm:
        models.require("vllm", {"for": "vllm: true", "get": "pip install vllm, or remove it from `resources.train`"})
    return {
        "generation_kwargs": {"stop": list(stop.texts)} if vllm and stop.texts else None,
        "use_vllm": vllm,
        **_server(training.task),
        "vllm_gpu_memory_utilization": s.vllm_memory,
        "vllm_tensor_parallel_size": s.tensor_parallel,
        "vllm_max_model_length": fitting.length(training.origin, training.body.max_length),
    }


def _server(task: Task) -> dict[str, Any]:
    """Where vLLM generates: in the training processes, in the server that launch.sh started, or in one that runs
    already. Raises TaskError."""
    if not task.settings.vllm_elsewhere:
        return {"vllm_mode": "colocate"}
    if not (url := vllm_server.running(task)):
        raise TaskError("run.json asks for a vLLM server and none was started: use launch.sh")
    port = int(os.environ.get(vllm_server.GROUP_PORT) or task.settings.vllm_group_port)
    where = {"vllm_mode": "server", "vllm_server_base_url": url, "vllm_server_timeout": vllm_server.patience(task)}
    return where | ({"vllm_group_port": port} if port else {})


def save_every(training: Training) -> int:
    """Steps between checkpoints: `save_steps`, rounded up to the last use of a batch.

    TRL keeps generated completions in memory while they are used and not in a checkpoint: one taken in between would
    generate anew when resumed, and the run would be another one.
    """
    unit = trainer_of(training.body).batch(training.body).uses
    return math.ceil(training.task.settings.save_steps / unit) * unit


def lora(body: TrainBody) -> LoraConfig | None:
    """The adapter's configuration; None trains all weights."""
    if body.lora.r == 0:
        return None
    from peft import LoraConfig

    every = model_config.ALL_LINEAR
    return LoraConfig(
        r=body.lora.r,
        lora_alpha=body.lora.alpha,
        lora_dropout=body.lora.dropout,
        target_modules=every if body.lora.targets == (every,) else list(body.lora.targets),
        task_type="CAUSAL_LM",
    )


@contextmanager
def building(body: TrainBody) -> Iterator[None]:
    """Around the making of a trainer: what is the spec's fault becomes a TaskError, layers the model does not have and
    settings of `trainer:` that TRL does not take."""
    if body.trainer.get("optim") in BITSANDBYTES:
        why = f"`optim: {body.trainer['optim']}`"
        models.require("bitsandbytes", {"for": why, "get": "pip install bitsandbytes, or choose another"})
    try:
        yield
    except (ValueError, TypeError) as error:
        if body.lora.r and "arget modules" in str(error):
            raise TaskError(f"`lora.targets` does not fit the model: {error}") from error
        blamed = [name for name in body.trainer if name in str(error)]
        if blamed:
            raise TaskError(f"TRL refuses `{blamed[0]}`, which the spec passes on in `trainer`: {error}") from error
        raise


def base_dtype(body: TrainBody) -> Any:
    """Format the weights are held in while training: float32, but for a frozen base under LoRA."""
    return models.torch_dtype(body.precision if body.lora.r else "fp32")


def train(trainer: Trainer, training: Training, shown: Show, names: Names, no_signal: NoSignal) -> None:
    """Train from the last whole checkpoint of this scratch, or from the start; leave the final weights in `raw`.

    Raises TaskError when the run teaches nothing.
    """
    from transformers import PrinterCallback

    if training.body.lora.r:
        fitting.refuse_unmatched(training.body.lora.targets, trainer.model.base_model.targeted_module_names)
    trainer.remove_callback(PrinterCallback)
    last = checkpoint.latest(training.work / "trainer")
    with Progress("training", 0) as progress:
        keep, save = training.body.keep, _saver(trainer, training)
        needed = keep.step if isinstance(keep, AtStep) else 0
        trainer.add_callback(Candidates(_wanted(keep), save, needed=needed))
        trainer.add_callback(Finite(training.body.precision))
        limit = training.task.settings.stop_without_signal
        watched = Signal(limit, names, lambda streak: no_signal(streak, training.body))
        trainer.add_callback(watched)
        trainer.add_callback(Watch(progress, lambda logs: watched.beside(shown(logs))))
        if training.body.optimizer == "carried" and last is None:
            trainer.add_callback(Begin(lambda: optimizer_state.load(trainer, training.origin.folder)))
        if last is not None:
            say(f"training: resuming after step {last.name.rpartition('-')[2]}")
        trainer.train(resume_from_checkpoint=str(last) if last is not None else None)
    _save(trainer, training, training.raw)


def _wanted(keep: Checkpoint) -> Callable[[int], bool]:
    """Which optimizer steps leave a candidate."""
    match keep:
        case Final():
            return lambda _: False
        case AtStep():
            return lambda step: step == keep.step
        case Best():
            return lambda step: step % keep.every == 0


def _saver(trainer: Trainer, training: Training) -> Callable[[int], None]:
    """Saves the weights of a step."""
    folder = training.work / "candidates"

    def save(step: int) -> None:
        half, whole = folder / f"{step}.half", folder / str(step)
        _save(trainer, training, half)
        if rank() == 0:
            shutil.rmtree(whole, ignore_errors=True)
            half.rename(whole)

    return save


def _save(trainer: Trainer, training: Training, folder: Path) -> None:
    """Save the weights as the trainer holds them, with their loss on the rows that are compared. Called in every
    process, since sharded weights are gathered from all."""
    loss = score.trained(trainer, training.scored)
    trainer.save_model(str(folder))
    if rank() == 0:
        if training.body.keeps_optimizer:
            optimizer_state.save(trainer, folder)
        (folder / SCORE).write_text(f"{loss!r}\n", encoding="utf-8")


def note(metrics: Mapping[str, float | int]) -> None:
    """Say what the report will say of this stage: rows that were left out, and how little was learnt."""
    for line in signal.notes(metrics):
        say(line)


def history(trainer: Trainer, names: Names) -> list[dict[str, float]]:
    """The log, one record per step, without anything that depends on the clock. It is part of each checkpoint, so a
    resumed run has the same. `names` maps TRL's key to ours, "" leaves it out."""
    records: list[dict[str, float]] = []
    for entry in trainer.state.log_history:
        kept = named(entry, names)
        if kept:
            records.append({"step": int(entry["step"]), **dict(sorted(kept.items()))})
    return records


def tail_mean(log: list[dict[str, float]], name: str, *, at_least: int = 1) -> float | None:
    """Mean of a metric over the last tenth of the steps (at least `at_least` of them); None when it was not logged."""
    if not log:
        return None
    last = log[-1]["step"]
    window = max(at_least, math.ceil(last / 10))
    values = [entry[name] for entry in log if entry["step"] > last - window and name in entry]
    return sum(values) / len(values) if values else None


def tail_means(log: list[dict[str, float]], names: Sequence[str], *, at_least: int = 1) -> dict[str, float | int]:
    """`train.<name>`: means over the last tenth of the steps, of what was logged."""
    means = {f"train.{name}": tail_mean(log, name, at_least=at_least) for name in names}
    return {name: value for name, value in means.items() if value is not None}
