"""TRL's DistillationTrainer with things of ours: prompts encoded where all prompts are, texts that may be stopped or
given, a teacher that may read another prompt, and a divergence of the likeliest tokens alone.

The loss of a step is the mean over all its tokens, however its batch is split: TRL counts them when the texts of a
whole step are there. Without `top_k` it is TRL's own, which never holds all logits of a text; with it the logits of
what a device holds at a time are in memory, of student and teacher.

The methods overridden here are TRL's own, not its interface: pyproject.toml pins its minor version, the constructor
looks for them, and tests/runtime/test_reference_distill.py computes the same by hand.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from trl import DistillationTrainer
from trl.trainer.utils import pad

from cotspec.runtime.errors import TaskError
from cotspec.runtime.probabilities import Stored
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.train.shared_draws import SharedDraws
from cotspec.runtime.train.token_means import TokenMeans

_OVERRIDDEN = (
    *("_tokenize_prompts", "_generate_single_turn", "_generate", "_generate_and_score_completions"),
    *("_get_last_hidden_state", "_compute_loss"),
)


class Text(NamedTuple):
    """A row in tokens."""

    prompt: list[int]
    context: list[int]
    """What the teacher reads in place of the prompt."""
    target: list[int]
    """The text that is learnt from, with its end; empty where the student writes it."""
    carries: list[int]
    """1 for each token of the target that carries loss."""
    stored: int = 0
    """The number of what is stored of the teacher's probabilities, where they have been computed before."""


class Trainer(TokenMeans, SharedDraws, DistillationTrainer):  # type: ignore[misc]  # trl is untyped
    """Distillation on `texts`, which the rows of its data set name by their place."""

    def __init__(
        self,
        *,
        texts: Sequence[Text],
        stopper: Stopper,
        top_k: int,
        renormalise: bool,
        stored: Stored | None = None,
        **settings: Any,
    ) -> None:
        if missing := [name for name in _OVERRIDDEN if not callable(getattr(DistillationTrainer, name, None))]:
            raise TaskError(f"this version of TRL has no {missing[0]}: install the one cotspec's constraints name")
        self._texts, self._stopper = texts, stopper
        self._likeliest, self._renormalise, self._stored = top_k, renormalise, stored
        self._asked: Mapping[str, Tensor] = {}
        super().__init__(**settings)

    @staticmethod
    def tokens(inputs: Mapping[str, Tensor]) -> Tensor:
        """Those that carry loss."""
        return _carrying(inputs).sum()

    # --- texts --------------------------------------------------------------------------------------------------------

    def _tokenize_prompts(self, prompts: list[int]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [self._texts[place].prompt for place in prompts], None, {}

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **more: Any) -> list[list[int]]:
        """Completions up to the token that completes their stop."""
        made: list[list[int]] = super()._generate_single_turn(prompt_ids, *args, **more)
        cuts = [
            self._stopper.cut(own, thinking=self._stopper.thinks(prompt)) if self._stopper else None
            for prompt, own in zip(prompt_ids, made, strict=True)
        ]
        limit, ends = self.max_completion_length, frozenset(self.eos_token_ids)
        self._note(
            "truncated",
            [cut is None and len(own) >= limit and own[-1] not in ends for own, cut in zip(made, cuts, strict=True)],
        )
        return [own if cut is None else own[: cut.tokens] for own, cut in zip(made, cuts, strict=True)]

    def _generate(self, prompts: list[int]) -> tuple[Any, ...]:
        """What TRL makes of prompts; texts that are given stand in for completions, with what of them carries loss."""
        texts = [self._texts[place] for place in prompts]
        if texts[0].target:
            made: tuple[Any, ...] = (
                [text.prompt for text in texts],
                [text.target for text in texts],
                [text.carries for text in texts],
                None,
                [],
            )
        else:
            made = super()._generate(prompts)
        self._note("tokens", [len(completion) for completion in made[1]])
        return made

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's, with what the teacher reads before each completion."""
        made: dict[str, Any] = super()._generate_and_score_completions(inputs)
        read = [torch.tensor(self._texts[each["prompt"]].context) for each in inputs]
        device = self.accelerator.device
        made["context_ids"] = pad(read, padding_value=self._tokenizer.pad_token_id, padding_side="left").to(device)
        made["context_mask"] = pad([torch.ones_like(ids) for ids in read], 0, padding_side="left").to(device)
        if self._stored is not None:
            likeliest = [self._stored.likeliest(self._texts[each["prompt"]].stored) for each in inputs]
            length = made["completion_ids"].shape[1]
            for name, values in zip(("likeliest_ids", "likeliest_log_p"), zip(*likeliest, strict=True), strict=True):
                made[name] = torch.stack([_longer(one, length) for one in values]).to(device)
        return made

    def _note(self, name: str, values: Sequence[float]) -> None:
        """Log the mean over the texts of the step, in all processes."""
        given = torch.tensor(values, dtype=torch.float32, device=self.accelerator.device)
        self._metrics["train"][name].append(float(self.accelerator.gather(given).mean()))

    # --- loss ---------------------------------------------------------------------------------------------------------

    def _compute_loss(self, student: Any, inputs: dict[str, Tensor], num_items_in_batch: Any) -> tuple[Tensor, ...]:
        self._asked = inputs
        if not self._likeliest:
            losses: tuple[Tensor, ...] = super()._compute_loss(student, inputs, num_items_in_batch)
            return losses
        own, mask = _log_p(self._logits(student, *_read(inputs, "prompt")), self.temperature), _carrying(inputs)
        entropy = -(own.detach().exp() * own.detach()).sum(-1)
        own, after = self._of_likeliest(own, inputs)
        if self._renormalise:
            own, after = own.log_softmax(-1), after.log_softmax(-1)
        count = mask.sum() if num_items_in_batch is None else num_items_in_batch
        return (divergence(own, after, self.beta) * mask).sum() / count, (entropy * mask).sum(), mask.sum()

    def _of_likeliest(self, own: Tensor, inputs: dict[str, Tensor]) -> tuple[Tensor, Tensor]:
        """Log-probabilities of student and teacher for the likeliest tokens at each place: those of the student, or,
        where they were computed before, of the teacher."""
        if self._stored is not None:
            length = own.shape[1]  # a batch may be padded further than its piece
            places, after = inputs["likeliest_ids"][:, :length], inputs["likeliest_log_p"][:, :length]
            return own.gather(-1, places), after
        teacher = self.accelerator.unwrap_model(self.teacher_model).eval()
        with torch.no_grad():
            after = self._forward_redirection(
                self.teacher_model, teacher, self._logits, teacher, *_read(inputs, "context")
            )
        places = own.detach().topk(self._likeliest).indices
        return own.gather(-1, places), _log_p(after, self.temperature).gather(-1, places)

    def _logits(self, model: Any, ids: Tensor, mask: Tensor, length: int) -> Tensor:
        """What follows each token of the prompt's end and the completion but its last."""
        keep = {"logits_to_keep": length + 1} if "logits_to_keep" in self.model_kwarg_keys else {}
        logits: Tensor = model(input_ids=ids, attention_mask=mask, use_cache=False, **keep).logits
        return logits[:, -length - 1 : -1]

    def _get_last_hidden_state(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **more: Any
    ) -> Tensor:
        """The teacher's are after its own prompt."""
        if model is self.accelerator.unwrap_model(self.teacher_model):
            input_ids, attention_mask, _ = _read(self._asked, "context")
        states: Tensor = super()._get_last_hidden_state(model, input_ids, attention_mask, logits_to_keep, **more)
        return states


