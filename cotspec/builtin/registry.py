"""Names of the models and data sets that come with cotspec, for checks that must not load them."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

#: Names a `builtin:` model may have; a folder of the same name is in `cotspec/builtin/models`.
MODELS: tuple[str, ...] = ("tiny-small", "tiny-student", "tiny-teacher")

#: Names a `builtin:` data set may have, each with its splits.
DATA: Mapping[str, tuple[str, ...]] = MappingProxyType({"chains": ("train", "valid", "test")})
