"""Judges that a reward asks."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.rewards import RewardError, compile_reward
from cotspec.cot.template import JUDGED, RESPONSE, shown
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import near
from cotspec.ir import bodies, generations
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Judge, Stage

_STAGE = (
    "{start: base, train: {by: grpo, lr: 1e-5}, rows: {from: teach}, task: solve, "
    "judges: {read: {by: tutor, prompt: judge.jinja}}, reward: {terms: {a: {value: read.correct}}}}"
)
_PROMPT = "$ echo '{{ question }} Solution: %s Answer:' > specs/judge.jinja\n"

RULE = Rule(
    slug="judges",
    claim="A judge is shown the response, and the reward asks about what it writes.",
    why="A judge that does not see the response says the same of all; one that nobody asks is loaded for nothing. It "
    "lies whole beside what trains, in every process, which a split model (`strategy: fsdp`, `zero3`) does not allow.",
    failing=_PROMPT % "" + f"$ echo 'variants: {{judged: {{stages.second: {_STAGE}}}}}' >> specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
    passing=_PROMPT % "{{ response }}" + f"$ echo 'variants: {{judged: {{stages.second: {_STAGE}}}}}' >> specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every judge."""
    for path, name, stage in context.stages():
        asked = _asked(context, stage)
        for called, judge in stage.judges.items():
            place: Path = (*path, "judges", called)
            yield from _prompt(context, place, stage, judge)
            if asked is not None and called not in asked:
                message = f"the reward asks nothing of the judge `{called}`"
                advice = f"ask about its text (`{called}.correct`, or a label of it), or leave it out"
                yield finding(RULE, context.source.key(place), message, advice)
        strategy = context.resources(name).strategy
        served = {name for name, model in context.experiment.models.items() if model.endpoint is not None}
        if {judge.by for judge in stage.judges.values()} - served and strategy in ("fsdp", "zero3"):
            message = f"stage `{name}` loads judges, and `strategy: {strategy}` splits every model that is loaded"
            yield finding(RULE, context.source.key((*path, "judges")), message, "use `ddp` or `zero2`")


def _asked(context: Context, stage: Stage) -> set[str] | None:
    """The texts and judges that a reward asks about; None of one with mistakes."""
    if stage.reward is None:
        return None
    texts = (*generations.asked_texts(context.experiment, stage), *sorted(stage.judges))
    form = bodies.trace_format(context.experiment.trace).form
    try:
        compiled = compile_reward(bodies.reward(stage.reward), form, texts)
    except RewardError:
        return None
    return {name.partition(".")[0] for name, _ in compiled.measures}


def _prompt(context: Context, path: Path, stage: Stage, judge: Judge) -> Iterator[Diagnostic]:
    text = context.files.get(judge.prompt)
    if text is None:
        return
    span, texts = context.source.value((*path, "prompt")), generations.asked_texts(context.experiment, stage)
    known = ["question", *sorted(JUDGED), *texts]
    names = shown(text)
    if RESPONSE not in names:
        message = f"`{judge.prompt}` does not show the response"
        yield finding(RULE, span, message, "put {{ response }} into it")
    for name in sorted(names.difference(known)):
        close = near(name, known)
        message = f"`{judge.prompt}` shows `{name}`, which a judge is not told"
        advice = f"did you mean {{{{ {close[0]} }}}}?" if close else f"it may show {', '.join(known)}"
        yield finding(RULE, span, message, advice, suggestions=close)
    if RESPONSE in texts:
        message = f"`{RESPONSE}` is what a judge is shown, and a text is called so"
        yield finding(RULE, context.source.key((*path, "prompt")), message, "give the text another name")
