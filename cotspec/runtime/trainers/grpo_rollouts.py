"""TRL's GRPOTrainer with things of ours: prompts are encoded where all prompts are, and completions may be stopped.

A stopped completion is what was sampled up to the token that completes its stop; each of these tokens carries loss. An
end-of-sequence token that was not sampled is put behind them, because TRL takes a completion without one for a
truncated one; it carries no loss, like a tool's output. Nothing after the stop is trained on or seen by the reward.

The methods overridden here are TRL's own, not its interface: pyproject.toml pins its minor version, `check` looks for
them, and tests/runtime/test_stops.py reads what the model is fed.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from trl import GRPOTrainer

from cotspec.cot.signal import REDRAWN
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.stopping import Cut, Stopper
from cotspec.runtime.train.shared_draws import SharedDraws
from cotspec.runtime.train.token_means import TokenMeans
from cotspec.runtime.trainers.grpo_segments import SegmentLoss

if TYPE_CHECKING:
    from cotspec.runtime.trainers.grpo_reward import CompositeReward

Look = Callable[[Sequence[Mapping[str, Any]], Sequence[float], Any], None]
"""Rows of a generation, one for each completion of this process, their advantages, and the state of the run."""
KEPT = "kept"
"""Of a batch: the share of its step's completions that are not left out."""


_OVERRIDDEN = (
    *("_generate_and_score_completions", "_tokenize_prompts", "_generate_single_turn", "_generate"),
    "_compute_loss",
)


class Trainer(TokenMeans, SharedDraws, GRPOTrainer):  # type: ignore[misc]  # trl is untyped
    """GRPO on prompts of `encoder`, with completions that `stopper` ends, and a loss on what `segments` finds.

    `look` is shown each generation once it is rewarded. Prompts whose completions all have one reward are drawn anew
    `redraws` times, and then left out of the loss where `skips_equal` says so.
    """

    def __init__(
        self,
        *,
        encoder: Encoder,
        stopper: Stopper,
        segments: SegmentLoss,
        look: Look,
        reward: CompositeReward,
        skips_equal: bool = False,
        redraws: int = 0,
        **settings: Any,
    ) -> None:
        if missing := [name for name in _OVERRIDDEN if not callable(getattr(GRPOTrainer, name, None))]:
            raise TaskError(f"this version of TRL has no {missing[0]}: install the one cotspec's constraints name")
        self._encoder, self._stopper, self._segments, self._look = encoder, stopper, segments, look
        self._reward, self._skips_equal, self._redraws = reward, skips_equal, redraws
        self._cuts: list[Cut | None] = []
        self._begins: list[str] = []
        self._rows: Sequence[Mapping[str, Any]] = ()
        super().__init__(reward_funcs=reward, **settings)

    @staticmethod
    def tokens(inputs: Mapping[str, Tensor]) -> Tensor:
        """Those of completions that are in the loss: no padding, nothing cut off, no end that was not sampled."""
        mask = inputs["completion_mask"]
        return (mask * inputs["tool_mask"] if "tool_mask" in inputs else mask).sum()

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        """TRL's; what answers begin with and should come to is noted, since TRL asks for completions of the prompts
        alone. Groups of one reward carry no loss where they are to be left out."""
        self._note(inputs)
        made: dict[str, Any] = super()._generate_and_score_completions(inputs)
        self._look(inputs, made["advantages"].tolist(), self.state)
        if self._skips_equal:
            self._leave_out(made, self._reward.equal)
        return made

    def _note(self, rows: Sequence[Mapping[str, Any]]) -> None:
        self._rows, self._begins = rows, [row.get("begin", "") for row in rows]

    def _leave_out(self, made: dict[str, Any], equal: Collection[int]) -> None:
        """Take the completions of some groups out of the loss and of what it is divided by."""
        out = [number in equal for number in self._groups(len(made["completion_ids"]))]
        mask = made["completion_mask"]
        made["completion_mask"] = mask * ~torch.tensor(out, device=mask.device).unsqueeze(1)
        made["num_items_in_batch"] = self.accelerator.gather(self.tokens(made)).sum().clamp(min=1)
        kept = self.accelerator.gather(torch.tensor([len(out) - sum(out)], device=mask.device)).sum()
        made[KEPT] = kept.clamp(min=1) / (len(out) * self.accelerator.num_processes)

    def _groups(self, count: int) -> list[int]:
        """The number of its group, among those of all processes, of each completion of this process."""
        first = self.accelerator.process_index * count
        return [(first + place) // self.num_generations for place in range(count)]

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Any:
        """TRL's. `grpo` divides by all completions of the step, also by those that are left out."""
        loss = super()._compute_loss(model, inputs)
        return loss / inputs[KEPT] if KEPT in inputs and self.loss_type == "grpo" else loss

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
        """Completions, once more of the prompts whose completions all have one reward."""
        made, rows, drawn = self._drawn(prompts), self._rows, 0
        for _ in range(self._redraws):
            equal = self._equal(rows, made[1], made[5])
            if not equal:
                break
            drawn += len(equal)
            made = self._again(prompts, rows, made, equal)
        self._note(rows)
        if self._redraws:
            groups = len(prompts) * self.accelerator.num_processes // self.num_generations
            self._metrics["train"][REDRAWN].append(drawn / groups)
        return made

    def _equal(
        self, rows: Sequence[Mapping[str, Any]], ids: Sequence[Sequence[int]], extra: Mapping[str, Any]
    ) -> Collection[int]:
        return self._reward.equal_among(
            ids,
            rows,
            thinking=extra["thinking"],
            cuts=extra.get("cuts", ()),
            without_loss=extra.get("without_loss", ()),
            state=self.state,
        )

    def _again(
        self, prompts: Sequence[str], rows: Sequence[Mapping[str, Any]], made: tuple[Any, ...], equal: Collection[int]
    ) -> tuple[Any, ...]:
        """The same, with other completions for the groups `equal`. Several processes write all of theirs once more,
        since none may generate less often than the others, and keep what is asked for; one writes only that."""
        group, anew = self.num_generations, [number in equal for number in self._groups(len(prompts))]
        self._kept = [place for number in sorted(equal) for place in range(number * group, (number + 1) * group)]
        asked = [at for at, wanted in enumerate(anew) if wanted or self.accelerator.num_processes > 1]
        self._note([rows[at] for at in asked])
        other = self._drawn([prompts[at] for at in asked])
        self._kept = None
        place = {at: number for number, at in enumerate(asked) if anew[at]}

        def merged(old: Any, new: Any) -> Any:
            if not isinstance(old, list) or len(old) != len(anew):
                return old
            return [new[place[at]] if at in place else one for at, one in enumerate(old)]

        extra = {name: merged(old, other[5][name]) for name, old in made[5].items()}
        lists = [merged(old, new) for old, new in zip(made, other, strict=True)]
        return (*lists[:5], extra, *lists[6:])

    def _drawn(self, prompts: list[str]) -> tuple[Any, ...]:
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
        in_segments = [
            self._segments.mask(own, cut, begin=begin, thinking=thinks, row=row)
            for own, cut, begin, thinks, row in zip(ids, cuts, self._begins, thinking, self._rows, strict=True)
        ]
        return [[a * b for a, b in zip(*pair, strict=True)] for pair in zip(mask, in_segments, strict=True)]


def _ended(values: Sequence[Any], cut: Cut | None, end: Any) -> list[Any]:
    return list(values) if cut is None else [*values[: cut.tokens], end]
