"""A spec file → a checked Experiment with its source map and prompt texts, or findings. The front end in one page.

Phases: read, parse and compose → validate → prompts → the same for each variant; a phase that finds an error is the
last. Rules that tie two places of a spec together come afterwards, in `cotspec.passes.check`.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterator, Mapping
from pathlib import Path as File
from types import MappingProxyType
from typing import TYPE_CHECKING, NamedTuple

from pydantic import ValidationError

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.origins import Link, MemberFindings, gathered, linked
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.front import first_language, nodes, phrases
from cotspec.front.compose import VARIANTS, Composed, compose
from cotspec.front.nodes import Document
from cotspec.front.paths import project_root
from cotspec.front.prompts import load_prompts, prompt_paths
from cotspec.spec.experiment import Experiment

if TYPE_CHECKING:
    from cotspec.front.new_entries import NewEntry


class Loaded(NamedTuple):
    """A spec that has the right shape, or one of its variants."""

    experiment: Experiment
    source: SourceMap
    """Where each key and value was written, and the text of the files."""
    path: File
    """The spec file as it was given."""
    files: Mapping[str, str]
    """Text of each prompt file, by its path as the spec writes it (relative to the spec's folder)."""
    links: Mapping[str, tuple[Link, ...]] = MappingProxyType({})
    """By file, the `extends` lines that lead to it."""
    variant: str = ""
    """Name of the variant; "" is the spec itself."""
    entry: Span | None = None
    """The entry under `variants` that makes it."""
    family_name: str = ""
    """What that entry is called."""
    axes: tuple[tuple[str, str], ...] = ()
    """Of a member of a matrix, each of its settings with the value."""
    variants: tuple[Loaded, ...] = ()
    """The variants of a spec, in the order of the file."""
    left_out: tuple[str, ...] = ()
    """Of a spec, names of variants that were not asked for."""

    @property
    def family(self) -> tuple[Loaded, ...]:
        """The spec and its variants."""
        return (self, *self.variants)

    def holds(self, span: Span) -> bool:
        """Whether what stands at a place is part of this experiment, and not only of a variant of it."""
        known = (self.source.keys, self.source.values)
        return any(span == at for places in known for path, at in places.items() if path[:1] != (VARIANTS,))

    @property
    def name(self) -> str:
        """Name of the experiment: that of the spec, and for a variant `<spec>--<variant>`."""
        name = self.experiment.name
        return f"{name}--{self.variant}" if self.variant else name


def load(path: File | str, sink: Sink, only: Collection[str] = ()) -> Loaded | None:
    """Read one spec; None when there was an error. Findings of the last phase that ran are in `sink`.

    `only` are the variants that are asked for, where not all are: what is wrong with others is not found.
    """
    file, own = File(path), Sink()
    composed = compose(file, project_root(file), own)
    loaded = None if composed is None else _family(composed, file, own, only)
    sink.extend(own.findings)
    return None if own.failed else loaded


def _family(composed: Composed, file: File, sink: Sink, only: Collection[str]) -> Loaded | None:
    """The spec with its variants; a mistake that all of them have is found once."""
    own = Sink()
    base = _read(composed, file, own)
    if base is None or nodes.entry(composed.root, VARIANTS) is None:
        sink.extend(linked(finding, composed.links) for finding in own.findings)
        return base
    from cotspec.front.expand import changed, expand, explained, without

    every = expand(composed.root, own, only)
    members = [member for member in every if not only or member.name in only]
    by_member, loaded = [MemberFindings(own.findings)], []
    bare = without(composed.root)
    for member in members:
        theirs = Sink()
        removed = {each.path: each.span for each in member.changes if isinstance(each.node, nodes.Removal)}
        made = composed._replace(root=changed(bare, member), removed={**composed.removed, **removed})
        one = _read(made, file, theirs, base)
        told = [explained(finding, member.changes, bare) for finding in theirs.findings]
        by_member.append(MemberFindings(told, member.name, member.span))
        if one is not None:
            called = one._replace(variant=member.name, family_name=member.family, axes=member.axes)
            loaded.append(called._replace(entry=member.span))
    sink.extend(linked(finding, composed.links) for finding in gathered(by_member))
    left_out = tuple(member.name for member in every if member not in members)
    return base._replace(variants=tuple(loaded), left_out=left_out)


def _read(composed: Composed, file: File, sink: Sink, base: Loaded | None = None) -> Loaded | None:
    document = nodes.document(composed.root, composed.texts, composed.removed)
    extends = base is None and len(composed.texts) > 1
    experiment = validate(document, sink, _new(document) if extends else ())
    if experiment is None:
        return None
    if base is not None and _same_files(experiment, base):
        files = base.files
    else:
        files = load_prompts(experiment, source=document.source, spec=file, sink=sink)
    return Loaded(experiment=experiment, source=document.source, path=file, files=files, links=composed.links)


def _same_files(experiment: Experiment, base: Loaded) -> bool:
    """Whether a variant names no file that its spec does not name too."""
    same = experiment.models == base.experiment.models and experiment.data == base.experiment.data
    return same and all(written in base.files for _, written in prompt_paths(experiment))


def _new(document: Document) -> Collection[NewEntry]:
    """Entries of a spec that extends another which are rather changes of what that one has."""
    from cotspec.front import new_entries  # here: most specs extend nothing

    return tuple(new_entries.find(document))


def validate(document: Document, sink: Sink, new: Collection[NewEntry] = ()) -> Experiment | None:
    """The data as an Experiment; None after findings about keys, types and values, and about `new` entries."""
    if not isinstance(document.data, dict):
        message = f"a spec is a group of settings such as `name: …`, not {phrases.got(document.data)}"
        sink.add(Diagnostic(rule="wrong-type", message=message, span=document.source.value(())))
        return None
    if first_language.spoken(document.data):
        sink.add(first_language.finding(document, document.data))
        return None
    sink.extend(each.finding for each in new)
    try:
        experiment = Experiment.model_validate_json(json.dumps(document.data), by_alias=True, by_name=False)
    except ValidationError as error:
        sink.extend(_explained(error, document, [each.path for each in new]))
        return None
    return None if new else experiment


def _explained(error: ValidationError, document: Document, said: Collection[Path]) -> Iterator[Diagnostic]:
    from cotspec.front import messages  # here: the words for mistakes are a third of the front end

    return messages.explain(error, Experiment, document.data, document.source, said)
