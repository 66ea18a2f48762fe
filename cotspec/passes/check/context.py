"""What every rule of `check` is given, and how it makes a finding. Knows no rule."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from posixpath import normpath
from typing import TYPE_CHECKING, Any, NamedTuple, TypeVar

from cotspec.cot import model_config
from cotspec.diagnostics import Diagnostic, Severity, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.diagnostics.suggest import alike, did_you_mean, near
from cotspec.history.model_files import ModelFiles, of_builtin, vocabulary
from cotspec.history.traces import unit_counts
from cotspec.ir import bodies, generations
from cotspec.passes import ancestry
from cotspec.passes.options import DEFAULT, Options
from cotspec.spec.experiment import Best, Data, Endpoint, Experiment, Mix, Model, RowSource, Stage
from cotspec.spec.local import LocalEndpoint
from cotspec.spec.resources import StageResources, TrainResources
from cotspec.trainers import trainer_of
from cotspec.trainers.trainer import Devices

if TYPE_CHECKING:
    from cotspec.cot.expr.errors import Problem
    from cotspec.cot.records import TraceRecord
    from cotspec.history.contamination import Compared
    from cotspec.history.data_files import DataFile
    from cotspec.history.pins import Pins
    from cotspec.history.traces import Traces
    from cotspec.spec.base import Slice

T = TypeVar("T")


class Decision(NamedTuple):
    """A metric that a transition reads, and where it is named."""

    stage: Stage
    path: Path
    """Path of `advance` in the spec."""
    metric: str
    span: Span
    chooses: bool
    """The checkpoint is chosen by it; otherwise it must reach something."""


class FirstModel(NamedTuple):
    """The model that a stage (or a model itself) begins with, whose files are on this machine."""

    name: str
    """Name in the spec."""
    model: Model
    files: ModelFiles


class Context(NamedTuple):
    """A spec of the right shape, where it was written, and the text of the prompt files it names."""

    experiment: Experiment
    source: SourceMap
    files: Mapping[str, str]
    options: Options = DEFAULT
    read_traces: Callable[[str], Traces | None] = lambda _: None
    """What a generation over data kept in an earlier run, when there is one: rules can say how often what they claim
    happens."""
    read_contamination: Callable[[], Compared | None] = lambda: None
    """What the task that compares the data sets found in an earlier run, when there is one."""
    pins: Pins | None = None
    """What the project's lock says of this experiment, when there is a lock."""
    count_rows: Callable[[str], int | None] = lambda _: None
    """Records of a data file, by its path as the spec writes it; None when it cannot be read."""
    read_data: Callable[[Data], DataFile | None] = lambda _: None
    """The file of a data set; None when it has none, or one that may not be read (a finding of its own)."""
    same_file: Callable[[str, str], bool] = lambda one, other: normpath(one) == normpath(other)
    """Whether two files, by their paths as the spec writes them, are one, under whatever names."""
    read_model: Callable[[Model], ModelFiles | None] = of_builtin
    """The small files of a model; None when they are not on this machine."""
    agreed: Callable[[Endpoint], LocalEndpoint | None] = lambda _: None
    """What the owner of this machine says of a server; None where prompts may not be sent to it."""
    kept: dict[object, Any] | None = None
    """Results of `once`, by the function that made them."""

    def traces(self, stage: Stage) -> Sequence[TraceRecord]:
        """The traces of an earlier run that a stage may train on, as far as they were read."""
        return tuple(record for traces, slice in self._read(stage) for record in traces.within(slice))

    def unit_counts(self, stage: Stage) -> tuple[int, ...]:
        """How many units each of them has that its mask could hide."""
        if stage.mask is None:
            return ()
        format, unit = bodies.trace_format(self.experiment.trace), bodies.mask(stage.mask).unit
        return tuple(n for traces, slice in self._read(stage) for n in unit_counts(traces, slice, unit, format))

    def _read(self, stage: Stage) -> Iterator[tuple[Traces, Slice | None]]:
        for name, slice in (generations.traces_of(self.experiment, each) for each in stage.sources):
            if (read := self.read_traces(name)) is not None:
                yield read, slice

    def sources(self) -> Iterator[tuple[Path, str, Stage, RowSource]]:
        """Everything that rows come from: where it is written, its stage's name, the stage and itself."""
        for path, name, stage in self.stages():
            rows = (*path, "rows")
            if isinstance(stage.rows, Mix):
                for at, each in enumerate(stage.rows.mix):
                    yield (*rows, "mix", at), name, stage, each
            else:
                yield rows, name, stage, stage.rows

    def once(self, make: Callable[[Context], T]) -> T:
        """The result of `make`, which several rules ask for: computed for the first of them, then kept."""
        if self.kept is None:
            return make(self)
        if make not in self.kept:
            self.kept[make] = make(self)
        made: T = self.kept[make]
        return made

    def decisions(self) -> Iterator[Decision]:
        """Every metric that a transition reads."""
        for path, _, stage in self.stages():
            if stage.advance is None:
                continue
            here, best = (*path, "advance"), stage.advance.checkpoint
            if isinstance(best, Best):
                span = self.source.value((*here, "checkpoint", "best"))
                yield Decision(stage, here, best.best, span, chooses=True)
            for metric in stage.advance.require:
                span = self.source.key((*here, "require", metric))
                yield Decision(stage, here, metric, span, chooses=False)

    def stages(self) -> Iterator[tuple[Path, str, Stage]]:
        """Every stage with its path and name, in order."""
        return ((("stages", name), name, stage) for name, stage in self.experiment.stages.items())

    def first_model(self, name: str) -> FirstModel | None:
        """The model that a stage (or a model itself) begins with; None when its files are not on this machine."""
        first = ancestry.first_model(self.experiment, name)
        model = self.experiment.models.get(first)
        files = None if model is None else self.read_model(model)
        return None if model is None or files is None else FirstModel(first, model, files)

    def vocabulary(self, name: str) -> tuple[model_config.Vocabulary, int]:
        """What is known of the vocabulary of a model or stage: its tokens, and how many vectors its embedding has.
        Empty and 0 where the files are not on this machine or do not tell."""
        first = self.first_model(name)
        if first is None:
            return {}, 0
        return vocabulary(first.model, first.files), model_config.embedded(first.files.config)

    def resources(self, stage: str) -> TrainResources:
        """How a stage is run: `resources.train` with what `resources.stages` changes.

        A misspelt stage there is a finding of its own, so its settings count as meant.
        """
        given = self.experiment.resources.stages
        if not given:
            return self.experiment.resources.train
        misspelt = next((name for name in given if name not in self.experiment.stages and alike(name, stage)), stage)
        change = given.get(stage) or given.get(misspelt) or StageResources.model_construct()
        changed = {name: value for name in StageResources.model_fields if (value := getattr(change, name)) is not None}
        return self.experiment.resources.train.model_copy(update=changed)


