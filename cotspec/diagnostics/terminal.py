"""Findings for people: the user's own lines with the message under the place. Knows nothing of specs or terminals."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple
from unicodedata import category, east_asian_width

from cotspec.diagnostics import Diagnostic, Severity, Span
from cotspec.diagnostics.suggest import did_you_mean

_WIDEST: Final = 160
_COLOURS: Final[Mapping[Severity, str]] = {"error": "\x1b[1;31m", "warning": "\x1b[1;33m", "note": "\x1b[1;36m"}
_STEERING: Final = frozenset("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
"""Characters that make a terminal show text in another order than it is in."""


class _Paint(NamedTuple):
    """Escape sequences; all empty without colour."""

    strong: str = ""
    """Severity, mark and message."""
    aside: str = ""
    """Words of our own: `help:`, `note:`."""
    margin: str = ""
    """Line numbers."""
    end: str = ""


def render(findings: Iterable[Diagnostic], texts: Mapping[str, str], *, colour: bool = False) -> str:
    """All findings, an empty line between two; `texts` holds files by name (one that is not there is not quoted)."""
    lines = {name: text.split("\n") for name, text in texts.items()}
    return "\n".join(_finding(finding, lines, _paint(finding.severity, colour)) for finding in findings)


def summary(findings: Iterable[Diagnostic]) -> str:
    """`2 errors, 1 warning`; empty when there is nothing."""
    counts = {"error": 0, "warning": 0, "note": 0}
    for finding in findings:
        counts[finding.severity] += 1
    return ", ".join(f"{n} {what}{'' if n == 1 else 's'}" for what, n in counts.items() if n)


def _paint(severity: Severity, colour: bool) -> _Paint:
    return _Paint(_COLOURS[severity], "\x1b[1;36m", "\x1b[2m", "\x1b[0m") if colour else _Paint()


def _finding(finding: Diagnostic, lines: Mapping[str, Sequence[str]], paint: _Paint) -> str:
    own = lines.get(finding.span.file)
    where = _place(finding.span) if own is not None else _clean(finding.span.file)
    head = f"{paint.strong}{finding.severity}[{finding.rule}]{paint.end} {where}"
    body = [f"  {_clean(finding.message)}"] if own is None else _shown(own, finding.span, finding.message, paint)
    notes = [line for span, note in finding.related for line in _note(span, note, finding.span, lines, paint)]
    return "\n".join([head, *body, *notes, _help(finding, paint)]) + "\n"


def _note(span: Span, note: str, main: Span, lines: Mapping[str, Sequence[str]], paint: _Paint) -> Iterable[str]:
    """Another place that matters, with its line, unless that is the line shown already."""
    yield f"  {paint.aside}note:{paint.end} {_place(span)} {_clean(note)}"
    if span.file in lines and span[:2] != main[:2]:
        yield from _marked(lines[span.file], span, "-", "", paint._replace(strong=paint.aside))


def _help(finding: Diagnostic, paint: _Paint) -> str:
    advice = finding.help or did_you_mean(finding.suggestions)
    explain = f"`cotspec explain {finding.rule}`"
    said = f"{_clean(advice)}   ({explain})" if advice else f"see {explain}"
    return f"  {paint.aside}help:{paint.end} {said}"


def _place(span: Span) -> str:
    return f"{_clean(span.file)}:{span.line}:{span.column}"


def _shown(lines: Sequence[str], span: Span, message: str, paint: _Paint) -> list[str]:
    """The line before, the line with its mark and message, and the next line of the same group."""
    first, width = _first(lines, span), _margin(span)
    shown = _marked(lines, span, "^", _clean(message), paint)
    before = lines[span.line - 2] if span.line > 1 else ""
    after = lines[span.line] if span.line < len(lines) else ""
    above = [_line(span.line - 1, before, first, width, paint)] if before.strip() else []
    goes_on = after.strip() and _indent(after) >= _indent(lines[span.line - 1])
    below = [_line(span.line + 1, after, first, width, paint)] if goes_on else []
    return [*above, *shown, *below]


def _marked(lines: Sequence[str], span: Span, sign: str, message: str, paint: _Paint) -> list[str]:
    """A line, and the mark under it with the message; a span over several lines is marked to the end of its first."""
    text = lines[span.line - 1] if span.line <= len(lines) else ""
    first, width = _first(lines, span), _margin(span)
    part, start = text[first : first + _WIDEST], span.column - 1 - first
    stop = span.end_column - 1 - first if span.end_line == span.line else len(part.rstrip())
    mark = sign * max(1, sum(_width(c) for c in part[start:stop]))
    margin = f"{paint.margin}{'':>{width}} |{paint.end}"
    under = f"{margin} {_blank(part[:start])}{paint.strong}{f'{mark} {message}'.rstrip()}{paint.end}"
    return [_line(span.line, text, first, width, paint), under]


def _line(number: int, text: str, first: int, width: int, paint: _Paint) -> str:
    """A line of the file, cut with `…` where it is too long."""
    part = _clean(text[first : first + _WIDEST])
    if first and part:
        part = f"…{part[1:]}"
    if len(text) > first + _WIDEST:
        part = f"{part[:-1]}…"
    margin = f"{paint.margin}{number:>{width}} |{paint.end}"
    return f"{margin} {part}".rstrip()


def _first(lines: Sequence[str], span: Span) -> int:
    """The first character that is shown: a long line is shown around the place."""
    text = lines[span.line - 1] if span.line <= len(lines) else ""
    return max(0, span.column - 1 - _WIDEST // 2) if len(text) > _WIDEST else 0


def _margin(span: Span) -> int:
    return max(4, len(str(span.line + 1)) + 2)


def _indent(text: str) -> int:
    return len(text) - len(text.lstrip())


def _clean(text: str) -> str:
    """`text` without characters that would steer a terminal."""
    return "".join("\N{REPLACEMENT CHARACTER}" if _steers(c) else c for c in text)


def _steers(character: str) -> bool:
    return (category(character) in ("Cc", "Zl", "Zp") and character != "\t") or character in _STEERING


def _blank(text: str) -> str:
    """As much empty space as `text` takes on a terminal."""
    return "".join("\t" if c == "\t" else " " * _width(c) for c in text)


def _width(character: str) -> int:
    if character in _STEERING:
        return 1  # what stands in its place
    if category(character) in ("Mn", "Me", "Cf"):
        return 0
    return 2 if east_asian_width(character) in "WF" else 1
