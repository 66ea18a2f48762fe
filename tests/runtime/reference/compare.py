"""When a run counts as the same as the reference.

Both compute in float32 and add up in another order, so results differ by rounding, about 1e-7 of a value. Adam divides
by the root of a mean square: where a gradient is nearly zero, its rounding becomes a visible part of a step. Seen over
all cases and on two makes of processor: losses and norms 2e-6 of their value, a single weight 1/38 of the learning rate
after nine steps (mostly 1/2000), the mean over all weights 1/190,000. Allowed is about four times that. A setting that
is lost moves most weights by a good part of the learning rate.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pytest
from torch import Tensor

from reference.optimizer import Step


def same_steps(log: Sequence[Mapping[str, float]], steps: Sequence[Step]) -> None:
    """Loss, norm, learning rate and means of each step."""
    assert len(log) == len(steps)
    for entry, step in zip(log, steps, strict=True):
        assert entry["loss"] == pytest.approx(step.loss, rel=1e-5, abs=2e-6)
        assert entry["grad_norm"] == pytest.approx(step.grad_norm, rel=1e-5)
        assert entry["lr"] == pytest.approx(step.lr, rel=1e-9)
        assert {name: entry[name] for name in step.means} == pytest.approx(step.means, rel=1e-4, abs=2e-6)


def same_weights(left: Mapping[str, Tensor], right: Mapping[str, Tensor], *, lr: float) -> None:
    """All weights, as far as steps of this learning rate can tell."""
    assert left.keys() == right.keys()
    apart = {name: (left[name] - right[name]).detach().abs() for name in left}
    worst = max(apart, key=lambda name: float(apart[name].max()))
    assert apart[worst].max() < lr / 10, f"{worst} is apart by {float(apart[worst].max()):.1e}"
    mean = sum(float(each.sum()) for each in apart.values()) / sum(each.numel() for each in apart.values())
    assert mean < lr / 40_000, f"the weights are apart by {mean:.1e} in the mean"


def moved(before: Mapping[str, Tensor], after: Mapping[str, Tensor]) -> float:
    """The largest change of a weight."""
    return max(float((after[name] - before[name]).abs().max().detach()) for name in before)
