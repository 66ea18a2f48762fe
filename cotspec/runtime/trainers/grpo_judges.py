"""Judges: frozen models that are asked about completions while another one trains.

All that a generation asks of a judge is asked at once. A text that is drawn has random numbers of its own, keyed by the
step and the place of its completion (decision 11), so neither a split of the batch nor a resumed run changes it. Each
process asks about its own completions, with weights of its own beside those that train.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, NamedTuple

from cotspec.cot import judges, model_config
from cotspec.cot.measures import Value
from cotspec.cot.prompting import PromptError
from cotspec.files import plain
from cotspec.runtime import models
from cotspec.runtime.engine import Completion, Draw, Engine
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.requests import seed_of
from cotspec.runtime.task import Task
from cotspec.spec.payload import GrpoBody, Judge

if TYPE_CHECKING:
    from collections.abc import Collection

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


class Loaded(NamedTuple):
    """A judge that can be asked."""

    judge: Judge
    engine: Engine
    positions: int
    """Longest prompt with its text, in tokens; 0 is not known."""


class Judges:
    """All judges of a reward, which asks for the measures in `reads`; false where there are none."""

    def __init__(self, loaded: Sequence[Loaded], body: GrpoBody, reads: Collection[str]) -> None:
        self._loaded, self._body, self._reads = loaded, body, frozenset(reads)
        self._said: dict[tuple[str, str, int], Completion | None] = {}
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
        found: list[dict[str, Verdict]] = [{} for _ in completions]
        for loaded in self._loaded:
            wrote = self._written(loaded, completions)
            for own, about, text in zip(found, completions, wrote, strict=True):
                own[loaded.judge.name] = self._verdict(loaded.judge, about, text)
        return found

    def _written(self, loaded: Loaded, completions: Sequence[About]) -> list[Completion | None]:
        """The texts of a judge; None for a completion too long for it. Equal requests are one."""
        judge, drawn = loaded.judge, loaded.judge.sampling.temperature > 0
        keys = []
        for about in completions:
            key = f"judge {judge.name} {self._step} {about.place}"
            seed = seed_of(self._body.seed, key) if drawn else 0
            keys.append((judge.name, _prompt(judge, about), seed))
        new = [key for key in dict.fromkeys(keys) if key not in self._said]
        draws = [Draw(ids=loaded.engine.encode(prompt), seed=seed) for _, prompt, seed in new]
        most = loaded.positions - judge.sampling.max_new_tokens if loaded.positions else None
        fits = [at for at, draw in enumerate(draws) if most is None or len(draw.ids) <= most]
        self._said |= dict.fromkeys(new)
        fits.sort(key=lambda at: -len(draws[at].ids))
        for first in range(0, len(fits), loaded.engine.batch):
            batch = fits[first : first + loaded.engine.batch]
            made = loaded.engine.complete([draws[at] for at in batch], judge.sampling)
            self._said |= {new[at]: each for at, each in zip(batch, made, strict=True)}
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
            why = "a completion is too long for its positions"
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


def load(task: Task, body: GrpoBody, reads: Collection[str]) -> Judges:
    """The judges of a task, each with its weights. Raises TaskError."""
    found = []
    for judge in body.judges:
        from cotspec.runtime.engine_transformers import TransformersEngine  # here: most rewards ask nobody

        origin = models.source(task, judge.model, judge.role)
        say(f"judge `{judge.name}`:")
        models.announce(origin)
        positions = model_config.positions(models.load_config(origin).to_dict())
        if positions and positions <= judge.sampling.max_new_tokens:
            raise TaskError(f"judge `{judge.name}` has {positions} positions: lower its `sampling.max_new_tokens`")
        settings = task.settings
        engine = TransformersEngine(origin, gpus=settings.gpus, batch=settings.per_device_batch * settings.accumulation)
        found.append(Loaded(judge, engine, positions))
    return Judges(found, body, reads)
