"""A model as the losses see it: log-probabilities of the tokens of one row, differentiable in its trained weights."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import torch
import transformers
from torch import Tensor
from torch.func import functional_call

from cotspec.spec.payload import Lora


class Policy:
    """A model of which all weights are trained, or adapters of some layers (W + alpha / r · B A)."""

    def __init__(
        self, folder: Path, lora: Lora, adapters: Mapping[str, Tensor] | None = None, *, vocabulary: int = -1
    ) -> None:
        self._model = transformers.AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32).eval()
        self._vocabulary = vocabulary
        """Vectors after these are of no token."""
        self._scale = lora.alpha / lora.r if lora.r else 0.0
        whole = dict(self._model.named_parameters())
        if adapters is None:
            self.trained: dict[str, Tensor] = whole
        else:
            self.trained = {name: value.clone().requires_grad_() for name, value in adapters.items()}
        self._frozen = whole if adapters is not None else {}

    def weights(self) -> dict[str, Tensor]:
        """The whole weights under the model's own names, adapters merged."""
        if not self._frozen:
            return self.trained
        found = {}
        for name, weight in self._frozen.items():
            stem = name.removesuffix(".weight")
            below, above = (self.trained.get(f"{stem}.lora_{side}.weight") for side in "AB")
            found[name] = weight.detach() if below is None else weight.detach() + self._scale * (above @ below)
        return found

    def logits(self, ids: Sequence[int]) -> Tensor:
        """(positions, vocabulary): what follows each token of one row."""
        out = functional_call(self._model, self.weights(), kwargs={"input_ids": torch.tensor([list(ids)])})
        return out.logits[0] if self._vocabulary < 0 else out.logits[0, :, : self._vocabulary]

    def after(self, prompt: Sequence[int], completion: Sequence[int], *, temperature: float = 1.0) -> Tensor:
        """(tokens, vocabulary): log-probabilities of what could stand at each place of the completion."""
        return (self.logits([*prompt, *completion])[len(prompt) - 1 : -1] / temperature).log_softmax(-1)


def chosen(after: Tensor, completion: Sequence[int]) -> Tensor:
    """log p of each token of the completion, given all before it."""
    return after.gather(1, torch.tensor(list(completion)).unsqueeze(1)).squeeze(1)


def entropy(after: Tensor) -> Tensor:
    """Of each place, in nats."""
    return -(after.exp() * after).sum(-1).detach()
