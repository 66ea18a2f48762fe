"""What prompts show."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.cot.template import shown
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Taught

RULE = Rule(
    slug="prompt-variable",
    claim="A prompt shows `question`, and `trace` exactly when its task has one to show.",
    why="A prompt without the question asks for nothing; under `solve` the trace is empty, "
    "under the other tasks it is the whole point.",
    failing="$ echo 'Solve it.' > specs/ask.jinja\n"
    "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
    passing="$ echo 'Solve it: {{ question }}' > specs/ask.jinja\n"
    "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
    "$ cotspec check specs/a.yaml\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Every prompt file whose text is known."""
    for path, written, task in _prompts(context):
        text = context.files.get(written)
        if text is None:
            continue
        span, traced, names = context.source.value(path), task != "solve", shown(text)
        if "question" not in names:
            yield finding(RULE, span, f"`{written}` does not show `question`", "put {{ question }} into it")
        if task == "context":
            continue  # a teacher may read the trace
        if traced and "trace" not in names:
            yield finding(RULE, span, f"`{task}` shows a trace, and `{written}` does not", "put {{ trace }} into it")
        if not traced and "trace" in names:
            yield finding(RULE, span, f"`{written}` shows a trace, and there is none here", "leave {{ trace }} out")


def _prompts(context: Context) -> Iterator[tuple[Path, str, str]]:
    spec = context.experiment
    named: list[tuple[Path, str | None, str]] = [
        (("generate", name, "prompt"), each.prompt, "solve") for name, each in spec.generate.items()
    ]
    for path, _, stage in context.stages():
        named.append(((*path, "prompt"), stage.prompt, stage.task))
        if isinstance(stage.train, Taught):
            named.append(((*path, "train", "context"), stage.train.context, "context"))
    named += [(asked.at("prompt"), asked.prompt, "solve") for asked in sets_of(spec.evaluate)]
    return ((path, written, task) for path, written, task in named if written is not None)
