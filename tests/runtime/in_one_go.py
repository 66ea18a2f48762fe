"""Run several tasks in the same processes, one after the other: what they import is imported once.

    torchrun … in_one_go.py FOLDER…

A folder with a file `stop` is stopped, as by Ctrl-C, when the step of that number has its checkpoint, and run again.
There all processes but the first are late with their part of a checkpoint.
"""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path
from typing import Any

import torch
from transformers import Trainer, TrainerCallback

from cotspec.runtime.__main__ import main
from cotspec.runtime.interrupts import INTERRUPTED


class Stop(TrainerCallback):
    """Ctrl-C in all processes, between two steps."""

    step = 0

    def on_step_begin(self, args: Any, state: Any, control: Any, **kwargs: Any) -> None:
        if self.step and state.global_step == self.step:
            raise KeyboardInterrupt


def watched(stop: Stop) -> None:
    """Give every trainer the callback."""
    train = Trainer.train

    def trained(self: Any, *arguments: Any, **options: Any) -> Any:
        self.add_callback(stop)
        return train(self, *arguments, **options)

    Trainer.train = trained


def late(stop: Stop) -> None:
    """Let the first process be the first to end its part of a checkpoint."""
    save = Trainer._save_rng_state

    def saved(self: Any, folder: str) -> None:
        if stop.step and torch.distributed.get_rank():
            time.sleep(0.3)
        save(self, folder)

    Trainer._save_rng_state = saved


def run(folder: Path, stop: Stop) -> None:
    os.chdir(folder)
    if (folder / "stop").exists():
        stop.step = int((folder / "stop").read_text())
        if main(["payload.json", "run.json"]) != INTERRUPTED:
            sys.exit(f"{folder.name} was not stopped")
        torch.distributed.barrier()  # a rerun begins when all have ended, and so have left their part of the checkpoint
        stop.step = 0
    if code := main(["payload.json", "run.json"]):
        sys.exit(code)


if __name__ == "__main__":
    callback = Stop()
    watched(callback)
    late(callback)
    for argument in sys.argv[1:]:
        run(Path(argument), callback)
        torch.distributed.barrier()
