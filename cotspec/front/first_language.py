"""A spec in the first version of the language → one finding that says, key by key, what to write now.

Knows both languages as plain data; specs of the first version are not read in any other way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.source_map import Path
from cotspec.front.nodes import Data, Document

_TRIED: Final = ("failures", "pairs")
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


def instead(path: Path, key: str, value: Data) -> str:
    """What to write for a key of the first version that stands in a spec of the second; "" for any other."""
    match path:
        case ("generate", str(name), "keep") if key in ("answer", "steps"):
            asked = _where({key: value}).replace("teach.", f"{name}.")
            return f"it is a condition now: `where: {asked}`"
        case ("stages", _, "rows") if key in ("of", "on", "attempts", "keep", "sampling"):
            return "texts are written in `generate`: `tries: {by: …, over: …, sampling: {n: …}, keep: …}`"
        case _:
            return ""


def _notes(data: _GROUP) -> Iterator[tuple[Path, str]]:
    teach = _group(data, "teach")
    if teach:
        keep = "" if "keep" in teach else f", keep: {{where: {_where({})}}}"
        by = f"by: {_said(teach, 'model')}, over: {_said(teach, 'data')}"
        yield ("teach",), f"write `generate: {{teach: {{{by}{keep}}}}}`"
    for key in ("prompt", "sampling"):
        if key in teach:
            yield ("teach", key), "it goes into `generate.teach` as it is"
    if "keep" in teach:
        yield ("teach", "keep"), f"write `keep: {{where: {_where(_group(teach, 'keep'))}}}`; `pick` stays beside it"
    tried = 0
    for name, stage in _group(data, "stages").items():
        if isinstance(stage, dict):
            tried += _group(stage, "rows").get("from") in _TRIED
            yield from _stage(("stages", name), stage, f"tries_{tried}" if tried > 1 else "tries")


def _stage(path: Path, stage: _GROUP, tries: str) -> Iterator[tuple[Path, str]]:
    rows, loss = _group(stage, "rows"), _group(stage, "loss")
    if isinstance(on := loss.get("on"), list):
        yield (*path, "loss"), f"write the list itself: `loss: [{', '.join(map(str, on))}]`"
    if rows.get("from") not in _TRIED:
        return
    pairs, any_wrong = rows["from"] == "pairs", rows.get("keep") == "any_wrong"
    sampled = "…" if "sampling" in rows else "temperature: 0.7, top_p: 0.9, max_new_tokens: 512"
    parts = [f"by: {_said(rows, 'of')}", "over: teach", f"sampling: {{n: {_said(rows, 'attempts', '4')}, {sampled}}}"]
    parts += [f"{key}: …" for key in ("slice", "prompt") if key in rows]
    parts += [] if pairs else [f"keep: {{where: {tries}.score {'< 1' if any_wrong else '== 0'}}}"]
    yield (*path, "rows"), f"write `{tries}: {{{', '.join(parts)}}}` in `generate`"
    own = f"pairs: {{better: {tries}.correct}}" if pairs else "target: teach"
    yield (*path, "rows"), f"and here `rows: {{from: {tries}, {own}}}`"


def _where(keep: _GROUP) -> str:
    steps = _group(keep, "steps")
    parts = [] if keep.get("answer") == "any" else ["teach.correct"]
    parts.append(f"teach.steps >= {_said(steps, 'at_least', '1')}")
    parts += [f"teach.steps <= {_said(steps, 'at_most')}"] if "at_most" in steps else []
    return " and ".join(parts)


def _group(data: _GROUP, key: str) -> _GROUP:
    group = data.get(key)
    return group if isinstance(group, dict) else {}


def _said(data: _GROUP, key: str, default: str = "…") -> str:
    value = data.get(key)
    return str(value) if isinstance(value, str | int) else default
