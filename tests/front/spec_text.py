"""A spec's text → its keys and references with their offsets, for mutations. Reads YAML with PyYAML's own composer and
the language from its JSON Schema, so that nothing of the front end is used to test the front end."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

import yaml

from cotspec.spec.experiment import Experiment

Schema = Mapping[str, Any]
Path = tuple[str | int, ...]
MAP, SEQ, SCALAR = yaml.MappingNode, yaml.SequenceNode, yaml.ScalarNode


@dataclass(frozen=True)
class Group:
    """A mapping of the spec."""

    path: Path
    node: yaml.MappingNode
    keys: frozenset[str]
    """The settings it may have by the schema; none when a person chooses its keys."""
    required: frozenset[str]
    open: bool
    """Whether any other key may stand there too."""
    shared: bool
    """Whether an alias uses it again."""
    above: Group | None
    """The nearest mapping around it."""

    @property
    def named(self) -> bool:
        return not self.keys


@dataclass(frozen=True)
class Entry:
    """One `key: value`."""

    path: Path
    shape: str
    """The path with `*` for names and numbers: the same key of the language, wherever it is used."""
    group: Group
    key: yaml.ScalarNode
    value: yaml.Node
    kinds: frozenset[str]
    """JSON types the schema allows here."""
    free: bool
    """Whether a person chose the key."""
    shared: bool
    """Whether what it holds is used again by an alias, or lies in such a thing: it cannot be changed at one place."""


@dataclass(frozen=True)
class Reference:
    """A word that names something: where it stands and what it is."""

    path: Path
    shape: str
    what: str
    start: int
    word: str
    new: bool = False
    """Whether another word there is the name of something new."""


@dataclass(frozen=True)
class Spec:
    """All of one file."""

    text: str
    entries: tuple[Entry, ...]
    groups: tuple[Group, ...]
    references: tuple[Reference, ...]


@cache
def root_schema() -> Schema:
    return Experiment.model_json_schema(by_alias=True)


def read(text: str) -> Spec:
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    assert isinstance(root, MAP)
    walk = _Walk(text, _uses(root))
    walk.node(root, (), "", (root_schema(),), None)
    return Spec(text, tuple(walk.entries), tuple(walk.groups), tuple(walk.references))


def _uses(root: yaml.Node) -> Counter[int]:
    """How often each node is used; an alias is the node of its anchor."""
    uses: Counter[int] = Counter()
    left = [root]
    while left:
        node = left.pop()
        uses[id(node)] += 1
        if uses[id(node)] == 1 and isinstance(node, MAP | SEQ):
            left += [part for each in node.value for part in (each if isinstance(each, tuple) else (each,))]
    return uses


def plain(node: yaml.Node) -> Any:
    """The value, as the specs of this repository mean it (YAML 1.1 reads `1e-5` and `on` otherwise)."""
    if isinstance(node, MAP):
        return {key.value: plain(value) for key, value in node.value}
    if isinstance(node, SEQ):
        return [plain(item) for item in node.value]
    return number(node) if number(node) is not None else node.value


def number(node: yaml.Node) -> int | float | bool | None:
    """The number or truth value of a plain scalar."""
    if not isinstance(node, SCALAR) or node.style is not None:
        return None
    if node.value in ("true", "false"):
        return bool(node.value == "true")
    try:
        return int(node.value)
    except ValueError:
        try:
            return float(node.value)
        except ValueError:
            return None


def end_of(node: yaml.Node) -> int:
    """One past the last character; PyYAML lets a block end where the next token begins."""
    if isinstance(node, MAP | SEQ) and not node.flow_style and node.value:
        last = node.value[-1]
        return end_of(last[1] if isinstance(last, tuple) else last)
    if isinstance(node, SCALAR) and node.style in ("|", ">"):
        return int(node.start_mark.index + len(node.start_mark.buffer[node.start_mark.pointer : _stop(node)].rstrip()))
    return int(node.end_mark.index)


def _stop(node: yaml.Node) -> int:
    return int(node.start_mark.pointer + node.end_mark.index - node.start_mark.index)


# --- the walk ---------------------------------------------------------------------------------------------------------

#: Where a name, a metric or a file is used, by shape; enumerations come from the schema.
_NAMES: tuple[tuple[str, str], ...] = (
    (r"generate\.\*\.(by|over|revise|tilt\.(toward|against))", "name"),
    (r"evaluate\.((sets|suites)\.\*\.)?(data|of\.\*)", "name"),
    (r"stages\.\*\.(start|rows\.(from|target)|train\.teacher|judges\.\*\.by)", "name"),
    (r"(models|data)\.\*\.builtin", "builtin"),
    (r"(.*\.)?(prompt|context)", "file"),
    (r"stages\.\*\.advance\.checkpoint\.best", "metric"),
    (r"allow\.\*\.rule", "rule"),
)
_EXPRESSIONS = re.compile(r"stages\.\*\.reward\.(gates\.\*\.unless|let\.\*|terms\.\*\.value)")
_NAMED_KEYS = (
    ("resources.stages.*", "stage"),
    ("resources.endpoints.*", "name"),
    ("stages.*.advance.require.*", "metric"),
)
_WORD = re.compile(r"[a-z_]+(\.[a-z_]+)*")


class _Walk:
    def __init__(self, text: str, uses: Counter[int]) -> None:
        self.text = text
        self.uses = uses
        self.met: set[int] = set()
        self.shared = 0
        self.entries: list[Entry] = []
        self.groups: list[Group] = []
        self.references: list[Reference] = []

    def node(self, node: yaml.Node, path: Path, shape: str, forms: tuple[Schema, ...], above: Group | None) -> None:
        if id(node) in self.met:
            return
        self.met.add(id(node))
        self.shared += self.uses[id(node)] > 1
        self._inner(node, path, shape, [form for each in forms for form in _flat(each)], above)
        self.shared -= self.uses[id(node)] > 1

    def _inner(self, node: Any, path: Path, shape: str, flat: list[Schema], above: Group | None) -> None:
        if isinstance(node, MAP):
            self._group(node, path, shape, flat, above)
        elif isinstance(node, SEQ):
            for i, item in enumerate(node.value):
                inner = [f["prefixItems"][i] for f in flat if len(f.get("prefixItems", ())) > i]
                inner += [f["items"] for f in flat if isinstance(f.get("items"), dict)]
                self.node(item, (*path, i), f"{shape}.*", tuple(inner), above)
        else:
            self._scalar(node, path, shape, flat)

    def _group(self, node: Any, path: Path, shape: str, flat: list[Schema], above: Group | None) -> None:
        form = _meant(flat, plain(node))
        known: Mapping[str, Schema] = form.get("properties", {})
        rest = next(iter(form.get("patternProperties", {}).values()), form.get("additionalProperties"))
        more, shared = bool(known) and rest is True, self.shared > 0
        required = frozenset(form.get("required", ()))
        group = Group(path, node, frozenset(known), required, more, shared, above)
        self.groups.append(group)
        for key, value in node.value:
            free = key.value not in known
            inner = known.get(key.value, rest if isinstance(rest, dict) else {})
            below = f"{shape}.{'*' if free else key.value}".removeprefix(".")
            at = (*path, key.value)
            kinds = frozenset(str(f.get("type", "string" if f else "null")) for f in _flat(inner))
            shared = self.shared > 0 or self._holds_shared(value)
            self.entries.append(Entry(at, below, group, key, value, kinds, free, shared))
            self._named(key, at, below, free, new=value.tag != "!remove")
            self.node(value, at, below, (inner,), group)

    def _holds_shared(self, node: Any) -> bool:
        inner = [part for each in node.value for part in (each if isinstance(each, tuple) else (each,))]
        below = inner if isinstance(node, MAP | SEQ) else []
        return self.uses[id(node)] > 1 or any(self._holds_shared(part) for part in below)

    def _named(self, key: Any, path: Path, shape: str, free: bool, *, new: bool) -> None:
        """The references in a key: a name, or the parts of a dotted path."""
        start = self._inside(key)
        if free and re.fullmatch(r"variants\.\*(\.(matrix|zip|exclude\.\*))?\.\*", shape):
            for part in re.finditer(r"[^.]+", key.value):
                last = part.end() == len(key.value)
                name = f"{shape}.{part[0]}"
                self.references.append(Reference(path, name, "path", start + part.start(), part[0], last and new))
        for named, what in _NAMED_KEYS:
            if named == shape:
                self.references.append(Reference(path, shape, what, start, key.value))

    def _scalar(self, node: Any, path: Path, shape: str, flat: list[Schema]) -> None:
        if number(node) is not None or not isinstance(node, SCALAR):
            return
        choices = [v for form in flat for v in (*form.get("enum", ()), *([form["const"]] if "const" in form else ()))]
        what = "enum" if node.value in choices else ""
        what = what or next((w for pattern, w in _NAMES if re.fullmatch(pattern, shape)), "")
        if what:
            self.references.append(Reference(path, shape, what, self._inside(node), node.value))
        if _EXPRESSIONS.fullmatch(shape):
            raw = self.text[node.start_mark.index : end_of(node)]
            for found in _WORD.finditer(raw):
                if found[0] not in ("if", "else", "and", "or", "not"):
                    start = node.start_mark.index + found.start()
                    self.references.append(Reference(path, shape, "measure", start, found[0]))

    def _inside(self, node: Any) -> int:
        return int(node.start_mark.index + (node.style in ("'", '"')))


def _flat(form: Schema) -> Iterator[Schema]:
    """The members of a union, references followed."""
    if "$ref" in form:
        yield from _flat(root_schema()["$defs"][form["$ref"].rpartition("/")[2]])
    elif "anyOf" in form or "oneOf" in form:
        for member in (*form.get("anyOf", ()), *form.get("oneOf", ())):
            yield from _flat(member)
    else:
        yield form


def _meant(flat: list[Schema], data: Mapping[str, Any]) -> Schema:
    """The object the data is: its tag's value counts for most, then the keys."""

    def score(form: Schema) -> tuple[bool, int]:
        known = form.get("properties", {})
        tags = [data.get(key) == of["const"] for key, of in known.items() if "const" in of and key in ("by", "from")]
        return all(tags), len(set(data) & set(known))

    return max((form for form in flat if form.get("type") == "object"), key=score, default={})
