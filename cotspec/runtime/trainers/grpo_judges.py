"""Judges: frozen models that are asked about completions while another one trains.

All that a generation asks of a judge is asked at once. A text that is drawn has random numbers of its own, keyed by the
step and the place of its completion (decision 11), so neither a split of the batch nor a resumed run changes it. Each
process asks about its own completions, with weights of its own beside those that train, or through a server: what that
said is kept until the task is done, so a run that goes on from a checkpoint reads it and does not ask again.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, Protocol

from cotspec.cot import judges, model_config
from cotspec.cot.measures import Value
from cotspec.cot.prompting import PromptError
from cotspec.files import plain
from cotspec.runtime import models
from cotspec.runtime.engine import Completion, Draw, Engine
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.requests import Job, Request, seed_of
from cotspec.runtime.task import Task
from cotspec.spec.payload import EndpointModel, EndpointSettings, GrpoBody, Judge, Sampling

if TYPE_CHECKING:
    from collections.abc import Collection

    from cotspec.runtime.endpoints.asking import Server

_SHOWN = 120
"""Characters of a text that is told because it cannot be read."""


class About(NamedTuple):
    """A completion, and what its row has."""

    place: int
    """In the generation, over all processes."""
    response: str
    shown: Mapping[str, str]
    gold: str


class Verdict(NamedTuple):
    """What a judge wrote of a completion, and what that says."""

    text: str
    values: Mapping[str, Value]
    read: bool
    """Whether it says all that the reward asks of it."""


class Question(NamedTuple):
    """What is asked of a judge, once for all completions about which it is the same."""

    prompt: str
    seed: int
    """Of its random numbers; 0 for a judge that is greedy."""


class Writer(Protocol):
    """Who writes the texts of a judge."""

    def write(self, questions: Sequence[Question], *, step: int) -> Sequence[Completion | None]:
        """A text for each; None for one that cannot be had."""


class Beside(NamedTuple):
    """A judge whose weights lie beside those that train."""

    engine: Engine
    sampling: Sampling
    positions: int
    """Longest prompt with its text, in tokens; 0 is not known."""

    def write(self, questions: Sequence[Question], *, step: int) -> Sequence[Completion | None]:  # noqa: ARG002
        """None for a prompt that is too long for its positions."""
        draws = [Draw(ids=self.engine.encode(each.prompt), seed=each.seed) for each in questions]
        most = self.positions - self.sampling.max_new_tokens if self.positions else None
        fits = [at for at, draw in enumerate(draws) if most is None or len(draw.ids) <= most]
        fits.sort(key=lambda at: -len(draws[at].ids))
        texts: list[Completion | None] = [None] * len(draws)
        for first in range(0, len(fits), self.engine.batch):
            batch = fits[first : first + self.engine.batch]
            for at, text in zip(batch, self.engine.complete([draws[at] for at in batch], self.sampling), strict=True):
                texts[at] = text
        return texts


class Served(NamedTuple):
    """A judge behind a server."""

    judge: Judge
    server: Server
    settings: EndpointSettings
    seed: int
    folder: Path
    """Where what it said is kept, a file for each generation and process."""

    def write(self, questions: Sequence[Question], *, step: int) -> Sequence[Completion | None]:
        """None for what the server will not write, as far as `missing` lets it. Raises TaskError."""
        requests = [
            Request(key=f"judge {self.judge.name} {step} {_digest(each)}", prompt=each.prompt) for each in questions
        ]
        whole = sha256("\n".join(each.key for each in requests).encode()).hexdigest()[:12]
        kept = self.folder / f"{self.judge.name}-{step}-{whole}.jsonl"
        job = Job(what=f"judge `{self.judge.name}`", sampling=self.judge.sampling, seed=self.seed, partial=kept)
        return self.server.ask(requests, job, missing=self.settings.missing)


def _digest(question: Question) -> str:
    return sha256(f"{question.seed} {question.prompt}".encode()).hexdigest()[:16]


class Loaded(NamedTuple):
    """A judge that can be asked."""

    judge: Judge
    writer: Writer


class Judges:
    """All judges of a reward, which asks for the measures in `reads`; false where there are none."""

    def __init__(self, loaded: Sequence[Loaded], body: GrpoBody, reads: Collection[str]) -> None:
        self._loaded, self._body, self._reads = loaded, body, frozenset(reads)
        self._said: dict[tuple[str, Question], Completion | None] = {}
        self._step = -1
        self._told: set[str] = set()

    def __bool__(self) -> bool:
        return bool(self._loaded)

    @property
    def names(self) -> tuple[str, ...]:
        """Of the judges."""
        return tuple(each.judge.name for each in self._loaded)

    def ask(self, completions: Sequence[About], *, step: int) -> list[dict[str, Verdict]]:
        """Of each completion of this process what each judge says, by its name."""
        if step != self._step:  # a generation may be asked about again, after some of it was drawn anew
            self._said, self._step = {}, step
        verdicts: list[dict[str, Verdict]] = [{} for _ in completions]
        for loaded in self._loaded:
            wrote = self._written(loaded, completions)
            for own, about, text in zip(verdicts, completions, wrote, strict=True):
                own[loaded.judge.name] = self._verdict(loaded.judge, about, text)
        return verdicts

    def _written(self, loaded: Loaded, completions: Sequence[About]) -> list[Completion | None]:
        """The texts of a judge; None for a completion too long for it. Equal requests are one."""
        judge, drawn = loaded.judge, loaded.judge.sampling.temperature > 0
        keys = []
        for about in completions:
            key = f"judge {judge.name} {self._step} {about.place}"
            seed = seed_of(self._body.seed, key) if drawn else 0
            keys.append((judge.name, Question(_prompt(judge, about), seed)))
        new = [key for key in dict.fromkeys(keys) if key not in self._said]
        if new:
            texts = loaded.writer.write([question for _, question in new], step=self._step)
            self._said |= dict(zip(new, texts, strict=True))
        return [self._said[key] for key in keys]

    def _verdict(self, judge: Judge, about: About, wrote: Completion | None) -> Verdict:
        if wrote is None or wrote.truncated:
            values = judges.NOTHING
        else:
            values = judges.verdict(wrote.text, tokens=wrote.tokens, gold=about.gold, fmt=self._body.format)
        values = judges.named(judge.name, values)
        wanted = {name for name in self._reads if name.startswith(f"{judge.name}.")}
        read = wanted <= values.keys()
        if not read:
            self._tell(judge, wrote)
        return Verdict("" if wrote is None else wrote.text, values, read)

    def _tell(self, judge: Judge, wrote: Completion | None) -> None:
        """Say once a run why a judge's text counts for nothing; how many there were is in the log."""
        if judge.name in self._told:
            return
        self._told.add(judge.name)
        if wrote is None:
            why = "a completion is too long for its positions, or its server will not write about it"
        elif wrote.truncated:
            why = f"a text was cut at its {judge.sampling.max_new_tokens} tokens"
        else:
            why = f"a text does not say what the reward asks: {plain.sentence(wrote.text)[:_SHOWN]}"
        say(f"judge `{judge.name}`: {why}; such completions are counted, here and from now on, and never scored by it")


