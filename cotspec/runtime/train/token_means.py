"""What the log says of a step's tokens, however its batch is split.

TRL logs the mean of the means of a batch's pieces, in which a token of a short piece counts more: 4 × 2 rows and 8 × 1
gave other numbers for the same step. Here each piece counts by its tokens.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from torch import Tensor

MEANS = ("entropy", "kl", "mean_token_accuracy")
"""TRL's names of what is a mean over tokens."""


class TokenMeans:
    """Stands before one of TRL's trainers in a class's bases."""

    tokens: Callable[[Any], Tensor]
    """The tokens of a piece that carry loss, from what the trainer gives its model."""

    def compute_loss(self, model: Any, inputs: Any, *arguments: Any, **options: Any) -> Any:
        """The trainer's own loss of a piece; its size is noted."""
        loss = super().compute_loss(model, inputs, *arguments, **options)  # type: ignore[misc]  # the trainer's
        everywhere = self.accelerator.reduce(type(self).tokens(inputs), reduction="sum")  # type: ignore[attr-defined]
        self.__dict__.setdefault("_pieces", []).append(int(everywhere))
        return loss

    def log(self, logs: dict[str, float], *arguments: Any) -> None:
        """Called once a step. What is in TRL's lists by now is one number for each piece."""
        pieces: list[int] = self.__dict__.pop("_pieces", [])
        noted: dict[str, list[float]] = self._metrics["train"]  # type: ignore[attr-defined]
        for name in MEANS:
            if noted.get(name):
                noted[name] = [mean(noted[name], pieces)]
        super().log(logs, *arguments)  # type: ignore[misc]  # the trainer's


def mean(values: Sequence[float], weights: Sequence[int]) -> float:
    """The weighted mean; 0 where nothing has weight."""
    return sum(v * w for v, w in zip(values, weights, strict=True)) / max(1, sum(weights))
