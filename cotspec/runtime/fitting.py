"""Whether a model fits what a task asks of it, found before its weights are loaded: from its configuration, its
tokenizer, and its layers without their numbers."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from cotspec.cot import model_config
from cotspec.runtime import models
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.spec.payload import RunSettings

if TYPE_CHECKING:
    from transformers import PretrainedConfig


def check_targets(origin: models.ModelSource, targets: Sequence[str]) -> None:
    """Raises TaskError for a target of LoRA that matches no layer.

    A model of remote code is asked when it is there (`refuse_unmatched`): its code need not be able to do without
    weights.
    """
    if targets and not origin.trust_remote_code:
        config = models.load_config(origin)
        refuse_unmatched(targets, layers(config, trust_remote_code=False))


def check_prompts(origin: models.ModelSource, prompts: Collection[str], settings: RunSettings, *, new: int) -> None:
    """Raises TaskError when the model cannot complete all these prompts by `new` tokens, the way run.json says."""
    models.make_repeatable()
    models.device(max(1, settings.gpus) if settings.engine == "vllm" else settings.gpus)
    config = models.load_config(origin).to_dict()
    encoder = models.load_encoder(origin, models.load_tokenizer(origin))
    ids = [encoder(prompt) for prompt in dict.fromkeys(prompts)]
    longest, most, heads = max(map(len, ids), default=0), model_config.positions(config), model_config.heads(config)
    if most and longest + new > most:
        raise TaskError(
            f"a prompt of {longest} tokens and {new} new ones do not fit the model's {most} positions: "
            "lower `sampling.max_new_tokens`"
        )
    if settings.engine == "vllm" and heads % settings.tensor_parallel:
        parts = settings.tensor_parallel
        raise TaskError(f"{heads} attention heads cannot be split over `tensor_parallel` {parts} GPUs: set another")
    check_ids(config, ids)


def check_ids(config: Mapping[str, object], texts: Iterable[Sequence[int]]) -> None:
    """Raises TaskError when a text holds a token that the model has no vector for."""
    rows = model_config.embedded(config)
    largest = max((max(ids, default=0) for ids in texts), default=0)
    if rows and largest >= rows:
        raise TaskError(
            f"the tokenizer gives the id {largest}, and the model has {rows} vectors: they are not of one model"
        )


def length(origin: models.ModelSource, max_length: int) -> int:
    """The longest row that can be trained on: `max_length`, or all positions of the model when it has fewer."""
    most = model_config.positions(models.load_config(origin).to_dict())
    if not most or max_length <= most:
        return max_length
    say(f"the model has {most} positions: longer rows are not trained on, though max_length is {max_length}")
    return most


def refuse_unmatched(targets: Sequence[str], names: Collection[str]) -> None:
    """Raises TaskError for a target that is none of the layers `names`."""
    unmatched = model_config.unmatched(targets, names)
    told = [f"no layer of the model is `{word}`, {model_config.likely(word, names)}" for word in unmatched]
    if told:
        raise TaskError(f"`lora.targets` does not fit the model: {'; '.join(told)}")


def layers(config: PretrainedConfig, *, trust_remote_code: bool) -> tuple[str, ...]:
    """The layers that an adapter can sit on, by their whole names: linear ones and embeddings, but for the output."""
    import torch
    from transformers import AutoModelForCausalLM
    from transformers.pytorch_utils import Conv1D

    with torch.device("meta"):
        model = AutoModelForCausalLM.from_config(config, trust_remote_code=trust_remote_code)
    kinds, last = (torch.nn.Linear, torch.nn.Embedding, Conv1D), model.get_output_embeddings()
    return tuple(name for name, module in model.named_modules() if isinstance(module, kinds) and module is not last)