def _prompt(judge: Judge, about: About) -> str:
    try:
        return judges.asking(judge, about.response, about.shown)
    except PromptError as error:
        raise TaskError(f"judge `{judge.name}` cannot be asked: {error}") from error


def load(task: Task, body: GrpoBody, reads: Collection[str], work: Path) -> Judges:
    """The judges of a task, each with its weights or its server; `work` is where the task works. Raises TaskError."""
    loaded = []
    for judge in body.judges:
        say(f"judge `{judge.name}`:")
        loaded.append(Loaded(judge, _writer(task, body, judge, work)))
    return Judges(loaded, body, reads)


def _writer(task: Task, body: GrpoBody, judge: Judge, work: Path) -> Writer:
    if isinstance(judge.model, EndpointModel):
        from cotspec.runtime.endpoints.asking import Server  # here: most judges have weights

        settings = task.settings.judges.get(judge.name, EndpointSettings.model_construct())
        folder = work / "judges"
        folder.mkdir(parents=True, exist_ok=True)
        return Served(judge, Server(task, judge.model, settings), settings, body.seed, folder)
    from cotspec.runtime.engine_transformers import TransformersEngine  # here: most rewards ask nobody

    origin = models.source(task, judge.model, judge.role)
    models.announce(origin)
    positions = model_config.positions(models.load_config(origin).to_dict())
    if positions and positions <= judge.sampling.max_new_tokens:
        raise TaskError(f"judge `{judge.name}` has {positions} positions: lower its `sampling.max_new_tokens`")
    batch = task.settings.per_device_batch * task.settings.accumulation
    engine = TransformersEngine(origin, gpus=task.settings.gpus, batch=batch)
    return Beside(engine, judge.sampling, positions)
