"""What prompts show."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import NamedTuple

from cotspec.cot.template import GOLD, HINT, VARIABLES, shown
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import listed
from cotspec.ir import generations
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Experiment, MixedRows, RowSource, Stage, Taught

RULE = Rule(
    slug="prompt-variable",
    claim="A prompt shows `question`, `trace` exactly when its task has one to show, and no text that gives away what "
    "is asked for.",
    why="A prompt without the question asks for nothing; under `solve` the trace is empty, "
    "under the other tasks it is the whole point. A record has the texts that its own was made over; whoever learns to "
    "write one must not read it, nor what was made of it.",
    failing="$ echo 'Solve it.' > specs/ask.jinja\n"
    "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
    passing="$ echo 'Solve it: {{ question }}' > specs/ask.jinja\n"
    "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
)


class Prompt(NamedTuple):
    """A prompt file, and what it may show."""

    path: Path
    written: str
    task: str
    texts: tuple[str, ...] = ()
    """The texts of its records …"""
    told: Mapping[str, str] = MappingProxyType({})
    """… and why it must not show some of them."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every prompt file whose text is known."""
    for prompt in prompts(context):
        text = context.files.get(prompt.written)
        if text is None:
            continue
        span, traced, names = context.source.value(prompt.path), prompt.task != "solve", shown(text)
        written = prompt.written
        for name in sorted(names - VARIABLES):
            if name not in prompt.texts:
                advice = f"there is {listed(prompt.texts)} to show" if prompt.texts else "it has the question to show"
                advice = HINT if name == GOLD else advice
                message = f"`{written}` shows `{name}`, which its records do not have"
                yield finding(RULE, span, message, advice)
            elif name in prompt.told:
                yield finding(
                    RULE, span, f"`{written}` shows `{name}`, {prompt.told[name]}", f"leave {{{{ {name} }}}} out"
                )
        if prompt.task == "gather":
            continue  # the questions stand beside the texts; a rule of its own asks for these
        if "question" not in names:
            yield finding(RULE, span, f"`{written}` does not show `question`", "put {{ question }} into it")
        if prompt.task == "context":
            continue  # a teacher may read the trace
        if traced and "trace" not in names:
            message = f"`{prompt.task}` shows a trace, and `{written}` does not"
            yield finding(RULE, span, message, "put {{ trace }} into it")
        if not traced and "trace" in names:
            yield finding(RULE, span, f"`{written}` shows a trace, and there is none here", "leave {{ trace }} out")


def prompts(context: Context) -> Iterator[Prompt]:
    """Every prompt file but those of judges."""
    spec = context.experiment
    for name, each in spec.generate.items():
        if each.prompt is not None and generations.data_of(spec, each.over):
            texts, task = generations.chain(spec, each.over), "solve" if each.gather is None else "gather"
            yield Prompt(("generate", name, "prompt"), each.prompt, task, texts[:1] if each.gather else texts)
    for rows, name, stage, source in context.sources():
        if not generations.data_of(spec, source.from_):
            continue  # a rule of its own says that there is no such text
        texts, path = generations.of_record(spec, source, pairs=stage.pairs is not None), ("stages", name)
        texts += stage.reads
        of_source = source.prompt if isinstance(source, MixedRows) else None
        written = stage.prompt_of(source)
        if written is not None:
            place = (*rows, "prompt") if of_source else (*path, "prompt")
            yield Prompt(place, written, stage.task_of(source), texts, _told(spec, stage, source))
        if isinstance(stage.train, Taught) and stage.train.context is not None:
            yield Prompt((*path, "train", "context"), stage.train.context, "context", texts)
    for evaluated in sets_of(spec.evaluate):
        if evaluated.prompt is not None:
            yield Prompt(evaluated.at("prompt"), evaluated.prompt, "solve")


def _told(spec: Experiment, stage: Stage, source: RowSource) -> dict[str, str]:
    """The texts that would give away what a row asks for, and why: the one that is learnt or partly hidden, and those
    that were made over it; where the student writes its own, those that are surely right."""
    texts = generations.of_record(spec, source, pairs=stage.pairs is not None)
    target = generations.target_of(spec, source)
    at = texts.index(target) if target in texts else -1
    if stage.train.drawn is None or stage.task_of(source) in ("reconstruct", "complete"):
        what = "which is what the stage learns to write" if stage.train.drawn is None else "of which it hides parts"
        later = f"which was made over `{target}`, and that is what it asks for"
        return {name: what if name == target else later for name in texts[: at + 1]}
    if stage.task_of(source) == "rewrite":
        return {}
    reasons = {name: "which is a solution that a data set gives" for name in texts if name in spec.data}
    reasons |= dict.fromkeys(generations.right_in(spec, source), "which `rows.where` says is right")
    kept_as_right = "which is kept because it is right: `task: rewrite` shows such a text"
    return reasons | {name: kept_as_right for name in texts if generations.filter_of(spec, name).correct}
