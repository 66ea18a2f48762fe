"""How large a model is, for estimates: from its files where this machine has them, else as it was published."""

from __future__ import annotations

import json
from math import prod
from pathlib import Path
from typing import Final

from cotspec.builtin.digest import MODELS
from cotspec.estimate import model as architecture
from cotspec.estimate import published
from cotspec.estimate.model import Model
from cotspec.files import plain, regular
from cotspec.front import modelfiles
from cotspec.ir.plan import Read
from cotspec.spec.local import Local
from cotspec.spec.payload import BuiltinModel, HubModel

_HEADER: Final = 100_000_000
"""Bytes that the head of a weights file may have (the format's own limit)."""


def of(ref: BuiltinModel | HubModel | Read, root: Path, local: Local) -> Model | None:
    """The size of a model; None where nothing is known of it."""
    if isinstance(ref, Read):
        return _in(root / ref.file, f"{ref.file}/config.json")
    if isinstance(ref, BuiltinModel):
        return _in(MODELS / ref.name, f"config.json of {ref.name}")
    for place, told in modelfiles.of_hub(ref.id, ref.revision, root, local):
        if size := _in(place, f"config.json of {told}"):
            return size
    return None if ref.id in local.models else published.model(ref.id)


def _in(place: Path, told: str) -> Model | None:
    """The model in a folder: counted from its configuration, or for an unknown family from the head of its weights."""
    config = plain.json_object(place / "config.json")
    if not config:
        return None
    beside = sum(path.stat().st_size for path in place.iterdir() if path.is_file() and "token" in path.name)
    if size := architecture.of_config(config, file=told, tokenizer=beside):
        return size
    count = sum(_header(path) for path in place.glob("*.safetensors"))
    source = f"N = {count:.3g} from the weights beside {told}"
    return Model(count, count, None, "", beside, source) if count else None


def _header(path: Path) -> int:
    """Parameters in a safetensors file: its first 8 bytes are the length of a JSON text with all shapes."""
    try:
        with regular.opened(path) as file:
            length = int.from_bytes(file.read(8), "little")
            head = json.loads(file.read(length)) if length < _HEADER else {}
        return sum(prod(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return 0
