"""What a run made by chance, noted while it runs and never changed: completions, new adapters."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest
import torch
from transformers import Trainer
from trl import DistillationTrainer, GRPOTrainer

Ids = list[list[int]]


@dataclass
class Observed:
    """What has been seen of a run."""

    generations: list[tuple[Ids, Ids]] = field(default_factory=list)
    """Prompts and completions in tokens, of one generation after another."""
    adapters: dict[str, torch.Tensor] = field(default_factory=dict)
    """The adapters before the first step, under the names that their layers have in the model."""


def watch(monkeypatch: pytest.MonkeyPatch) -> Observed:
    """Note what runs of this process make from here on."""
    observed = Observed()
    train, generate = Trainer.train, {each: each._generate for each in (GRPOTrainer, DistillationTrainer)}

    def noting_train(self: Any, *arguments: Any, **options: Any) -> Any:
        for name, weight in self.model.named_parameters():
            if weight.requires_grad and ".lora_" in name:
                plain = name.removeprefix("base_model.model.").replace(".default.", ".")
                observed.adapters[plain] = weight.detach().clone()
        return train(self, *arguments, **options)

    def noting_generate(self: Any, prompts: list[Any]) -> Any:
        made = next(generate[each] for each in generate if isinstance(self, each))(self, prompts)
        observed.generations.append((made[0], made[1]))
        return made

    monkeypatch.setattr(Trainer, "train", noting_train)
    for each in generate:
        monkeypatch.setattr(each, "_generate", noting_generate)
    return observed
