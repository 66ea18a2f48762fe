"""Findings as SARIF 2.1.0 (OASIS), the format code hosts and editors read. Knows nothing of specs."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from urllib.parse import quote

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import did_you_mean

_SCHEMA = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"


def render(findings: Iterable[Diagnostic], rules: Mapping[str, Rule] | None = None) -> str:
    """One run; `rules` adds what each rule claims."""
    found = list(findings)
    used = sorted({finding.rule for finding in found})
    driver = {"name": "cotspec", "rules": [_rule(slug, rules or {}) for slug in used]}
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": [_result(f) for f in found]}
    return json.dumps({"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}, indent=2, ensure_ascii=False) + "\n"


def _rule(slug: str, rules: Mapping[str, Rule]) -> dict[str, object]:
    if slug not in rules:
        return {"id": slug}
    rule = rules[slug]
    return {"id": slug, "shortDescription": {"text": rule.claim}, "fullDescription": {"text": rule.why}}


def _result(finding: Diagnostic) -> dict[str, object]:
    advice = finding.help or did_you_mean(finding.suggestions)
    message = f"{finding.message}\n{advice}" if advice else finding.message
    related = [{**_location(span), "message": {"text": note}} for span, note in finding.related]
    return {
        "ruleId": finding.rule,
        "level": finding.severity,
        "message": {"text": message},
        "locations": [_location(finding.span)],
        **({"relatedLocations": related} if related else {}),
    }


def _location(span: Span) -> dict[str, object]:
    region = {
        "startLine": span.line,
        "startColumn": span.column,
        "endLine": span.end_line,
        "endColumn": span.end_column,
    }
    return {"physicalLocation": {"artifactLocation": {"uri": quote(span.file)}, "region": region}}
