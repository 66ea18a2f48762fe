"""One text for one value, and the fingerprint of a task. Knows nothing of files or of how a task is launched.

Everything that decides a result goes into the fingerprint and nothing else does: the body, the versions of the kernel
parts it uses, and for each input which task writes it and which of its files is read.
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from hashlib import sha256

from cotspec.ir.plan import Read
from cotspec.spec.base import Part
from cotspec.spec.payload import Body

ID_DIGITS = 12
"""Hex digits of a fingerprint that go into an id: 48 bits; `cotspec.passes.seal` refuses a collision."""

Canonical = str | int | float | bool | list["Canonical"] | dict[str, "Canonical"]


def canonical(value: object) -> str:
    """Return the canonical JSON of `value`: sorted keys, no spaces, ASCII, floats in their shortest exact form.

    Raises TypeError for anything without one stable form (sets, None, NaN, infinities, paths, subclasses of scalars).
    """
    return json.dumps(_plain(value, "value"), sort_keys=True, separators=(",", ":"), allow_nan=False)


def _plain(value: object, where: str) -> Canonical:
    if isinstance(value, Part):
        return {name: _plain(getattr(value, name), f"{where}.{name}") for name in type(value).model_fields}
    if isinstance(value, Mapping):
        return {_key(key, where): _plain(item, f"{where}.{key}") for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item, f"{where}[{at}]") for at, item in enumerate(value)]
    return _scalar(value, where)


def _key(key: object, where: str) -> str:
    if type(key) is not str:
        raise TypeError(f"{where} has a key that is not text: {key!r}")
    return key


def _scalar(value: object, where: str) -> Canonical:
    # Exact types: a subclass (an enum, numpy's float64) may print differently elsewhere.
    if type(value) is float and math.isfinite(value):
        return value + 0.0  # -0.0 and 0.0 compute the same
    if type(value) is str or type(value) is int or type(value) is bool:
        return value
    raise TypeError(f"{where} has no stable form: {type(value).__name__} {value!r}")


def fingerprint(body: Body, *, kernel: Mapping[str, int], inputs: Mapping[str, Read]) -> str:
    """Return the sha256 (64 hex digits) of what a task computes; `inputs` name sealed producers by id."""
    reads = {role: {"task": read.task, "file": read.file} for role, read in inputs.items()}
    return sha256(canonical({"task": body, "kernel": dict(kernel), "inputs": reads}).encode("ascii")).hexdigest()