def _longer(values: Tensor, length: int) -> Tensor:
    """With rows of zeros at its end."""
    return torch.nn.functional.pad(values, (0, 0, 0, length - len(values)))


def divergence(own: Tensor, after: Tensor, beta: float) -> Tensor:
    """Of each place, from log-probabilities of student and teacher: TRL's generalised Jensen-Shannon divergence."""
    if beta == 0.0:
        return (after.exp() * (after - own)).sum(-1)
    if beta == 1.0:
        return (own.exp() * (own - after)).sum(-1)
    mixed = torch.logaddexp(own + math.log(1 - beta), after + math.log(beta))
    of_teacher, of_student = after.exp() * (after - mixed), own.exp() * (own - mixed)
    return (beta * of_teacher + (1 - beta) * of_student).sum(-1)


def _log_p(logits: Tensor, temperature: float) -> Tensor:
    return (logits.float() / temperature).log_softmax(-1)


def _read(inputs: Mapping[str, Tensor], first: str) -> tuple[Tensor, Tensor, int]:
    """A prompt (of the student) or a context (of the teacher) with the completion after it, and its length."""
    ids = torch.cat([inputs[f"{first}_ids"], inputs["completion_ids"]], dim=1)
    mask = torch.cat([inputs[f"{first}_mask"], inputs["completion_mask"]], dim=1)
    return ids, mask, inputs["completion_ids"].size(1)


def _carrying(inputs: Mapping[str, Tensor]) -> Tensor:
    mask = inputs["completion_mask"]
    return mask * inputs["tool_mask"] if "tool_mask" in inputs else mask
