"""AdamW's state beside the weights a stage leaves, and a stage that begins with it (decision 41).

Kept by the names of the parameters, as numbers alone: moments and the count of steps. What a stage sets itself
(learning rate, weight decay, betas) is not in it. The file of a stranger's result runs no code.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cotspec.runtime.errors import TaskError
from cotspec.spec.artifact_names import OPTIMIZER

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import Trainer

FILE: Final = OPTIMIZER
PARTS: Final = ("exp_avg", "exp_avg_sq", "step")
"""What AdamW knows of a parameter, by torch's names."""


def save(trainer: Trainer, folder: Path) -> None:
    """Write the state that the trainer's optimizer has now."""
    from safetensors.torch import save_file

    names = {parameter: name for name, parameter in trainer.model.named_parameters()}
    state = trainer.optimizer.state
    tensors = {
        f"{names[of]}/{part}": own[part].detach().cpu().contiguous() for of, own in state.items() for part in PARTS
    }
    save_file(tensors, folder / FILE)


def load(trainer: Trainer, folder: Path) -> None:
    """Give the trainer's new optimizer the state that lies beside the weights in `folder`. Raises TaskError when there
    is none, or another model's."""
    known = _read(folder / FILE)
    optimizer = trainer.optimizer
    names = {parameter: name for name, parameter in trainer.model.named_parameters()}
    trained = [parameter for group in optimizer.param_groups for parameter in group["params"]]
    state: dict[int, dict[str, Any]] = {}
    for place, parameter in enumerate(trained):
        own = known.pop(names[parameter], None)
        if own is not None:
            if set(own) != set(PARTS) or any(own[part].shape != parameter.shape for part in PARTS[:2]):
                raise TaskError(f"{FILE} does not fit `{names[parameter]}`: it is of another model")
            state[place] = own
    if known or not state:
        raise TaskError(f"{FILE} is of another model: `{next(iter(known), 'nothing')}` is not trained here")
    # The groups are this stage's own: its learning rate, its weight decay, and the beginning of its schedule.
    optimizer.load_state_dict({"state": state, "param_groups": optimizer.state_dict()["param_groups"]})


def _read(file: Path) -> dict[str, dict[str, Tensor]]:
    """Parameter → part → tensor."""
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    if not file.is_file():
        raise TaskError(
            f"there is no {FILE} beside the weights: `optimizer: carried` starts from a stage that keeps it"
        )
    tensors: dict[str, dict[str, Tensor]] = {}
    try:
        for name, tensor in load_file(file).items():
            of, _, part = name.rpartition("/")
            tensors.setdefault(of, {})[part] = tensor
    except (SafetensorError, OSError) as error:
        raise TaskError(f"{FILE} cannot be read: {error}") from error
    return tensors
