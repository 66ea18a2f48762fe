"""Texts that another model corrects in one place, and their writer then goes on with (the revision of sequences in
Multi-Granularity Semantic Revision, arXiv 2407.10068).

The place is, among those where the other model finds another token likeliest, the one where its probabilities diverge
most from the writer's, KL(other ‖ writer). Both read the question and the text up to there. What stands in a batch
together changes nothing but rounding.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import torch

from cotspec.cot import model_config
from cotspec.runtime import generate, models
from cotspec.runtime.engine import Completion
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.requests import Job, Request
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.task import Task
from cotspec.spec.payload import EndpointModel, TextBody

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase


class Revised(NamedTuple):
    """A text up to the token that was put in, that token with it; the whole text where there is none."""

    begin: str
    tokens: int
    goes_on: bool


class _Text(NamedTuple):
    """A text in tokens, with its end, after what the writer and the other model read before it."""

    own: list[int]
    other: list[int]
    ids: list[int]


def continued(
    task: Task, body: TextBody, requests: Sequence[Request], texts: Sequence[str], job: Job
) -> list[Completion]:
    """The texts, each corrected and gone on with; `requests` are what their writer was asked. Raises TaskError."""
    revised = _revised(task, body, [request.prompt for request in requests], texts)
    left = [at for at, one in enumerate(revised) if one.goes_on]
    again = [Request(key=requests[at].key, prompt=requests[at].prompt, begin=revised[at].begin) for at in left]
    made = dict(zip(left, generate.generate(task, body.model, again, job), strict=True))
    return [
        Completion(text=one.begin, tokens=one.tokens, truncated=False)
        if at not in made
        else Completion(
            text=one.begin + made[at].text, tokens=one.tokens + made[at].tokens, truncated=made[at].truncated
        )
        for at, one in enumerate(revised)
    ]


def _revised(task: Task, body: TextBody, prompts: Sequence[str], texts: Sequence[str]) -> list[Revised]:
    models.make_repeatable()
    assert not isinstance(body.model, EndpointModel)  # noqa: S101 - a rule refuses it
    writer, other = models.source(task, body.model), models.source(task, body.revise[0], "revise")
    own, tokenizer = models.load_tokenizer(writer), models.load_tokenizer(other)
    rows = [model_config.embedded(models.load_config(each).to_dict()) for each in (writer, other)]
    if why := model_config.two_vocabularies(_words(own), rows[0], _words(tokenizer), rows[1]):
        raise TaskError(f"{why.replace('student', 'writer').replace('teacher', 'reviser')}")
    encoders = models.load_encoder(writer, own), models.load_encoder(other, tokenizer)
    pairs = dict.fromkeys(zip(prompts, texts, strict=True))
    if any(Stopper(body.sampling.stop, own).thinks(encoders[0](prompt)) for prompt, _ in pairs):
        raise TaskError("the chat template opens thoughts, from within which no text can be gone on with")
    end = int(own.eos_token_id)
    read = [
        _Text(encoders[0](prompt), encoders[1](prompt), [*own(text, add_special_tokens=False)["input_ids"], end])
        for prompt, text in pairs
    ]
    window = min((most for each in (writer, other) if (most := _positions(each))), default=0)
    places = _places(task, (writer, other), read, tokens=len(own), window=window)
    revised = {
        pair: _of(own, text, place, whole=pair[1]) for pair, text, place in zip(pairs, read, places, strict=True)
    }
    changed, long = sum(place is not None for place in places), sum(_long(text, window) for text in read)
    told = f", {long} are longer than the {window} positions and stay as they are" if long else ""
    say(f"{changed} of {len(read)} texts are corrected at one place{told}")
    return [revised[pair] for pair in zip(prompts, texts, strict=True)]


def _of(tokenizer: PreTrainedTokenizerBase, text: _Text, place: tuple[int, int] | None, *, whole: str) -> Revised:
    if place is None:
        return Revised(whole, len(text.ids), goes_on=False)
    at, token = place
    ends = token == text.ids[-1]
    kept = [*text.ids[:at], *([] if ends else [token])]
    return Revised(str(tokenizer.decode(kept, skip_special_tokens=True)), len(kept) + ends, goes_on=not ends)


def _positions(origin: models.ModelSource) -> int:
    return model_config.positions(models.load_config(origin).to_dict())


def _long(text: _Text, window: int) -> bool:
    return bool(window) and max(len(text.own), len(text.other)) + len(text.ids) > window


def _places(
    task: Task,
    origins: tuple[models.ModelSource, models.ModelSource],
    texts: Sequence[_Text],
    *,
    tokens: int,
    window: int,
) -> list[tuple[int, int] | None]:
    """Where each text is to be corrected and by which token; None where it stays as it is."""
    device, both = models.device(task.settings.gpus), []
    for origin in origins:
        models.announce(origin)
        model = models.load_model(origin, dtype=torch.float32 if device == "cpu" else "auto")
        both.append(model.to(device).eval())
    places: list[tuple[int, int] | None] = [None] * len(texts)
    order = sorted((at for at, text in enumerate(texts) if not _long(text, window)), key=lambda at: -len(texts[at].ids))
    size = task.settings.generate_batch
    with Progress("reading", len(texts)) as progress:
        for first in range(0, len(order), size):
            batch = order[first : first + size]
            own = _after(both[0], [(texts[at].own, texts[at].ids) for at in batch], tokens=tokens)
            other = _after(both[1], [(texts[at].other, texts[at].ids) for at in batch], tokens=tokens)
            for at, one, another in zip(batch, own, other, strict=True):
                places[at] = widest(one, another, texts[at].ids)
            progress.update(first + len(batch))
    return places


def widest(own: torch.Tensor, other: torch.Tensor, ids: Sequence[int]) -> tuple[int, int] | None:
    """Place and token of a correction, from the log-probabilities of writer and other model, (tokens, vocabulary)."""
    likeliest = other.argmax(-1)
    differs = likeliest != torch.tensor(list(ids), device=likeliest.device)
    if not bool(differs.any()):
        return None
    apart = (other.exp() * (other - own)).sum(-1).masked_fill(~differs, float("-inf"))
    at = int(apart.argmax())
    return at, int(likeliest[at])


def _after(
    model: PreTrainedModel, texts: Sequence[tuple[list[int], list[int]]], *, tokens: int
) -> Iterator[torch.Tensor]:
    """Of each text the log-probabilities at each of its tokens."""
    longest = max(len(before) + len(ids) for before, ids in texts)
    rows = [[*before, *ids, *[0] * (longest - len(before) - len(ids))] for before, ids in texts]
    mask = [[int(at < len(before) + len(ids)) for at in range(longest)] for before, ids in texts]
    with torch.inference_mode():
        logits = model(
            input_ids=torch.tensor(rows, device=model.device),
            attention_mask=torch.tensor(mask, device=model.device),
            use_cache=False,
        ).logits
    for (before, ids), own in zip(texts, logits, strict=True):  # outside: whoever stops early stays in no mode
        yield own[len(before) - 1 : len(before) - 1 + len(ids), :tokens].float().log_softmax(-1)


def _words(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    added = tokenizer.get_added_vocab()
    return {word: place for word, place in tokenizer.get_vocab().items() if word not in added}
