"""What makes two findings of different runs the same: not the line's number, but what stands on it. Knows text only."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping

from cotspec.diagnostics import Diagnostic, Span


def fingerprints(findings: Iterable[Diagnostic], texts: Mapping[str, str]) -> Iterator[str]:
    """One per finding, in order: a hash of rule, file and line, and which of several with the same hash it is."""
    seen: Counter[str] = Counter()
    for finding in findings:
        content = [finding.rule, finding.span.file, *_content(finding.span, texts.get(finding.span.file, ""))]
        mark = hashlib.sha256(json.dumps(content).encode()).hexdigest()[:16]
        seen[mark] += 1
        yield f"{mark}:{seen[mark]}"


def _content(span: Span, text: str) -> tuple[str, str]:
    """The first line of a span without its indentation, and the part of it that is meant."""
    lines = text.split("\n")
    line = lines[span.line - 1] if span.line <= len(lines) else ""
    end = span.end_column - 1 if span.end_line == span.line else len(line)
    return " ".join(line.split()), line[span.column - 1 : end]
