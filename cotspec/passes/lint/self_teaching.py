"""A student that learns from its own traces."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot import conditions
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, warning
from cotspec.spec.experiment import Experiment, Model, Stage, Taught

_STAGE = "train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: solve"

RULE = Rule(
    slug="self-teaching",
    claim="The teacher is another model than the student, or another one changes what it writes (`revise`, `tilt`), "
    "or of its own texts only those are learnt that are right, or that others agree with (`majority`, `votes`).",
    why="Distillation from a model into itself teaches it what it already says. Where the student is named as the "
    "writer and only right texts go on (rejection sampling, STaR), the gold answers are what it learns from; where "
    "those go on that most agree with (self-consistency), their vote. Where something else chooses among its texts, "
    "allow it.",
    failing=f"stages: {{first: {{start: tutor, {_STAGE}}}}}\n",
    passing=f"stages: {{first: {{start: base, {_STAGE}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage that starts from a model."""
    spec, models = context.experiment, context.experiment.models
    for path, _, stage in context.stages():
        if isinstance(stage.train, Taught):  # whoever wrote its texts: it learns the probabilities of its teacher
            yield from _taught(context, (*path, "train", "teacher"), stage.start, stage.train)
            continue
        for text, chosen in _shown(spec, stage):
            teacher = _alone(spec, text)
            if stage.start not in models or teacher not in models:
                continue
            if stage.start == teacher and chosen:
                continue
            if stage.start == teacher or _weights(models[stage.start]) == _weights(models[teacher]):
                message = f"the student starts from the teacher's own weights, `{teacher}`"
                advice = f"start from another model, teach with one, or let `{stage.start}` write `{text}` and keep "
                advice += f"what is right (`keep: {{where: {text}.correct}}`)"
                related = ((context.source.value(("generate", text, "by")), "is the teacher"),)
                yield warning(RULE, context.source.value((*path, "start")), message, advice, related=related)


def _shown(spec: Experiment, stage: Stage) -> Iterator[tuple[str, bool]]:
    """The texts that teach a stage, those that it learns to write, or whose steps it sees, and whether only those do
    that are right or voted for. Of pairs it learns which of the two is better."""
    if stage.pairs is None and (stage.train.drawn is None or stage.task != "solve"):
        for each in stage.sources:
            text = generations.target_of(spec, each)
            kept = generations.filter_of(spec, text)
            voted = bool(kept.rest) and conditions.asks_votes(kept.rest, bodies.trace_format(spec.trace).form)
            yield text, kept.correct or voted or text in generations.right_in(spec, each)


def _alone(spec: Experiment, text: str) -> str:
    """Who writes a text without another model that leans on it or corrects it; "" for nobody. What other models have a
    say in, its writer would not have said."""
    given = spec.generate.get(text)
    return "" if given is None or given.others else given.by


def _taught(context: Context, place: Path, start: str, train: Taught) -> Iterator[Diagnostic]:
    """A teacher that is the student itself says what the student says, unless it reads another prompt."""
    models, other = context.experiment.models, train.other
    same = other is None or other == start
    if not same and other in models and start in models:
        same = models[other] == models[start]
    if same and train.context is None:
        message = "the teacher is the student's own first weights and reads the same prompt: they agree from the start"
        advice = "give it a `context` that shows more, or name another teacher"
        yield warning(RULE, context.source.value(place), message, advice)


def _weights(model: Model) -> tuple[object, ...]:
    return (model.hub, model.builtin, model.path, model.endpoint, model.revision)
