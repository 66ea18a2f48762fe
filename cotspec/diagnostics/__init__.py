"""Findings as values: Span, Diagnostic, Sink. Renderers are modules beside this one. Imports nothing of cotspec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

Severity = Literal["error", "warning", "note"]


class Span(NamedTuple):
    """A range of a file. Lines and columns count from 1; `end_column` is one past the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


Key = tuple[str, Span, str]


class Diagnostic(NamedTuple):
    """One finding: what is wrong, where, and what to do."""

    rule: str
    """Stable slug, e.g. `unknown-key`."""
    message: str
    """One sentence, in the spec's own words."""
    span: Span
    severity: Severity = "error"
    help: str = ""
    """What to do."""
    suggestions: tuple[str, ...] = ()
    """Texts that could stand in place of the span, best first."""
    related: tuple[tuple[Span, str], ...] = ()
    """Other places that matter, each with a note."""
    subject: str = ""
    """What it is about, where several of its rule are told as one (`Rule.together`)."""

    @property
    def key(self) -> Key:
        """Equal for the same mistake in the same place, however one came there."""
        return (self.rule, self.span, self.message)


class Sink:
    """Collects findings; phases add to it and the driver stops between phases when it holds errors."""

    def __init__(self) -> None:
        self._found: dict[Key, Diagnostic] = {}
        self.hardened = 0
        """Warnings that were made errors."""

    def add(self, finding: Diagnostic) -> None:
        """Add one finding. The same mistake in the same place is kept once: the one with the least to say besides."""
        known = self._found.get(finding.key)
        if known is None or len(finding.related) < len(known.related):
            self._found[finding.key] = finding

    def extend(self, findings: Iterable[Diagnostic]) -> None:
        """Add several findings."""
        for finding in findings:
            self.add(finding)

    def harden(self) -> None:
        """Make every warning an error."""
        for key, finding in self._found.items():
            if finding.severity == "warning":
                self._found[key] = finding._replace(severity="error")
                self.hardened += 1

    @property
    def findings(self) -> list[Diagnostic]:
        """All of them, in the order they came."""
        return list(self._found.values())

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(f.severity == "error" for f in self._found.values())

    def sorted(self) -> Iterator[Diagnostic]:
        """Findings in file order."""
        return iter(ordered(self._found.values()))


def ordered(findings: Iterable[Diagnostic]) -> list[Diagnostic]:
    """Findings in the order of files, lines and columns, however they came."""
    return sorted(findings, key=lambda f: (f.span, f.rule, f.message))
