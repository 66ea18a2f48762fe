"""`cotspec explain SLUG`: what a rule wants and why, with an example that fails and one that passes.

`cotspec explain measures`: what a reward may ask and compute.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from textwrap import indent
from typing import TYPE_CHECKING, Final

from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.diagnostics.rule import Rule


def run(slug: str | None) -> int:
    """Print one rule, the measures, or without a slug the first sentence of each rule. Raises ProblemError."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    if slug == "measures":
        print("\n".join(_measures()))
        return 0
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


def _measures() -> Iterator[str]:
    """Measures, then operators and functions with an example each (docs/rewards.md as columns)."""
    from cotspec.cli.rewards_page import SEGMENTS, kind, shown
    from cotspec.cot.conditions import scope
    from cotspec.cot.expr.reference import FUNCTIONS, OPERATORS
    from cotspec.cot.measures import TABLE

    for name, measure in TABLE.items():
        yield f"{name:<18}{kind(measure.kind):<11}{measure.about}"
    for name, about in SEGMENTS.items():
        yield f"{f'<segment>.{name}':<18}{'number' if name == 'words' else 'condition':<11}{about}"
    yield f"of a text, in `keep.where`: {', '.join(scope(('<name>',), scored=('<name>',)))}"
    for entry in (*OPERATORS, *FUNCTIONS):
        yield f"{entry.name:<22}{entry.example} → {shown(entry)}"


def rules() -> Mapping[str, Rule]:
    """Every rule a finding can name."""
    return {rule.slug: rule for _, _, group in groups() for rule in group}


def groups() -> tuple[tuple[str, str, tuple[Rule, ...]], ...]:
    """All rules by what they look at: a heading, a sentence about the group, the rules."""
    from cotspec import driver
    from cotspec.front import rules as front
    from cotspec.lock.report import NOT_LOCKED
    from cotspec.passes import allow, check, lint

    form = [(title, _PHASES.get(title, ""), group) for title, group in front.GROUPS.items()]
    return (
        *form,
        ("One place against another", _FORM, tuple(check.RULES.values())),
        ("Judgement", _JUDGEMENT, tuple(lint.RULES.values())),
        ("What a spec allows", "", tuple(allow.RULES.values())),
        ("Several specs together", "", tuple(driver.RULES.values())),
        ("Locking", "Found by `cotspec lock` alone.", (NOT_LOCKED,)),
    )


_PHASES: Final = {
    "Files": "Found before anything is read. A file with such a finding has no other.",
    "YAML": "Found while the text is read; the first one ends the reading of its file.",
}
_FORM: Final = "A spec that breaks one of these cannot be compiled."
_JUDGEMENT: Final = (
    "What can be compiled and run, and is probably not meant. A spec may accept a finding with "
    "`allow: [{rule: …, reason: …}]`."
)


def examples(rule: Rule) -> tuple[tuple[str, str], ...]:
    """What is shown of a rule, each with its heading; nothing where there is none."""
    shown = (("Has the finding", rule.failing), ("Put right", rule.passing), ("No example", rule.no_example))
    return tuple((title, _visible(text)) for title, text in shown if text)


def _visible(text: str) -> str:
    """A line break that no editor shows is written as its escape."""
    return "".join(c if c.isprintable() or c in "\n\t" else f"\\u{ord(c):04x}" for c in text)


def _page(rule: Rule) -> str:
    parts = [f"{rule.slug}: {rule.claim}\n", f"Why: {rule.why}\n"]
    parts += [f"{title}:\n{indent(text.rstrip(), '  ')}\n" for title, text in examples(rule)]
    return "\n".join(parts)
