"""ORPO: a better answer is learnt, and made more likely than a worse one, without a reference."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from cotspec.spec.base import Count, Positive
from cotspec.spec.payload_parts import TrainBody
from cotspec.spec.trainer import Other, PassedOn, left_out
from cotspec.spec.training import Train
from cotspec.trainers.dpo import DPO, DpoTrainer
from cotspec.trainers.trainer import SUPERVISED, Batch, Devices, Effort, Remark, Trainer, without_dropout


class OrpoTrainer(PassedOn):
    """Settings of TRL's `DPOConfig` that are passed on as they are; one that equals its default changes nothing."""

    disable_dropout: bool = True
    """Train without dropout, that of `lora` too."""


class Orpo(Train):
    """Odds-ratio preference optimisation (Hong et al. 2024, arXiv 2403.07691): of each pair the mean negative
    log-likelihood of a token of the better answer, and `beta` times how far the odds of the two are from what they
    should be."""

    by: Literal["orpo"]
    """The trainer."""
    global_batch: Count = 16
    """Pairs per optimizer step, over all processes."""
    beta: Positive = 0.1
    """λ: weight of the odds ratio."""
    trainer: OrpoTrainer | None = None
    """Further settings of TRL's trainer, passed on as they are."""


class OrpoBody(TrainBody):
    """inputs: rows, model, gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("orpo",)
    kind: Literal["orpo"] = "orpo"
    beta: float


class _Orpo(Trainer):
    name = "orpo"
    settings = Orpo
    passed = OrpoTrainer
    body = OrpoBody
    config = "DPOConfig"
    trl: Mapping[str, str] = MappingProxyType({"beta": "beta"})
    refused: Mapping[str, Other] = MappingProxyType(
        dict(DPO.refused)
        | {name: left_out("only dpo reads it") for name in ("loss_type", *DpoTrainer.model_fields)}
        | {"router_aux_loss_coef": left_out("the loss is that of the pairs alone")}
    )
    rows = "dpo"
    metrics = ("loss", "pair_accuracy", "margin")
    rates = SUPERVISED

    def batch(self, train: Orpo | OrpoBody) -> Batch:
        """Whole batches only: a pair of a batch that is not full would weigh more."""
        return Batch(rows=train.global_batch, unit="pairs", whole=True)

    def effort(self, body: OrpoBody, *, vllm: bool) -> Effort:  # noqa: ARG002
        """Both answers."""
        return Effort(sequences=2)

    def remarks(self, train: Orpo, devices: Devices) -> Iterator[Remark]:  # noqa: ARG002
        """Dropout is off."""
        yield from without_dropout(train, self.name, off=train.trainer is None or train.trainer.disable_dropout)


ORPO = _Orpo()
