"""The algorithms of training, one file each. Nothing else in the package lists them or asks which one it has."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cotspec.spec.payload_parts import TrainBody
from cotspec.spec.training import Train
from cotspec.trainers.distill import DISTILL
from cotspec.trainers.dpo import DPO
from cotspec.trainers.grpo import GRPO
from cotspec.trainers.orpo import ORPO
from cotspec.trainers.sft import SFT
from cotspec.trainers.trainer import Trainer

TRAINERS: Final[Mapping[str, Trainer]] = MappingProxyType({each.name: each for each in (SFT, GRPO, DPO, ORPO, DISTILL)})
"""By `train.by`, which is the kind of the task too."""


def trainer_of(what: Train | TrainBody) -> Trainer:
    """The algorithm of a stage's settings, or of a training task."""
    return TRAINERS[what.by if isinstance(what, Train) else what.kind]
