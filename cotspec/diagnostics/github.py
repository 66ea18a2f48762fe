"""Findings as GitHub workflow commands, which show them on the lines of a pull request. Knows nothing of specs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cotspec.diagnostics import Diagnostic, Severity
from cotspec.diagnostics.suggest import did_you_mean

_COMMANDS: Mapping[Severity, str] = {"error": "error", "warning": "warning", "note": "notice"}


def render(findings: Iterable[Diagnostic]) -> str:
    """One `::error file=…,line=…,col=…,title=…::message` per line."""
    return "".join(f"{_command(finding)}\n" for finding in findings)


def _command(finding: Diagnostic) -> str:
    span = finding.span
    place = f"file={_property(span.file)},line={span.line},col={span.column},title={_property(finding.rule)}"
    advice = finding.help or did_you_mean(finding.suggestions)
    message = f"{finding.message}\nhelp: {advice}" if advice else finding.message
    return f"::{_COMMANDS[finding.severity]} {place}::{_data(message)}"


def _data(text: str) -> str:
    return text.replace("%", "%25").replace("\r", "%0D").replace("\n", "%0A")


def _property(text: str) -> str:
    return _data(text).replace(":", "%3A").replace(",", "%2C")
