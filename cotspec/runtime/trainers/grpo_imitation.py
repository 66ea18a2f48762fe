"""GRPO that imitates where all fail: the row's demonstration takes the place of each completion of its prompt.

Its loss is the negative log-probability of the demonstration at temperature 1, averaged as the losses of completions
are (`loss`). A demonstration counts as often as there are completions that it stands for, and is computed once. Which
piece of a batch it falls into makes no difference.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy
from torch.nn.utils.rnn import pad_sequence

from cotspec.runtime.train.score import IGNORE
from cotspec.runtime.trainers import grpo_rollouts

IDS, LABELS = "demonstration_ids", "demonstration_labels"
"""Of a batch: prompt and demonstration in tokens, and which of these carry loss; none of a row without."""


class Trainer(grpo_rollouts.Trainer):
    """The reward tells, once it has seen a generation, which groups imitate."""

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's result. The completions of a group that imitates carry no loss; its first one brings the
        demonstration."""
        made: dict[str, Any] = super()._generate_and_score_completions(inputs)
        imitated, group, first = (
            self._reward.imitated,
            self.num_generations,
            self.accelerator.process_index * len(inputs),
        )
        if not imitated:
            return made
        out = [(first + place) // group in imitated for place in range(len(inputs))]
        brought = [
            self._example(row) if failed and (first + place) % group == 0 else ([0], [IGNORE])
            for place, (row, failed) in enumerate(zip(inputs, out, strict=True))
        ]
        device = made["completion_ids"].device
        made["completion_mask"] = made["completion_mask"] * ~torch.tensor(out, device=device).unsqueeze(1)
        made[IDS] = _padded([ids for ids, _ in brought], 0).to(device)
        made[LABELS] = _padded([labels for _, labels in brought], IGNORE).to(device)
        tokens = self.tokens(made) + group * (made[LABELS] != IGNORE).sum()
        made["num_items_in_batch"] = self.accelerator.gather(tokens).sum()
        return made

    def _example(self, row: dict[str, Any]) -> tuple[list[int], list[int]]:
        prompt, demonstration = self._encoder(row["prompt"], row.get("begin", "")), list(row["demonstration"])
        return prompt + demonstration, [IGNORE] * len(prompt) + demonstration

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        """TRL's loss of a piece of the batch, and that of the demonstrations in it."""
        loss = super()._compute_loss(model, inputs)
        if IDS not in inputs:
            return loss
        brings = (inputs[LABELS] != IGNORE).any(1)
        if not int(self.accelerator.reduce(brings.sum(), reduction="sum")):
            return loss
        brings[0] |= ~brings.any()  # all processes ask the model, or none
        return loss + self.num_generations * self._imitation(model, inputs[IDS][brings], inputs[LABELS][brings], inputs)

    def _imitation(self, model: Any, ids: Tensor, labels: Tensor, inputs: dict[str, Any]) -> Tensor:
        """The part of a step's loss that these demonstrations are, each counted once."""
        width = int((labels != IGNORE).nonzero()[:, 1].max()) + 1 if (labels != IGNORE).any() else 1
        ids, labels = ids[:, :width], labels[:, :width]
        with self.accelerator.autocast():
            # What is padded stands behind all else, where nothing looks at it.
            logits = model(input_ids=ids, attention_mask=torch.ones_like(ids), use_cache=False).logits[:, :-1]
        losses = cross_entropy(logits.float().transpose(1, 2), labels[:, 1:], ignore_index=IGNORE, reduction="none")
        pieces, rows = self.current_gradient_accumulation_steps, len(inputs["completion_ids"])
        match self.loss_type:
            case "grpo":  # within each first, then over the rows of the step
                tokens = (labels[:, 1:] != IGNORE).sum(1).clamp(min=1)
                return (losses.sum(1) / tokens).sum() / (rows * pieces * inputs.get(grpo_rollouts.KEPT, 1.0))
            case "dapo":  # over all tokens of the step
                in_generation = inputs["num_items_in_batch"].clamp(min=1) / self.accelerator.num_processes
                return losses.sum() / (in_generation * pieces / self.args.steps_per_generation)
            case "dr_grpo":  # by a constant
                return losses.sum() / (rows * self.max_completion_length * pieces)
            case _:
                raise AssertionError(self.loss_type)


def _padded(rows: Sequence[list[int]], filler: int) -> Tensor:
    return pad_sequence([torch.tensor(row) for row in rows], batch_first=True, padding_value=filler)
