"""Data of a spec that is not whole → an Experiment with what fits of it, so that what asks about one can be asked.

What does not fit is left out, and what must be there and is not is empty. It is for showing only: nothing is compiled
of it. Knows the shape of a spec.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, cast

from pydantic import AfterValidator, BaseModel
from pydantic.fields import FieldInfo

from cotspec.front import shape
from cotspec.front.groups import meant
from cotspec.front.nodes import Data
from cotspec.spec.experiment import Experiment

_EMPTY: Final[tuple[Data, ...]] = ("", 0, {}, [])


def experiment(data: Data) -> Experiment:
    """The experiment that is being written."""
    return cast(Experiment, _group(Experiment, data if isinstance(data, dict) else {}))


def _group(model: type[BaseModel], data: Mapping[str, Data]) -> BaseModel:
    values: dict[str, Any] = {}
    for name, info in model.model_fields.items():
        given = _value(shape.form(info), data.get(info.alias or name))
        values[name] = _default(info) if given is None else _after(info, given)
    return model.model_construct(**values)


def _value(form: shape.Form, data: Data) -> object:
    """What fits of a value; None where nothing does."""
    if isinstance(data, dict):
        entry = shape.entries(form)
        if shape.models(form):
            return _group(meant(form, data, ()).models[0], data)
        if entry is None:
            return None
        values = {key: _value(entry, value) for key, value in data.items()}
        return {key: value for key, value in values.items() if value is not None}
    if isinstance(data, list):
        if not shape.fits(form, data):
            return None
        items = (_value(shape.step(form, at), item) for at, item in enumerate(data))
        return tuple(item for item in items if item is not None)
    return data if data is not None and shape.fits(form, data) else None


def _default(info: FieldInfo) -> object:
    return _empty(shape.form(info)) if info.is_required() else info.get_default(call_default_factory=True)


def _empty(form: shape.Form) -> object:
    """What stands for a value that must be there and is not."""
    if shape.choices(form):
        return shape.choices(form)[0]
    if shape.models(form):
        return _group(shape.models(form)[0], {})
    empty = next((one for one in _EMPTY if shape.fits(form, one)), None)
    return () if empty == [] else empty


def _after(info: FieldInfo, value: object) -> object:
    """What the class itself adds to a value."""
    for each in info.metadata:
        if isinstance(each, AfterValidator):
            value = each.func(value)  # type: ignore[call-arg]
    return value
