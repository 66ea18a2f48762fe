"""Default groups of a spec are made without validation (`model_construct`); here they are validated."""

from __future__ import annotations

from collections.abc import Iterator
from typing import get_args

import pytest
from pydantic import BaseModel

from cotspec.ir import defaults
from cotspec.spec.experiment import Experiment


def reachable(annotation: object, seen: set[type[BaseModel]]) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation not in seen:
        seen.add(annotation)
        yield annotation
        for field in annotation.model_fields.values():
            yield from reachable(field.annotation, seen)
    for part in get_args(annotation):
        yield from reachable(part, seen)


WRITTEN = {
    f"{model.__name__}.{name}": field.default
    for model in reachable(Experiment, set())
    for name, field in model.model_fields.items()
    if isinstance(field.default, BaseModel)
}
LEFT_OUT = {name: value for name, value in vars(defaults).items() if isinstance(value, BaseModel)}


@pytest.mark.parametrize("default", [pytest.param(value, id=name) for name, value in {**WRITTEN, **LEFT_OUT}.items()])
def test_default_group_is_one_a_person_could_write(default: BaseModel) -> None:
    given = default.model_dump_json(by_alias=True, exclude_unset=True)
    assert type(default).model_validate_json(given) == default


def test_a_default_with_a_wrong_value_would_be_found() -> None:
    assert "Generation.sampling" in WRITTEN
    assert "NO_MASK" in LEFT_OUT
    wrong = type(WRITTEN["Generation.sampling"]).model_construct(temperature=-1.0)
    with pytest.raises(ValueError, match="temperature"):
        test_default_group_is_one_a_person_could_write(wrong)


def test_the_default_of_a_fraction_is_a_fraction() -> None:
    """Nothing turns a default of 32 into 32.0, and the two are different identities."""
    wrong = [
        f"{model.__name__}.{name}"
        for model in reachable(Experiment, set())
        for name, field in model.model_fields.items()
        if type(field.default) is int and float in (field.annotation, *get_args(field.annotation))
    ]
    assert wrong == []
