"""Values and dotted paths → parts of a variant's name. Knows plain data only.

A name goes into folders, DVC stages and shell words, so it is lower-case letters, digits, `-` and `_`. It depends on
the value alone: `1e-5` and `0.00001` are one value and give one name.
"""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from hashlib import sha256
from typing import Final

from cotspec.front.nodes import Data

LONGEST: Final = 100
"""Characters of a variant's name; with the spec's own it must fit a file name (255)."""
_SHORT: Final = 24
"""Characters of a value that is a list or a group; a longer one is called by a digest."""


def slug(value: Data) -> str:
    """What a value is called in a name: `0.25` is `0_25`, `-2` is `m2`, `Qwen/Qwen2.5-3B` is `qwen-qwen2_5-3b`."""
    match value:
        case None:
            return "none"
        case bool():
            return "true" if value else "false"
        case int():
            return str(value).replace("-", "m")
        case float():
            return _number(value)
        case str():
            return _word(value) or _digest(value)
        case list():
            joined = "-".join(slug(item) for item in value) or "empty"
            return joined if len(joined) <= _SHORT else _digest(value)
        case dict():
            return _digest(value)


def short(dotted: Sequence[str]) -> list[str]:
    """What settings are called: the last part of their path; where two end alike, as much as tells them apart."""
    parts = [path.split(".") for path in dotted]
    labels = []
    for own in parts:
        size = 1
        while size < len(own) and sum(other[-size:] == own[-size:] for other in parts) > 1:
            size += 1
        labels.append("-".join(filter(None, (_word(part) for part in own[-size:]))) or _digest(".".join(own)))
    return labels


def _number(value: float) -> str:
    """The shorter of `0.0001` and `1e-4`, which is exact in either form."""
    plain = repr(value).removesuffix(".0")
    short = next(s for n in range(17) if float(s := f"{value:.{n}e}") == value)
    digits, _, exponent = short.partition("e")
    scientific = f"{digits}e{int(exponent)}"
    text = min((plain, scientific), key=len) if "e" not in plain else scientific
    sign = "m" if text.startswith("-") else ""
    return sign + text.lstrip("-").replace(".", "_")


def _word(text: str) -> str:
    """Runs of other characters become `-`, a dot between digits `_`."""
    dotted = re.sub(r"(?<=\d)\.(?=\d)", "_", text.lower())
    cleaned = re.sub(r"[^a-z0-9_]+", "-", dotted)
    return re.sub(r"[-_]*-[-_]*|_+", lambda m: "-" if "-" in m[0] else "_", cleaned).strip("-_")


def _digest(value: Data) -> str:
    return "x" + sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:8]
