"""One optimizer step: learning rate, clipping by norm, AdamW."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

import torch
from torch import Tensor, zeros_like

from cotspec.spec.payload import Optim

BETA1, BETA2, EPSILON = 0.9, 0.999, 1e-8


def rate(step: int, total: int, optim: Optim) -> float:
    """Learning rate of a step, counted from 0: warm-up from zero to the peak, then the schedule."""
    warm = optim.warmup_steps or math.ceil(optim.warmup_ratio * total)
    if step < warm:
        return optim.lr * step / warm
    gone = (step - warm) / max(1, total - warm)
    shape = {"constant": 1.0, "linear": 1.0 - gone, "cosine": (1.0 + math.cos(math.pi * gone)) / 2}
    return optim.lr * shape[optim.schedule]


@dataclass(frozen=True)
class Step:
    """What a step leaves in the log."""

    loss: float
    grad_norm: float
    lr: float
    means: Mapping[str, float]
    """Further means over the tokens that carry loss."""


@dataclass
class AdamW:
    """Trains `weights` in place. Decay is decoupled and falls on matrices, not on the vectors of norms and biases."""

    weights: Mapping[str, Tensor]
    optim: Optim
    total: int
    """Optimizer steps of the run."""
    before: int = 0
    """Steps that the moments have seen in an earlier run; the schedule has not."""
    done: int = 0
    first: dict[str, Tensor] = field(default_factory=dict)
    second: dict[str, Tensor] = field(default_factory=dict)

    def step(self, loss: float, means: Mapping[str, float]) -> Step:
        """Use and clear the gradients that lie in the weights. A batch without any loss is a step of gradient 0, in
        which decay and what is left of earlier gradients move the weights."""
        lr = rate(self.done, self.total, self.optim)
        gradients = {name: zeros_like(w) if w.grad is None else w.grad for name, w in self.weights.items()}
        norm = math.sqrt(sum(float((g.double() ** 2).sum()) for g in gradients.values()))
        scale = min(1.0, self.optim.max_grad_norm / norm) if norm else 1.0
        self.done += 1
        with torch.no_grad():
            for name, gradient in gradients.items():
                self._move(name, gradient * scale, lr)
                self.weights[name].grad = None
        return Step(loss=loss, grad_norm=norm, lr=lr, means=means)

    def _move(self, name: str, gradient: Tensor, lr: float) -> None:
        weight, none = self.weights[name], zeros_like(gradient)
        first = self.first[name] = BETA1 * self.first.get(name, none) + (1 - BETA1) * gradient
        second = self.second[name] = BETA2 * self.second.get(name, none) + (1 - BETA2) * gradient**2
        seen = self.before + self.done
        mean, square = first / (1 - BETA1**seen), second / (1 - BETA2**seen)
        if weight.dim() > 1:
            weight -= lr * self.optim.weight_decay * weight
        weight -= lr * mean / (square.sqrt() + EPSILON)
