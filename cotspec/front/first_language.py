"""A spec in the first version of the language → one finding that says, key by key, what to write now.

Knows both languages as plain data; specs of the first version are not read in any other way.
"""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.source_map import Path
from cotspec.front.nodes import Data, Document

_GROUP = dict[str, Data]


def spoken(data: _GROUP) -> bool:
    """Whether a spec says that it is of the first version."""
    version = data.get("cotspec")
    return type(version) is int and version == 1


def finding(document: Document, data: _GROUP) -> Diagnostic:
    """What to write in place of each key that has changed."""
    notes = tuple((document.source.key(path), note) for path, note in _notes(data))
    return Diagnostic(
        rule="first-language",
        message="this spec is written in the first version of the language, and this is the second",
        span=document.source.value(("cotspec",)),
        help="write `cotspec: 2`" + (", and what the notes say" if notes else ""),
        related=notes,
    )


def _notes(data: _GROUP) -> Iterator[tuple[Path, str]]:
    teach = _group(data, "teach")
    if teach:
        yield ("teach",), f"write `generate: {{teach: {{by: {_said(teach, 'model')}, over: {_said(teach, 'data')}}}}}`"
    for key in ("prompt", "sampling"):
        if key in teach:
            yield ("teach", key), "it goes into `generate.teach` as it is"
    if "keep" in teach:
        yield ("teach", "keep"), f"write `keep: {{where: {_where(_group(teach, 'keep'))}}}`; `pick` stays beside it"
    for name, stage in _group(data, "stages").items():
        if isinstance(stage, dict):
            yield from _stage(("stages", name), stage)


def _stage(path: Path, stage: _GROUP) -> Iterator[tuple[Path, str]]:
    rows, loss = _group(stage, "rows"), _group(stage, "loss")
    if isinstance(on := loss.get("on"), list):
        yield (*path, "loss"), f"write the list itself: `loss: [{', '.join(map(str, on))}]`"
    if rows.get("from") not in ("failures", "pairs"):
        return
    pairs = rows["from"] == "pairs"
    least = "" if pairs else f", keep: {{where: tries.score {'< 1' if rows.get('keep') == 'any_wrong' else '== 0'}}}"
    given = ", ".join(f"{key}: …" for key in ("slice", "prompt") if key in rows)
    count = f"n: {_said(rows, 'attempts', '4')}, …"
    text = f"tries: {{by: {_said(rows, 'of')}, over: teach, sampling: {{{count}}}{', ' * bool(given)}{given}{least}}}"
    yield (*path, "rows"), f"write `{text}` in `generate`"
    own = "pairs: {better: tries.correct}" if pairs else "target: teach"
    yield (*path, "rows"), f"and here `rows: {{from: tries, {own}}}`"


def _where(keep: _GROUP) -> str:
    steps = _group(keep, "steps")
    parts = [] if keep.get("answer") == "any" else ["teach.correct"]
    parts.append(f"teach.steps >= {_said(steps, 'at_least', '1')}")
    parts += [f"teach.steps <= {_said(steps, 'at_most')}"] if "at_most" in steps else []
    return " and ".join(parts)


def _group(data: _GROUP, key: str) -> _GROUP:
    found = data.get(key)
    return found if isinstance(found, dict) else {}


def _said(data: _GROUP, key: str, default: str = "…") -> str:
    found = data.get(key)
    return str(found) if isinstance(found, str | int) else default
