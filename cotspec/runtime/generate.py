"""Text from a model, for many prompts, repeatable and resumable.

Each request draws from its own random numbers, keyed by the seed and its key. What is drawn therefore does not depend
on which requests share a batch (up to the rounding of batched arithmetic) or on where a run was killed.
Engines are behind one Protocol; the file of finished batches is the resume state.
"""

from __future__ import annotations

from collections.abc import Sequence

from cotspec.runtime import fitting, models
from cotspec.runtime.engine import Completion, Draw, Engine
from cotspec.runtime.progress import Progress
from cotspec.runtime.requests import Job as Job
from cotspec.runtime.requests import Request as Request
from cotspec.runtime.requests import finished, line_of, seed_of
from cotspec.runtime.task import Task
from cotspec.spec.payload import AskedRef, EndpointModel, WrittenBody


def generate(task: Task, ref: AskedRef, requests: Sequence[Request], job: Job) -> list[Completion]:
    """Complete all requests with the engine run.json names, or by the server of the model; results are in the order of
    the requests."""
    if isinstance(ref, EndpointModel):
        return [each for each in _served(task, ref, requests, job, missing=0.0) if each is not None]
    return from_source(task, models.source(task, ref), requests, job)


def written(task: Task, ref: AskedRef, requests: Sequence[Request], job: Job) -> Sequence[Completion | None]:
    """The same, with None for what a server does not write, as far as run.json lets texts be missing."""
    if isinstance(ref, EndpointModel):
        return _served(task, ref, requests, job, missing=task.settings.endpoint.missing)
    return from_source(task, models.source(task, ref), requests, job)


def _served(
    task: Task, ref: EndpointModel, requests: Sequence[Request], job: Job, *, missing: float
) -> list[Completion | None]:
    from cotspec.runtime.endpoints import asking

    return asking.ask(task, ref, requests, job, task.settings.endpoint, missing=missing)


def from_source(task: Task, origin: models.ModelSource, requests: Sequence[Request], job: Job) -> list[Completion]:
    """The same for a model whose place is known.

    Batches are made of prompts of like length, longest first, and a killed run goes on after the last whole batch.
    """
    done = dict(finished(job.partial, requests))
    if len(done) < len(requests):
        prompts = [request.prompt for request in requests]
        fitting.check_prompts(origin, prompts, task.settings, new=job.sampling.max_new_tokens)
        engine = engine_of(task, origin)
        complete(engine, requests, job, done)
    return [done[index] for index in range(len(requests))]


def complete(engine: Engine, requests: Sequence[Request], job: Job, done: dict[int, Completion]) -> None:
    """Complete what `done` lacks, adding to it and to the partial file batch by batch."""
    ids = [engine.encode(request.prompt, request.begin) for request in requests]
    order = sorted(range(len(requests)), key=lambda index: (-len(ids[index]), index))
    batches = [order[start : start + engine.batch] for start in range(0, len(order), engine.batch)]
    made = sum(done[index].tokens for index in done)
    with job.partial.open("ab") as file, Progress(job.what, len(requests), done=len(done)) as progress:
        progress.begin(len(requests), len(done), f"in batches of {min(engine.batch, len(requests))}")

        def tick(tokens: int) -> None:
            progress.within(f"at token {tokens} of at most {job.sampling.max_new_tokens}")

        for batch in batches:
            if all(index in done for index in batch):
                continue
            draws = [Draw(ids=ids[index], seed=seed_of(job.seed, requests[index].key)) for index in batch]
            for index, completion in zip(batch, engine.complete(draws, job.sampling, tick), strict=True):
                done[index] = completion
                made += completion.tokens
            file.write(b"".join(line_of(index, requests[index].key, done[index]) for index in batch))
            file.flush()
            progress.update(len(done), f"{made / len(done):.0f} tokens each")


def engine_of(task: Task, origin: models.ModelSource) -> Engine:
    settings = task.settings
    models.announce(origin)
    if settings.engine == "vllm":
        from cotspec.runtime.engine_vllm import VllmEngine

        return VllmEngine(origin, settings)
    from cotspec.runtime import tilt
    from cotspec.runtime.engine_transformers import TransformersEngine

    body = task.payload.task
    leaning = body.tilt if isinstance(body, WrittenBody) else ()
    return TransformersEngine(
        origin,
        gpus=settings.gpus,
        batch=settings.generate_batch,
        leans=lambda device: tilt.load(task, origin, leaning, device),
    )
