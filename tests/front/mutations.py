"""One mistake at a time, made in a spec's text: misspelt, doubled, moved, of the wrong type. Deterministic."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any
from zlib import crc32

from spec_text import MAP, SEQ, Entry, Group, Reference, Spec, end_of, number, plain

_MARK, _LEFT, _MARKS = "\ue000", "\ue001", "[\ue000\ue001]"
_NEXT = dict(zip("qwertyuiopasdfghjklzxcvbnm", "wertyuioqsdfghjkazxcvbnmlm", strict=True)) | {"p": "o", "m": "n"}
"""A neighbour on the keyboard."""


@dataclass(frozen=True)
class Mutation:
    """A changed text, and what a good checker says of it."""

    kind: str
    path: str
    text: str = field(repr=False)
    line: int
    column: int
    width: int = 0
    """Characters the finding must cover; 0 leaves it open."""
    rule: str = ""
    right: str = ""
    """For a misspelling: what was meant."""
    home: str = ""
    """For a moved key: how its place is called."""
    also: tuple[int, int] = (0, 0)
    """A key that has a meaning where it was moved to: the group it left may be wrong, or a part of its value."""
    may_hold: bool = False
    """Whether the change can leave a good spec."""


def _edited(text: str, edits: list[tuple[int, int, str]], mark: str = _MARK) -> tuple[str, int, int]:
    """The text with replacements, and the line and column of the mark in one of them."""
    for start, end, new in sorted(edits, reverse=True):
        text = text[:start] + new + text[end:]
    before = re.sub(_MARKS, "", text.partition(mark)[0])
    line = before.count("\n") + 1
    return re.sub(_MARKS, "", text), line, len(before) - (before.rfind("\n") + 1) + 1


def dotted(path: tuple[str | int, ...]) -> str:
    return "".join(f"[{p}]" if isinstance(p, int) else f".{p}" for p in path).removeprefix(".")


# --- misspellings -----------------------------------------------------------------------------------------------------


def _swap(word: str, at: int) -> str:
    places = [i for i in range(len(word) - 1) if word[i] != word[i + 1]]
    i = places[at % len(places)] if places else 0
    return word[:i] + word[i + 1 : i + 2] + word[i] + word[i + 2 :]


def _drop(word: str, at: int) -> str:
    i = at % len(word)
    return word[:i] + word[i + 1 :]


def _double(word: str, at: int) -> str:
    i = at % len(word)
    return word[: i + 1] + word[i:]


def _replace(word: str, at: int) -> str:
    letters = [i for i, c in enumerate(word) if c in _NEXT]
    i = letters[at % len(letters)]
    return word[:i] + _NEXT[word[i]] + word[i + 1 :]


MISSPELLINGS: Mapping[str, Callable[[str, int], str]] = {
    "swapped": _swap,
    "dropped": _drop,
    "doubled letter": _double,
    "replaced": _replace,
}


def misspelt(word: str, how: str, salt: str) -> str:
    """The word with one mistake, at a place that depends on `salt`; empty when it has no such mistake."""
    wrong = MISSPELLINGS[how](word, crc32(salt.encode()))
    return "" if wrong == word else wrong


def misspelt_key(spec: Spec, entry: Entry, how: str) -> Mutation | None:
    key = entry.key.value
    wrong = misspelt(key, how, dotted(entry.path))
    if not wrong:
        return None
    start, end = entry.key.start_mark.index, entry.key.end_mark.index
    raw = spec.text[start:end].replace(key, wrong)
    text, line, column = _edited(spec.text, [(start, end, _MARK + raw)])
    rule = "unknown-path" if entry.group.open else "unknown-key"
    return Mutation(f"key {how}", dotted(entry.path), text, line, column, len(raw), rule, key)


def misspelt_reference(spec: Spec, ref: Reference, how: str) -> Mutation | None:
    """A file name keeps its folder and ending."""
    folder, slash, name = ref.word.rpartition("/")
    stem, dot, ending = name.partition(".") if ref.what == "file" else (name, "", "")
    wrong = misspelt(stem, how, dotted(ref.path))
    if not wrong:
        return None
    wrong = f"{folder}{slash}{wrong}{dot}{ending}"
    text, line, column = _edited(spec.text, [(ref.start, ref.start + len(ref.word), _MARK + wrong)])
    quoted = spec.text[ref.start - 1] in "'\"" and ref.what not in ("measure", "path")
    kind, width = f"{ref.what} {how}", len(wrong) + 2 * quoted
    right = "" if ref.new else ref.word  # the last part of a path may be the name of something new
    return Mutation(kind, dotted(ref.path), text, line, column - quoted, width, "", right, may_hold=ref.new)


# --- doubled, moved ---------------------------------------------------------------------------------------------------


def doubled(spec: Spec, entry: Entry) -> Mutation:
    edits = [_inserted(spec, entry.group, entry, after=entry)]
    text, line, column = _edited(spec.text, edits)
    width = entry.key.end_mark.index - entry.key.start_mark.index
    return Mutation("doubled", dotted(entry.path), text, line, column, width, "duplicate-key")


def moved(spec: Spec, entry: Entry, to: Group, kind: str) -> Mutation:
    """The entry in another group; the finding stands at its key, unless the key means something there."""
    edits = [_removed(spec, entry), _inserted(spec, to, entry)]
    text, line, column = _edited(spec.text, edits)
    key = entry.key.value
    taken = any(other.value == key for other, _ in to.node.value)
    home = _home(entry.group)
    path, home = dotted(entry.path), "" if taken or entry.free else home
    if taken or not (key in to.keys or to.open or (entry.free and to.named)):
        return Mutation(f"moved {kind}", path, text, line, column, 0, "duplicate-key" if taken else "", home=home)
    left = entry.group.node.start_mark.index
    also = _edited(spec.text, [*edits, (left, left, _LEFT)], _LEFT)[1:]
    return Mutation(f"moved {kind}, known there", path, text, line, column, also=also, may_hold=True)


def _home(group: Group) -> str:
    """How the checker calls a group. Items of `allow` have no number: those of several files are put together; of a
    `mix` a key may belong in any."""
    if "mix" in group.path:
        return "mix"
    path = group.path[:1] if group.path[:1] == ("allow",) else group.path
    return f"`{dotted(path)}`" if path else "at the top of the spec"


def moved_and_misspelt(spec: Spec, entry: Entry, to: Group, kind: str) -> Mutation | None:
    """Two slips in one key: the help names what was meant and where it belongs."""
    if "mix" in entry.group.path:
        return None  # nothing says which of its items is meant, nor that it is one of them
    key = entry.key.value
    wrong = misspelt(key, "swapped", dotted(entry.path))
    if not wrong or to.open or to.named or {wrong, key} & to.keys:
        return None
    start, end, new = _inserted(spec, to, entry)
    text, line, column = _edited(spec.text, [_removed(spec, entry), (start, end, new.replace(key, wrong, 1))])
    home = ("in " if entry.group.path else "") + _home(entry.group)
    return Mutation(f"moved {kind}, misspelt", dotted(entry.path), text, line, column, home=f"`{key}` {home}")


def ways_down(spec: Spec, entry: Entry) -> list[Group]:
    """The groups beside the entry, one level down; not arguments and variables, which may have any name."""
    open_ones = ("template", "request", "envs")
    below = (g for g in spec.groups if g.above is entry.group and not g.shared and g.path[-1] not in open_ones)
    return [g for g in below if g.path[: len(entry.path)] != entry.path]


def _inserted(spec: Spec, group: Group, entry: Entry, after: Entry | None = None) -> tuple[int, int, str]:
    """The entry as one line, in flow style, at the end of a group or after one of its entries."""
    raw = spec.text[entry.key.start_mark.index : entry.key.end_mark.index]
    new = f"{_MARK}{raw}: {_flow(spec, entry.value)}"
    node = group.node
    if node.flow_style:
        at = end_of(after.value if after else node.value[-1][1]) if node.value else node.start_mark.index + 1
        return at, at, f", {new}" if node.value else new
    last = end_of(after.value if after else node.value[-1][1])
    line_end = (spec.text + "\n").index("\n", last)
    margin = " " * node.value[0][0].start_mark.column
    return line_end, line_end, f"\n{margin}{new}"


def _flow(spec: Spec, node: Any) -> str:
    """A value on one line; a scalar as it is written, since 1e-5 and 0.00001 are one number and two texts."""
    if isinstance(node, MAP):
        return "{" + ", ".join(f"{json.dumps(k.value)}: {_flow(spec, v)}" for k, v in node.value) + "}"
    if isinstance(node, SEQ):
        return "[" + ", ".join(_flow(spec, item) for item in node.value) + "]"
    if node.tag == "!remove":
        return "!remove "
    return json.dumps(plain(node), ensure_ascii=False) if number(node) is None else str(node.value)


def _removed(spec: Spec, entry: Entry) -> tuple[int, int, str]:
    """The entry's text with what separates it; a group that loses its last entry becomes `{}`."""
    node, start, end = entry.group.node, entry.key.start_mark.index, end_of(entry.value)
    at = next(i for i, (key, _) in enumerate(node.value) if key is entry.key)
    if len(node.value) == 1:
        return (start, end, "") if node.flow_style else (start, end, "{}")
    if not node.flow_style:
        first = at == 0 and spec.text[:start].rstrip(" ").endswith("-")
        if first:  # `- a: 1` leaves its dash to the next key
            return start, node.value[1][0].start_mark.index, ""
        begin, stop = spec.text.rindex("\n", 0, start) if start else 0, (spec.text + "\n").index("\n", end)
        return begin, stop, ""
    if at == len(node.value) - 1:
        return end_of(node.value[at - 1][1]), end, ""
    return start, node.value[at + 1][0].start_mark.index, ""


