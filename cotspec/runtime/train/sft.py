"""Task `sft`: rows.jsonl → model/, metrics.json, log.jsonl, with TRL's SFTTrainer.

Token ids and labels are built here from the rows' character spans, and the rows are trained in the order they stand in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cot import signal
from cotspec.cot.rows import SftRow
from cotspec.runtime import fitting, lines, models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task, rank
from cotspec.runtime.train import export, score, trl_bridge
from cotspec.runtime.train.score import IGNORE, Example
from cotspec.runtime.train.token_means import TokenMeans
from cotspec.spec.payload import SftBody

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


@dataclass(kw_only=True)
class Refused:
    """Rows that are not trained on."""

    too_long: int = 0
    nothing_supervised: int = 0


def run(task: Task, work: Path, result: Path) -> None:
    """Train and leave the result."""
    body = task.body(SftBody)
    trl_bridge.check_batch(task, body)
    models.settle()
    origin = models.source(task, body.start)
    models.announce(origin)
    fitting.check_targets(origin, body.lora.targets)
    tokenizer = models.load_tokenizer(origin)
    rows = lines.read(task.input("rows"), SftRow)
    encoder = models.load_encoder(origin, tokenizer)
    examples, refused = prepare(rows, encoder, max_length=fitting.length(origin, body.max_length))
    fitting.check_ids(models.load_config(origin).to_dict(), (example.input_ids for example in examples))
    training = trl_bridge.Training(task=task, body=body, origin=origin, work=work, scored=score.some(examples))
    with trl_bridge.building(body):
        trainer = _trainer(training, tokenizer, examples)
    trl_bridge.train(trainer, training, _shown, _name)
    log = trl_bridge.history(trainer, _name)
    steps = trainer.state.global_step
    counts = {"rows": len(rows), "rows_used": len(examples), "rows_too_long": refused.too_long}
    counts |= {"rows_nothing_supervised": refused.nothing_supervised, "steps": steps}

    def metrics(entries: list[dict[str, float]]) -> Mapping[str, float | int]:
        return _metrics(entries) | counts | {"steps": int(entries[-1]["step"]) if entries else steps}

    export.finish(training, result, log=log, metrics=metrics)
    if rank() == 0:
        told = metrics(log)
        loss = told.get("train.loss", float("nan"))
        say(f"trained {steps} steps on {len(examples)} of {len(rows)} rows, loss {loss:.4f}")
        trl_bridge.note(told)


def prepare(rows: Sequence[SftRow], encoder: Encoder, *, max_length: int) -> tuple[list[Example], Refused]:
    """Rows in tokens, in order. A row that is too long or supervises nothing is refused and counted, never cut.

    Raises TaskError when none is left.
    """
    refused, examples = Refused(), []
    for row in rows:
        example = tokenise(row, encoder)
        if len(example.input_ids) > max_length:
            refused.too_long += 1
        elif all(label == IGNORE for label in example.labels):
            refused.nothing_supervised += 1
        else:
            examples.append(example)
    told = f"{refused.too_long} longer than max_length {max_length}, {refused.nothing_supervised} with no token of loss"
    if not examples:
        raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
    if len(examples) < len(rows):
        say(f"{len(rows) - len(examples)} of {len(rows)} rows are not trained on: {told}")
    return examples, refused


def tokenise(row: SftRow, encoder: Encoder) -> Example:
    """Ids and labels from one pass, so that they cannot drift.

    Prompt and target are tokenised apart, because generation starts after a tokenised prompt. A token carries loss when
    it covers at least one supervised character. The end-of-sequence token is always there, and carries loss when the
    last supervised span reaches the end of the target.
    """
    prompt, tokenizer = encoder(row.prompt), encoder.tokenizer
    target = tokenizer(row.target, add_special_tokens=False, return_offsets_mapping=True)
    ids: list[int] = list(target["input_ids"])
    labels = [
        token if any(start < last and first < end for first, last in row.supervise) else IGNORE
        for token, (start, end) in zip(ids, target["offset_mapping"], strict=True)
    ]
    stop = int(tokenizer.eos_token_id)
    ends = bool(row.supervise) and max(last for _, last in row.supervise) >= len(row.target)
    return Example(input_ids=[*prompt, *ids, stop], labels=[IGNORE] * len(prompt) + labels + [stop if ends else IGNORE])


def filled(examples: Sequence[Example], *, batch: int, processes: int) -> list[Example]:
    """The examples, and for several processes as many without loss as fill the last batch.

    The processes must get equally many rows; of a batch that is not full accelerate repeats rows of the beginning, so
    that two processes would learn from them twice and one would not.
    """
    blank = Example(input_ids=examples[-1].input_ids, labels=[IGNORE] * len(examples[-1].labels))
    return [*examples, *([blank] * (-len(examples) % batch) if processes > 1 else [])]


def _trainer(
    training: trl_bridge.Training, tokenizer: PreTrainedTokenizerBase, examples: Sequence[Example]
) -> SFTTrainerT:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class Trainer(TokenMeans, SFTTrainer):  # type: ignore[misc]  # TRL is untyped
        tokens = staticmethod(lambda inputs: (inputs["labels"][:, 1:] != IGNORE).sum())

    rows = filled(examples, batch=training.body.global_batch, processes=training.task.settings.processes)
    data = Dataset.from_dict({"input_ids": [e.input_ids for e in rows], "labels": [e.labels for e in rows]})
    config = SFTConfig(
        **trl_bridge.arguments(training),
        max_length=None,  # checked in `prepare`
        dataset_kwargs={"skip_prepare_dataset": True},
        train_sampling_strategy="sequential",
        packing=False,
    )
    return Trainer(
        model=models.load_model(training.origin, dtype=trl_bridge.base_dtype(training.body)),
        args=config,
        train_dataset=data,
        processing_class=tokenizer,
        peft_config=trl_bridge.lora(training.body),
    )


def _name(key: str) -> str:
    """TRL's log keys → ours; "" for those that depend on the clock or on how often a run was resumed."""
    known = {"loss": "loss", "grad_norm": "grad_norm", "learning_rate": "lr", "entropy": "entropy"}
    return known.get(key, "token_accuracy" if key == "mean_token_accuracy" else "")


def _shown(log: Mapping[str, float]) -> str:
    return f"loss {float(log['loss']):.4f}" if "loss" in log else ""


def _metrics(log: list[dict[str, float]]) -> dict[str, float | int]:
    names = ("loss", "token_accuracy")
    means = {f"train.{name}": trl_bridge.tail_mean(log, name) for name in names}
    found: dict[str, float | int] = {name: value for name, value in means.items() if value is not None}
    return found | {signal.STEPS: signal.steps_without_signal(log)}


if TYPE_CHECKING:
    from trl import SFTTrainer as SFTTrainerT
