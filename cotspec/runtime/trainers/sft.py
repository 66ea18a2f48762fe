"""SFT with TRL's SFTTrainer.

Token ids and labels are built here from the rows' character spans, and the rows are trained in the order they stand in.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotspec.cot import signal
from cotspec.cot.records import SftRow, TaughtRow
from cotspec.runtime import models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task
from cotspec.runtime.train import trl_bridge
from cotspec.runtime.train.run import Log, Prepared
from cotspec.runtime.train.score import IGNORE, Example
from cotspec.runtime.train.token_means import TokenMeans
from cotspec.runtime.train.trl_bridge import Training
from cotspec.spec.payload import SftBody

if TYPE_CHECKING:
    from trl import SFTTrainer as SFTTrainerT

_NAMES = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "lr",
    "entropy": "entropy",
    "mean_token_accuracy": "token_accuracy",
}


class _Sft:
    row = SftRow

    def prepare(
        self,
        rows: Sequence[SftRow],
        encoder: Encoder,
        body: SftBody,  # noqa: ARG002
        *,
        max_length: int,
        task: Task,  # noqa: ARG002
    ) -> Prepared:
        """A row that is too long or supervises nothing is refused."""
        return prepare(rows, encoder, max_length=max_length)

    def trainer(self, training: Training, encoder: Encoder, data: Sequence[Example]) -> SFTTrainerT:
        return _trainer(training, encoder, data)

    def name(self, key: str) -> str:
        return _NAMES.get(key, "")

    def shown(self, log: Mapping[str, float]) -> str:
        return f"loss {float(log['loss']):.4f}" if "loss" in log else ""

    def metrics(self, log: Log, body: SftBody) -> dict[str, float | int]:  # noqa: ARG002
        return trl_bridge.tail_means(log, ("loss", "token_accuracy")) | signal.counted(log)

    def no_signal(self, streak: signal.Streak, body: SftBody) -> str:  # noqa: ARG002
        return (
            "the gradient was exactly 0: no token that carries loss reaches weights that are trained (see `loss`, "
            "`lora`), or the numbers are too small for `precision`"
        )


def prepare(rows: Sequence[SftRow], encoder: Encoder, *, max_length: int) -> Prepared:
    """Rows in tokens, in order. A row that is too long or supervises nothing is refused and counted, never cut.

    Raises TaskError when none is left.
    """
    examples: list[Example] = []
    too_long = unsupervised = 0
    for row in rows:
        example = tokenise(row, encoder)
        if len(example.input_ids) > max_length:
            too_long += 1
        elif all(label == IGNORE for label in example.labels):
            unsupervised += 1
        else:
            examples.append(example)
    told = f"{too_long} longer than max_length {max_length}, {unsupervised} with no token of loss"
    if not examples:
        raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
    if len(examples) < len(rows):
        say(f"{len(rows) - len(examples)} of {len(rows)} rows are not trained on: {told}")
    counts = {"rows_used": len(examples), "rows_too_long": too_long, "rows_nothing_supervised": unsupervised}
    return Prepared(data=examples, texts=examples, counts=counts)


def tokenise(row: SftRow | TaughtRow, encoder: Encoder) -> Example:
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


def _trainer(training: Training, encoder: Encoder, examples: Sequence[Example]) -> SFTTrainerT:
    from datasets import Dataset
    from trl import SFTConfig, SFTTrainer

    class Trainer(TokenMeans, SFTTrainer):  # type: ignore[misc]  # TRL is untyped
        @staticmethod
        def tokens(inputs: Any) -> Any:
            return (inputs["labels"][:, 1:] != IGNORE).sum()

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
        processing_class=encoder.tokenizer,
        peft_config=trl_bridge.lora(training.body),
    )


ALGORITHM = _Sft()