# --- wrong types ------------------------------------------------------------------------------------------------------

_OTHERS: Mapping[str, Mapping[str, str]] = {
    "number": {"text": "three", "list": "[1]", "group": "{zz: 1}"},
    "boolean": {"text": "yes", "number": "3", "list": "[true]", "group": "{zz: 1}"},
    "text": {"boolean": "true", "list": "[a]", "group": "{zz: 1}"},
    "list": {"text": "one", "number": "3", "group": "{zz: 1}"},
    "group": {"text": "one", "number": "3", "list": "[one]"},
}


def wrong_types(entry: Entry) -> Mapping[str, str]:
    """What the value is not, as YAML, by what it is; nothing where the schema takes anything."""
    value = entry.value
    if entry.kinds == {"null"}:
        return {}
    either = {"array", "object"} <= entry.kinds
    if isinstance(value, MAP | SEQ) and either:
        return {"number": "3"}
    if isinstance(value, MAP):
        return _OTHERS["group"]
    if isinstance(value, SEQ):
        return _OTHERS["list"]
    known = number(value)
    return _OTHERS["text" if known is None else "boolean" if isinstance(known, bool) else "number"]


def mistyped(spec: Spec, entry: Entry, to: str) -> Mutation:
    start = spec.text.index(":", entry.key.end_mark.index) + 1
    new = f" {_MARK}{wrong_types(entry)[to]}"
    text, line, column = _edited(spec.text, [(start, end_of(entry.value), new)])
    return Mutation(f"type {to}", dotted(entry.path), text, line, column, may_hold=True)


