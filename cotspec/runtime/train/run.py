"""The run that all trainers share, from rows.jsonl to model/, metrics.json and log.jsonl, and what each of them brings
to it: `ALGORITHM` of the module in `cotspec.runtime.trainers` that has its name.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from cotspec.cot.signal import Streak
from cotspec.runtime import fitting, lines, models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task, rank
from cotspec.runtime.train import export, samples, score, trl_bridge
from cotspec.runtime.train.score import Example
from cotspec.runtime.train.trl_bridge import Training
from cotspec.spec.payload import TrainBody
from cotspec.trainers import trainer_of

if TYPE_CHECKING:
    from transformers import Trainer

R = TypeVar("R")
Log = list[dict[str, float]]
"""One record per optimizer step."""


@dataclass(frozen=True, kw_only=True)
class Prepared:
    """Rows in tokens, in the order they are trained on, and how many of each kind were left out."""

    data: Sequence[Any]
    """What `trainer` is given."""
    texts: Sequence[Example]
    """All of it as texts with loss: their ids are checked, and the first of them are what weights are compared on."""
    counts: Mapping[str, int]
    """By the name in metrics.json."""


class Algorithm(Protocol):
    """What a trainer does with torch."""

    row: type
    """Record of rows.jsonl."""

    def prepare(self, rows: Sequence[Any], encoder: Encoder, body: Any, *, max_length: int, task: Task) -> Prepared:
        """Rows → tokens; a row that cannot be trained on is counted, never cut. Raises TaskError when none is left."""

    def trainer(self, training: Training, encoder: Encoder, data: Sequence[Any]) -> Trainer:
        """TRL's trainer, ready to train."""

    def name(self, key: str) -> str:
        """TRL's log key → ours; "" for one that depends on the clock or on how often a run was resumed."""

    def shown(self, log: Mapping[str, float]) -> str:
        """What is shown of a step."""

    def metrics(self, log: Log, body: Any) -> dict[str, float | int]:
        """What metrics.json says of a run with this log."""

    def no_signal(self, streak: Streak, body: Any) -> str:
        """What steps without a signal were like, and the setting that is the likely reason."""


def algorithm_of(body: TrainBody) -> Algorithm:
    """What a task trains by."""
    module = importlib.import_module(f"cotspec.runtime.trainers.{trainer_of(body).name}")
    algorithm: Algorithm = module.ALGORITHM
    return algorithm


def run(task: Task, work: Path, result: Path) -> None:
    """Train and leave the result."""
    body = task.body(TrainBody)
    algorithm = algorithm_of(body)
    trl_bridge.check_batch(task, body)
    models.make_repeatable()
    origin = models.source(task, body.start)
    models.announce(origin)
    fitting.check_targets(origin, body.lora.targets)
    tokenizer = models.load_tokenizer(origin)
    rows: list[Any] = lines.read(task.input("rows"), algorithm.row)
    encoder = models.load_encoder(origin, tokenizer)
    longest = fitting.length(origin, body.max_length)
    ready = algorithm.prepare(rows, encoder, body, max_length=longest, task=task)
    fitting.check_ids(models.load_config(origin).to_dict(), (text.input_ids for text in ready.texts))
    training = Training(task=task, body=body, origin=origin, work=work, scored=score.some(ready.texts))
    with trl_bridge.building(body):
        trainer = algorithm.trainer(training, encoder, ready.data)
    trl_bridge.train(trainer, training, algorithm.shown, algorithm.name, algorithm.no_signal)
    counts = {"rows": len(rows), **ready.counts}

    def metrics(log: Log) -> Mapping[str, float | int]:
        return algorithm.metrics(log, body) | counts | {"steps": int(log[-1]["step"]) if log else 0}

    log = trl_bridge.history(trainer, algorithm.name)
    export.finish(training, result, log=log, metrics=metrics)
    if rank() == 0:
        samples.finish(work, result)
        told = metrics(log)
        parts = ", ".join(f"{name[6:]} {value:.4g}" for name, value in told.items() if name.startswith("train."))
        say(
            f"trained {trainer.state.global_step} steps on {told['rows_used']} of {len(rows)} rows; at the end: {parts}"
        )
        trl_bridge.note(told)


def whole_batches(data: Sequence[R], rows: int, what: str) -> Sequence[R]:
    """The rows that fill whole batches of so many; those of the last, incomplete one are left out.

    Raises TaskError when there is none.
    """
    used = len(data) // rows * rows
    if not used:
        raise TaskError(f"{len(data)} rows do not fill one batch of {rows} {what}: lower `global_batch`")
    if used < len(data):
        left = len(data) - used
        say(f"the last {left} of {len(data)} rows do not fill a batch of {rows} {what} and are not used")
    return data[:used]
