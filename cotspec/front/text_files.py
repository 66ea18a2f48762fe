"""Files → text, or a finding. Knows nothing of YAML."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.files import regular

LARGEST = 1_000_000
"""Bytes of a spec or prompt file."""
#: What YAML 1.2 does not allow, and NEL, LS and PS, which YAML 1.1 parsers count as line breaks and editors do not.
_UNSEEN = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f\u2028\u2029\ufffe\uffff]")

_unsaved: Mapping[str, str] = {}
"""What `unsaved` says."""


@contextmanager
def unsaved(texts: Mapping[str, str]) -> Iterator[None]:
    """Read these texts, by the absolute path of their file, in place of what is on the disk: an editor has them open.
    It holds for the whole process, one at a time."""
    global _unsaved
    before, _unsaved = _unsaved, texts
    try:
        yield
    finally:
        _unsaved = before


def shown(path: Path) -> str:
    """How findings name a file: as it was given, or relative to the current folder when it lies under it."""
    if path.is_absolute() and path.is_relative_to(here := Path.cwd()):
        path = path.relative_to(here)
    return path.as_posix()


def read(path: Path, sink: Sink) -> str | None:
    """The text of a file with lines ended by `\\n`, without a byte order mark; None after a finding."""
    name = shown(path)
    try:
        raw = _bytes(path)
    except _RefusedError as refusal:
        sink.add(
            Diagnostic(
                rule=refusal.rule, message=str(refusal), span=_top(name), help=refusal.help, suggestions=refusal.instead
            )
        )
        return None
    text, bad = _decode(raw)
    if bad is not None:
        sink.add(_not_utf8(raw, bad, name))
        return None
    unseen = _UNSEEN.search(text)
    if unseen is not None:
        sink.add(_control(text, unseen.start(), name))
        return None
    return text


def raw_text(path: Path) -> str | None:
    """The text of a file for showing its lines, whatever is wrong with it; None when it cannot be read at all."""
    try:
        return _decode(_bytes(path))[0]
    except _RefusedError:
        return None


class _RefusedError(Exception):
    """A file that is not read: the rule, the sentence, the help, and files that may be meant."""

    def __init__(self, rule: str, message: str, advice: str = "", instead: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.rule, self.help, self.instead = rule, advice, instead


def _bytes(path: Path) -> bytes:
    name = shown(path)
    try:
        typed = _unsaved.get(os.path.abspath(path)) if _unsaved else None
        if typed is not None:
            raw = typed.encode(errors="replace")
            _bound(len(raw), name)
            return raw
        if not path.is_file():
            raise _no_file(path, name)
        _bound(path.stat().st_size, name)
        with regular.opened(path) as file:
            return file.read(LARGEST + 1)  # the size may be a lie (a file that grows)
    except (OSError, ValueError) as error:
        reason = getattr(error, "strerror", None) or "the name is not a file name"
        raise _RefusedError("unreadable-file", f"`{name}` cannot be read: {reason}") from error


def _bound(size: int, name: str) -> None:
    if size > LARGEST:
        raise _RefusedError("file-too-large", f"`{name}` has {size:,} bytes; the most is {LARGEST:,}")


def _no_file(path: Path, name: str) -> _RefusedError:
    if path.is_dir():
        return _RefusedError("not-a-file", f"`{name}` is a folder", "name a file in it")
    if path.is_symlink() and not path.exists():
        return _RefusedError("missing-file", f"`{name}` is a link that leads nowhere", "name the file itself")
    if path.exists():
        return _RefusedError("not-a-file", f"`{name}` is not a regular file")
    return _RefusedError("missing-file", f"there is no file `{name}`", *_neighbours(path))


def _neighbours(path: Path) -> tuple[str, tuple[str, ...]]:
    """Did you mean one of the files beside it?"""
    if any(sign in str(path) for sign in "*?["):
        return "no file matches the pattern: the shell fills it in only where one does", ()
    try:
        names = [child.name for child in path.parent.iterdir() if child.is_file() and child.suffix == path.suffix]
    except OSError:
        return f"there is no folder `{shown(path.parent)}` either", ()
    close = tuple(shown(path.with_name(name)) for name in near(path.name, names))
    return did_you_mean(close), close


def _decode(raw: bytes) -> tuple[str, int | None]:
    """The text, and where the first byte that is not UTF-8 is."""
    body = raw.removeprefix(b"\xef\xbb\xbf")
    try:
        text, bad = body.decode(), None
    except UnicodeDecodeError as error:
        text, bad = body.decode(errors="replace"), error.start + len(raw) - len(body)
    return text.replace("\r\n", "\n").replace("\r", "\n"), bad


def _not_utf8(raw: bytes, at: int, name: str) -> Diagnostic:
    before = _decode(raw[:at])[0]
    wide = raw[:2] in (b"\xff\xfe", b"\xfe\xff")
    message = "the file is UTF-16" if wide else f"byte 0x{raw[at]:02x} is not UTF-8"
    return Diagnostic(
        rule="not-utf8", message=message, span=_at(before, len(before), name), help="save the file as UTF-8"
    )


def _control(text: str, at: int, name: str) -> Diagnostic:
    what = f"the character U+{ord(text[at]):04X} is not allowed in a spec"
    return Diagnostic(rule="control-character", message=what, span=_at(text, at, name), help="delete it")


def _at(text: str, offset: int, name: str) -> Span:
    line, column = text.count("\n", 0, offset) + 1, offset - (text.rfind("\n", 0, offset) + 1) + 1
    return Span(name, line, column, line, column + 1)


def _top(name: str) -> Span:
    return Span(name, 1, 1, 1, 1)
