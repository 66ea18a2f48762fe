"""What specs call the models, data sets and servers that cotspec.local.yaml can have a place for."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from pathlib import Path as File
from typing import Final

from cotspec.diagnostics import Sink
from cotspec.diagnostics.suggest import alike, near
from cotspec.front.compose import compose
from cotspec.front.nodes import Data, plain
from cotspec.front.paths import project_root
from cotspec.spec.endpoints import same

Ids = Mapping[str, Collection[str]]
"""By key of cotspec.local.yaml, what specs name that may stand below it."""
GROUPS: Final = ("models", "data", "endpoints")
HUB: Final = ("models", "data")
_PLACES: Final = (("endpoint", "url"), ("endpoint", "model"))
_VLLM: Final = "vllm_server"
_DIGITS: Final = re.compile(r"\d+")


def of_specs(specs: Iterable[File]) -> Ids | None:
    """What specs name, also in their variants; None where one of them cannot be read, so that nobody knows."""
    ids: dict[str, set[str]] = {group: set() for group in GROUPS}
    for spec in specs:
        composed = compose(spec, project_root(spec), Sink())
        if composed is None:
            return None
        for group, id in of_data(plain(composed.root), ()):
            ids[group].add(id)
    return ids


def of_data(data: Data, path: tuple[str, ...]) -> Iterator[tuple[str, str]]:
    """Ids of the hub and places of servers below a path, also where a variant has them by a dotted path."""
    if isinstance(data, dict):
        if path[-1:] == ("endpoint",) and isinstance(name := data.get("url") or data.get("model"), str):
            yield "endpoints", name
            return
        if isinstance(host := data.get(f"{_VLLM}_host"), str):
            yield "endpoints", f"http://{host}:{data.get(f'{_VLLM}_port', 8000)}"
        for key, value in data.items():
            yield from of_data(value, (*path, *key.split(".")))
    elif isinstance(data, list):
        for item in data:
            yield from of_data(item, path)
    elif isinstance(data, str) and path[-1] == "hub":
        yield from ((group, data) for group in HUB if group in path)
    elif isinstance(data, str) and (path[-2:] in _PLACES or path[-1] == f"{_VLLM}_base_url"):
        yield "endpoints", data


def is_named(group: str, name: str, ids: Ids) -> bool:
    """Whether a spec names an entry of cotspec.local.yaml; an address is one however it is written."""
    return same(name) in map(same, ids[group])


def meant(group: str, name: str, given: Collection[str], ids: Ids) -> tuple[str, ...]:
    """What an entry that no spec names may be a misspelling of: what specs name and no entry is `given` for. Names with
    other numbers are those of other models (3B, 7B)."""
    free = sorted(id for id in ids[group] if not is_named(group, id, {group: given}))
    close = near(name, (id for id in free if _DIGITS.findall(id) == _DIGITS.findall(name)))
    return tuple(id for id in close if alike(name, id))
