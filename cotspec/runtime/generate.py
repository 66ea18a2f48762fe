"""Text from a model, for many prompts, repeatable and resumable.

Each request draws from its own random numbers, keyed by the seed and its key. What is drawn therefore does not depend
on which requests share a batch (up to the rounding of batched arithmetic) or on where a run was killed.
Engines are behind one Protocol; the file of finished batches is the resume state.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path
from typing import Protocol

from cotspec.runtime import fitting, models
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress
from cotspec.runtime.task import Task
from cotspec.spec.payload import ModelRef, Sampling


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A prompt to complete; `key` names it within its job and picks its random numbers."""

    key: str
    prompt: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What was generated: the text without special tokens, and its length with the end-of-sequence token."""

    text: str
    tokens: int
    truncated: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to generate with. `partial` collects finished batches and is read again after a kill."""

    what: str
    sampling: Sampling
    seed: int
    partial: Path


@dataclass(frozen=True, kw_only=True, slots=True)
class Draw:
    """One request as an engine gets it: token ids and the seed of its random numbers (below 2⁶³)."""

    ids: list[int]
    seed: int


class Engine(Protocol):
    """Something that completes prompts."""

    batch: int
    """Requests it likes to get at a time."""

    def encode(self, prompt: str) -> list[int]:
        """Token ids of a prompt."""

    def complete(self, draws: Sequence[Draw], sampling: Sampling) -> list[Completion]:
        """Complete a batch, in order."""


def generate(task: Task, ref: ModelRef, requests: Sequence[Request], job: Job) -> list[Completion]:
    """Complete all requests with the engine run.json names; results are in the order of the requests."""
    return from_source(task, models.source(task, ref), requests, job)


def from_source(task: Task, origin: models.Source, requests: Sequence[Request], job: Job) -> list[Completion]:
    """The same for a model whose place is known.

    Batches are made of prompts of like length, longest first, and a killed run goes on after the last whole batch.
    """
    done = dict(_finished(job.partial, requests))
    if len(done) < len(requests):
        prompts = [request.prompt for request in requests]
        fitting.check_prompts(origin, prompts, task.settings, new=job.sampling.max_new_tokens)
        engine = _engine(task, origin)
        complete(engine, requests, job, done)
    return [done[index] for index in range(len(requests))]


def complete(engine: Engine, requests: Sequence[Request], job: Job, done: dict[int, Completion]) -> None:
    """Complete what `done` lacks, adding to it and to the partial file batch by batch."""
    ids = [engine.encode(request.prompt) for request in requests]
    order = sorted(range(len(requests)), key=lambda index: (-len(ids[index]), index))
    batches = [order[start : start + engine.batch] for start in range(0, len(order), engine.batch)]
    made = sum(done[index].tokens for index in done)
    with job.partial.open("ab") as file, Progress(job.what, len(requests), done=len(done)) as progress:
        for batch in batches:
            if all(index in done for index in batch):
                continue
            draws = [Draw(ids=ids[index], seed=_seed(job.seed, requests[index].key)) for index in batch]
            for index, completion in zip(batch, engine.complete(draws, job.sampling), strict=True):
                done[index] = completion
                made += completion.tokens
            file.write(b"".join(_line(index, requests[index], done[index]) for index in batch))
            file.flush()
            progress.update(len(done), f"{made / len(done):.0f} tokens each")


def _seed(seed: int, key: str) -> int:
    return int.from_bytes(sha256(f"generate {seed} {key}".encode()).digest()[:8], "big") >> 1


def _line(index: int, request: Request, completion: Completion) -> bytes:
    record = [index, request.key, completion.text, completion.tokens, completion.truncated]
    return json.dumps(record, ensure_ascii=True).encode() + b"\n"


def _finished(partial: Path, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
    """Completions of an earlier run. A torn last line is cut off, so that the next append starts on a line."""
    if not partial.exists():
        return
    whole = 0
    for line in partial.read_bytes().splitlines(keepends=True):
        if not line.endswith(b"\n"):
            break
        whole += len(line)
        index, key, text, tokens, truncated = json.loads(line)
        if index >= len(requests) or requests[index].key != key:
            raise TaskError(f"{partial} belongs to other requests: remove it and run again")
        yield index, Completion(text=text, tokens=tokens, truncated=truncated)
    with partial.open("rb+") as file:
        file.truncate(whole)


def _engine(task: Task, origin: models.Source) -> Engine:
    settings = task.settings
    models.announce(origin)
    if settings.engine == "vllm":
        from cotspec.runtime.engine_vllm import VllmEngine

        return VllmEngine(origin, settings)
    from cotspec.runtime.engine_transformers import TransformersEngine

    return TransformersEngine(origin, gpus=settings.gpus, batch=settings.generate_batch)