Check = Callable[[Context], Iterator[Diagnostic]]


def finding(
    rule: Rule,
    span: Span,
    message: str,
    advice: str = "",
    *,
    suggestions: tuple[str, ...] = (),
    related: tuple[tuple[Span, str], ...] = (),
    severity: Severity = "error",
) -> Diagnostic:
    """A finding of a rule."""
    return Diagnostic(
        rule=rule.slug,
        message=message,
        span=span,
        severity=severity,
        help=advice,
        suggestions=suggestions,
        related=related,
    )


def warning(
    rule: Rule,
    span: Span,
    message: str,
    advice: str = "",
    *,
    related: tuple[tuple[Span, str], ...] = (),
) -> Diagnostic:
    """A finding of a rule of `cotspec.passes.lint`: something to think about, which the spec may allow."""
    return finding(rule, span, message, advice, related=related, severity="warning")


def remarks(context: Context, rule: Rule, make: Callable[[Rule, Span, str, str], Diagnostic]) -> Iterator[Diagnostic]:
    """What the trainer of each stage says under this rule of settings that are written."""
    for path, name, stage in context.stages():
        given = context.resources(name)
        devices = Devices(given.world, given.per_device_batch, given.vllm)
        for remark in trainer_of(stage.train).remarks(stage.train, devices):
            place = (*path, "train", *remark.key)
            if remark.rule == rule.slug and place in context.source.keys:
                span = context.source.key(place) if remark.idle else context.source.value(place)
                yield make(rule, span, remark.message, remark.advice)


def unused(context: Context, rule: Rule, path: Path, message: str, names: Iterable[str], advice: str) -> Diagnostic:
    """A finding about a name that nothing uses: an error where another of the names was surely meant."""
    name, span = str(path[-1]), context.source.key(path)
    close = tuple(other for other in names if other != name and alike(name, other))
    if not close:
        return warning(rule, span, message, advice)
    written = context.source.texts[span.file].split("\n")[span.line - 1][span.column - 1 : span.end_column - 1]
    if written.endswith(f".{name}"):  # a dotted path of a variant
        span = span._replace(column=span.end_column - len(name))
    return finding(rule, span, message, did_you_mean(close), suggestions=close)


def expression_finding(context: Context, rule: Rule, path: Path, text: str, problem: Problem) -> Diagnostic:
    """A mistake in the expression `text` at `path`."""
    instead = did_you_mean((problem.suggestion,)) if problem.suggestion else ""
    advice = " ".join(filter(None, (instead, problem.help)))
    last = max(problem.column, min(problem.column + problem.length - 1, len(text)))
    start, end = context.source.inside(path, text, problem.column), context.source.inside(path, text, last)
    span = Span(start.file, start.line, start.column, end.end_line, end.end_column)
    return finding(rule, span, problem.message, advice, suggestions=(problem.suggestion,) if problem.suggestion else ())


def misnamed(rule: Rule, span: Span, message: str, word: str, known: Iterable[str]) -> Diagnostic:
    """A finding about a name that is none of the known ones."""
    choices = tuple(dict.fromkeys(known))
    close = near(word, choices)
    return finding(rule, span, message, did_you_mean(close, choices), suggestions=close)
