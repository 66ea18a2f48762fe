"""The vLLM engine, for GPUs: the same requests and seeds through vLLM's own batching."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cotspec.cot.thoughts import reopened
from cotspec.runtime import models
from cotspec.runtime.engine import Completion, Draw, Heard, Tick
from cotspec.runtime.errors import TaskError
from cotspec.runtime.stopping import Stopper
from cotspec.spec.payload import RunSettings, Sampling

_CHUNK = 2048
"""Requests between two writes of the partial file; vLLM schedules within them."""


class VllmEngine:
    """A model spread over `tensor_parallel` GPUs."""

    def __init__(self, origin: models.ModelSource, settings: RunSettings) -> None:
        models.require("vllm", {"for": "engine: vllm", "get": "pip install vllm, or set `engine: transformers`"})
        from vllm import LLM

        models.make_repeatable()
        models.device(max(1, settings.gpus))
        self.batch = _CHUNK
        self._tokenizer = models.load_tokenizer(origin)
        self._encoder = models.load_encoder(origin, self._tokenizer)
        self._llm = LLM(
            model=origin.location,
            trust_remote_code=origin.trust_remote_code,
            tensor_parallel_size=settings.tensor_parallel,
            gpu_memory_utilization=settings.vllm_memory,
            seed=0,
            disable_log_stats=True,
        )

    def encode(self, prompt: str, begin: str = "") -> list[int]:
        """Token ids of a prompt, through the chat template when the model has one to use, and of what its answer begins
        with."""
        return self._encoder(prompt, begin)

    def complete(
        self,
        draws: Sequence[Draw],
        sampling: Sampling,
        _: Tick | None = None,
        heard: Heard | None = None,  # noqa: ARG002 - it tells nothing
    ) -> list[Completion]:
        """Complete a chunk. vLLM's random numbers are per request, so the chunk's size does not matter."""
        from vllm import SamplingParams

        prompts = [{"prompt_token_ids": draw.ids} for draw in draws]
        parameters = [
            SamplingParams(
                temperature=sampling.temperature,
                top_p=sampling.top_p,
                top_k=sampling.top_k,
                max_tokens=sampling.max_new_tokens,
                seed=draw.seed,
                stop=list(sampling.stop.texts),
            )
            for draw in draws
        ]
        outputs = self._llm.generate(prompts, parameters, use_tqdm=False)
        if len(outputs) != len(draws):
            raise TaskError(f"vLLM returned {len(outputs)} completions for {len(draws)} prompts")
        stopper = Stopper(sampling.stop, self._tokenizer)
        return [_completion(draw, output.outputs[0], stopper) for draw, output in zip(draws, outputs, strict=True)]


def _completion(draw: Draw, made: Any, stopper: Stopper) -> Completion:
    """vLLM ends early at literal texts; what is kept is decided as for any engine, and the answer's line only here."""
    thinking = stopper.thinks(draw.ids)
    if cut := stopper.cut(list(made.token_ids), thinking=thinking):
        return Completion(text=reopened(cut.text, thinking=thinking), tokens=cut.tokens, truncated=False)
    text = reopened(made.text, thinking=thinking)
    return Completion(text=text, tokens=len(made.token_ids), truncated=made.finish_reason == "length")