def emptied(spec: Spec, entry: Entry) -> Mutation | None:
    """A key that wants a value, without one."""
    if "null" in entry.kinds:
        return None
    start = spec.text.index(":", entry.key.end_mark.index) + 1
    edits = [(entry.key.start_mark.index, entry.key.start_mark.index, _MARK), (start, end_of(entry.value), " ")]
    text, line, column = _edited(spec.text, edits)
    return Mutation("type nothing", dotted(entry.path), text, line, column)


# --- all of them ------------------------------------------------------------------------------------------------------


def mutations(spec: Spec, seen: set[str], *, everything: bool = False) -> Iterator[Mutation]:
    """Every sort of mistake at a key of the language or a reference that is met for the first time (`seen` is kept by
    the caller), and one of each sort at those met before; or simply all there are."""
    for entry in spec.entries:
        amount = 2 if everything else int(entry.shape not in seen)
        seen.add(entry.shape)
        yield from (m for m in _of_entry(spec, entry, amount) if m is not None)
    for ref in spec.references:
        name = f"@{ref.shape} {ref.word}"
        ways = _some(MISSPELLINGS, everything or name not in seen, dotted(ref.path))
        seen.add(name)
        yield from (m for how in ways if (m := misspelt_reference(spec, ref, how)) is not None)


def _of_entry(spec: Spec, entry: Entry, amount: int) -> Iterator[Mutation | None]:
    """0: one mistake of each sort, 1: every misspelling, a move up and one down, a wrong type and none, 2: all."""
    name, types = dotted(entry.path), wrong_types(entry)
    if not entry.free:
        yield from (misspelt_key(spec, entry, how) for how in _some(MISSPELLINGS, amount > 0, name))
    if entry.shared:
        return
    yield doubled(spec, entry)
    yield from (mistyped(spec, entry, to) for to in _some(types, amount > 1, name))
    if amount:
        yield emptied(spec, entry)
    down = dict.fromkeys((to, "down") for to in ways_down(spec, entry))
    up = {(entry.group.above, "up"): None} if entry.group.above is not None else {}
    ways = [*_some(down, amount > 1, name), *up] if amount else _some(down | up, False, name)
    yield from (moved(spec, entry, to, way) for to, way in ways)
    if amount and not entry.free:
        yield from (moved_and_misspelt(spec, entry, to, way) for to, way in ways[-amount:])


def _some(choices: Mapping[Any, object], everything: bool, salt: str) -> list[Any]:
    """All, or the one that `salt` picks."""
    found = list(choices)
    return found if everything or not found else [found[crc32(salt[::-1].encode()) % len(found)]]
