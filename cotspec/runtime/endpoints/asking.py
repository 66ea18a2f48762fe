"""Texts from a model behind a server, for many prompts: several at a time, each kept as soon as it is there.

The file of finished texts is that of any generation, so a run that was killed, stopped by a budget or left by its
server goes on with what is missing. Each request has a seed of its own, as everywhere (decision 11); whether a server
keeps to it is the server's affair, and a self-test says what it does with one prompt asked twice.
"""

from __future__ import annotations

import asyncio
import math
import random
import time
from collections import Counter, deque
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import IO, Final, TypeVar

from cotspec.runtime.endpoints import places
from cotspec.runtime.endpoints.client import Client, FailedError, RefusedError, UnreachableError
from cotspec.runtime.endpoints.replies import NO_USAGE, Reply
from cotspec.runtime.endpoints.spending import SELF_TEST, Spending, file_of
from cotspec.runtime.engine import Completion, Heard
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say, span
from cotspec.runtime.requests import Job, Request, finished, line_of, seed_of
from cotspec.runtime.task import Task
from cotspec.spec.payload import EndpointModel, EndpointSettings, Sampling, Stop

T = TypeVar("T")

_FIRST_PAUSE: Final = 0.5
_LONGEST_PAUSE: Final = 60.0
"""Seconds between two tries, before and after they doubled; each is cut by up to a half at random."""
_MOST_PATIENCE: Final = 3600.0
"""Seconds that a server may ask to wait: longer is not a moment of load but a limit of the day."""
_GIVE_UP: Final = 3
"""Requests in a row that fail for good, all tries used, until a server counts as gone."""
_TICK: Final = 5.0
"""Seconds between looks at whether to say that nothing has come yet."""
_TEST: Final = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=32, stop=Stop())
"""How the self-test asks."""
_NAMED: Final = 3
"""Reasons that a message names."""


def ask(
    task: Task,
    ref: EndpointModel,
    requests: Sequence[Request],
    job: Job,
    settings: EndpointSettings,
    *,
    missing: float,
) -> list[Completion | None]:
    """The texts of all requests, in their order; None for those that the server will not write, at most the share
    `missing` of them. Raises TaskError."""
    return Server(task, ref, settings).ask(requests, job, missing=missing)


class Server:
    """A model behind a server, for a task that asks it once or again and again: it is told of, tested and shown at work
    the first time, and what was learnt of it then stays."""

    def __init__(self, task: Task, ref: EndpointModel, settings: EndpointSettings) -> None:
        self._task, self._ref, self._settings = task, ref, settings
        self._client: Client | None = None

    def ask(
        self, requests: Sequence[Request], job: Job, *, missing: float, heard: Heard | None = None
    ) -> list[Completion | None]:
        """As the function `ask`; `heard` is told the text of a single request as it is written."""
        done = dict(finished(job.partial, requests))
        refused: dict[int, str] = {}
        if len(done) < len(requests):
            first = self._client is None
            client = self._client = self._client or self._found()
            spending = Spending(file_of(self._task.root, self._ref), self._task.payload.id, self._settings)
            run = _Run(client, self._settings, spending, requests, job, done, heard)
            asyncio.run(run.all(first=first))
            refused = run.refused
            if run.stopped is not None:
                raise TaskError(f"{run.stopped}; {_kept(done, requests)}") from run.stopped
        _accept(missing, refused, done, requests)
        return [done.get(index) for index in range(len(requests))]

    def _found(self) -> Client:
        place = places.of_task(self._task.root, self._ref)
        say(f"model: {self._ref.name} at {place.url}, {self._settings.concurrency} requests at a time")
        if place.exposed:
            say(f"the key in {place.variable} goes there unencrypted: others on the way can read it (use https)")
        return Client(self._ref, place, self._settings)


def check(root: Path, ref: EndpointModel, settings: EndpointSettings) -> None:
    """Whether the server of a model is there, takes the key and has it. Raises TaskError."""
    place = places.of(root, ref)

    async def asked() -> None:
        async with Client(ref, place, settings) as client:
            await _there(client, settings)

    say(f"asking {place.url} for {ref.name}")
    asyncio.run(asked())


def _accept(missing: float, refused: dict[int, str], done: dict[int, Completion], requests: Sequence[Request]) -> None:
    """Texts may be missing as far as a spec says so."""
    if not refused:
        return
    reasons = Counter(refused.values()).most_common(_NAMED)
    told = f"{len(refused)} of {len(requests)} texts were not written ({'; '.join(f'{n} × {r}' for r, n in reasons)})"
    if len(refused) > math.floor(missing * len(requests)):
        raise TaskError(f"{told}; {_kept(done, requests)}")
    say(f"{told}, which `missing: {missing:g}` allows")


