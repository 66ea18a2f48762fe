"""What a person may write under `train: trainer:`: settings of TRL's own trainers that are passed on as they are.

Each was read in TRL's source for what it does to *these* trainers: it works on rows that are built ahead, leaves the
result independent of how a batch is split, and survives a resume. Names, types and defaults are TRL's (a test holds
them against `trl_settings.json`); all other settings of TRL, and what to do instead, are in
`cotspec.spec.trl_names` and, for those of one trainer, with it in `cotspec.trainers`.
"""

from typing import Final, Literal, NamedTuple

from cotspec.spec.base import Decay, NotNegative, Part, Positive

#: Optimizers that need nothing but torch and transformers, then those of bitsandbytes (NVIDIA GPUs).
Optimizer = Literal[
    "adamw_torch_fused",
    "adamw_torch",
    "adafactor",
    "sgd",
    "adagrad",
    "rmsprop",
    "adamw_8bit",
    "paged_adamw_8bit",
    "paged_adamw_32bit",
    "lion_8bit",
    "lion_32bit",
]
BITSANDBYTES: Final = ("adamw_8bit", "paged_adamw_8bit", "paged_adamw_32bit", "lion_8bit", "lion_32bit")


class Other(NamedTuple):
    """A setting of TRL that is not passed on."""

    kind: Literal["ours", "launch", "fixed"]
    advice: str
    ours: str = ""
    """Our name under `train`, dotted."""


def left_out(why: str) -> Other:
    """A setting that this trainer has no use for."""
    return Other("fixed", f"leave it out: {why}")


class PassedOn(Part):
    """Base of the settings of TRL's trainers that are passed on: those that all of them have."""

    optim: Optimizer = "adamw_torch_fused"
    """The optimizer; those with `8bit`, `paged` or `lion` need bitsandbytes and an NVIDIA GPU."""
    adam_beta1: Decay = 0.9
    """Decay of the running mean of the gradients (the Adam and Lion optimizers)."""
    adam_beta2: Decay = 0.999
    """Decay of the running mean of their squares (the Adam and Lion optimizers)."""
    adam_epsilon: Positive = 1e-8
    """Added to the denominator (the Adam optimizers)."""


class RoutedOn(PassedOn):
    """Base of those of a trainer whose loss can hold that of a router, too."""

    router_aux_loss_coef: NotNegative | None = None
    """Weight of the load-balancing loss of a mixture-of-experts model; default: the model's own."""
