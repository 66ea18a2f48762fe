"""Whether a model fits what a task asks of it, found before its weights are loaded: from its configuration, its
tokenizer, and its layers without their numbers."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from cotspec.cot import fit
from cotspec.runtime import models
from cotspec.runtime.errors import TaskError

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def check_targets(origin: models.Source, targets: Sequence[str]) -> None:
    """Raises TaskError for a target of LoRA that matches no layer.

    A model of remote code is asked when it is there (`refuse_unmatched`): its code need not be able to do without
    weights.
    """
    if targets and not origin.trust_remote_code:
        config = models.load_config(origin)
        refuse_unmatched(targets, layers(config, trust_remote_code=False))


def refuse_unmatched(targets: Sequence[str], names: Collection[str]) -> None:
    """Raises TaskError for a target that is none of the layers `names`."""
    told = [f"no layer of the model is `{word}`, {fit.likely(word, names)}" for word in fit.unmatched(targets, names)]
    if told:
        raise TaskError(f"`lora.targets` does not fit the model: {'; '.join(told)}")


def layers(config: PretrainedConfig, *, trust_remote_code: bool) -> tuple[str, ...]:
    """The layers that an adapter can sit on, by their whole names: linear ones and embeddings, but for the output."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    kinds, last = (torch.nn.Linear, torch.nn.Embedding, Conv1D), model.get_output_embeddings()
    return tuple(name for name, module in model.named_modules() if isinstance(module, kinds) and module is not last)
