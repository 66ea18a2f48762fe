"""GRPO: advantages of rewards, the loss of a generation's completions, the steps made with it."""

from __future__ import annotations

import math
import statistics
from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from cotspec.spec.payload import GrpoBody
from reference.optimizer import AdamW, Step
from reference.policy import Policy, chosen, entropy

SMALL = 1e-4
"""Added to the standard deviation, so that rewards which are nearly equal do not become large advantages."""


@dataclass(frozen=True)
class Generated:
    """The completions of one generation, group after group: the tokens that were sampled, an end of sequence too."""

    prompts: list[list[int]]
    completions: list[list[int]]
    ended: list[bool]
    """False for a completion that was cut off at `max_new_tokens`."""
    rewards: list[float | None]
    """None for a completion that cannot be scored."""
    masks: list[list[int]] | None = None
    """1 for each token of a completion that is in the loss; without, all are."""
    instead: list[list[int]] | None = None
    """For each completion the demonstration that takes its place, where none of its group is right; empty where one
    is."""


@dataclass
class Seen:
    """What happened while training, so that a test can say that its case really occurs."""

    clipped: int = 0
    """Tokens whose ratio was outside the clip on the side where it counts."""
    left_out: int = 0
    """Completions without loss, because they were cut off."""
    unscored: int = 0
    without_loss: int = 0
    """Completions of which no token is in the loss, though they were not cut off."""
    equal: int = 0
    """Completions without loss, because all of their group have one reward."""
    imitated: int = 0
    """Completions in whose place a demonstration stood."""
    kl: float = 0.0
    """The largest of a step."""

    def occurred(self) -> set[str]:
        """The names of what has."""
        counted = {
            name
            for name in ("clipped", "left_out", "unscored", "imitated", "without_loss", "equal")
            if getattr(self, name)
        }
        return counted | ({"kl"} if self.kl > 1e-3 else set())


def advantages(rewards: Sequence[float | None], body: GrpoBody) -> list[float]:
    """(reward − mean of its group) / (standard deviation + SMALL), of the sample; 0 for what cannot be scored, which
    does not count in mean and deviation either."""
    groups = [rewards[start : start + body.group] for start in range(0, len(rewards), body.group)]
    whole = _deviation(rewards)
    found = []
    for group in groups:
        scored = [reward for reward in group if reward is not None]
        mean = statistics.fmean(scored) if scored else 0.0
        divisor = {"group": _deviation(group) + SMALL, "batch": whole + SMALL, "none": 1.0}[body.scale_rewards]
        found += [0.0 if reward is None else (reward - mean) / divisor for reward in group]
    return found


def _deviation(rewards: Sequence[float | None]) -> float:
    scored = [reward for reward in rewards if reward is not None]
    return statistics.stdev(scored) if len(scored) > 1 else math.nan


