# ruff: noqa: ARG002 - the arguments are those transformers calls with
"""Hooks into the training loop: whole-checkpoint marks, kept candidates, progress. They change no weights."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from accelerate import PartialState
from transformers import TrainerCallback, TrainerControl, TrainerState, TrainingArguments

from cotspec.cot import signal
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress
from cotspec.runtime.train import checkpoint

Show = Callable[[Mapping[str, float]], str]
"""A step's log → what is shown of it; "" for nothing new."""
Names = Callable[[str], str]
"""The trainer's log keys → ours; "" for what is left out."""


def named(logs: Mapping[str, object], names: Names) -> dict[str, float]:
    """A step's log in our words, finite numbers only."""
    known = ((names(key), value) for key, value in logs.items())
    return {ours: value for ours, value in known if ours and isinstance(value, int | float) and math.isfinite(value)}


class Begin(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Does something when the optimizer is there and no step is made."""

    def __init__(self, do: Callable[[], None]) -> None:
        self._do = do

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """Called once a run."""
        self._do()


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


class Signal(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Ends a run that teaches nothing: after `limit` steps in a row without signal (0: never), or at its end when none
    of its steps had any. Logs are the same in all processes, so all of them stop at the same step."""

    def __init__(self, limit: int, names: Names, why: Callable[[signal.Streak], str]) -> None:
        self._limit, self._names, self._why = limit, names, why
        self._streak = signal.Streak()

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The steps before a checkpoint count: its log is read again."""
        self._streak = signal.Streak(named(entry, self._names) for entry in state.log_history)

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step was logged."""
        idle = self._streak.add(named(kwargs.get("logs") or {}, self._names))
        steps = len(self._streak)
        if idle and self._limit and (steps >= self._limit or steps == state.max_steps):
            which = "no step so far" if steps == state.global_step else f"none of the last {steps} steps"
            raise TaskError(
                f"training stopped at step {state.global_step} of {state.max_steps}: {which} had a learning signal: "
                f"{self._why(self._streak)}. {self._advice(steps)}"
            )

    def _advice(self, steps: int) -> str:
        if steps < self._limit:
            return "`stop_without_signal: never` would keep a run of which no step teaches anything"
        return (
            f"`stop_without_signal` {self._limit} says how many such steps are too many; raised, a rerun goes on from "
            "the last checkpoint"
        )

    def beside(self, shown: str) -> str:
        """What is shown of a step, with how long there has been no signal."""
        steps = len(self._streak)
        return f"{shown}, no signal for {steps} steps" if shown and steps > 1 else shown


class Finite(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Ends a run at the first loss or gradient that is no number, before the step's checkpoint is written."""

    def __init__(self, precision: str) -> None:
        # Under fp16 the scaler finds its factor by gradients that overflow; those steps change no weights.
        self._looked_at = ("loss",) if precision == "fp16" else ("loss", "grad_norm")

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step was logged."""
        logs: Mapping[str, object] = kwargs.get("logs") or {}
        for name in self._looked_at:
            value = logs.get(name)
            if isinstance(value, int | float) and not math.isfinite(value):
                raise TaskError(
                    f"training stopped at step {state.global_step} of {state.max_steps}: {name} is {value}. The run "
                    "diverged or outgrew its number format: lower `lr` or `max_grad_norm`, lengthen the warm-up, or "
                    "set `precision: fp32`"
                )


class Watch(TrainerCallback):  # type: ignore[misc]  # transformers is untyped
    """Marks whole checkpoints and shows progress."""

    def __init__(self, progress: Progress, show: Show) -> None:
        self._progress, self._show, self._part = progress, show, 0

    def on_train_begin(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """The number of steps is known from here on."""
        self._progress.begin(state.max_steps, state.global_step, f"at step {state.global_step + 1}")

    def on_substep_end(
        self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any
    ) -> None:
        """A part of a step's batch is done: where batches are split into many, a step takes long."""
        self._part += 1
        of = f"{self._part} of {args.gradient_accumulation_steps} parts of its batch"
        self._progress.within(f"at step {state.global_step + 1}, {of}")

    def on_step_end(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """The next step begins with its first part."""
        self._part = 0

    def on_log(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """One step was logged."""
        logs: Mapping[str, float] = kwargs.get("logs") or {}
        self._progress.update(state.global_step, self._show(logs))

    def on_save(self, args: TrainingArguments, state: TrainerState, control: TrainerControl, **kwargs: Any) -> None:
        """This process has written its part of a checkpoint: it is marked once all have, since a file that comes after
        the mark makes the checkpoint look damaged."""
        PartialState().wait_for_everyone()
        if state.is_world_process_zero and args.output_dir is not None:
            checkpoint.mark(Path(args.output_dir) / f"checkpoint-{state.global_step}")
