"""Prompts: jinja2 templates over two variables, `question` and `trace`.

Owns rendering and the default templates (the folder `prompts/` beside this file). Must not know what the trace shows.
Templates come from shared specs, so they run in jinja2's sandbox; an unknown variable is an error, not an empty string.
jinja2 is imported where something is rendered: the compiler reads names and default texts only.
"""

from __future__ import annotations

from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Final, Literal

if TYPE_CHECKING:
    from jinja2 import Template

Task = Literal["solve", "reconstruct", "complete", "rewrite"]
VARIABLES: Final = frozenset({"question", "trace"})
_DEFAULTS: Final = Path(__file__).parent / "prompts"


class PromptError(ValueError):
    """A template that does not parse, asks for an unknown variable, or fails when it runs."""


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
    """Raises PromptError when the template does not parse or names a variable other than `question` and `trace`."""
    _compiled(template)


@lru_cache(maxsize=16)
def _compiled(template: str) -> Template:
    from jinja2 import StrictUndefined, TemplateError, TemplateSyntaxError, meta
    from jinja2.sandbox import ImmutableSandboxedEnvironment

    environment = ImmutableSandboxedEnvironment(undefined=StrictUndefined, autoescape=False, keep_trailing_newline=True)
    try:
        unknown = meta.find_undeclared_variables(environment.parse(template)) - VARIABLES
        compiled = environment.from_string(template)
    except TemplateSyntaxError as error:
        raise PromptError(f"line {error.lineno} of the prompt template: {error.message}") from error
    except TemplateError as error:
        raise PromptError(f"the prompt template does not compile: {error}") from error
    if unknown:
        names = ", ".join(f"`{name}`" for name in sorted(unknown))
        raise PromptError(f"the prompt template uses {names}; there are only `question` and `trace`")
    return compiled
