"""Prompts: jinja2 templates over two variables, `question` and `trace`.

Owns rendering and the default templates (the folder `prompts/` beside this file). Must not know what the trace shows.
Templates come from shared specs: only those that `template` finds no fault with are rendered, in jinja2's sandbox.
jinja2 is imported where something is rendered: the compiler reads names and default texts only.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

from cotspec.cot import template as language

if TYPE_CHECKING:
    from jinja2 import Template

Task = Literal["solve", "reconstruct", "complete", "rewrite"]
_DEFAULTS: Final = Path(__file__).parent / "prompts"


class PromptError(ValueError):
    """A template that does not parse, uses what a prompt may not, or fails when it runs."""


def default_prompt(task: Task) -> str:
    """The text of cotspec's own template for a task."""
    return (_DEFAULTS / f"{task}.jinja").read_text(encoding="utf-8")


def render(template: str, *, question: str, trace: str) -> str:
    """The prompt, to the last newline of its template. Both values are inserted as they are. Raises PromptError."""
    from jinja2 import TemplateError

    compiled = _compiled(template)
    try:
        return compiled.render(question=question, trace=trace)
    except (TemplateError, ArithmeticError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise PromptError(f"the prompt template fails: {error}") from error


def check(template: str) -> None:
    """Raises PromptError when the template is not one that a prompt may be."""
    _compiled(template)


@lru_cache(maxsize=16)
def _compiled(template: str) -> Template:
    faults = language.faults(template)
    if faults:
        first = faults[0]
        raise PromptError(f"line {first.line} of the prompt template: {first.message}")
    from jinja2 import StrictUndefined, TemplateError
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    try:
        return environment.from_string(template)
    except TemplateError as error:
        raise PromptError(f"the prompt template does not compile: {error}") from error
