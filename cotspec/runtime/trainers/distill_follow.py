"""Distillation from a teacher that follows the student: after each optimizer step its weights become
(1 - rate) · teacher + rate · student, an exponential moving average that begins at the student's first weights.

The average is held in 32 bits, where small steps are not lost, and is part of each checkpoint: a resumed run has the
teacher that one without a stop has.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from transformers import TrainerCallback

from cotspec.runtime.errors import TaskError
from cotspec.runtime.trainers import distill_trainer

FILE: Final = "teacher.safetensors"
"""In a checkpoint."""
_OVERRIDDEN: Final = ("_save_checkpoint", "_load_from_checkpoint")


class Trainer(distill_trainer.Trainer):
    """Its teacher is a copy of the weights that it starts from."""

    def __init__(self, *, rate: float, **settings: Any) -> None:
        if missing := [name for name in _OVERRIDDEN if not callable(getattr(distill_trainer.Trainer, name, None))]:
            raise TaskError(f"this version of transformers has no {missing[0]}: install the one of our constraints")
        super().__init__(**settings)
        self._rate = rate
        self.add_callback(_AfterStep(self))

    def follow(self) -> None:
        """One optimizer step was made."""
        own, rate = dict(self.accelerator.unwrap_model(self.model).named_parameters()), self._rate
        with torch.no_grad():
            for name, mean in self._means():
                mean.lerp_(own[name].detach().to(mean), rate)

    def _means(self) -> Iterator[tuple[str, Tensor]]:
        return iter(self.accelerator.unwrap_model(self.teacher_model).named_parameters())

    def _save_checkpoint(self, model: Any, trial: Any) -> None:
        super()._save_checkpoint(model, trial)
        if self.args.should_save:
            folder = Path(self._get_output_dir(trial=trial)) / f"checkpoint-{self.state.global_step}"
            save_file({name: mean.detach().contiguous() for name, mean in self._means()}, folder / FILE)

    def _load_from_checkpoint(self, resume_from_checkpoint: str, model: Any = None) -> None:
        super()._load_from_checkpoint(resume_from_checkpoint, model)
        kept = load_file(Path(resume_from_checkpoint) / FILE)
        with torch.no_grad():
            for name, mean in self._means():
                mean.copy_(kept[name])


class _AfterStep(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    def __init__(self, trainer: Trainer) -> None:
        self._trainer = trainer

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Runs before the step's checkpoint is written."""
        self._trainer.follow()
