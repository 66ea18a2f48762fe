"""TRL's GRPOTrainer with things of ours: prompts are encoded where all prompts are, and completions may be stopped.

A stopped completion is what was sampled up to the token that completes its stop; each of these tokens carries loss. An
end-of-sequence token that was not sampled is put behind them, because TRL takes a completion without one for a
truncated one; it carries no loss, like a tool's output. Nothing after the stop is trained on or seen by the reward.

The methods overridden here are TRL's own, not its interface: pyproject.toml pins its minor version, `check` looks for
them, and tests/runtime/test_stops.py reads what the model is fed.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from torch import Tensor
from trl import GRPOTrainer

from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.stopping import Cut, Stopper
from cotspec.runtime.train.token_means import TokenMeans
from cotspec.runtime.trainers.grpo_segments import SegmentLoss

Look = Callable[[Sequence[Mapping[str, Any]], Sequence[float], Any], None]
"""Rows of a generation, one for each completion of this process, their advantages, and the state of the run."""
_OVERRIDDEN = ("_generate_and_score_completions", "_tokenize_prompts", "_generate_single_turn", "_generate")


class Trainer(TokenMeans, GRPOTrainer):  # type: ignore[misc]  # trl is untyped
    """GRPO on prompts of `encoder`, with completions that `stopper` ends, and a loss on what `segments` finds.

    `look` is shown each generation once it is rewarded.
    """

    def __init__(
        self, *, encoder: Encoder, stopper: Stopper, segments: SegmentLoss, look: Look, **settings: Any
    ) -> None:
        if missing := [name for name in _OVERRIDDEN if not callable(getattr(GRPOTrainer, name, None))]:
            raise TaskError(f"this version of TRL has no {missing[0]}: install the one cotspec's constraints name")
        self._encoder, self._stopper, self._segments, self._look = encoder, stopper, segments, look
        self._cuts: list[Cut | None] = []
        self._begins: list[str] = []
        self._rows: Sequence[Mapping[str, Any]] = ()
        super().__init__(**settings)

    @staticmethod
    def tokens(inputs: Mapping[str, Tensor]) -> Tensor:
        """Those of completions that are in the loss: no padding, nothing cut off, no end that was not sampled."""
        mask = inputs["completion_mask"]
        return (mask * inputs["tool_mask"] if "tool_mask" in inputs else mask).sum()

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's; what answers begin with and should come to is noted, since TRL asks for completions of the prompts
        alone."""
        self._begins = [row.get("begin", "") for row in inputs]
        self._rows = inputs
        made: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self._look(inputs, made["advantages"].tolist(), self.state)
        return made

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        pairs = zip(prompts, self._begins, strict=True)
        return [self._begun(prompt, begin) for prompt, begin in pairs], None, {}

    def _begun(self, prompt: str, begin: str) -> list[int]:
        """The prompt in tokens, and what the answer begins with. Raises TaskError where it begins in thoughts."""
        if begin and self._stopper.thinks(self._encoder(prompt)):
            raise TaskError("the chat template opens thoughts, in which `begin` would put steps of an answer")
        return self._encoder(prompt, begin)

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], *args: Any, **more: Any
    ) -> tuple[list[list[int]], list[list[float]] | None]:
        """Completions up to their stop, each of which then ends with the end-of-sequence token."""
        made: tuple[list[list[int]], list[list[float]] | None] = super()._generate_single_turn(
            prompt_ids, *args, **more
        )
        if not self._stopper:
            return made
        ids, logprobs = made
        self._cuts = [
            self._stopper.cut(own, thinking=self._stopper.thinks(prompt))
            for prompt, own in zip(prompt_ids, ids, strict=True)
        ]
        ids = [_ended(own, cut, int(self._tokenizer.eos_token_id)) for own, cut in zip(ids, self._cuts, strict=True)]
        if logprobs is not None:
            logprobs = [_ended(own, cut, 0.0) for own, cut in zip(logprobs, self._cuts, strict=True)]
        return ids, logprobs

    def _generate(self, prompts: list[str]) -> tuple[Any, ...]:
        """TRL's result, with a mask that leaves the added tokens and those of other segments out of the loss; for the
        reward the cuts, and which completions begin inside thoughts or have no loss at all."""
        prompt_ids, ids, mask, completions, logprobs, extra, *rest = super()._generate(prompts)
        thinking = [self._stopper.thinks(prompt) for prompt in prompt_ids]
        extra = {**extra, "thinking": thinking}
        if self._stopper:
            extra["cuts"] = self._cuts
            mask = [
                [1] * (len(own) if cut is None else cut.tokens) + [0] * (cut is not None)
                for own, cut in zip(ids, self._cuts, strict=True)
            ]
        if self._segments:
            mask = self._of_segments(ids, mask or [[1] * len(own) for own in ids], thinking)
            extra["without_loss"] = [not any(own) for own in mask]
        return (prompt_ids, ids, mask, completions, logprobs, extra, *rest)

    def _of_segments(
        self, ids: Sequence[Sequence[int]], mask: Sequence[Sequence[int]], thinking: Sequence[bool]
    ) -> list[list[int]]:
        """What of a mask lies in the segments that carry loss."""
        cuts = self._cuts if self._stopper else [None] * len(ids)
        found = [
            self._segments.mask(own, cut, begin=begin, thinking=thinks, row=row)
            for own, cut, begin, thinks, row in zip(ids, cuts, self._begins, thinking, self._rows, strict=True)
        ]
        return [[a * b for a, b in zip(*pair, strict=True)] for pair in zip(mask, found, strict=True)]


def _ended(values: Sequence[Any], cut: Cut | None, end: Any) -> list[Any]:
    return list(values) if cut is None else [*values[: cut.tokens], end]
