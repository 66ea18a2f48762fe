"""Findings for programs: one JSON array. Knows nothing of specs."""

from __future__ import annotations

import json
from collections.abc import Iterable

from cotspec.diagnostics import Diagnostic, Span


def render(findings: Iterable[Diagnostic]) -> str:
    """An array of objects with rule, severity, message, help, suggestions, file, line, column, end_line, end_column.

    All characters are ASCII, so that no encoding of a pipe can break it.
    """
    return json.dumps([_finding(finding) for finding in findings], indent=2) + "\n"


def _finding(finding: Diagnostic) -> dict[str, object]:
    return {
        "rule": finding.rule,
        "severity": finding.severity,
        "message": finding.message,
        "help": finding.help,
        "suggestions": list(finding.suggestions),
        **_place(finding.span),
        "related": [{"message": note, **_place(span)} for span, note in finding.related],
    }


def _place(span: Span) -> dict[str, object]:
    return {
        "file": span.file,
        "line": span.line,
        "column": span.column,
        "end_line": span.end_line,
        "end_column": span.end_column,
    }
