"""Findings as values: Span, Diagnostic, Sink. Renderers are modules beside this one. Imports nothing of cotspec."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Literal

Severity = Literal["error", "warning", "note"]


@dataclass(frozen=True, order=True, slots=True)
class Span:
    """A range of a file. Lines and columns count from 1; `end_column` is one past the last character."""

    file: str
    line: int
    column: int
    end_line: int
    end_column: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Diagnostic:
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


@dataclass(slots=True)
class Sink:
    """Collects findings; phases add to it and the driver stops between phases when it holds errors."""

    findings: list[Diagnostic] = field(default_factory=list)

    def add(self, finding: Diagnostic) -> None:
        """Add one finding; an exact repeat is kept once."""
        if finding not in self.findings:
            self.findings.append(finding)

    def extend(self, findings: Iterable[Diagnostic]) -> None:
        """Add several findings."""
        for finding in findings:
            self.add(finding)

    @property
    def failed(self) -> bool:
        """Whether any finding is an error."""
        return any(f.severity == "error" for f in self.findings)

    def sorted(self) -> Iterator[Diagnostic]:
        """Findings in file order."""
        return iter(sorted(self.findings, key=lambda f: (f.span, f.rule, f.message)))
