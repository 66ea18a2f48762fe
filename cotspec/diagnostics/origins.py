"""Findings of a spec and of its variants → findings for a person: each mistake once, with what leads to its place.

Knows findings only: not what a variant is, not what a rule says.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping, Sequence
from typing import NamedTuple

from cotspec.diagnostics import Diagnostic, Key, Span
from cotspec.diagnostics.suggest import several

Link = tuple[Span, str]


class MemberFindings(NamedTuple):
    """The findings of a spec or of one of its variants."""

    findings: Sequence[Diagnostic]
    variant: str = ""
    """Name of the variant; "" is the spec itself."""
    entry: Span | None = None
    """The entry that makes the variant."""
    holds: Callable[[Span], bool] = lambda _: True
    """Whether what stands at a place is part of it."""


class _Seen(NamedTuple):
    first: Diagnostic
    by: list[MemberFindings]


def gathered(family: Sequence[MemberFindings], everywhere: Collection[str] = ()) -> Iterator[Diagnostic]:
    """Each finding once; one that only variants have says which. `everywhere` are rules that hold against a file when
    they hold against all that have what the finding is about (what one of them uses is used)."""
    seen: dict[Key, _Seen] = {}
    for member in family:
        for key, one in {one.key: one for one in member.findings}.items():
            seen.setdefault(key, _Seen(one, [])).by.append(member)
    for each in seen.values():
        if each.first.rule in everywhere and len(each.by) < sum(member.holds(each.first.span) for member in family):
            continue
        yield each.first if not each.by[0].variant else each.first._replace(related=_related(each))


def joined(findings: Iterable[Diagnostic], together: Mapping[str, str]) -> Iterator[Diagnostic]:
    """The findings of a rule in `together` about subjects in one file as one, at the place of the first."""
    groups: dict[tuple[object, ...], list[Diagnostic]] = {}
    for one in findings:
        alone = not one.subject or one.rule not in together
        groups.setdefault(one.key if alone else (one.rule, one.span.file), []).append(one)
    for first, *more in groups.values():
        subjects = tuple(dict.fromkeys(one.subject for one in (first, *more)))
        yield first if len(subjects) == 1 else first._replace(message=f"{several(subjects)} {together[first.rule]}")


def _related(seen: _Seen) -> tuple[Link, ...]:
    first, more = seen.by[0], len(seen.by) - 1
    note = f"in variant `{first.variant}`" + (f" and {more} more" if more else "")
    own = () if first.entry is None else ((first.entry, note),)
    return (*seen.first.related, *own)


def linked(finding: Diagnostic, links: Mapping[str, tuple[Link, ...]]) -> Diagnostic:
    """The finding with the lines that lead to its file."""
    more = links.get(finding.span.file, ())
    return finding._replace(related=(*finding.related, *more)) if more else finding
