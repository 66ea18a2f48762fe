"""docs/rules/: every rule as `cotspec explain` says it, one page a group. Run `python -m cotspec.cli.rules_page`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli.explain import examples, groups

if TYPE_CHECKING:
    from cotspec.diagnostics.rule import Rule

FOLDER: Final = Path("docs/rules")
_INTRO: Final = """\
# Rules of the checker

What `cotspec check` can find, with the text of `cotspec explain RULE`. These pages are made from the code
(`python -m cotspec.cli.rules_page`), and the tests run every example.

Examples under *Files* and *YAML* are whole files. All others replace parts of a small complete spec,
`tests/passes/base.yaml`. Commands run in a project whose only spec is `specs/a.yaml`, that
small one.
"""


def pages() -> dict[str, str]:
    """The text of each page by its file name; README.md lists all rules."""
    listed = [f"- [{title}]({_file(title)}): {_links(title, rules)}" for title, _, rules in groups()]
    texts = {_file(title): "\n".join(_page(title, about, rules)) for title, about, rules in groups()}
    return {"README.md": "\n".join([_INTRO, *listed, ""]), **texts}


def places() -> dict[str, str]:
    """The page of each rule, by slug."""
    return {rule.slug: _file(title) for title, _, rules in groups() for rule in rules}


def _file(title: str) -> str:
    return f"{title.lower().replace(' ', '-')}.md"


def _links(title: str, rules: tuple[Rule, ...]) -> str:
    return ", ".join(f"[{rule.slug}]({_file(title)}#{rule.slug})" for rule in rules)


def _page(title: str, about: str, rules: tuple[Rule, ...]) -> Iterator[str]:
    yield f"# {title}\n"
    if about:
        yield f"{about}\n"
    yield from (_section(rule) for rule in rules)


def _section(rule: Rule) -> str:
    parts = [f"## {rule.slug}\n", f"**{rule.claim}** {rule.why}\n"]
    kind = "console" if rule.in_shell else "yaml"
    for title, text in examples(rule):
        plain = title == "No example"
        parts.append(f"{title}: {text}\n" if plain else f"{title}:\n\n```{kind}\n{text}```\n")
    return "\n".join(parts)


if __name__ == "__main__":
    FOLDER.mkdir(exist_ok=True)
    for file, text in pages().items():
        (FOLDER / file).write_text(text, encoding="utf-8")
