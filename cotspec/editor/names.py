"""What a name in a spec can be: models, data, texts, stages, segments, metrics; and what is known of each. For showing
only; whether a name is right says `cotspec.passes.check`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import NamedTuple

from cotspec.builtin import registry
from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path
from cotspec.front import nodes
from cotspec.front.nodes import MappingNode, Node
from cotspec.ir import generations
from cotspec.passes import lint
from cotspec.passes.check import advance_metric
from cotspec.spec.experiment import USUAL, Experiment
from cotspec.spec.named_files import NAMED_KEYS, REFERENCES, Kind, fits
from cotspec.spec.training import SELF
from cotspec.views.resolved import flow

_WHAT = {"models": "model", "stages": "stage", "data": "data set", "generate": "text"}
_LONGEST = 200
"""Characters of a value that are shown."""


class Name(NamedTuple):
    """Something that has a name."""

    name: str
    what: str
    """What it is: `model`."""
    about: str = ""
    """Its value in the spec, or what it says; plain text."""
    span: Span | None = None
    """Where it is defined."""


def kinds_of(path: Path) -> tuple[Kind, ...]:
    """What the value at a setting is a name of."""
    return next((kinds for pattern, kinds in REFERENCES.items() if fits(path, pattern) and not _condition(path)), ())


def kinds_of_keys(path: Path) -> tuple[Kind, ...]:
    """What the keys of a group are names of."""
    return next((kinds for pattern, kinds in NAMED_KEYS.items() if fits(path, pattern)), ())


def _condition(path: Path) -> bool:
    """Whether it is the condition under a segment's name in `loss`, and not a segment in its list."""
    return path[2:3] == ("loss",) and not isinstance(path[-1], int)


def names(kinds: Iterable[Kind], root: Node, spec: Experiment, path: Path) -> dict[str, Name]:
    """Everything that a name of these kinds at `path` can be."""
    found = {each.name: each for kind in kinds for each in _names(kind, root, spec, path)}
    if path[-2:] == ("train", "teacher"):
        found[SELF] = Name(SELF, "the weights that this stage starts from")
    return found


def _names(kind: Kind, root: Node, spec: Experiment, path: Path) -> Iterator[Name]:
    match kind:
        case "models" | "stages" | "data" | "generate":
            yield from defined(root, kind)
        case "chain" | "gathered" | "metrics":
            yield from _of_stage(kind, root, spec, path)
        case "segments":
            written = {each.name: each for each in defined(root, "trace", "segment")}
            usual = {name: Name(name, "segment", f"opens with {each.opens}") for name, each in USUAL.items()}
            yield from (usual | written).values()
            if path[:1] == ("stages",):
                yield Name("masked", "what the prompt hides")
        case "labels":
            above = list(spec.trace)[: list(spec.trace).index(str(path[1]))] if path[1] in spec.trace else ()
            for name in above:
                yield from (Name(f"{name}.{label}", "label") for label in spec.trace[name].label or ())
        case "rules":
            yield from (Name(slug, "rule", rule.claim) for slug, rule in lint.RULES.items())
        case "models here":
            yield from (Name(name, "model that comes with cotspec") for name in registry.MODELS)
        case "data here":
            yield from (Name(name, "generator that comes with cotspec") for name in registry.DATA)


def _of_stage(kind: Kind, root: Node, spec: Experiment, path: Path) -> Iterator[Name]:
    stage = spec.stages.get(str(path[1]))
    if stage is None:
        return
    texts = {each.name: each for each in defined(root, "generate")}
    match kind:
        case "metrics":
            yield from (Name(name, f"metric of {stage.train.by}") for name in advance_metric.known(stage))
        case "gathered":
            yield from (texts[name] for name, each in spec.generate.items() if each.gather and name in texts)
        case _:
            at = path[4] if len(path) > 5 and isinstance(path[4], int) else 0
            source = stage.sources[at] if at < len(stage.sources) else None
            chain = () if source is None else generations.chain(spec, source.from_)
            yield from (texts.get(name, Name(name, "text of a data set")) for name in chain)


def defined(root: Node, group: str, what: str = "") -> Iterator[Name]:
    """The named entries of a group at the top of a spec."""
    entry = nodes.entry(root, group)
    for each in entry.node.entries if entry is not None and isinstance(entry.node, MappingNode) else ():
        yield Name(each.key, what or _WHAT.get(group, group), shown(each.node), each.span)


def shown(node: Node) -> str:
    """A value on one line, cut where it is long."""
    text = flow(nodes.plain(node))
    return text if len(text) <= _LONGEST else f"{text[:_LONGEST]}…"


def place(span: Span) -> str:
    """A place, as a finding says it."""
    return f"{span.file}:{span.line}"


def code(text: str) -> str:
    """A text of a spec in Markdown: as code, so that nothing in it is a link or an image to whoever shows it."""
    return f"`{' '.join(text.replace('`', chr(39)).split())}`"
