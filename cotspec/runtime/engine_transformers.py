"""The transformers engine: `model.generate` on left-padded batches, with sampling that is keyed per request."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import torch
from transformers import (
    GenerationConfig,
    LogitsProcessor,
    LogitsProcessorList,
    PreTrainedTokenizerBase,
    StoppingCriteria,
    StoppingCriteriaList,
    TemperatureLogitsWarper,
    TextStreamer,
    TopKLogitsWarper,
    TopPLogitsWarper,
)

from cotspec.cot.thoughts import reopened
from cotspec.runtime import models
from cotspec.runtime.engine import Completion, Draw, Heard, Tick
from cotspec.runtime.errors import TaskError
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.tilt import Lean, Tilted
from cotspec.spec.payload import Sampling


def _nobody(_: str) -> Sequence[Lean]:
    return ()


class TransformersEngine:
    """One model on one device."""

    def __init__(
        self, origin: models.ModelSource, *, gpus: int, batch: int, leans: Callable[[str], Sequence[Lean]] = _nobody
    ) -> None:
        """`leans` loads what leans on it, on its device."""
        models.make_repeatable()
        self.batch = batch
        self._device = models.device(gpus)
        self._tokenizer = models.load_tokenizer(origin)
        self._encoder = models.load_encoder(origin, self._tokenizer)
        model = models.load_model(origin, dtype=torch.float32 if self._device == "cpu" else "auto")
        self._model = model.to(self._device).eval()
        self._ends = models.end_ids(model, self._tokenizer)
        self._leans = leans(self._device)
        # `generate` fills what a call leaves open from here: a published model would bring a repetition penalty, say.
        model.generation_config = GenerationConfig()

    def encode(self, prompt: str, begin: str = "") -> list[int]:
        """Token ids of a prompt, through the chat template when the model has one to use, and of what its answer begins
        with."""
        return self._encoder(prompt, begin)

    def complete(
        self, draws: Sequence[Draw], sampling: Sampling, tick: Tick | None = None, heard: Heard | None = None
    ) -> list[Completion]:
        """Complete a batch. Raises TaskError when a prompt leaves no room for `max_new_tokens`."""
        ids, mask = self._batch([draw.ids for draw in draws], sampling.max_new_tokens)
        config = GenerationConfig(
            do_sample=False,  # `Keyed` draws; greedy then takes the only token it leaves
            max_new_tokens=sampling.max_new_tokens,
            eos_token_id=self._ends,
            pad_token_id=self._tokenizer.pad_token_id,
            bos_token_id=self._tokenizer.bos_token_id,
        )
        processors = LogitsProcessorList([Tilted(self._leans, mask)] if self._leans else [])
        if sampling.temperature > 0:
            processors.append(Keyed([draw.seed for draw in draws], sampling, prompt=ids.shape[1]))
        stopper = Stopper(sampling.stop, self._tokenizer)
        thinking = [stopper.thinks(draw.ids) for draw in draws]
        ending = StoppingCriteriaList([Ending(stopper, thinking, prompt=ids.shape[1])] if stopper else [])
        if tick is not None:
            ending.append(Telling(tick, prompt=ids.shape[1]))
        with torch.inference_mode():
            out = self._model.generate(
                input_ids=ids,
                attention_mask=mask,
                generation_config=config,
                logits_processor=processors,
                stopping_criteria=ending,
                streamer=None if heard is None else Words(self._tokenizer, heard),
            )
        rows = out[:, ids.shape[1] :].tolist()
        return [self._completion(row, stopper, thinking=own) for row, own in zip(rows, thinking, strict=True)]

    def _batch(self, prompts: list[list[int]], room: int) -> tuple[torch.Tensor, torch.Tensor]:
        """Ids and mask, (batch, longest), padded on the left."""
        longest = max(map(len, prompts))
        limit = getattr(self._model.config, "max_position_embeddings", None)
        if limit is not None and longest + room > limit:
            raise TaskError(
                f"a prompt of {longest} tokens and {room} new ones do not fit the model's {limit} positions: "
                "lower `sampling.max_new_tokens`"
            )
        pad = self._tokenizer.pad_token_id
        ids = torch.tensor([[pad] * (longest - len(prompt)) + prompt for prompt in prompts])
        mask = torch.tensor([[0] * (longest - len(prompt)) + [1] * len(prompt) for prompt in prompts])
        return ids.to(self._device), mask.to(self._device)

    def _completion(self, row: list[int], stopper: Stopper, *, thinking: bool) -> Completion:
        end = next((place for place, token in enumerate(row) if token in self._ends), None)
        kept = row if end is None else row[: end + 1]
        if cut := stopper.cut(kept, thinking=thinking):
            return Completion(text=reopened(cut.text, thinking=thinking), tokens=cut.tokens, truncated=False)
        text = reopened(str(self._tokenizer.decode(kept, skip_special_tokens=True)), thinking=thinking)
        return Completion(text=text, tokens=len(kept), truncated=end is None)


class Ending(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped
    """Ends the rows that have come to a stop. An economy: what a row keeps is decided when all are done."""

    def __init__(self, stopper: Stopper, thinking: Sequence[bool], *, prompt: int) -> None:
        self._stopper, self._thinking, self._prompt = stopper, thinking, prompt
        self._done = [False] * len(thinking)

    def __call__(self, input_ids: torch.LongTensor, _: torch.FloatTensor, **__: object) -> torch.BoolTensor:
        """(batch,): true for rows that are done."""
        rows = input_ids[:, self._prompt :]
        tails = rows[:, -self._stopper.window :].tolist()
        for place, (tail, thinking) in enumerate(zip(tails, self._thinking, strict=True)):
            if not self._done[place] and self._stopper.may_end(tail):
                self._done[place] = self._stopper.cut(rows[place].tolist(), thinking=thinking) is not None
        return torch.tensor(self._done, device=input_ids.device)


class Telling(StoppingCriteria):  # type: ignore[misc]  # transformers is untyped
    """Ends nothing; says how long the rows are."""

    def __init__(self, tick: Tick, *, prompt: int) -> None:
        self._tick, self._prompt = tick, prompt

    def __call__(self, input_ids: torch.LongTensor, _: torch.FloatTensor, **__: object) -> torch.BoolTensor:
        """(batch,): false."""
        self._tick(input_ids.shape[1] - self._prompt)
        return torch.zeros(input_ids.shape[0], dtype=torch.bool, device=input_ids.device)


class Words(TextStreamer):  # type: ignore[misc]  # transformers is untyped
    """Tells a completion word by word."""

    def __init__(self, tokenizer: PreTrainedTokenizerBase, heard: Heard) -> None:
        super().__init__(tokenizer, skip_prompt=True, skip_special_tokens=True)
        self._heard = heard

    def on_finalized_text(self, text: str, stream_end: bool = False) -> None:  # noqa: ARG002 - so it is called
        """What is sure of it by now."""
        if text:
            self._heard(text)


class Keyed(LogitsProcessor):  # type: ignore[misc]  # transformers is untyped
    """Draws each row's next token from its own stream of uniform numbers and leaves only that token possible.

    The draw is by inverse transform: the first token whose cumulative probability exceeds the number.
    """

    def __init__(self, seeds: Sequence[int], sampling: Sampling, *, prompt: int) -> None:
        rows = [
            torch.rand(sampling.max_new_tokens, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)
            for seed in seeds
        ]
        self._numbers = torch.stack(rows)
        self._prompt = prompt
        self._warp = LogitsProcessorList()
        if sampling.temperature != 1.0:
            self._warp.append(TemperatureLogitsWarper(sampling.temperature))
        if sampling.top_k:
            self._warp.append(TopKLogitsWarper(sampling.top_k))
        if sampling.top_p < 1.0:
            self._warp.append(TopPLogitsWarper(sampling.top_p))

    def __call__(self, input_ids: torch.LongTensor, scores: torch.FloatTensor) -> torch.FloatTensor:
        """`scores` is (batch, vocabulary); the result is −inf but for one token a row."""
        step = input_ids.shape[1] - self._prompt
        mass = self._warp(input_ids, scores.float()).softmax(-1, dtype=torch.float64).cumsum(-1)
        number = self._numbers[:, step : step + 1].to(mass.device) * mass[:, -1:]
        chosen = torch.searchsorted(mass, number, right=True).clamp(max=mass.shape[1] - 1)
        return torch.full_like(scores, float("-inf")).scatter_(1, chosen, 0.0)