def _kept(done: dict[int, Completion], requests: Sequence[Request]) -> str:
    return f"{len(done)} of {len(requests)} texts are kept, and the next run asks for the others"


class _Run:
    """All requests of a task."""

    def __init__(
        self,
        client: Client,
        settings: EndpointSettings,
        spending: Spending,
        requests: Sequence[Request],
        job: Job,
        done: dict[int, Completion],
        heard: Heard | None,
    ) -> None:
        self._client, self._settings, self._spending = client, settings, spending
        self._requests, self._job, self._done, self._heard = requests, job, done, heard
        self._left = deque(index for index in range(len(requests)) if index not in done)
        self._tokens = sum(each.tokens for each in done.values())
        self._tries = settings.retries + 1
        self._in_a_row = self._textless = self._again = 0
        self._not_before = 0.0
        self.refused: dict[int, str] = {}
        """Why a request has no text, by its place."""
        self.stopped: Exception | None = None
        """Why nothing more is asked."""

    async def all(self, *, first: bool) -> None:
        """Ask for what is missing; `first`: nobody knows yet whether the server is there. Raises TaskError where
        nothing can be asked; `stopped` is why it ended early."""
        async with self._client as client:
            self._afford()
            if first:
                await _there(client, self._settings)
                await self._test()
            with self._job.partial.open("ab") as file:
                if first:
                    with Progress(self._job.what, len(self._requests), done=len(self._done)) as progress:
                        await self._together(file, progress)
                else:
                    await self._together(file, None)
            if first and not client.repeatable:
                say("the server takes no `seed`: texts that are drawn cannot be repeated")

    async def _together(self, file: IO[bytes], progress: Progress | None) -> None:
        """Several requests at a time."""
        ticking = asyncio.create_task(self._tick(progress))
        try:
            async with asyncio.TaskGroup() as group:
                for _ in range(min(self._settings.concurrency, len(self._left))):
                    group.create_task(self._work(file, progress))
        except BaseExceptionGroup as several:
            raise several.exceptions[0] from several
        finally:
            ticking.cancel()

    async def _work(self, file: IO[bytes], progress: Progress | None) -> None:
        """Take requests until there are none, or nothing more is to be asked. What was sent is waited for: it costs."""
        while self._left and self.stopped is None:
            try:
                self._afford()
            except TaskError as error:
                self.stopped = error
                return
            index = self._left.popleft()
            try:
                reply = await self._reply(index)
            except RefusedError as error:
                self._refuse(index, error)
            except (FailedError, TaskError) as error:
                self.stopped = self.stopped or error
            else:
                self._keep(index, reply, file)
                self._show(progress)

    async def _reply(self, index: int) -> Reply:
        """A text, after as many tries as it takes. Raises RefusedError, FailedError, TaskError."""
        request = self._requests[index]
        seed = seed_of(self._job.seed, request.key) >> 32  # below 2³¹: some servers take no more
        for attempt in range(1, self._tries + 1):
            await asyncio.sleep(max(0.0, self._not_before - time.monotonic()))
            try:
                return await self._client.ask(request.prompt, self._job.sampling, seed=seed, heard=self._heard)
            except (FailedError, RefusedError) as error:
                if error.reply is not None:  # it was paid for
                    self._spending.add(request.key, error.reply)
                if isinstance(error, RefusedError):
                    raise
                failed = error
            if self.stopped is not None or attempt == self._tries:
                break
            self._again += 1
            if self._heard is not None:
                self._heard(f"\n[{failed}: asked again]\n")
            await self._pause(failed, attempt)
        return self._failed(failed)

    async def _pause(self, error: FailedError, attempt: int) -> None:
        wait = _pause(attempt)
        if error.after is not None:
            if error.after > _MOST_PATIENCE:
                raise TaskError(f"the server asks to come back in {span(error.after)} ({error})") from error
            # All requests wait: they come from one customer.
            self._not_before = max(self._not_before, time.monotonic() + error.after)
            wait = max(wait, error.after)
        if self._again == 1 or wait > _TICK:
            say(f"asking again in {span(wait)}: {error}")
        await asyncio.sleep(wait)

    def _failed(self, error: FailedError) -> Reply:
        """All tries of a request failed: one that got replies is left, a server that gives none is gone."""
        if error.reply is not None:
            _counted(error.reply)
            self._textless += 1
            if not self._done and self._textless >= _GIVE_UP:
                raise TaskError(f"no text has come: {_GIVE_UP} prompts were asked {self._tries} times each: {error}")
            raise RefusedError(str(error), reply=error.reply) from error
        self._in_a_row += 1
        if isinstance(error, UnreachableError):
            raise error
        if self._in_a_row >= _GIVE_UP:
            raise TaskError(f"{_GIVE_UP} requests in a row failed {self._tries} times each, at last with {error}")
        raise RefusedError(str(error)) from error

    def _refuse(self, index: int, error: RefusedError) -> None:
        self.refused[index] = str(error)
        if not self._done and error.reply is None and len(self.refused) >= _GIVE_UP:
            self.stopped = self.stopped or error  # nothing has worked yet: no other prompt will

    def _keep(self, index: int, reply: Reply, file: IO[bytes]) -> None:
        """First the text, then what it cost: a kill in between loses no text that was paid for."""
        request, completion = self._requests[index], reply.completion
        assert completion is not None  # noqa: S101 - the client raises otherwise
        self._in_a_row = 0
        self._done[index] = completion
        self._tokens += completion.tokens
        file.write(line_of(index, request.key, completion))
        file.flush()
        self._spending.add(request.key, reply)

    def _afford(self) -> None:
        """Raises TaskError when a budget is spent."""
        if why := self._spending.exhausted():
            raise TaskError(f"{why}: raise `budget` under `resources.endpoints` and run `cotspec build`")

    async def _test(self) -> None:
        """Ask the first of the missing prompts twice and say whether that gives one text; once for a task."""
        if self._spending.tested():
            return
        prompt, tries = self._requests[self._left[0]].prompt, self._tries
        texts: list[Completion | None] = []
        for again in (False, True):
            try:
                reply = await _patiently(lambda: self._client.ask(prompt, _TEST, seed=0), tries)
            except (RefusedError, FailedError) as error:
                if error.reply is None and isinstance(error, FailedError):
                    raise TaskError(str(error)) from error
                if error.reply is not None:
                    self._spending.add(SELF_TEST, error.reply)
                    _counted(error.reply)
                    self._client.understands(error.reply)
                say(f"the self-test (one prompt twice at temperature 0) is left out: {error}")
                return
            texts.append(reply.completion)
            self._spending.add(SELF_TEST, reply, **({"same": texts[0] == texts[1]} if again else {}))
        told = "one text" if texts[0] == texts[1] else "two different texts: this server does not repeat itself"
        say(f"self-test: one prompt, twice at temperature 0, gave {told}")

    def _note(self) -> str:
        parts = [f"{self._tokens / len(self._done):.0f} tokens each"] if self._done else []
        if self._settings.price_input or self._settings.price_output:
            parts.append(f"{self._spending.spent().cost:.4g} spent")
        if self._again:
            parts.append(f"{self._again} asked again")
        return ", ".join(parts)

    async def _tick(self, progress: Progress | None) -> None:
        while True:
            await asyncio.sleep(_TICK)
            self._show(progress)

    def _show(self, progress: Progress | None) -> None:
        if progress is not None:
            progress.update(len(self._done), self._note())


