"""Prompts: jinja2 templates over `question`, `trace` and the texts of a spec by their names.

Owns rendering and the default templates (the folder `prompts/` beside this file). Must not know what the trace shows.
Templates come from shared specs: only those that `template` finds no fault with are rendered, in jinja2's sandbox.
jinja2 is imported where something is rendered: the compiler reads names and default texts only.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from string import Template
from types import MappingProxyType
from typing import TYPE_CHECKING, Final, Literal

from cotspec.cot import template as language

if TYPE_CHECKING:
    from jinja2 import Template as Compiled

    from cotspec.spec.payload import SegmentFormat, TraceFormat

Task = Literal["solve", "reconstruct", "complete", "rewrite"]
_DEFAULTS: Final = Path(__file__).parent / "prompts"
NO_TEXTS: Final[Mapping[str, str]] = MappingProxyType({})


class PromptError(ValueError):
    """A template that does not parse, uses what a prompt may not, or fails when it runs."""


def default_prompt(task: Task) -> str:
    """The text of cotspec's own template for a task."""
    return (_DEFAULTS / f"{task}.jinja").read_text(encoding="utf-8")


def teacher_prompt(fmt: TraceFormat, *, at_least: int, at_most: int) -> str:
    """cotspec's own template for a teacher that does not know the trace's form: it asks for what the filter keeps.

    `at_most` 0 is no bound.
    """
    told = [f"at least {at_least}"] if at_least > 1 else []
    told += [f"at most {at_most}"] if at_most else []
    bounds = f" ({' and '.join(told)})" if told else ""
    if fmt.form:
        parts = "\n".join(f"- {_part(each, bounds)}" for each in fmt.form)
        return Template((_DEFAULTS / "form.jinja").read_text(encoding="utf-8")).substitute(parts=parts)
    text = (_DEFAULTS / "teach.jinja").read_text(encoding="utf-8")
    return Template(text).substitute(
        bounds=bounds,
        first=_literal(fmt.step.replace("{n}", "1")),
        second=_literal(fmt.step.replace("{n}", "2")),
        answer=_literal(fmt.answer),
    )


def _part(each: SegmentFormat, bounds: str) -> str:
    """What a form asks for in one of its segments."""
    opens = _literal(each.opens)
    if each.name == "step":
        first, second = (_literal(each.opens.replace("{n}", number)) for number in "12")
        return f'numbered steps{bounds}, each on a line of its own that begins with "{first}", "{second}" and so on'
    what = "your thoughts" if each.name == "thinking" else "the final answer" if each.name == "answer" else each.name
    part = f'"{opens}" at the start of a line, then {what}' + (
        f', then "{_literal(each.closes)}"' if each.closes else ""
    )
    if each.label:
        part += f"; its last word is {' or '.join(each.label)}"
    if each.grade and each.name != "answer":
        part += "; it gives the final answer anew"
    if each.when:
        segment, _, label = each.when.partition(".")
        part += f"; only where {segment} ends with {label}"
    return part + ("; there may be several" if each.many else "")


def _literal(text: str) -> str:
    """A text as a template says it."""
    return f"{{% raw %}}{text}{{% endraw %}}" if "{" in text else text


def render(template: str, *, question: str, trace: str, texts: Mapping[str, str] = NO_TEXTS) -> str:
    """The prompt, to the last newline of its template. All values are inserted as they are; `texts` are those it may
    show by name. Raises PromptError."""
    from jinja2 import TemplateError

    compiled = _compiled(template, frozenset(texts))
    try:
        return compiled.render(question=question, trace=trace, **texts)
    except (TemplateError, ArithmeticError, LookupError, OverflowError, TypeError, ValueError) as error:
        raise PromptError(f"the prompt template fails: {error}") from error


def check(template: str) -> None:
    """Raises PromptError when the template is not one that a prompt may be."""
    _compiled(template, frozenset())


@lru_cache(maxsize=16)
def _compiled(template: str, texts: frozenset[str]) -> Compiled:
    faults = language.faults(template, texts)
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
