"""SFT: supervised fine-tuning on the target trace."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from cotspec.spec.base import Count, Decay, Positive
from cotspec.spec.payload_parts import TrainBody
from cotspec.spec.trainer import RoutedOn
from cotspec.spec.training import Train
from cotspec.trainers.trainer import SUPERVISED, Devices, Remark, Trainer, changed


class SftTrainer(RoutedOn):
    """Settings of TRL's `SFTConfig` that are passed on as they are; one that equals its default changes nothing."""

    loss_type: Literal["nll", "dft"] = "nll"
    """`nll` is the mean negative log-likelihood; `dft` weights each token by its own probability
    (Wu et al. 2025, arXiv 2508.05629)."""
    label_smoothing_factor: Decay = 0.0
    """Share of the probability that is spread over all tokens (`loss_type: nll` only)."""
    neftune_noise_alpha: Positive | None = None
    """Strength of the noise on the embeddings (Jain et al. 2023, arXiv 2310.05914); default: none."""


class Sft(Train):
    """Supervised fine-tuning on the target trace."""

    by: Literal["sft"]
    """The trainer."""
    global_batch: Count = 32
    """Rows per optimizer step, over all processes."""
    trainer: SftTrainer | None = None
    """Further settings of TRL's trainer, passed on as they are."""


class SftBody(TrainBody):
    """inputs: rows, model, gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("sft",)
    kind: Literal["sft"] = "sft"


class _Sft(Trainer):
    name = "sft"
    settings = Sft
    passed = SftTrainer
    body = SftBody
    config = "SFTConfig"
    trl: Mapping[str, str] = MappingProxyType({})
    rows = "sft"
    metrics = ("loss",)
    rates = SUPERVISED
    reads = frozenset({"loss"})

    def remarks(self, train: Sft, devices: Devices) -> Iterator[Remark]:  # noqa: ARG002
        """`dft` has no smoothing."""
        given, name = train.trainer, "label_smoothing_factor"
        if given is not None and given.loss_type == "dft" and changed(given, name):
            message = f"`{name}` has no effect on `loss_type: dft`"
            yield Remark("trainer-effect", ("trainer", name), message, "leave it out", idle=True)


SFT = _Sft()
