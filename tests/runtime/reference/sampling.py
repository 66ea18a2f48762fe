"""Which tokens sampling could have drawn."""

from __future__ import annotations

from collections.abc import Sequence

import torch

from cotspec.spec.payload import Sampling
from reference.policy import Policy


def possible(policy: Policy, prompt: Sequence[int], completion: Sequence[int], sampling: Sampling) -> bool:
    """Whether each token is among the `top_k` likeliest, and in the nucleus: those above it have less than `top_p`."""
    with torch.no_grad():
        logits = policy.logits([*prompt, *completion])[len(prompt) - 1 : -1]
    for scores, token in zip(logits / sampling.temperature, completion, strict=True):
        above = scores > scores[token]
        if sampling.top_k:
            if int(above.sum()) >= sampling.top_k:
                return False
            scores = scores.masked_fill(scores < scores.topk(sampling.top_k).values[-1], -torch.inf)
        if float(scores.softmax(-1)[above].sum()) >= sampling.top_p:
            return False
    return True


def greedy(policy: Policy, prompt: Sequence[int], *, end: int, longest: int) -> list[int]:
    """The likeliest token again and again; `end` closes the completion and is part of it."""
    made: list[int] = []
    while len(made) < longest and end not in made:
        with torch.no_grad():
            made.append(int(policy.logits([*prompt, *made])[-1].argmax()))
    return made
