"""A spec file → a checked Experiment with its source map and prompt texts, or findings. The front end in one page.

Phases: read → parse → compose → validate → prompts; a phase that finds an error is the last. Rules that tie two places
of a spec together come afterwards, in `cotspec.passes.check`.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path as File

from pydantic import ValidationError

from cotspec.diagnostics import Diagnostic, Sink
from cotspec.diagnostics.source import SourceMap
from cotspec.front import messages, phrases, yaml_source
from cotspec.front.nodes import Document
from cotspec.front.prompts import load_prompts
from cotspec.front.read import read, shown
from cotspec.spec.experiment import Experiment


@dataclass(frozen=True, kw_only=True, slots=True)
class Loaded:
    """A spec that has the right shape."""

    experiment: Experiment
    source: SourceMap
    """Where each key and value was written, and the text of the files."""
    path: File
    """The spec file as it was given."""
    files: Mapping[str, str]
    """Text of each prompt file, by its path as the spec writes it (relative to the spec's folder)."""


def load(path: File | str, sink: Sink) -> Loaded | None:
    """Read one spec; None when there was an error. Findings of the last phase that ran are in `sink`."""
    file, found = File(path), Sink()
    loaded = _load(file, found)
    sink.extend(found.findings)
    return None if found.failed else loaded


def _load(file: File, sink: Sink) -> Loaded | None:
    text = read(file, sink)
    document = None if text is None else yaml_source.parse(text, shown(file), sink)
    if document is None:
        return None
    composed = compose(document)
    experiment = validate(composed, sink)
    if experiment is None:
        return None
    files = load_prompts(experiment, source=composed.source, spec=file, sink=sink)
    return Loaded(experiment=experiment, source=composed.source, path=file, files=files)


def compose(document: Document) -> Document:
    """One spec from the documents it is made of. A spec is one document in this version of the language."""
    return document


def validate(document: Document, sink: Sink) -> Experiment | None:
    """The data as an Experiment; None after findings about keys, types and values."""
    if not isinstance(document.data, dict):
        message = f"a spec is a group of settings such as `name: …`, not {phrases.got(document.data)}"
        sink.add(Diagnostic(rule="wrong-type", message=message, span=document.source.value(())))
        return None
    try:
        return Experiment.model_validate_json(json.dumps(document.data), by_alias=True, by_name=False)
    except ValidationError as error:
        sink.extend(_explained(error, document))
        return None


def _explained(error: ValidationError, document: Document) -> Iterator[Diagnostic]:
    return messages.explain(error, Experiment, document.data, document.source)