class Learner:
    """Trains a policy on generations; `total` is the number of optimizer steps of the run."""

    def __init__(self, policy: Policy, first: Policy, body: GrpoBody, *, total: int) -> None:
        self._policy, self._first, self._body = policy, first, body
        self._optimizer = AdamW(policy.trained, body.optim, total=total)
        self.seen = Seen()

    def learn(self, made: Generated) -> list[Step]:
        """The steps of one generation: μ of them, each over all of its completions."""
        pairs = list(zip(made.prompts, made.completions, strict=True))
        with torch.no_grad():
            before = [chosen(self._after(self._policy, *pair), pair[1]) for pair in pairs]
            anchor = [chosen(self._after(self._first, *pair), pair[1]) for pair in pairs]
        gained = advantages(made.rewards, self._body)
        self.seen.unscored += made.rewards.count(None)
        given = made.masks or [[1] * len(completion) for completion in made.completions]
        used = [ended or not self._body.mask_truncated for ended in made.ended]
        masks = [torch.tensor(mask if yes else [0] * len(mask)) for mask, yes in zip(given, used, strict=True)]
        self.seen.left_out += self._body.iterations * used.count(False)
        self.seen.without_loss += sum(not any(mask) and yes for mask, yes in zip(given, used, strict=True))
        instead = made.instead or [[] for _ in pairs]
        equal = self._equal(made.rewards, instead)
        self.seen.equal += equal.count(True)
        masks = [torch.zeros_like(mask) if out else mask for mask, out in zip(masks, equal, strict=True)]
        self._counted = len(pairs) - equal.count(True)
        return [self._step(pairs, masks, gained, before, anchor, instead) for _ in range(self._body.iterations)]

    def _equal(self, rewards: Sequence[float | None], instead: Sequence[list[int]]) -> list[bool]:
        """For each completion whether its whole group has one reward and is to be left out."""
        groups = [rewards[start : start + self._body.group] for start in range(0, len(rewards), self._body.group)]
        out = [self._body.equal_groups == "skip" and len(set(group)) == 1 for group in groups for _ in group]
        return [one and not other for one, other in zip(out, instead, strict=True)]

    def _after(self, policy: Policy, prompt: list[int], completion: list[int]) -> Tensor:
        return policy.after(prompt, completion, temperature=self._body.sampling.temperature)

    def _step(
        self,
        pairs: Sequence[tuple[list[int], list[int]]],
        masks: Sequence[Tensor],
        gained: Sequence[float],
        before: Sequence[Tensor],
        anchor: Sequence[Tensor],
        instead: Sequence[list[int]],
    ) -> Step:
        written = [0 if other else int(mask.sum()) for mask, other in zip(masks, instead, strict=True)]
        tokens, of_completions = sum(written) + sum(map(len, instead)), max(1, sum(written))
        total, means = 0.0, {"entropy": 0.0} | ({"kl": 0.0} if self._body.beta else {})
        for (prompt, completion), mask, gain, old, first, demonstration in zip(
            pairs, masks, gained, before, anchor, instead, strict=True
        ):
            if demonstration:
                self.seen.imitated += 1
                likely = chosen(self._policy.after(prompt, demonstration), demonstration)
                loss = -likely.sum() * self._share(len(demonstration), tokens, len(pairs))
                loss.backward()
                total += float(loss.detach())
                continue
            if not mask.any():
                continue
            after = self._after(self._policy, prompt, completion)
            losses, kl = self._losses(chosen(after, completion), gain, old, first)
            loss = (losses * mask).sum() * self._share(int(mask.sum()), tokens, len(pairs))
            loss.backward()
            total += float(loss.detach())
            for name, values in ("entropy", entropy(after)), ("kl", kl.detach()):
                if name in means:
                    means[name] += float((values * mask).sum()) / of_completions
        self.seen.kl = max(self.seen.kl, means.get("kl", 0.0))
        return self._optimizer.step(total, means)

    def _losses(self, now: Tensor, gain: float, old: Tensor, first: Tensor) -> tuple[Tensor, Tensor]:
        """Loss and KL estimate of each token of a completion."""
        ratio = (now - old).exp()
        low, high = 1 - self._body.clip, 1 + self._body.clip
        objective = torch.minimum(ratio * gain, ratio.clamp(low, high) * gain)
        beyond = ratio > high if gain > 0 else ratio < low
        self.seen.clipped += int(beyond.sum()) if gain else 0
        kl = ((first - now).exp() - (first - now) - 1) * ratio  # the ratio makes its gradient unbiased
        return -objective + self._body.beta * kl, kl

    def _share(self, length: int, tokens: int, completions: int) -> float:
        """What the losses of a completion's tokens are multiplied with."""
        match self._body.loss:
            case "grpo":  # within the completion first, then over the completions that are not left out as equal
                return 1 / (length * self._counted)
            case "dapo":  # over all tokens of the step
                return 1 / tokens
            case "dr_grpo":  # by a constant
                return 1 / (self._body.sampling.max_new_tokens * completions)
