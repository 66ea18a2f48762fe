"""docs/rules.md: every rule as `cotspec explain` says it. Run `python -m cotspec.cli.rules_page > docs/rules.md`."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Final

from cotspec.cli.explain import examples, groups

if TYPE_CHECKING:
    from cotspec.diagnostics.rule import Rule

_INTRO: Final = """\
# Rules of the checker

What `cotspec check` can find, with the text of `cotspec explain RULE`. This page is made from the code:
`python -m cotspec.cli.rules_page > docs/rules.md`. The tests run every example.

Examples under *Files* and *YAML* are whole files. All others replace parts of a small complete spec,
`tests/passes/base.yaml`. Commands run in a project whose only spec is `specs/a.yaml`, that
small one.
"""


def page() -> str:
    """The whole page."""
    return "\n".join([_INTRO, *_contents(), *_sections()])


def _contents() -> Iterator[str]:
    for title, _, group in groups():
        yield f"- {title}: " + ", ".join(f"[{rule.slug}](#{rule.slug})" for rule in group)
    yield ""


def _sections() -> Iterator[str]:
    for title, about, group in groups():
        yield f"## {title}\n"
        if about:
            yield f"{about}\n"
        yield from (_section(rule) for rule in group)


def _section(rule: Rule) -> str:
    parts = [f"### {rule.slug}\n", f"**{rule.claim}** {rule.why}\n"]
    kind = "console" if rule.in_shell else "yaml"
    for title, text in examples(rule):
        plain = title == "No example"
        parts.append(f"{title}: {text}\n" if plain else f"{title}:\n\n```{kind}\n{text}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    print(page(), end="")
