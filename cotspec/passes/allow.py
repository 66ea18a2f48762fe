"""`allow:` in a spec: findings that are accepted, each with a reason. Knows no rule but its own two."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Final

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.passes.check.context import Context, finding, misnamed, warning
from cotspec.spec.experiment import Allowed

UNKNOWN: Final = Rule(
    slug="allow-unknown",
    claim="`allow` names a rule that can be allowed, and a place that is there.",
    why="A misspelt name would allow nothing. Only rules of judgement can be allowed: a spec that breaks another "
    "rule cannot be compiled.",
    failing="allow: [{rule: unpined-revision, reason: the hub is not reachable}]\n",
    passing="models: {more: {hub: a/b}}\n"
    "allow: [{rule: unpinned-revision, reason: the hub is not reachable, at: models.more}]\n",
    everywhere=True,
)
UNUSED: Final = Rule(
    slug="allow-unused",
    claim="What `allow` accepts is there.",
    why="An exception that is left behind would hide the next mistake of its kind.",
    failing="allow: [{rule: unpinned-revision, reason: the hub is not reachable}]\n",
    passing="models: {more: {hub: a/b}}\nallow: [{rule: unpinned-revision, reason: the hub is not reachable}]\n",
    everywhere=True,
)
RULES: Mapping[str, Rule] = MappingProxyType({rule.slug: rule for rule in (UNKNOWN, UNUSED)})


def not_allowed(
    findings: Sequence[Diagnostic], context: Context, *, known: Collection[str], unsteady: Collection[str] = ()
) -> Iterator[Diagnostic]:
    """The findings that are not allowed, then those about `allow` itself; `known` are the rules it may name.

    What an `unsteady` rule finds depends on more than the spec, so an exception that nothing needs today is kept.
    """
    used: set[int] = set()
    for one in findings:
        by = [number for number, entry in _entries(context) if _covers(entry, one.rule, one.span, context.source)]
        used.update(by)
        if not by:
            yield one
    for number, entry in _entries(context):
        place = ("allow", number)
        if entry.rule not in known:
            yield _unknown(context, entry, place, known)
        elif entry.at is not None and place_of(entry.at, context.source) is None:
            span = context.source.value((*place, "at"))
            yield finding(UNKNOWN, span, f"there is nothing at `{entry.at}`", "give a dotted path of this spec")
        elif number not in used and entry.rule not in unsteady:
            where = f" at `{entry.at}`" if entry.at else ""
            span = context.source.value((*place, "rule"))
            yield warning(UNUSED, span, f"there is no finding `{entry.rule}`{where}", "leave the entry out")


def _entries(context: Context) -> Iterator[tuple[int, Allowed]]:
    return enumerate(context.experiment.allow)


def _unknown(context: Context, entry: Allowed, place: Path, known: Collection[str]) -> Diagnostic:
    span = context.source.value((*place, "rule"))
    message = f"there is no rule `{entry.rule}` that can be allowed"
    return misnamed(UNKNOWN, span, message, entry.rule, sorted(known))


def accepts(entries: Sequence[Allowed], rule: str, span: Span, source: SourceMap) -> bool:
    """Whether a finding of a rule would be accepted at a place of a spec."""
    return any(_covers(entry, rule, span, source) for entry in entries)


def _covers(entry: Allowed, rule: str, at: Span, source: SourceMap) -> bool:
    if entry.rule != rule:
        return False
    if entry.at is None:
        return True
    prefix = place_of(entry.at, source)
    return prefix is not None and any(_holds(span, at) for span in _spans(prefix, source))


def place_of(dotted: str, source: SourceMap) -> Path | None:
    """The path in the spec, or None when nothing is written there; a key may itself hold dots, a number is an item."""
    path: Path = ()
    rest = dotted.split(".")
    while rest:
        for size in range(len(rest), 0, -1):
            word = ".".join(rest[:size])
            step: str | int = int(word) if word.isdecimal() and (*path, int(word)) in source.values else word
            if (*path, step) in source.values:
                path, rest = (*path, step), rest[size:]
                break
        else:
            return None
    return path


def _spans(prefix: Path, source: SourceMap) -> Iterator[Span]:
    """Every place at the path or below; below, because a value may come from another file than its group."""
    yield source.values[prefix]  # mostly the one
    for known in (source.keys, source.values):
        yield from (span for path, span in known.items() if path[: len(prefix)] == prefix)


def _holds(outer: Span, inner: Span) -> bool:
    begins = (outer.line, outer.column) <= (inner.line, inner.column)
    ends = (inner.end_line, inner.end_column) <= (outer.end_line, outer.end_column)
    return outer.file == inner.file and begins and ends
