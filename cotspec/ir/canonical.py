"""One text for one value, and the fingerprint of a task. Knows nothing of files or of how a task is launched.

Everything that decides a result goes into the fingerprint and nothing else does: the body, the versions of the kernel
parts it uses, and for each input which task writes it and which of its files is read. A field of a body at its neutral
value is not there (`Part.said`): one that a release adds changes no id.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cotspec.ir.plan import Read
from cotspec.spec.base import Part
from cotspec.spec.payload import Body

ID_DIGITS = 12
"""Hex digits of a fingerprint that go into an id: 48 bits; `cotspec.passes.seal` refuses a collision."""

_ENCODER: Final = json.JSONEncoder(sort_keys=True, separators=(",", ":"), allow_nan=False)
_Where = tuple[str, ...]

Canonical = str | int | float | bool | list["Canonical"] | dict[str, "Canonical"]


def canonical(value: object) -> str:
    """Return the canonical JSON of `value`: sorted keys, no spaces, ASCII, floats in their shortest exact form.

    Raises TypeError for anything without one stable form (sets, None, NaN, infinities, paths, subclasses of scalars).
    """
    return _ENCODER.encode(_plain(value, ("value",)))


def _plain(value: object, where: _Where) -> Canonical:
    # Exact types: a subclass (an enum, numpy's float64) may print differently elsewhere.
    if type(value) is str or type(value) is int or type(value) is bool:
        return value
    if type(value) is float and math.isfinite(value):
        return value + 0.0  # -0.0 and 0.0 compute the same
    if isinstance(value, Part):
        return {name: _plain(item, (*where, name)) for name, item in value.said().items()}
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, (*where, key)) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, (*where, str(at))) for at, item in enumerate(value)]
    raise TypeError(f"{'.'.join(where)} has no stable form: {type(value).__name__} {value!r}")


def _key(key: object, where: _Where) -> str:
    if type(key) is not str:
        raise TypeError(f"{'.'.join(where)} has a key that is not text: {key!r}")
    return key


def fingerprint(body: Body, *, kernel: Mapping[str, int], inputs: Mapping[str, Read]) -> str:
    """Return the sha256 (64 hex digits) of what a task computes; `inputs` name sealed producers by id."""
    reads = {role: {"task": read.task, "file": read.file} for role, read in inputs.items()}
    return sha256(canonical({"task": body, "kernel": dict(kernel), "inputs": reads}).encode("ascii")).hexdigest()
