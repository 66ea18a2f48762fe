"""DPO with TRL's DPOTrainer, on answers that are tokenised as those of SFT are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from cotspec.cot import signal
from cotspec.cot.records import PairRow
from cotspec.runtime import models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task
from cotspec.runtime.train import trl_bridge
from cotspec.runtime.train.run import Log, Prepared, whole_batches
from cotspec.runtime.train.score import IGNORE, Example
from cotspec.runtime.train.token_means import TokenMeans
from cotspec.runtime.train.trl_bridge import Training
from cotspec.spec.payload import DpoBody, TrainBody

if TYPE_CHECKING:
    from trl import DPOConfig as DPOConfigT
    from trl import DPOTrainer as DPOTrainerT

_NAMES = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "lr",
    "entropy": "entropy",
    "rewards/accuracies": "pair_accuracy",
    "rewards/margins": "margin",
    "rewards/chosen": "chosen_reward",
    "rewards/rejected": "rejected_reward",
}
"""`pair_accuracy` is the share of pairs whose chosen answer has gained more than the other, against the reference;
`margin` how much more, times β."""


class Pair(NamedTuple):
    """A row in tokens; both answers end with the end-of-sequence token."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


class Dpo:
    row = PairRow

    def prepare(
        self,
        rows: Sequence[PairRow],
        encoder: Encoder,
        body: TrainBody,
        *,
        max_length: int,
        task: Task,  # noqa: ARG002
    ) -> Prepared:
        """Whole batches of the pairs of which neither answer is too long."""
        pairs = [_pair(row, encoder) for row in rows]
        kept = [pair for pair in pairs if len(pair.prompt) + max(map(len, pair[1:])) <= max_length]
        told = f"an answer with its prompt is longer than max_length {max_length}"
        if not kept:
            raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
        if len(kept) < len(rows):
            say(f"{len(rows) - len(kept)} of {len(rows)} rows are not trained on: {told}")
        used = whole_batches(kept, body.global_batch, "pairs")
        counts = {"rows_used": len(used), "rows_too_long": len(rows) - len(kept)}
        counts["rows_beyond_last_batch"] = len(kept) - len(used)
        texts = [_text(pair.prompt, answer) for pair in used for answer in (pair.chosen, pair.rejected)]
        return Prepared(data=used, texts=texts, counts=counts)

    def trainer(self, training: Training, encoder: Encoder, data: Sequence[Pair]) -> DPOTrainerT:
        return _trainer(training, encoder, data)

    def name(self, key: str) -> str:
        return _NAMES.get(key, "")

    def shown(self, log: Mapping[str, float]) -> str:
        names = ("loss", "pair_accuracy", "margin")
        ours = {_NAMES[key]: value for key, value in log.items() if key in _NAMES}
        return ", ".join(f"{name.replace('_', ' ')} {ours[name]:.4f}" for name in names if name in ours)

    def metrics(self, log: Log, body: TrainBody) -> dict[str, float | int]:  # noqa: ARG002
        names = ("loss", "pair_accuracy", "margin", "chosen_reward", "rejected_reward")
        return trl_bridge.tail_means(log, names) | signal.counted(log)

    def no_signal(self, streak: signal.Streak, body: TrainBody) -> str:  # noqa: ARG002
        return (
            "the gradient was exactly 0: the two answers of every pair are equal, no trained weight reaches them (see "
            "`lora`), every pair is beyond the margin of `loss: hinge`, or the numbers are too small for `precision`"
        )


def _pair(row: PairRow, encoder: Encoder) -> Pair:
    end = int(encoder.tokenizer.eos_token_id)
    chosen, rejected = (
        [*encoder.tokenizer(text, add_special_tokens=False)["input_ids"], end] for text in (row.chosen, row.rejected)
    )
    return Pair(encoder(row.prompt), chosen, rejected)


def _text(prompt: list[int], answer: list[int]) -> Example:
    """An answer with loss, after its prompt without."""
    return Example(input_ids=[*prompt, *answer], labels=[IGNORE] * len(prompt) + answer)


def tokenised(trainer: type[DPOTrainerT]) -> type[DPOTrainerT]:
    """A class of trainers that takes pairs in tokens, and logs of a step what its tokens say."""

    class Tokenised(TokenMeans, trainer):  # type: ignore[misc]  # TRL is untyped
        @staticmethod
        def tokens(inputs: Any) -> Any:
            return inputs["completion_mask"][:, 1:].sum()

        def _prepare_dataset(self, dataset: Any, *_: Any) -> Any:
            """Rows are in tokens already; TRL would look for texts."""
            return dataset

    return Tokenised


def config(training: Training, **more: Any) -> DPOConfigT:
    """Settings that all trainers on pairs share."""
    from trl import DPOConfig

    return DPOConfig(
        **trl_bridge.arguments(training) | more,
        max_length=None,  # checked in `prepare`
        train_sampling_strategy="sequential",
    )


def options(training: Training, encoder: Encoder, data: Sequence[Pair]) -> dict[str, Any]:
    """Keyword arguments that they all take."""
    from datasets import Dataset

    columns = {f"{name}_ids": [getattr(pair, name) for pair in data] for name in Pair._fields}
    return {
        "model": models.load_model(training.origin, dtype=trl_bridge.base_dtype(training.body)),
        "train_dataset": Dataset.from_dict(columns),
        "processing_class": encoder.tokenizer,
        "peft_config": trl_bridge.lora(training.body),
    }


def _trainer(training: Training, encoder: Encoder, data: Sequence[Pair]) -> DPOTrainerT:
    from trl import DPOTrainer

    body = training.task.body(DpoBody)
    # Adapters are switched off to ask the reference.
    first = None if body.lora.r else models.load_model(training.origin, dtype=trl_bridge.base_dtype(body))
    own = config(training, loss_type=[body.loss])
    return tokenised(DPOTrainer)(ref_model=first, args=own, **options(training, encoder, data))


ALGORITHM = Dpo()
