"""What libyaml says about a file it cannot parse → a finding in plain words. Knows YAML syntax and nothing of specs."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

import yaml

from cotspec.diagnostics import Diagnostic, Span
from cotspec.front import phrases

_COLON = "is a colon, or the space after it, missing?"
_LEVEL = "indent the list below its key, or leave the dash out"
_QUOTES = "put a short text in quotes instead"
_MERGE = ("<<<<<<< ", "=======", ">>>>>>> ")
_LOOKALIKES = dict.fromkeys("\xa0\u2002\u2003\u2009\u202f\u3000", "space") | {"\uff1a": "colon"}
_CALL: Final = re.compile(r"\w\(")
_LONGEST_CALL: Final = 400
"""Characters in which the end of an unquoted call is looked for."""


def translate(error: yaml.YAMLError, file: str, lines: Sequence[str], quoted: Span | None) -> Diagnostic:
    """The finding for a parser's error; `quoted` is the quoted text read last, if nothing came after it."""
    if not isinstance(error, yaml.MarkedYAMLError):
        return _finding("yaml-syntax", f"the file is not YAML: {error}", Span(file, 1, 1, 1, 1))
    context, mark = error.context_mark, error.problem_mark or error.context_mark
    at = Span(file, 1, 1, 1, 1) if mark is None else _span(file, lines, mark)
    start = None if context is None else _span(file, lines, context)
    problem = error.problem or ""
    finding = _tab(at, lines, problem) or _quote(error, at, quoted, file) or _unseen(at, start, lines)
    if finding is not None:
        return finding
    if (error.context or "") == "while scanning a tag":
        return _finding("yaml-syntax", "a tag is followed by a space", at, "write `{key: !remove }`, with the space")
    if start is not None and (error.context or "").startswith("while parsing a flow"):
        return _bracket(start, lines, at)
    return _other(problem, at, lines, start)


def _finding(rule: str, message: str, span: Span, advice: str = "") -> Diagnostic:
    return Diagnostic(rule=rule, message=message, span=span, help=advice)


def _span(file: str, lines: Sequence[str], mark: yaml.Mark) -> Span:
    """One character at a mark; the end of the file is the end of its last line that holds something."""
    line, column = mark.line, mark.column
    if line >= len(lines) or (line == len(lines) - 1 and not lines[line]):
        line = max((i for i, text in enumerate(lines) if text.strip()), default=0)
        column = len(lines[line])
    return Span(file, line + 1, column + 1, line + 1, column + 2)


def _tab(at: Span, lines: Sequence[str], problem: str) -> Diagnostic | None:
    text = lines[at.line - 1]
    margin = text[: len(text) - len(text.lstrip())]
    if "\t" not in margin or ("tab" not in problem and at.column > len(margin) + 1):
        return None
    first = margin.index("\t") + 1
    where = Span(at.file, at.line, first, at.line, len(margin) + 1)
    return _finding("tab", "the line is indented with a tab", where, "indent with spaces")


def _quote(error: yaml.MarkedYAMLError, at: Span, quoted: Span | None, file: str) -> Diagnostic | None:
    """A quote that is never closed, or that the opening quote of a later text closed."""
    context = error.context_mark
    open_end = (error.context or "") == "while scanning a quoted scalar" and "end of stream" in (error.problem or "")
    if open_end and context is not None:
        start = Span(file, context.line + 1, context.column + 1, context.line + 1, context.column + 2)
    elif quoted is not None and quoted.line < quoted.end_line == at.line:
        start = Span(file, quoted.line, quoted.column, quoted.line, quoted.column + 1)
    else:
        return None
    return _finding("unclosed-quote", "this quote is not closed on its line", start, "add the closing quote")


def _unseen(at: Span, context: Span | None, lines: Sequence[str]) -> Diagnostic | None:
    """What a person overlooks near the place of an error: marks of a merge, and characters that look like others."""
    near = dict.fromkeys((at.line, *(() if context is None else (context.line,)), at.line - 1))
    for number in (n for n in near if n > 0):
        text = lines[number - 1]
        if text.startswith(_MERGE):
            where = Span(at.file, number, 1, number, 8)
            return _finding("yaml-syntax", "a merge was left unfinished here", where, "keep one side, delete the marks")
        column = next((i for i, c in enumerate(text, 1) if c in _LOOKALIKES), 0)
        if column:
            sign = text[column - 1]
            where = Span(at.file, number, column, number, column + 1)
            message = f"this character, U+{ord(sign):04X}, only looks like a {_LOOKALIKES[sign]}"
            return _finding("yaml-syntax", message, where, f"type a plain {_LOOKALIKES[sign]}")
    return None


def _bracket(start: Span, lines: Sequence[str], at: Span) -> Diagnostic:
    sign = lines[start.line - 1][start.column - 1 : start.column]
    what, close = ("group", "}") if sign == "{" else ("list", "]")
    message = f"the {what} that begins here is not closed, or misses a comma before line {at.line}, column {at.column}"
    return _finding("unclosed-bracket", message, start, f"close it with `{close}`, or put a comma between its items")


