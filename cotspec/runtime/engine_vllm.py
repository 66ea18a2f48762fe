"""The vLLM engine, for GPUs: the same requests and seeds through vLLM's own batching."""

from __future__ import annotations

from collections.abc import Sequence

from cotspec.runtime import models
from cotspec.runtime.errors import TaskError
from cotspec.runtime.generate import Completion, Draw
from cotspec.spec.payload import RunSettings, Sampling

_CHUNK = 2048
"""Requests between two writes of the partial file; vLLM schedules within them."""


class VllmEngine:
    """A model spread over `tensor_parallel` GPUs."""

    def __init__(self, origin: models.Source, settings: RunSettings) -> None:
        models.require("vllm", {"for": "engine: vllm", "get": "pip install vllm, or set `engine: transformers`"})
        from vllm import LLM

        models.settle()
        models.device(max(1, settings.gpus))
        self.batch = _CHUNK
        self._chat = origin.chat
        self._tokenizer = models.load_tokenizer(origin)
        self._llm = LLM(
            model=origin.location,
            trust_remote_code=origin.trust_remote_code,
            tensor_parallel_size=settings.tensor_parallel,
            gpu_memory_utilization=settings.vllm_memory,
            seed=0,
            disable_log_stats=True,
        )

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt, through the chat template when the model has one to use."""
        return models.encode(self._tokenizer, prompt, chat=self._chat)

    def complete(self, draws: Sequence[Draw], sampling: Sampling) -> list[Completion]:
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
            )
            for draw in draws
        ]
        outputs = self._llm.generate(prompts, parameters, use_tqdm=False)
        if len(outputs) != len(draws):
            raise TaskError(f"vLLM returned {len(outputs)} completions for {len(draws)} prompts")
        answers = [output.outputs[0] for output in outputs]
        return [
            Completion(text=a.text, tokens=len(a.token_ids), truncated=a.finish_reason == "length") for a in answers
        ]
