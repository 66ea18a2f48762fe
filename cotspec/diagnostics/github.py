"""Findings as GitHub workflow commands, which show them on the lines of a pull request. Knows nothing of specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cotspec.diagnostics import Diagnostic, Severity, Span
from cotspec.diagnostics.suggest import did_you_mean

_COMMANDS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def render(findings: Iterable[Diagnostic]) -> str:
    """One `::error file=…,line=…,endLine=…,col=…,endColumn=…,title=…::message` per line."""
    return "".join(f"{_command(finding)}\n" for finding in findings)


def _command(finding: Diagnostic) -> str:
    place = ",".join(f"{name}={_property(str(value))}" for name, value in _properties(finding).items())
    return f"::{_COMMANDS[finding.severity]} {place}::{_data(_message(finding))}"


def _properties(finding: Diagnostic) -> dict[str, str | int]:
    span = finding.span
    lines: dict[str, str | int] = {"file": span.file, "line": span.line, "endLine": span.end_line}
    # GitHub drops an annotation that names columns and reaches over more than one line
    columns = {"col": span.column, "endColumn": span.end_column} if span.line == span.end_line else {}
    return {**lines, **columns, "title": f"cotspec ({finding.rule})"}


def _message(finding: Diagnostic) -> str:
    """With the place in it: the log of a run shows nothing but the message."""
    advice = finding.help or did_you_mean(finding.suggestions)
    lines = [f"{_place(finding.span)}: {finding.message}"]
    lines += [f"note: {_place(span)} {note}" for span, note in finding.related]
    return "\n".join([*lines, f"help: {advice}"] if advice else lines)


def _place(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}"


def _data(text: str) -> str:
    """Escaped as the runner reads it; what a terminal would act on becomes a mark, as in the text form."""
    text = "".join(char if char.isprintable() or char in "\r\n" else "\ufffd" for char in text)
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