def _other(problem: str, at: Span, lines: Sequence[str], context: Span | None) -> Diagnostic:
    text = lines[at.line - 1]
    before, sign = text[: at.column - 1], text[at.column - 1 : at.column]
    if "cannot start any token" in problem:
        return _finding("reserved-character", f"a text cannot begin with {sign} here", at, "put the text in quotes")
    if "mapping values are not allowed" in problem:
        return _second_colon(at, before, lines[at.line - 2])
    if "<document start>" in problem or text.startswith("..."):
        return _after_the_end(at, text)
    if "'-' indicator" in problem:
        return _finding("indentation", "a list item and a key cannot stand at one level", _head(at, text), _LEVEL)
    if "comment or line break" in problem:
        return _finding("yaml-syntax", "a text that is begun by `|` or `>` stands on the lines below", at, _QUOTES)
    if "did not find expected" in problem:
        return _unexpected(at, before, sign)
    if "unexpected ':'" in problem:
        return _finding("yaml-syntax", "a colon needs a space behind it", at, "write `key: value`")
    if "directive" in problem:
        return _finding("yaml-syntax", "a line that begins with % speaks to the YAML reader", at, "delete the line")
    if "could not find expected ':'" in problem:
        where = context or at
        return _finding("yaml-syntax", "this line has no `key: value`", where, _COLON)
    if "escape" in problem:
        advice = "in double quotes a backslash begins an escape; use single quotes to keep it"
        return _finding("yaml-syntax", f"there is no escape \\{text[at.column : at.column + 1]}", at, advice)
    return _finding("yaml-syntax", f"this is not YAML: {problem}", at)


def _second_colon(at: Span, before: str, above: str) -> Diagnostic:
    if not before[:1].isspace() and at.line > 1 and ": " not in before:
        where = Span(at.file, at.line - 1, 1, at.line - 1, len(above) + 1)
        return _finding("yaml-syntax", "this line has no `key: value`", where, _COLON)
    if ": " in before:
        return _finding("yaml-syntax", "a second `: ` on one line", at, "put a text that holds `: ` in quotes")
    advice = "indent it like the line above, or let that line end with a colon and a space"
    first = len(before) - len(before.lstrip()) + 1
    where = Span(at.file, at.line, first, at.line, max(at.column, first + 1))
    return _finding("indentation", "this key is indented below a line that already has a value", where, advice)


def _unexpected(at: Span, before: str, sign: str) -> Diagnostic:
    if before.strip():
        return _finding(
            "yaml-syntax",
            f"unexpected {sign or 'end of line'} after the value",
            at,
            "close or quote the value before it",
        )
    if before:
        advice = "give it the same number of spaces as the lines it belongs with"
        margin = Span(at.file, at.line, 1, at.line, at.column)
        return _finding("indentation", f"indented by {len(before)}, like no line above it", margin, advice)
    return _finding("indentation", "a list item and a key cannot stand at one level", at, _LEVEL)


def _after_the_end(at: Span, text: str) -> Diagnostic:
    """`...` ends a document; what follows is another one."""
    if text.startswith("..."):
        return _finding("empty-file", "the file has no settings before `...`", at, "delete the `...`")
    return _finding("two-documents", "`...` above ends the spec, and more follows", at, "delete the `...`")


def _head(at: Span, text: str) -> Span:
    """The first word of a line."""
    first = len(text) - len(text.lstrip()) + 1
    return Span(
        at.file, at.line, first, at.line, first + len(text.split(maxsplit=1)[0].rstrip(":")) if text.strip() else 1
    )


def unquoted(value: yaml.ScalarEvent, text: str) -> str:
    """All of a call without quotes that stands in `{ }` or `[ ]`, where its first comma ended the value, as
    `{value: min(a, b)}`; "" for any other value. `text` is that of the file."""
    begin, end = value.start_mark, value.end_mark
    if value.style or begin is None or end is None or not _CALL.search(value.value):
        return ""
    if value.value.count("(") <= value.value.count(")"):
        return ""
    whole, depth = text[begin.index : begin.index + _LONGEST_CALL], 0
    for at, sign in enumerate(whole):
        if sign in "\"'#{" or (sign == "}" and depth) or (sign == ":" and whole[at + 1 : at + 2].isspace()):
            return ""  # what follows is no part of a call
        if depth == 0 and sign in ",]}":
            return whole[:at].rstrip() if at > end.index - begin.index else ""
        depth += (sign in "([") - (sign in ")]")
    return ""


def cut_at_comma(at: Span, value: str, whole: str) -> Diagnostic:
    """The finding for it."""
    lines = whole.split("\n")
    last = len(lines[-1]) + (at.column if len(lines) == 1 else 1)
    span = Span(at.file, at.line, at.column, at.line + len(lines) - 1, last)
    right = f'"{" ".join(whole.split())}"'
    message = f"`{phrases.cut(value)}` ends at the comma: in `{{ }}` and `[ ]` a text with a comma goes in quotes"
    return Diagnostic("unquoted-comma", message, span, help=f"write {phrases.cut(right)}", suggestions=(right,))
