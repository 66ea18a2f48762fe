"""What a person may write under `evaluate:`, and what each set of an evaluation comes to. Knows no files."""

from collections.abc import Iterator
from typing import Annotated, NamedTuple

from pydantic import Field

from cotspec.diagnostics.source_map import Path
from cotspec.spec.base import Count, Name, Part, Text, Whole
from cotspec.spec.training import Sampling

Of = Annotated[tuple[Name, ...], Field(min_length=1)]
SuiteTask = Annotated[str, Field(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*$", examples=["arc_easy", "gsm8k"])]
"""A name. lm-eval takes a path, too, and runs code of the files there: that is for `cotspec.local.yaml` alone."""


class EvaluationSet(Part):
    """One of several sets of an evaluation. What it leaves out is as `evaluate` has it."""

    data: Name
    """The questions, a name under `data`."""
    sampling: Sampling | None = None
    """How answers are drawn."""
    of: Of | None = None
    """Which of `evaluate.of` answer, in the order of the report; the first is the baseline. Default: all."""
    prompt: str | None = None
    """Jinja file, relative to the spec file."""


class Suite(Part):
    """Tasks of lm-eval (EleutherAI's evaluation harness), on the weights of some models. It runs in an environment of
    its own, which `cotspec.local.yaml` names (`lm_eval`), and its figures stand in the report with their errors."""

    tasks: Annotated[tuple[SuiteTask, ...], Field(min_length=1)]
    """Its tasks or groups, by lm-eval's names: `arc_easy`, `gsm8k`."""
    of: Of | None = None
    """Models and stages. Default: those of `evaluate.of`."""
    shots: Whole | None = None
    """Solved examples before each question. Default: as many as each task says."""
    limit: Count | None = None
    """Only so many questions of each task: for a first look, and no figure to publish."""
    version: Text | None = None
    """The version of lm-eval that it wants, such as `0.4.12`: its tasks change between versions. Default: the one that
    is there, which the result names."""


class Evaluate(Part):
    """Accuracy, length and form on held-out questions: of one set (`data`), or of several (`sets`)."""

    data: Name | None = None
    """The questions, a name under `data`."""
    sampling: Sampling = Sampling.model_construct(temperature=0.0, max_new_tokens=512)
    """How answers are drawn: greedy where this is left out. Of a group that is given, keys left out have their own
    defaults, so write `temperature: 0` into it. With `n` answers a question, accuracy is their mean (avg@n), and pass@k
    is reported beside it."""
    of: Of
    """Models and stages, in the order of the report; the first is the baseline."""
    prompt: str | None = None
    """Jinja file, relative to the spec file; default: cotspec's own `solve` prompt."""
    sets: Annotated[dict[Name, EvaluationSet], Field(min_length=1)] | None = None
    """Several sets by name, in place of `data`: other questions, or the same ones asked otherwise. The first is the
    headline: `cotspec results` begins with it, and `valid.<metric>` is measured with its prompt and sampling."""
    suites: Annotated[dict[Name, Suite], Field(min_length=1)] | None = None
    """Suites of lm-eval by name, beside the sets."""


class AskedSet(NamedTuple):
    """One set with all that decides about it."""

    name: str
    """"" for the only set of an evaluation."""
    data: str
    sampling: Sampling
    of: tuple[str, ...]
    prompt: str | None
    path: Path
    own: frozenset[str]
    """The settings that it has itself; the others are those of `evaluate`."""

    def at(self, key: str) -> Path:
        """Where a setting of it stands, or could."""
        return (*self.path, key) if key in self.own else ("evaluate", key)

    def evaluation_of(self, model: str) -> str:
        """What a person calls the task in which a model or stage answers it."""
        return f"evaluation of {model}" + (f" on {self.name}" if self.name else "")


class AskedSuite(NamedTuple):
    """A suite with the models it measures."""

    name: str
    given: Suite
    of: tuple[str, ...]

    def suite_of(self, model: str) -> str:
        """What a person calls the task in which a model is measured by it."""
        return f"suite {self.name} of {model}"


def suites_of(given: Evaluate) -> tuple[AskedSuite, ...]:
    """The suites in their order."""
    return tuple(AskedSuite(name, each, each.of or given.of) for name, each in (given.suites or {}).items())


def sets_of(given: Evaluate) -> tuple[AskedSet, ...]:
    """The sets in their order, the headline first; none where an evaluation names no questions."""
    return tuple(_sets(given))


def _sets(given: Evaluate) -> Iterator[AskedSet]:
    if given.sets is None and given.data is not None:
        yield AskedSet("", given.data, given.sampling, given.of, given.prompt, ("evaluate",), frozenset())
    for name, each in (given.sets or {}).items():
        own = frozenset(key for key in EvaluationSet.model_fields if getattr(each, key) is not None)
        yield AskedSet(
            name=name,
            data=each.data,
            sampling=given.sampling if each.sampling is None else each.sampling,
            of=given.of if each.of is None else each.of,
            prompt=given.prompt if each.prompt is None else each.prompt,
            path=("evaluate", "sets", name),
            own=own,
        )


def asked_data(given: Evaluate) -> dict[str, str]:
    """The data sets that are tested on, each once, by the role that the task which compares sets knows them by:
    `tested`, `tested_2`, …"""
    sets = dict.fromkeys(each.data for each in sets_of(given))
    return {"tested" if at == 1 else f"tested_{at}": name for at, name in enumerate(sets, 1)}
