"""Odds-ratio preference optimisation (Hong et al. 2024, eq. 3 to 7): loss of a batch of pairs, a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from torch import Tensor

from cotspec.spec.payload import OrpoBody
from reference.dpo import Pair, pair
from reference.optimizer import AdamW, Step
from reference.policy import Policy, chosen, entropy


def run(policy: Policy, tokenizer: Any, rows: Sequence[Mapping[str, Any]], body: OrpoBody) -> list[Step]:
    """Train in the order of the rows; pairs with an answer that is too long, or that fill no batch, are not there."""
    pairs = [pair(row, tokenizer) for row in rows]
    pairs = [p for p in pairs if len(p.prompt) + max(len(p.chosen), len(p.rejected)) <= body.max_length]
    size = body.global_batch
    batches = [pairs[start : start + size] for start in range(0, len(pairs) // size * size, size)]
    optimizer = AdamW(policy.trained, body.optim, total=len(batches))
    return [optimizer.step(*_backward(policy, batch, body)) for batch in batches]


def _backward(policy: Policy, batch: Sequence[Pair], body: OrpoBody) -> tuple[float, dict[str, float]]:
    """The mean over the pairs of a batch, whatever their lengths; the gradient is left in the weights."""
    tokens = sum(len(p.chosen) + len(p.rejected) for p in batch)
    total, means = 0.0, dict.fromkeys(("entropy", "pair_accuracy", "margin", "chosen_reward", "rejected_reward"), 0.0)
    for p in batch:
        likely = []
        for answer in (p.chosen, p.rejected):
            after = policy.after(p.prompt, answer)
            likely.append(chosen(after, answer).double().mean().exp())  # the geometric mean over its tokens
            means["entropy"] += float(entropy(after).sum()) / tokens
        better, worse = likely
        ratio = _odds(better) / _odds(worse)
        loss = (-better.log() - body.beta * torch.sigmoid(ratio.log()).log()) / len(batch)
        loss.backward()
        total += float(loss.detach())
        logs = [body.beta * float(value.detach().log()) for value in likely]
        told = {"pair_accuracy": float(logs[0] > logs[1]), "margin": logs[0] - logs[1]}
        for name, value in (told | {"chosen_reward": logs[0], "rejected_reward": logs[1]}).items():
            means[name] += value / len(batch)
    return total, means


def _odds(probability: Tensor) -> Tensor:
    return probability / (1 - probability)
