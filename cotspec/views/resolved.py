"""A spec with every default filled in, and where each value came from. Knows specs and spans; not tasks, not files."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import Path
from cotspec.files.scalars import NotFiniteError, Value, resolve
from cotspec.front.load import Loaded
from cotspec.front.nodes import Data
from cotspec.passes.allow import place_of
from cotspec.passes.idle_settings import has_effect

Origin = Literal["file", "variant", "default"]
_APART: Final = ("extends", "variants")
"""What has been worked in."""
BESIDE: Final = ("name", "about", "resources", "allow")
"""Groups of a spec that decide no result."""
_PLAIN: Final = re.compile(r"[A-Za-z_][A-Za-z0-9_./-]*(?: [A-Za-z0-9_./-]+)*")


@dataclass(frozen=True, kw_only=True, slots=True)
class Setting:
    """One value of a resolved spec."""

    path: Path
    value: Value | list[Data] | dict[str, Data]
    """A scalar, or an empty list or group."""
    origin: Origin
    span: Span | None
    """Where it was written; None for a default."""


def data(loaded: Loaded) -> dict[str, Data]:
    """The whole experiment as plain data with its defaults; what is not given and has no default is left out."""
    text = loaded.experiment.model_dump_json(by_alias=True, exclude_none=True, exclude=set(_APART))
    whole: dict[str, Data] = json.loads(text)
    return _used(whole, (), loaded)


def _used(group: dict[str, Data], path: Path, loaded: Loaded) -> dict[str, Data]:
    """Without the defaults that mean nothing here: a builtin data set has no `question` column."""
    kept: dict[str, Data] = {}
    for key, value in group.items():
        here = (*path, key)
        if here not in loaded.source.values and not has_effect(loaded.experiment, here):
            continue
        kept[key] = _used(value, here, loaded) if isinstance(value, dict) else value
    return kept


def settings(loaded: Loaded, base: Loaded | None = None) -> Iterator[Setting]:
    """Every value in the order of the language. `base` is the spec that a variant changes."""
    for path, value in leaves(data(loaded)):
        span = loaded.source.values.get(path)
        if span is None:
            yield Setting(path=path, value=value, origin="default", span=None)
            continue
        own = base is not None and base.source.values.get(path) != span
        yield Setting(path=path, value=value, origin="variant" if own else "file", span=span)


def leaves(value: Data, path: Path = ()) -> Iterator[tuple[Path, Data]]:
    """Every scalar with its path; an empty list or group counts as one."""
    if isinstance(value, dict) and value:
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list) and value:
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))
    else:
        yield path, value


def where(setting: Setting, variant: str) -> str:
    """`specs/a.yaml:12`, `default`, or with the variant that says it."""
    if setting.span is None:
        return "default"
    place = f"{setting.span.file}:{setting.span.line}"
    return f"{place} (variant {variant})" if setting.origin == "variant" else place


# --- as YAML ----------------------------------------------------------------------------------------------------------


def yaml(loaded: Loaded, base: Loaded | None = None) -> str:
    """The resolved spec as YAML that builds the same tasks, a comment with the origin behind each value."""
    origins = {setting.path: where(setting, loaded.variant) for setting in settings(loaded, base)}
    whole = data(loaded)
    allowed = list(_allowed(loaded, whole.pop("allow"), origins))
    return _aligned([*_lines(whole, (), origins), *([("allow:", ""), *allowed] if allowed else [])])


def changed(loaded: Loaded, base: Loaded) -> str:
    """What a variant says itself: a line for each value, by its dotted path, with its place behind it."""
    own = (setting for setting in settings(loaded, base) if setting.origin == "variant")
    return _aligned(
        [(f"{'.'.join(map(str, each.path))}: {flow(each.value)}", where(each, loaded.variant)) for each in own]
    )


def deciding(loaded: Loaded, base: Loaded | None, name_of: Callable[[str], str]) -> str:
    """The settings that decide results as YAML, with origins that no comment in a spec moves: behind a value stands
    that it is a default or the variant's, or the file that it came from by `extends`, without the line. `name_of` says
    what a file is called, and "" for the spec itself. Defaults that are empty say nothing and are left out."""
    origins = {}
    for setting in settings(loaded, base):
        file = "default" if setting.span is None else name_of(setting.span.file)
        origins[setting.path] = f"variant {loaded.variant}" if setting.origin == "variant" else file
    whole = {key: value for key, value in data(loaded).items() if key not in BESIDE}
    empty = {path for path, value in leaves(whole) if value in ({}, []) and origins[path] == "default"}
    return _aligned(list(_lines(_without(whole, empty), (), origins)))


def _without(group: dict[str, Data], left_out: Collection[Path], path: Path = ()) -> dict[str, Data]:
    return {
        key: _without(value, left_out, (*path, key)) if isinstance(value, dict) else value
        for key, value in group.items()
        if (*path, key) not in left_out
    }


def _aligned(lines: Sequence[tuple[str, str]]) -> str:
    width = min(64, max((len(text) for text, _ in lines), default=0))
    return "".join(f"{text:<{width}}  # {note}\n" if note else f"{text}\n" for text, note in lines)


def _lines(value: Data, path: Path, origins: dict[Path, str]) -> Iterator[tuple[str, str]]:
    """Lines of a block group, each with its note."""
    indent = "  " * len(path)
    for key, item in value.items() if isinstance(value, dict) else ():
        here = (*path, key)
        if _flat(item):
            yield f"{indent}{scalar(key)}: {flow(item)}", _note(here, item, origins)
        elif isinstance(item, dict):
            yield f"{indent}{scalar(key)}:", ""
            yield from _lines(item, here, origins)
        else:
            yield f"{indent}{scalar(key)}:", ""
            for at, entry in enumerate(item if isinstance(item, list) else ()):
                yield f"{indent}  - {flow(entry)}", _note((*here, at), entry, origins)


def _allowed(loaded: Loaded, entries: Data, origins: dict[Path, str]) -> Iterator[tuple[str, str]]:
    """The exceptions that speak of something the experiment has: a variant may have left out what one is about."""
    given = entries if isinstance(entries, list) else []
    for at, (entry, plain) in enumerate(zip(loaded.experiment.allow, given, strict=True)):
        if entry.at is None or place_of(entry.at, loaded.source) is not None:
            yield f"  - {flow(plain)}", _note(("allow", at), plain, origins)


def _flat(value: Data) -> bool:
    """Whether a value stands on its key's line: a scalar, an empty group, a list of scalars."""
    if isinstance(value, list):
        return not any(isinstance(item, list | dict) for item in value)
    return not (isinstance(value, dict) and value)


def _note(path: Path, value: Data, origins: dict[Path, str]) -> str:
    """The origins of all that stands on one line, each once."""
    return ", ".join(filter(None, dict.fromkeys(origins[inner] for inner, _ in leaves(value, path))))


def flow(value: Data) -> str:
    """A value in YAML's flow style."""
    match value:
        case dict():
            return "{" + ", ".join(f"{scalar(key)}: {flow(item)}" for key, item in value.items()) + "}"
        case list():
            return "[" + ", ".join(flow(item) for item in value) + "]"
        case _:
            return scalar(value)


def scalar(value: Value) -> str:
    """A scalar that YAML 1.2 reads back as the same value."""
    if isinstance(value, str):
        return value if _PLAIN.fullmatch(value) and _is_text(value) else json.dumps(value, ensure_ascii=False)
    return json.dumps(value)


def _is_text(text: str) -> bool:
    try:
        return resolve(text) == text
    except NotFiniteError:
        return False