async def _there(client: Client, settings: EndpointSettings) -> None:
    """Whether a server can be asked. Raises TaskError."""
    try:
        await _patiently(client.check, settings.retries + 1)
    except FailedError as error:
        raise TaskError(str(error)) from error


async def _patiently(call: Callable[[], Awaitable[T]], tries: int) -> T:
    """What a first request gives, after as many tries as it takes: a server that is not there is not waited for,
    nor another reply where one was no text."""
    for attempt in range(1, tries + 1):
        try:
            return await call()
        except UnreachableError as error:
            raise TaskError(str(error)) from error
        except FailedError as error:
            if attempt == tries or error.reply is not None or (error.after or 0.0) > _MOST_PATIENCE:
                raise
            wait = max(_pause(attempt), error.after or 0.0)
            if attempt == 1 or wait > _TICK:
                say(f"asking again in {span(wait)}: {error}")
            await asyncio.sleep(wait)
    raise AssertionError("a request is sent at least once")


def _counted(reply: Reply) -> None:
    """Raises TaskError for a server that does not say how many tokens it wrote."""
    if reply.fault == NO_USAGE:
        raise TaskError(f"the server sends {NO_USAGE}: tokens are counted, never guessed, so texts need it")


def _pause(attempt: int) -> float:
    """Seconds before the next try: doubled each time, and not the same for all that failed at once."""
    longest = min(_LONGEST_PAUSE, _FIRST_PAUSE * 2.0 ** (attempt - 1))
    part: float = random.uniform(0.5, 1.0)  # noqa: S311 - it hides nothing
    return longest * part
