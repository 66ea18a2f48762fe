"""One text for one value, and the fingerprint of a task. Knows nothing of files or of how a task is launched.

Everything that decides a result goes into the fingerprint and nothing else does: the body, the versions of the kernel
parts it uses, and for each input which task writes it and which of its files is read, but for those that a report only
shows (`Body.decides`). A field of a body at its neutral value is not there (`Part.said`): one that a release adds
changes no id.
"""

from __future__ import annotations

import json
import math
import posixpath
from collections.abc import Mapping
from hashlib import sha256
from typing import Final

from cotspec.spec.base import Part
from cotspec.spec.payload import Body, Payload, RowsBody

ID_DIGITS = 12
"""Hex digits of a fingerprint that go into an id: 48 bits; `cotspec.passes.seal` refuses a collision."""

_OUT: Final = "out"
"""Folder of a task's results, in its own."""
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


def fingerprint(body: Body, *, kernel: Mapping[str, int], inputs: Mapping[str, tuple[str, str]]) -> str:
    """Return the sha256 (64 hex digits) of what a task computes.

    `inputs` hold the id of the task that writes each ("" for a file of the project) and which file of it is read; those
    that decide nothing are left out.
    """
    reads = {role: {"task": task, "file": file} for role, (task, file) in inputs.items() if body.decides(role)}
    return sha256(canonical({"task": body, "kernel": dict(kernel), "inputs": reads}).encode("ascii")).hexdigest()


def slug(body: Body) -> str:
    """The readable part of an id: the kind, and for rows the task; never a name that a person chose."""
    kind: str = getattr(body, "kind")  # noqa: B009 - every concrete body has it, the base has not
    return f"{kind}-{body.task}" if isinstance(body, RowsBody) else kind


def id_of(payload: Payload, folder: str) -> str:
    """The id that a payload should have, which stands in `folder` (relative to the project)."""
    inputs = {}
    for role, given in payload.inputs.items():
        inside = given.path.partition(f"{given.producer}/{_OUT}")[2].strip("/")
        inputs[role] = (given.producer, inside if given.producer else posixpath.normpath(f"{folder}/{given.path}"))
    full = fingerprint(payload.task, kernel=payload.kernel, inputs=inputs)
    return f"{slug(payload.task)}-{full[:ID_DIGITS]}"
