"""Findings for people: the user's own lines with the message under the place. Knows nothing of specs or terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from unicodedata import category, east_asian_width

from cotspec.diagnostics import Diagnostic, Severity, Span
from cotspec.diagnostics.suggest import did_you_mean

_WIDEST = 160
_COLOURS: Mapping[Severity, str] = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_RESET = "\x1b[0m"


def render(findings: Iterable[Diagnostic], texts: Mapping[str, str], *, colour: bool = False) -> str:
    """All findings, an empty line between two; `texts` holds files by name (one that is not there is not quoted)."""
    return "\n".join(_finding(finding, texts, colour) for finding in findings)


def summary(findings: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty when there is nothing."""
    counts = {"error": 0, "warning": 0, "note": 0}
    for finding in findings:
        counts[finding.severity] += 1
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items() if n)


def _finding(finding: Diagnostic, texts: Mapping[str, str], colour: bool) -> str:
    begin, end = (_COLOURS[finding.severity], _RESET) if colour else ("", "")
    quoted = finding.span.file in texts
    head = f"{begin}{finding.severity}[{finding.rule}]{end} {_place(finding.span) if quoted else finding.span.file}"
    if quoted:
        body = _quote(texts[finding.span.file].split("\n"), finding.span, finding.message, (begin, end))
    else:
        body = [f"  {finding.message}"]
    notes = [f"  note: {_place(span)} {note}" for span, note in finding.related]
    return "\n".join([head, *body, *notes, _help(finding)]) + "\n"


def _help(finding: Diagnostic) -> str:
    advice = finding.help or did_you_mean(finding.suggestions)
    explain = f"`cotspec explain {finding.rule}`"
    return f"  help: {advice}   ({explain})" if advice else f"  help: see {explain}"


def _place(span: Span) -> str:
    return f"{span.file}:{span.line}:{span.column}"


def _quote(lines: list[str], span: Span, message: str, paint: tuple[str, str]) -> list[str]:
    """The line before, the line, and the mark under it."""
    text = lines[span.line - 1] if span.line <= len(lines) else ""
    first = max(0, span.column - 1 - _WIDEST // 2) if len(text) > _WIDEST else 0
    text, start = text[first : first + _WIDEST], span.column - 1 - first
    stop = span.end_column - 1 - first if span.end_line == span.line else len(text.rstrip())
    width = max(4, len(str(span.line)) + 2)
    shown = []
    if span.line > 1 and lines[span.line - 2].strip():
        shown.append(f"{span.line - 1:>{width}} | {_clean(lines[span.line - 2][first : first + _WIDEST])}".rstrip())
    shown.append(f"{span.line:>{width}} | {_clean(text)}".rstrip())
    mark = "^" * max(1, sum(_width(c) for c in text[start:stop]))
    shown.append(f"{'':>{width}} | {_blank(text[:start])}{paint[0]}{mark} {message}{paint[1]}")
    return shown


def _clean(text: str) -> str:
    """`text` without characters that would steer a terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if category(c) == "Cc" and c != "\t" else c for c in text)


def _blank(text: str) -> str:
    """As much empty space as `text` takes on a terminal."""
    return "".join("\t" if c == "\t" else " " * _width(c) for c in text)


def _width(character: str) -> int:
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
