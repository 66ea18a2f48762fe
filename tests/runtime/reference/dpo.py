"""Direct preference optimisation (Rafailov et al. 2023, eq. 7) and its kin: loss of a batch of pairs, a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import logsigmoid

from cotspec.spec.payload import DpoBody
from reference.optimizer import AdamW, Step
from reference.policy import Policy, chosen, entropy


class Pair(NamedTuple):
    """A row in tokens."""

    prompt: list[int]
    chosen: list[int]
    rejected: list[int]


def pair(row: Mapping[str, Any], tokenizer: Any) -> Pair:
    """Prompt and answers are tokenised apart; the end-of-sequence token closes each answer."""
    end = tokenizer.eos_token_id
    answers = [[*tokenizer(row[name], add_special_tokens=False)["input_ids"], end] for name in ("chosen", "rejected")]
    return Pair(tokenizer(row["prompt"])["input_ids"], *answers)


def run(policy: Policy, first: Policy, tokenizer: Any, rows: Sequence[Mapping[str, Any]], body: DpoBody) -> list[Step]:
    """Train in the order of the rows; pairs with an answer that is too long, or that fill no batch, are not there."""
    pairs = [pair(row, tokenizer) for row in rows]
    pairs = [p for p in pairs if len(p.prompt) + max(len(p.chosen), len(p.rejected)) <= body.max_length]
    size = body.global_batch
    batches = [pairs[start : start + size] for start in range(0, len(pairs) // size * size, size)]
    optimizer = AdamW(policy.trained, body.optim, total=len(batches))
    return [optimizer.step(*_backward(policy, first, batch, body)) for batch in batches]


def _backward(policy: Policy, first: Policy, batch: Sequence[Pair], body: DpoBody) -> tuple[float, dict[str, float]]:
    """Loss of a batch, the mean over its pairs, and what the log says of it; the gradient is left in the weights."""
    tokens = sum(len(p.chosen) + len(p.rejected) for p in batch)
    names = ("entropy", "pair_accuracy", "margin", "chosen_reward", "rejected_reward")
    total, means = 0.0, dict.fromkeys(names, 0.0)
    for p in batch:
        gains = []
        for answer in (p.chosen, p.rejected):
            after = policy.after(p.prompt, answer)
            with torch.no_grad():
                before = chosen(first.after(p.prompt, answer), answer).sum()
            gains.append(chosen(after, answer).sum() - before)
            means["entropy"] += float(entropy(after).sum()) / tokens
        loss = _loss(*gains, len(p.chosen), len(p.rejected), body) / len(batch)
        loss.backward()
        total += float(loss.detach())
        better, worse = (body.beta * float(gain.detach()) for gain in gains)
        told = {"pair_accuracy": float(better > worse), "margin": better - worse}
        for name, value in (told | {"chosen_reward": better, "rejected_reward": worse}).items():
            means[name] += value / len(batch)
    return total, means


def _loss(better: Tensor, worse: Tensor, long: int, other: int, body: DpoBody) -> Tensor:
    """Of one pair: `better` and `worse` are how much more likely its answers have become, as log ratios."""
    beta, smooth = body.beta, float(body.trainer.get("label_smoothing", 0.0))
    match body.loss:
        case "sigmoid":
            return -logsigmoid(beta * (better - worse))
        case "robust":
            right, flipped = (-logsigmoid(side * beta * (better - worse)) for side in (1, -1))
            return ((1 - smooth) * right - smooth * flipped) / (1 - 2 * smooth)
        case "ipo":
            return (better / long - worse / other - 1 / (2 * beta)) ** 2
        case "hinge":
            return torch.relu(1 - beta * (better - worse))
        case "sigmoid_norm":
            return -logsigmoid(beta * (better / long - worse / other))
        case "apo_zero":
            return 1 - torch.sigmoid(beta * better) + torch.sigmoid(beta * worse)
        case "apo_down":
            return torch.sigmoid(beta * better) + 1 - torch.sigmoid(beta * (better - worse))
