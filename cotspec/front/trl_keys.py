"""A key under `trainer:` that is not passed on to TRL → what to do instead. Knows TRL's names; not YAML."""

from __future__ import annotations

from collections.abc import Mapping

from cotspec.diagnostics.suggest import alike, near
from cotspec.front.foreign import folded
from cotspec.front.groups import Group
from cotspec.spec.trainer import Other
from cotspec.spec.trl_names import OTHERS
from cotspec.trainers import TRAINERS


def known(here: Group) -> Mapping[str, Other]:
    """Names that are no settings of a `trainer` group, each with what to do; none for any other group."""
    trainer = next((each for each in TRAINERS.values() if here.models == (each.passed,)), None)
    if trainer is None:
        return {}
    theirs: dict[str, list[str]] = {}
    for each in TRAINERS.values():
        for name in each.passed.model_fields:
            theirs.setdefault(name, []).append(each.name)
    others = {
        name: Other("fixed", f"only {' and '.join(who)} {'has' if len(who) == 1 else 'have'} it")
        for name, who in theirs.items()
    }
    others |= {name: Other("ours", "it stands in `train`", name) for name in trainer.settings.model_fields}
    others |= OTHERS[trainer.name]
    return {name: each for name, each in others.items() if name not in trainer.passed.model_fields}


def called(key: str, here: Group) -> str:
    """What a `train` group calls a setting of its trainer that goes by its name in TRL; "" for what is none."""
    trainer = next((each for each in TRAINERS.values() if here.models == (each.settings,)), None)
    other = OTHERS[trainer.name].get(folded(key)) if trainer is not None else None
    return other.ours if other is not None else ""


def near_known(key: str, here: Group) -> tuple[str, Other] | None:
    """The setting of TRL, not passed on, that a key is a misspelling of."""
    names = known(here)
    close = [name for name in near(key, names) if alike(key, name)] if names else []
    return (close[0], names[close[0]]) if close else None
