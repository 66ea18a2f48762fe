"""A path of a spec as it is written → the setting that is meant, and what may stand there. Knows the shape of a spec
and what variants are; not text, not the cursor.
"""

from __future__ import annotations

from typing import NamedTuple

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from cotspec.diagnostics import Sink, Span
from cotspec.diagnostics.source_map import Path
from cotspec.front import dotted_paths, nodes, shape
from cotspec.front.compose import VARIANTS
from cotspec.front.groups import meant
from cotspec.front.nodes import Entry, Node, ScalarNode
from cotspec.spec.experiment import Experiment
from cotspec.spec.reference import default_in_words
from cotspec.spec.variants import FAMILY

_NOWHERE = Span("", 1, 1, 1, 1)
_BY_PATH = ("matrix", "zip")
"""Parts of a variant that hold several values by dotted path."""


def setting(root: Node, path: Path) -> Path:
    """The setting that a value's path means: in a variant that which its dotted path names."""
    match path:
        case (_, _, "seeds", _) if path[0] == VARIANTS:
            return ("seed",)
        case (_, _, "matrix" | "zip", str(key), _, *rest) if path[0] == VARIANTS:
            pass
        case (_, _, "exclude", int(), str(key), *rest) if path[0] == VARIANTS:
            pass
        case (_, _, str(key), *rest) if path[0] == VARIANTS and key not in FAMILY:
            pass
        case _:
            return path
    found = resolved(root, key)
    return path if found is None else (*found, *rest)


def named(root: Node, path: Path) -> Path:
    """The setting that a key's path means."""
    found = resolved(root, str(path[-1])) if is_dotted(path) else None
    return setting(root, path) if found is None else found


def resolved(root: Node, dotted: str) -> Path | None:
    """What a dotted path names; None where there is no such setting."""
    if not dotted:
        return ()
    return dotted_paths.resolve(root, Entry(dotted, _NOWHERE, ScalarNode(_NOWHERE, None)), Sink())


def is_dotted(path: Path) -> bool:
    """Whether the last part of a path as it is written is a dotted path of its own."""
    if path[:1] != (VARIANTS,):
        return False
    return (
        (len(path) == 3 and path[2] not in FAMILY)
        or (len(path) == 4 and path[2] in _BY_PATH)
        or (len(path) == 5 and path[2] == "exclude")
    )


def form_at(data: nodes.Data, path: Path, top: shape.Form = Experiment) -> shape.Form | None:
    """What may stand at a setting, seen what stands around it: of `train` by grpo, the settings of grpo, and as its
    `by` every trainer. `top` is what the whole file is."""
    form = top
    for key in path:
        around = data if isinstance(data, dict) else {}
        if key == shape.tag(form):
            around = {name: value for name, value in around.items() if name != key}
        group = meant(form, around, ()).settings() if isinstance(data, dict) and shape.models(form) else {}
        form = group.get(str(key)) or shape.step(form, key)
        data = below(data, key)
        if form is None:
            return None
    return form


def below(data: nodes.Data, key: str | int) -> nodes.Data:
    """What stands under a key, or is an item; None where nothing does."""
    if isinstance(data, dict):
        return data.get(str(key))
    return data[key] if isinstance(data, list) and isinstance(key, int) and key < len(data) else None


class Key(NamedTuple):
    """A key of a group: its field, and what the spec's reference says of it."""

    name: str
    info: FieldInfo
    model: type[BaseModel]

    @property
    def form(self) -> shape.Form:
        """What may stand there."""
        return shape.form(self.info)

    @property
    def meaning(self) -> str:
        """What it is for."""
        return " ".join((shape.meaning(self.model, self.name) or "").split())

    @property
    def default(self) -> str:
        """What it is when it is left out; "" where nothing is said."""
        said = default_in_words(self.info)
        return "" if said == "–" else said


def keys_of(form: shape.Form | None, data: nodes.Data) -> dict[str, Key]:
    """The keys of a group, by name, seen what stands in it."""
    if form is None or not shape.models(form):
        return {}
    group = meant(form, data if isinstance(data, dict) else {}, ())
    found: dict[str, Key] = {}
    for model in group.models:
        for name, info in shape.keys(model).items():
            found.setdefault(name, Key(name, info, model))
    return found


def key_at(data: nodes.Data, path: Path, top: shape.Form = Experiment) -> Key | None:
    """What the reference says of a setting; None where a person chose its name."""
    if not path:
        return None
    around = data
    for key in path[:-1]:
        around = below(around, key)
    return keys_of(form_at(data, path[:-1], top), around).get(str(path[-1]))
