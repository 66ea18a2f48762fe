"""A key under `trainer:` that is not passed on to TRL → what to do instead. Knows TRL's names; not YAML."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from pydantic import BaseModel

from cotspec.diagnostics.suggest import alike, near
from cotspec.front.groups import Group
from cotspec.spec.trainer import GrpoTrainer, SftTrainer
from cotspec.spec.training import Grpo, Sft
from cotspec.spec.trl_names import OTHERS, Other

_TRAINERS: Final[Mapping[type[BaseModel], type[Sft | Grpo]]] = MappingProxyType({SftTrainer: Sft, GrpoTrainer: Grpo})
_NAMES: Final[Mapping[type[BaseModel], str]] = MappingProxyType({SftTrainer: "sft", GrpoTrainer: "grpo"})


def known(here: Group) -> Mapping[str, Other]:
    """Names that are no settings of a `trainer` group, each with what to do; none for any other group."""
    if len(here.models) != 1 or here.models[0] not in _TRAINERS:
        return {}
    model = here.models[0]
    other = next(each for each in _TRAINERS if each is not model)
    theirs = {name: Other("fixed", f"only {_NAMES[other]} has it") for name in other.model_fields}
    ours = {name: Other("ours", "it stands in `train`", name) for name in _TRAINERS[model].model_fields}
    found = {**theirs, **ours, **OTHERS[_NAMES[model]]}
    return {name: each for name, each in found.items() if name not in model.model_fields}


def near_known(key: str, here: Group) -> tuple[str, Other] | None:
    """The setting of TRL, not passed on, that a key is a misspelling of."""
    names = known(here)
    close = [name for name in near(key, names) if alike(key, name)] if names else []
    return (close[0], names[close[0]]) if close else None
