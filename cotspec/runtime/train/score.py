"""Whether what was saved is what was trained: some training rows, scored by the trainer's weights and by the saved.

The score is the mean loss of a token, in nats. The trainer's weights compute as they did in training (16-bit under
autocast). The saved folder is loaded anew, as the next task will, and computes in float32 on the CPU, where generation
computes the same way; so the two differ by the rounding of the saved format and of the trainer's arithmetic, nothing
else. Seen on a builtin model, all weights and LoRA: at most 1e-7 in fp32, 0.0005 in fp16, 0.008 in bf16. A merge gone
wrong or a weight that was lost moves it by whole nats.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import TYPE_CHECKING, Final

from cotspec.runtime import models
from cotspec.runtime.errors import TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedModel, Trainer

IGNORE: Final = -100
"""Label of a token that carries no loss (torch's cross entropy leaves it out)."""
TOLERANCE: Final = MappingProxyType({"fp32": 1e-3, "bf16": 0.05, "fp16": 0.02})
"""How far the two may be apart, by the format the stage trains and saves in; relative where the loss is above 1."""
MOST_ROWS: Final = 4
MOST_TOKENS: Final = 2048
"""Of all rows together, so that a large model on the CPU takes seconds; the first row counts whatever its length."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A row in tokens; `labels` is `input_ids` with IGNORE where there is no loss."""

    input_ids: list[int]
    labels: list[int]


def some(rows: Iterable[Example]) -> tuple[Example, ...]:
    """The first rows, as many as are scored."""
    scored: list[Example] = []
    for row in rows:
        if len(scored) == MOST_ROWS or (scored and sum(len(one.input_ids) for one in (*scored, row)) > MOST_TOKENS):
            break
        scored.append(row)
    return tuple(scored)


def trained(trainer: Trainer, rows: Sequence[Example]) -> float:
    """The loss under the weights a trainer holds. Every process calls it: sharded weights are gathered from all."""
    with trainer.accelerator.autocast():
        return loss(trainer.model, rows)


def loss(model: PreTrainedModel, rows: Sequence[Example]) -> float:
    """Mean loss of the labelled tokens. Draws no random numbers and leaves the model in the mode it was in."""
    import torch
    from torch.nn.functional import cross_entropy

    training = model.training
    model.eval()
    total, count = 0.0, 0
    with torch.no_grad():
        for row in rows:
            ids = torch.tensor([row.input_ids], device=model.device)
            wanted = torch.tensor(row.labels[1:], device=model.device)
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits
            each = cross_entropy(logits[0, :-1].float(), wanted, ignore_index=IGNORE, reduction="sum")
            total, count = total + float(each), count + int((wanted != IGNORE).sum())
    model.train(training)
    return total / count


def check(origin: models.ModelSource, wanted: float, rows: Sequence[Example], precision: str) -> None:
    """Load a saved folder and compare. Raises TaskError when its loss is not the trainer's."""
    import torch

    saved = loss(models.load_model(origin, dtype=torch.float32), rows)
    apart = TOLERANCE[precision] * max(1.0, abs(wanted))
    if not (math.isfinite(wanted) and abs(saved - wanted) <= apart):
        raise TaskError(
            f"the saved weights are not the trained ones: on {len(rows)} training rows the trainer's weights have a "
            f"loss of {wanted:.4f} and the saved folder one of {saved:.4f} (up to {apart:.2g} apart is rounding in "
            f"{precision}); nothing is kept. This is a fault of cotspec or of a library: please report it, with the "
            "model and the settings of `lora`"
        )
