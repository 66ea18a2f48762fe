"""Local inputs that are not what the lock says."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, warning

if TYPE_CHECKING:
    from cotspec.history.pins import Pins
    from cotspec.ir.inputs import Input

_LOCKED = (
    "$ echo '{{ question }}' > specs/ask.jinja\n"
    "$ sed -i 's/over: train}/over: train, prompt: ask.jinja}/' specs/a.yaml\n"
    "$ cotspec lock\n"
)
RULE = Rule(
    slug="lock-stale",
    claim="Where there is a `cotspec.lock`, it holds every file, prompt and builtin of the spec as it is.",
    why="The lock says what an experiment was made of, for whoever repeats it. A file that was changed after it was "
    "locked gives another experiment under the same lock; one that the lock does not know can be anything. "
    "What is on the hub is the business of `unpinned-revision`; files of more than 64 MB are compared by "
    "`cotspec lock --check` alone.",
    failing=f"{_LOCKED}$ echo 'Think. {{{{ question }}}}' > specs/ask.jinja\n$ cotspec check specs/a.yaml\n",
    passing=f"{_LOCKED}$ cotspec check specs/a.yaml\n",
)
_TOLD = {
    "files": "the content of `{}` is not what was locked",
    "prompts": "the text of `{}` is not what was locked",
    "builtins": "the builtin `{}` of this cotspec is not the one that was locked",
}


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every input that is not on the hub, when there is a lock."""
    if context.pins is None:
        return
    for one in context.pins.inputs:
        if not one.on_hub:
            yield from _compared(context, context.pins, one)


def _compared(context: Context, pins: Pins, one: Input) -> Iterator[Diagnostic]:
    span, name, file = context.source.value(one.where), one.key[1], pins.locked.file
    known = pins.locked.entries.get(one.key)
    if known is None:
        yield warning(RULE, span, f"`{name}` is not in {file}", "run `cotspec lock`")
        return
    content = pins.content(one)
    if content and content != known:
        advice = "run `cotspec lock` when that is meant, else bring back what was locked"
        message = _TOLD[one.key[0]].format(name)
        yield warning(RULE, span, message, advice, related=((pins.span(one.key), "is what was locked"),))
