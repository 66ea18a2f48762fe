"""Distillation on a teacher's probabilities: divergences of two distributions, their mean over a step, a whole run."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import torch
from torch import Tensor

from cotspec.spec.payload import DistillBody
from reference.optimizer import AdamW, Step
from reference.policy import Policy, entropy


class Text(NamedTuple):
    """A text in tokens: what the student and what the teacher have read before it, and which tokens carry loss."""

    prompt: list[int]
    context: list[int]
    completion: list[int]
    carries: list[bool]


def run(policy: Policy, teacher: Policy, steps: Sequence[Sequence[Text]], body: DistillBody) -> list[Step]:
    """Train on the texts of one step after the other."""
    optimizer = AdamW(policy.trained, body.optim, total=len(steps))
    found = []
    for texts in steps:
        found.append(optimizer.step(*_backward(policy, teacher, texts, body)))
        for name, mean in teacher.weights().items() if body.follow else ():
            mean.data = (1 - body.follow) * mean.data + body.follow * policy.weights()[name].data
    return found


def _backward(
    policy: Policy, teacher: Policy, texts: Sequence[Text], body: DistillBody
) -> tuple[float, dict[str, float]]:
    """The mean over the tokens of all texts that carry loss, whichever text they are in; the gradient is left in the
    weights."""
    count = sum(sum(text.carries) for text in texts)
    total, means = 0.0, {"entropy": 0.0, "tokens": sum(len(text.completion) for text in texts) / len(texts)}
    for text in texts:
        temperature = body.sampling.temperature
        own = policy.after(text.prompt, text.completion, temperature=temperature)
        with torch.no_grad():
            other = teacher.after(text.context, text.completion, temperature=temperature)
        carries = torch.tensor(text.carries)
        loss = torch.stack([divergence(s, t, body) for s, t in zip(own[carries], other[carries], strict=True)]).sum()
        (loss / count).backward()
        total += float(loss.detach()) / count
        means["entropy"] += float(entropy(own)[carries].sum()) / count
    return total, means


def divergence(own: Tensor, other: Tensor, body: DistillBody) -> Tensor:
    """Of one place, from the log-probabilities of all tokens."""
    student, teacher = own.double().exp(), other.double().exp()
    if body.top_k:
        ranked = teacher if body.precompute else student.detach()
        likeliest = sorted(range(len(student)), key=lambda token: -float(ranked[token]))[: body.top_k]
        student, teacher = student[likeliest], teacher[likeliest]
    if body.renormalise:
        student, teacher = student / student.sum(), teacher / teacher.sum()
    match body.divergence:
        case "forward":
            return _kl(teacher, student)
        case "reverse":
            return _kl(student, teacher)
        case beta:
            mixture = float(beta) * teacher + (1 - float(beta)) * student
            return float(beta) * _kl(teacher, mixture) + (1 - float(beta)) * _kl(student, mixture)


def _kl(left: Tensor, right: Tensor) -> Tensor:
    return (left * (left / right).log()).sum()
