"""DPO: direct preference optimisation on pairs of a better and a worse answer."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import ClassVar, Literal

from cotspec.spec.base import Count, Decay, Positive
from cotspec.spec.payload_parts import TrainBody
from cotspec.spec.trainer import Other, RoutedOn, left_out
from cotspec.spec.training import Train
from cotspec.trainers.trainer import REINFORCED, Batch, Devices, Effort, Remark, Trainer, changed, without_dropout


class DpoTrainer(RoutedOn):
    """Settings of TRL's `DPOConfig` that are passed on as they are; one that equals its default changes nothing."""

    label_smoothing: Decay = 0.0
    """Share of the pairs that are taken to be the wrong way round (`loss: robust` only), below 0.5."""
    ld_alpha: Decay | None = None
    """Weight of the tokens beyond the length of the shorter answer (LD-DPO, Liu et al. 2024, arXiv 2409.06411);
    default: 1."""
    use_weighting: bool = False
    """Weight each pair by its probability under the policy (WPO, Zhou et al. 2024, arXiv 2406.11827)."""
    disable_dropout: bool = True
    """Train without dropout, that of `lora` too."""


class Dpo(Train):
    """Direct preference optimisation (Rafailov et al. 2023, arXiv 2305.18290)."""

    by: Literal["dpo"]
    """The trainer."""
    global_batch: Count = 16
    """Pairs per optimizer step, over all processes."""
    beta: Positive = 0.1
    """β: how closely the policy is held to the stage's first weights."""
    loss: Literal["sigmoid", "robust", "ipo", "hinge", "sigmoid_norm", "apo_zero", "apo_down"] = "sigmoid"
    """`sigmoid` is DPO's; `robust` allows for pairs that are the wrong way round (`label_smoothing` under `trainer`;
    Chowdhury et al. 2024, arXiv 2403.00409); `ipo` (Azar et al. 2023, arXiv 2310.12036); `hinge` (SLiC, arXiv
    2305.10425); `sigmoid_norm` divides by length; `apo_zero`, `apo_down` (D'Oosterlinck et al. 2024, arXiv 2408.06266).
    TRL's others are left out: their result depends on how a batch is split, or their settings are not passed on."""
    trainer: DpoTrainer | None = None
    """Further settings of TRL's trainer, passed on as they are."""


class DpoBody(TrainBody):
    """inputs: rows, model, gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("dpo",)
    kind: Literal["dpo"] = "dpo"
    beta: float
    loss: Literal["sigmoid", "robust", "ipo", "hinge", "sigmoid_norm", "apo_zero", "apo_down"]


class _Dpo(Trainer):
    name = "dpo"
    settings = Dpo
    passed = DpoTrainer
    body = DpoBody
    config = "DPOConfig"
    trl: Mapping[str, str] = MappingProxyType({"beta": "beta", "loss": "loss_type"})
    refused: Mapping[str, Other] = MappingProxyType(
        {
            "discopop_tau": left_out("only a loss that cotspec does not have reads it"),
            "f_alpha_divergence_coef": left_out("the divergence is the reverse KL"),
            "f_divergence_type": left_out("the divergence is the reverse KL"),
            "loss_weights": left_out("there is one `loss`"),
            "precompute_ref_batch_size": left_out("the reference is asked while training"),
            "precompute_ref_log_probs": left_out("the reference is asked while training"),
            "neftune_noise_alpha": left_out("only sft has it, since the reference would be asked with the noise"),
            "label_smoothing_factor": left_out("only sft has it; here there is `label_smoothing`"),
        }
    )
    rows = "dpo"
    metrics = ("loss", "pair_accuracy", "margin")
    rates = REINFORCED

    def batch(self, train: Dpo | DpoBody) -> Batch:
        """Whole batches only: TRL gives a pair of a batch that is not full more weight."""
        return Batch(rows=train.global_batch, unit="pairs", whole=True)

    def effort(self, body: DpoBody, *, vllm: bool) -> Effort:  # noqa: ARG002
        """Both answers, by the policy and by the reference."""
        return Effort(sequences=2, scored=1, reference=True)

    def remarks(self, train: Dpo, devices: Devices) -> Iterator[Remark]:  # noqa: ARG002
        """Smoothing belongs to the robust loss, and dropout is off."""
        given, name = train.trainer, "label_smoothing"
        if given is not None and train.loss != "robust" and changed(given, name):
            message = f"`{name}` has no effect on `loss: {train.loss}`"
            yield Remark("trainer-effect", ("trainer", name), message, "leave it out", idle=True)
        yield from without_dropout(train, self.name, off=given is None or given.disable_dropout)


DPO = _Dpo()
