"""`cotspec explain SLUG`: what a rule wants and why, with an example that fails and one that passes."""

from __future__ import annotations

from collections.abc import Mapping
from textwrap import indent
from typing import TYPE_CHECKING

from cotspec.cli.problem import ProblemError

if TYPE_CHECKING:
    from cotspec.diagnostics.rule import Rule


def run(slug: str | None) -> int:
    """Print one rule, or without a slug the first sentence of each. Raises ProblemError for an unknown slug."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    known = rules()
    if slug is None:
        width = max(map(len, known))
        for name in sorted(known):
            print(f"{name:<{width}}  {known[name].claim}")
        return 0
    if slug not in known:
        advice = did_you_mean(near(slug, known)) or "`cotspec explain` lists them"
        raise ProblemError(f"there is no rule `{slug}`: {advice}")
    print(_page(known[slug]), end="")
    return 0


def rules() -> Mapping[str, Rule]:
    """Every rule a finding can name."""
    from cotspec import driver
    from cotspec.front.rules import RULES as FRONT
    from cotspec.passes import allow
    from cotspec.passes.check import RULES as CHECK
    from cotspec.passes.lint import RULES as LINT

    return {**FRONT, **CHECK, **LINT, **allow.RULES, **driver.RULES}


def _page(rule: Rule) -> str:
    parts = [f"{rule.slug}: {rule.claim}\n", f"Why: {rule.why}\n"]
    parts += [f"{title}:\n{indent(text, '  ')}" for title, text in _examples(rule) if text]
    return "\n".join(parts)


def _examples(rule: Rule) -> tuple[tuple[str, str], ...]:
    return (("Has the finding", rule.failing), ("Put right", rule.passing))
