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
from typing import Any
from zlib import crc32

from cotspec.runtime import fitting, models
from cotspec.runtime.engine import Completion, Draw, Engine
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.task import Task
from cotspec.spec.payload import ModelRef, Sampling


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """A prompt to complete; `key` names it within its job and picks its random numbers."""

    key: str
    prompt: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """What to generate with. `partial` collects finished batches and is read again after a kill."""

    what: str
    sampling: Sampling
    seed: int
    partial: Path


def generate(task: Task, ref: ModelRef, requests: Sequence[Request], job: Job) -> list[Completion]:
    """Complete all requests with the engine run.json names; results are in the order of the requests."""
    return from_source(task, models.source(task, ref), requests, job)


def from_source(task: Task, origin: models.ModelSource, requests: Sequence[Request], job: Job) -> list[Completion]:
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
            file.write(b"".join(line_of(index, requests[index].key, done[index]) for index in batch))
            file.flush()
            progress.update(len(done), f"{made / len(done):.0f} tokens each")


def _seed(seed: int, key: str) -> int:
    return int.from_bytes(sha256(f"generate {seed} {key}".encode()).digest()[:8], "big") >> 1


def line_of(index: int, key: str, completion: Completion) -> bytes:
    """A finished completion in the file of a half-finished generation: JSON, then its CRC-32, a check against
    accidents of the disk."""
    record = [index, key, completion.text, completion.tokens, completion.truncated]
    text = json.dumps(record, ensure_ascii=True).encode()
    return text + b" %08x\n" % crc32(text)


def _record(line: bytes) -> list[Any] | None:
    """What a line holds; None when it is torn or damaged."""
    text, _, told = line.rpartition(b" ")
    return list(json.loads(text)) if told == b"%08x\n" % crc32(text) else None


def _finished(partial: Path, requests: Sequence[Request]) -> Iterator[tuple[int, Completion]]:
    """Completions of an earlier run, up to the first line that is torn or is not as it was written: from there on the
    file is cut off, so that the next append starts on a line."""
    if not partial.exists():
        return
    whole = 0
    for line in partial.read_bytes().splitlines(keepends=True):
        record = _record(line)
        if record is None:
            if line.endswith(b"\n"):  # else a kill tore it
                say("a finished completion was damaged after it was written: it and those after it are made again")
            break
        whole += len(line)
        index, key, text, tokens, truncated = record
        if index >= len(requests) or requests[index].key != key:
            raise TaskError(f"{partial} belongs to other requests: remove it and run again")
        yield index, Completion(text=text, tokens=tokens, truncated=truncated)
    with partial.open("rb+") as file:
        file.truncate(whole)


def _engine(task: Task, origin: models.ModelSource) -> Engine:
    settings = task.settings
    models.announce(origin)
    if settings.engine == "vllm":
        from cotspec.runtime.engine_vllm import VllmEngine

        return VllmEngine(origin, settings)
    from cotspec.runtime.engine_transformers import TransformersEngine

    return TransformersEngine(origin, gpus=settings.gpus, batch=settings.generate_batch)
