"""Findings as SARIF 2.1.0 (OASIS, errata 01), the format code hosts and editors read. Knows nothing of specs.

Section numbers in comments are those of the standard.
"""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final
from urllib.parse import quote

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import did_you_mean

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
#: §3.14.14: a base without a URI of its own says what it is; where it lies on this machine is nobody's business.
_ROOT: Final = {"%SRCROOT%": {"description": {"text": "The root of the repository."}}}
_FINGERPRINT: Final = "cotspec/v1"


def render(
    findings: Iterable[Diagnostic],
    *,
    rules: Mapping[str, Rule] | None = None,
    texts: Mapping[str, str] | None = None,
    version: str = "",
) -> str:
    """One run. `rules` adds what each rule claims; `texts` are the files by name, whose lines make the fingerprints.

    File names are relative to the root of the repository. A file that is not in `texts` is named without a region:
    it could not be read, so there is no place in it.
    """
    listed, lines = list(findings), texts or {}
    used = sorted({finding.rule for finding in listed})
    tool = {"name": "cotspec", **({"version": version} if version else {})}
    marks = fingerprints(listed, lines)
    run = {
        "tool": {"driver": {**tool, "rules": [_rule(slug, rules or {}, listed) for slug in used]}},
        "invocations": [{"executionSuccessful": True}],
        "originalUriBaseIds": _ROOT,
        "columnKind": "unicodeCodePoints",
        "results": [_result(f, used.index(f.rule), m, lines) for f, m in zip(listed, marks, strict=True)],
    }
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2) + "\n"


def _rule(slug: str, rules: Mapping[str, Rule], findings: Sequence[Diagnostic]) -> dict[str, object]:
    level = next(finding.severity for finding in findings if finding.rule == slug)
    described = _described(rules[slug]) if slug in rules else {}
    return {"id": slug, **described, "defaultConfiguration": {"level": level}}


def _described(rule: Rule) -> dict[str, object]:
    examples = [(title, text) for title, text in (("Fails", rule.failing), ("Passes", rule.passing)) if text]
    plain = [f"{rule.claim} {rule.why}", *(f"{title}:\n{text}" for title, text in examples)]
    rich = [f"**{rule.claim}**", rule.why, *(f"{title}:\n```yaml\n{text}```" for title, text in examples)]
    return {
        "shortDescription": {"text": rule.claim},
        "fullDescription": {"text": rule.why},
        "help": {"text": "\n\n".join(plain), "markdown": "\n\n".join(rich)},
    }


def _result(finding: Diagnostic, index: int, mark: str, texts: Mapping[str, str]) -> dict[str, object]:
    advice = finding.help or did_you_mean(finding.suggestions)
    related = [
        {"id": number, **_location(span, texts), "message": {"text": note}}
        for number, (span, note) in enumerate(finding.related, start=1)
    ]
    fixes = list(_fixes(finding)) if finding.span.file in texts else []
    return {
        "ruleId": finding.rule,
        "ruleIndex": index,
        "level": finding.severity,
        "message": {"text": f"{finding.message}\n{advice}" if advice else finding.message},
        "locations": [_location(finding.span, texts)],
        **({"relatedLocations": related} if related else {}),
        "partialFingerprints": {_FINGERPRINT: mark},
        **({"fixes": fixes} if fixes else {}),
    }


def _fixes(finding: Diagnostic) -> Iterator[dict[str, object]]:
    """A suggestion is what could stand in place of the span, so each is a fix of its own."""
    for text in finding.suggestions:
        change = {"deletedRegion": _region(finding.span), "insertedContent": {"text": text}}
        where = {"artifactLocation": _artifact(finding.span), "replacements": [change]}
        yield {"description": {"text": f"Replace it with `{text}`."}, "artifactChanges": [where]}


def _location(span: Span, texts: Mapping[str, str]) -> dict[str, object]:
    region = {"region": _region(span)} if span.file in texts else {}
    return {"physicalLocation": {"artifactLocation": _artifact(span), **region}}


def _artifact(span: Span) -> dict[str, str]:
    return {"uri": quote(span.file, errors="surrogateescape"), "uriBaseId": "%SRCROOT%"}


def _region(span: Span) -> dict[str, int]:
    return {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }


def fingerprints(findings: Iterable[Diagnostic], texts: Mapping[str, str]) -> Iterator[str]:
    """What makes two findings of different runs the same: not the line's number, but what stands on it.

    One per finding, in order: a hash of rule, file and line, and which of several with the same hash it is.
    """
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
