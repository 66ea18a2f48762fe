"""cotspec.local.yaml → findings: the same front end as a spec's, and whether the folders it names are there.

What it holds is for the runtime; nothing of it goes into what is compiled. Of a folder only its names are looked at.
"""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Collection, Iterable, Iterator
from pathlib import Path as File

from pydantic import ValidationError

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import did_you_mean
from cotspec.files import plain, regular
from cotspec.files.regular import folders, inside
from cotspec.front import local_ids, phrases, yaml_source
from cotspec.front.nodes import Document
from cotspec.front.text_files import read, shown
from cotspec.spec.local import GGUF, LOCAL_FILE, Local, folder


def check(root: File, sink: Sink, specs: Callable[[], Iterable[File]] = tuple) -> None:
    """Put what is wrong with the project's cotspec.local.yaml, when there is one, into `sink`; `specs` are those of
    the project, which are read where it has ids."""
    file = root / LOCAL_FILE
    if not os.path.lexists(file):
        return
    if not inside(file, root):
        top = Span(shown(file), 1, 1, 1, 1)
        message = f"`{LOCAL_FILE}` is a link that leads out of the project"
        sink.add(Diagnostic(rule="project-path", message=message, span=top, help="put the file itself here"))
        return
    own = Sink()
    text = read(file, own)
    document = None if text is None else yaml_source.parse(text, shown(file), own)
    if text is not None and document is not None:
        own.extend(_findings(document, root, specs))
        if not own.failed:
            own.extend(_unread(text, document))
    sink.extend(finding for finding in own.findings if finding.rule != "empty-file")  # all of it may be a comment


def settings(root: File) -> Local:
    """The project's cotspec.local.yaml; the defaults where it is missing, or wrong, as `check` says."""
    try:
        raw = regular.content(root / LOCAL_FILE, most=plain.MOST_YAML, within=(root,))
        return Local.model_validate_json(json.dumps(plain.yaml_value(raw) or {}))
    except (OSError, ValueError):
        return Local()


def _findings(document: Document, root: File, specs: Callable[[], Iterable[File]]) -> Iterator[Diagnostic]:
    if not isinstance(document.data, dict):
        message = f"`{LOCAL_FILE}` is a group of settings such as `cache: …`, not {phrases.got(document.data)}"
        yield Diagnostic(rule="wrong-type", message=message, span=document.source.value(()))
        return
    try:
        local = Local.model_validate_json(json.dumps(document.data))
    except ValidationError as error:
        from cotspec.front import messages  # here: the words for mistakes are a third of the front end

        yield from messages.explain(error, Local, document.data, document.source, whole=f"`{LOCAL_FILE}`")
        return
    for name, given in local.endpoints.items():
        if given.url is None and "://" not in name:
            yield Diagnostic(
                rule="local-endpoint",
                message=f"nothing says where `{phrases.cut(name)}` is served",
                span=document.source.key(("endpoints", name)),
                help="add `url: http://…/v1`, or name the server by the `url` that specs write",
            )
    yield from _named(local, document, specs)
    for path, written in _folders(local):
        place = folder(written, root)
        if not os.path.isdir(place):  # unlike the methods of Path, it never raises
            what = "is not a folder" if os.path.exists(place) else "is not there"
            advice = "a task that needs it stops when it starts: name the folder this machine has, or leave it out"
            yield Diagnostic(
                rule="local-folder",
                severity="warning",
                message=f"`{phrases.cut(written)}` {what}",
                span=document.source.value(path),
                help=GGUF if place.suffix == ".gguf" else advice,
            )
        elif path[0] == "models" and not holds_model(place):
            advice = "name the folder with its config.json, or a cache of the hub's client (`models--owner--name` or "
            advice += "the folder around it)"
            yield Diagnostic(
                rule="local-folder",
                severity="warning",
                message=f"`{phrases.cut(written)}` holds no model",
                span=document.source.value(path),
                help=GGUF if any(place.glob("*.gguf")) else advice,
            )


def _named(local: Local, document: Document, specs: Callable[[], Iterable[File]]) -> Iterator[Diagnostic]:
    """Ids that no spec of the project names, where another one is surely meant, or where they can be none: a spec's own
    name for a model means another one in another spec. Others may be those of specs that are not here now."""
    entries: dict[str, Collection[str]] = {group: getattr(local, group) for group in local_ids.GROUPS}
    ids = local_ids.of_specs(specs()) if any(entries.values()) else None
    if ids is None or not any(ids.values()):
        return
    for group, name in ((group, name) for group, names in entries.items() for name in names):
        if local_ids.is_named(group, name, ids):
            continue
        span, close = document.source.key((group, name)), local_ids.meant(group, name, entries[group], ids)
        if close:
            message, advice = f"no spec of the project names `{phrases.cut(name)}`", did_you_mean(close)
        elif group == "models" and "/" not in name:
            message = f"`{phrases.cut(name)}` is the id of no model on the hub"
            own = did_you_mean((), sorted(ids[group])) or "a model of your own gets an id of your choosing"
            advice = f"name the model as a spec does under `hub`: {own}"
        else:
            continue
        yield Diagnostic(
            rule="local-id", severity="warning", message=message, span=span, help=advice, suggestions=close
        )


def holds_model(place: File) -> bool:
    """Whether a folder is that of a model, or a cache with some."""
    if os.path.isfile(place / "config.json") or os.path.isdir(place / "snapshots") or place.name == "snapshots":
        return True
    around = (*folders(place), *folders(place / "hub"))
    return any(each.name.startswith("models--") for each in around)


def _unread(text: str, document: Document) -> Iterator[Diagnostic]:
    """What is YAML and good in a spec, and not read when a task runs."""
    try:
        plain.yaml_value(text.encode("utf-8"))
    except plain.DataError as error:
        yield Diagnostic(
            rule="wrong-value",
            message=f"`{LOCAL_FILE}` cannot be read: {error}",
            span=document.source.key(()),
            help="write each setting out",
        )


def _folders(local: Local) -> Iterator[tuple[Path, str]]:
    """Every folder that must be there; the cache is made when it is not."""
    for key, named in (("models", local.models), ("data", local.data)):
        for name, written in named.items():
            yield (key, name), written
