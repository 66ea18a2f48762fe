"""Sampling that other models lean on: at each place their logits, weighted, are added to those of the writer.

All read the same tokens, so they have one vocabulary. Whatever stands in a batch beside a text changes nothing but
rounding: padding is masked, and places are counted from the first token of each text, as `generate` does.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import torch
from transformers import LogitsProcessor

from cotspec.cot import model_config
from cotspec.runtime import models
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task
from cotspec.spec.payload import Leaning

if TYPE_CHECKING:
    from transformers import PreTrainedModel


class Lean(NamedTuple):
    """A model that leans on another one, and how much: less than 0 leans against it."""

    model: PreTrainedModel
    weight: float


class Tilted(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped
    """Adds what the models in `leans` say to the logits of the writer; for one call of `generate`, whose prompts `mask`
    has, (batch, longest)."""

    def __init__(self, leans: Sequence[Lean], mask: torch.Tensor) -> None:
        self._leans, self._mask = leans, mask
        self._past: list[Any] = [None] * len(leans)

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """`scores` is (batch, vocabulary); so is the result."""
        first = self._mask.shape[1] == input_ids.shape[1]
        if not first:
            self._mask = torch.cat([self._mask, torch.ones_like(self._mask[:, :1])], dim=1)
        places = (self._mask.cumsum(1) - 1).clamp(min=0)
        new, places = (input_ids, places) if first else (input_ids[:, -1:], places[:, -1:])
        total = scores.float()
        for at, lean in enumerate(self._leans):
            with torch.inference_mode():
                out = lean.model(
                    input_ids=new,
                    attention_mask=self._mask,
                    position_ids=places,
                    past_key_values=self._past[at],
                    use_cache=True,
                )
            self._past[at] = out.past_key_values
            total = total + lean.weight * out.logits[:, -1, : total.shape[1]].float()
        return total


def load(task: Task, writer: models.ModelSource, tilt: Sequence[Leaning], device: str) -> list[Lean]:
    """The models of a tilt, beside the writer. Raises TaskError for one that has other tokens."""
    loaded = []
    for each in tilt:
        origin = models.source(task, each.model, each.input)
        say(f"leans {each.role} it, weight {each.weight:g}:")
        models.announce(origin)
        own, other = (_words(source) for source in (writer, origin))
        rows = [model_config.embedded(models.load_config(source).to_dict()) for source in (writer, origin)]
        if why := model_config.two_vocabularies(own, rows[0], other, rows[1]):
            raise TaskError(f"{why.replace('student', 'writer').replace('teacher', each.input)}")
        model = models.load_model(origin, dtype=torch.float32 if device == "cpu" else "auto")
        loaded.append(Lean(model.to(device).eval(), each.weight))
    return loaded


def _words(origin: models.ModelSource) -> dict[str, int]:
    tokenizer = models.load_tokenizer(origin)
    added = tokenizer.get_added_vocab()
    return {word: place for word, place in tokenizer.get_vocab().items() if word not in added}
