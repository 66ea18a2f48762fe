"""How large a model is, for estimates: from its files where this machine has them, else as it was published."""

from __future__ import annotations

import os
from math import prod
from pathlib import Path
from typing import Final

from cotspec.builtin.digest import MODELS
from cotspec.cot import model_config
from cotspec.estimate import model_size as architecture
from cotspec.estimate import published
from cotspec.estimate.model_size import Model
from cotspec.files import plain, regular
from cotspec.front import modelfiles
from cotspec.history.locks import Cache
from cotspec.ir.plan import Read
from cotspec.spec.local import Local
from cotspec.spec.payload import BuiltinModel, HubModel

_HEADER: Final = 100_000_000
"""Bytes that the head of a weights file may have (the format's own limit)."""
_MOST_FILES: Final = 2000
"""Files of a model's folder that are looked at."""
_MOST_SIDES: Final = 8
"""Most dimensions of a tensor that is believed."""


def of(ref: BuiltinModel | HubModel | Read, root: Path, local: Local) -> Model | None:
    """The size of a model; None where nothing is known of it."""
    if isinstance(ref, Read):
        return _in(root / ref.file, f"{ref.file}/config.json", Cache(root).within)
    if isinstance(ref, BuiltinModel):
        return _in(MODELS / ref.name, f"config.json of {ref.name}")
    for place, told in modelfiles.of_hub(ref.id, ref.revision, root, local):
        if size := _in(place, f"config.json of {told}"):
            return size
    return None if ref.id in local.models else published.model(ref.id)


def _in(place: Path, told: str, within: tuple[Path, ...] = ()) -> Model | None:
    """The model in a folder: counted from its configuration, or for an unknown family from the head of its weights."""
    config = plain.json_object(place / "config.json", within=within)
    if not config:
        return None
    files = [place / name for name in sorted(modelfiles.names(place))[:_MOST_FILES]]
    beside = sum(path.stat().st_size for path in files if "token" in path.name and os.path.isfile(path))
    if size := architecture.of_config(config, file=told, tokenizer=beside):
        return size
    count = sum(_header(path, within) for path in files if path.suffix == ".safetensors")
    source = f"N = {count:.3g} from the weights beside {told}"
    return Model(count, count, None, "", beside, source) if count else None


def _header(path: Path, within: tuple[Path, ...]) -> int:
    """Parameters in a safetensors file: its first 8 bytes are the length of a JSON text with all shapes."""
    try:
        with regular.opened(path, within=within) as file:
            length = int.from_bytes(file.read(8), "little")
            head = plain.json_value(file.read(length)) if length < _HEADER else {}
        return sum(_size(tensor["shape"]) for name, tensor in head.items() if name != "__metadata__")
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return 0


def _size(shape: list[object]) -> int:
    """Numbers in a tensor. Raises ValueError for one that no model has."""
    sides = [side for side in shape if type(side) is int and 0 <= side <= model_config.MOST]
    if len(sides) != len(shape) or len(sides) > _MOST_SIDES:
        raise ValueError(shape)
    return prod(sides)
