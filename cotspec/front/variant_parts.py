"""Parts of a variant (`seeds`, `matrix`, `zip`, `exclude`) where they are none: misspelt as the name of a setting, or
within the value of a change."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import alike, did_you_mean
from cotspec.front import phrases, shape
from cotspec.front.nodes import Entry, MappingNode, Node, SequenceNode, plain
from cotspec.spec.variants import FAMILY, Variant


def misplaced(given: Entry, path: Path, form: shape.Form, variant: str) -> Iterator[Diagnostic]:
    """What is wrong with a change of a variant: an entry, the `path` that it names and what may stand there."""
    value = plain(given.node)
    meant = tuple(part for part in FAMILY if alike(given.key, part) and _could_be(part, value))
    if meant and not shape.fits(form, value):
        message = f"{phrases.label(path)} wants {shape.describe(form)}, got {phrases.got(value)}"
        yield Diagnostic(
            rule="unknown-path", message=message, span=given.span, help=did_you_mean(meant), suggestions=meant
        )
    else:
        yield from _within(given.node, path, form, variant)


def _within(node: Node, path: Path, form: shape.Form, variant: str) -> Iterator[Diagnostic]:
    for at, item in enumerate(node.items if isinstance(node, SequenceNode) else ()):
        if (of_item := shape.step(form, at)) is not None:
            yield from _within(item, (*path, at), of_item, variant)
    known = {key for model in shape.models(form) for key in shape.keys(model)}
    for each in node.entries if isinstance(node, MappingNode) else ():
        inner, value = shape.step(form, each.key), plain(each.node)
        part = each.key in FAMILY and each.key not in known and _could_be(each.key, value)
        if part and not (inner is not None and shape.fits(inner, value)):
            message = f"`{each.key}` is no setting of {phrases.name(path)}, but a part of a variant"
            advice = f"it belongs in `variants.{variant}`"
            yield Diagnostic(rule="unknown-path", message=message, span=each.span, help=advice)
        elif inner is not None:
            yield from _within(each.node, (*path, each.key), inner, variant)


def _could_be(part: str, value: object) -> bool:
    return shape.fits(shape.forms(Variant)[part], value)
