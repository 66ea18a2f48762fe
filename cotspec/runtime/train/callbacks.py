# ruff: noqa: ARG002 - the arguments are those transformers calls with
"""Hooks into the training loop: whole-checkpoint marks, kept candidates, progress. They change no weights."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress

COMPLETE = "complete"
"""Empty file in a checkpoint that was written to its end."""
Show = Callable[[Mapping[str, float]], str]
"""A step's log → what is shown of it; "" for nothing new."""


class Candidates(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Saves the weights of the steps a gate may choose from."""

    def __init__(self, wanted: Callable[[int], bool], save: Callable[[int], None], *, needed: int) -> None:
        self._wanted, self._save, self._needed = wanted, save, needed

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Refuse before training what would only be missed after it: a step the run does not reach."""
        if self._needed > state.max_steps:
            raise TaskError(f"checkpoint `step: {self._needed}` was asked for and training has {state.max_steps} steps")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """Runs before the step's own checkpoint is written, so a resumed run has every candidate up to it."""
        if self._wanted(state.global_step):
            self._save(state.global_step)


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Marks whole checkpoints and shows progress."""

    def __init__(self, progress: Progress, show: Show) -> None:
        self._progress, self._show = progress, show

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The number of steps is known from here on."""
        self._progress.total, self._progress.first = state.max_steps, state.global_step
        self._progress.done = state.global_step

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step was logged."""
        logs: Mapping[str, float] = kwargs.get("logs") or {}
        self._progress.update(state.global_step, self._show(logs))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """A checkpoint was written to its end."""
        if state.is_world_process_zero and args.output_dir is not None:
            folder = Path(args.output_dir) / f"checkpoint-{state.global_step}"
            (folder / COMPLETE).touch()
