"""cotspec.lock → its entries and where they stand, or findings.

The file is made by `cotspec lock`, but it comes with a stranger's project too: it is read as carefully as a spec.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import Final

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.files.regular import inside
from cotspec.front import phrases, yaml_source
from cotspec.front.nodes import Data, Document
from cotspec.front.text_files import read, shown
from cotspec.ir.inputs import Locked
from cotspec.spec.lock import FORMAT, LOCK_FILE, Lock, flat

_ADVICE: Final = f"take `{LOCK_FILE}` from the repository again, or delete it and run `cotspec lock`"
_CONFLICT: Final = re.compile(r"^(?:<{7}|={7}|>{7})(?: |$)", re.MULTILINE)


def read_lock(root: File, sink: Sink) -> Locked | None:
    """The project's lock; None when there is none, or after findings."""
    file = root / LOCK_FILE
    if not file.is_symlink() and not file.exists():
        return None
    name, own = shown(file), Sink()
    text = read(file, own) if _stays(file, root, own) else None
    document = None if text is None else _parsed(text, name, own)
    lock = None if document is None else _validated(document, own)
    sink.extend(_restated(finding) for finding in own.findings)
    return None if document is None or lock is None else Locked(file=name, entries=flat(lock), source=document.source)


def _stays(file: File, root: File, sink: Sink) -> bool:
    if inside(file, root):
        return True
    sink.add(_finding("the lock is a link that leads out of the project", Span(shown(file), 1, 1, 1, 1)))
    return False


def _parsed(text: str, name: str, sink: Sink) -> Document | None:
    conflict = _CONFLICT.search(text)
    if conflict is not None:
        line = text.count("\n", 0, conflict.start()) + 1
        span = Span(name, line, 1, line, len(conflict[0].strip()) + 1)
        advice = "keep the lines of both sides, or take one side, and run `cotspec lock`"
        sink.add(_finding("the lock holds a merge conflict", span, advice))
        return None
    return yaml_source.parse(text, name, sink)


def _validated(document: Document, sink: Sink) -> Lock | None:
    try:
        return Lock.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        sink.extend(_findings(error, document))
        return None


def _findings(error: ValidationError, document: Document) -> Iterator[Diagnostic]:
    for one in error.errors(include_url=False):
        path = tuple(part for part in one["loc"] if part != "[key]")
        span = document.source.key(path) if one["type"] == "extra_forbidden" else document.source.value(path)
        newer = path == ("lock",) and isinstance(one.get("input"), int)
        advice = f"this cotspec reads format {FORMAT}: use the version that made the lock" if newer else ""
        yield _finding(_told(one, ".".join(map(str, path))), span, advice)


def _told(error: ErrorDetails, place: str) -> str:
    given: Data = error.get("input")
    label = f"`{phrases.cut(place)}`" if place else "a lock"
    match error["type"]:
        case "extra_forbidden":
            return f"a lock has no {label}"
        case "missing":
            return f"a lock needs {label}, the version of its format"
        case "string_pattern_mismatch" if place.startswith(("models.", "data.")):
            return f"{phrases.got(given)} is not a commit: 40 hex digits"
        case "string_pattern_mismatch":
            return f"{phrases.got(given)} is not a digest: `sha256:` and 64 hex digits"
        case _:
            return f"{label} cannot be {phrases.got(given)}"


def _restated(finding: Diagnostic) -> Diagnostic:
    """Whatever is wrong with the file, the same helps: nobody writes it by hand."""
    return _finding(finding.message, finding.span, finding.help if finding.rule == "lock-file" else "")


def _finding(message: str, span: Span, advice: str = "") -> Diagnostic:
    return Diagnostic(rule="lock-file", message=message, span=span, help=advice or _ADVICE)
