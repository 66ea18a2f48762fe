"""Ids survive a release: what a golden file says of ids and of neutral values changes knowingly or not at all.

After a change that is meant: `pytest tests/ir/test_release.py --update-golden`, look at the diff, and say in
docs/decisions why finished tasks run again. A line of neutral.txt may be added, and never be changed.
"""

from __future__ import annotations

from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest
from pydantic import Field

from cotspec.compiler import check_specs
from cotspec.diagnostics import Sink
from cotspec.spec import payload
from cotspec.spec.base import Part
from cotspec.spec.identity import canonical

ROOT = Path(__file__).parents[2]
GOLDEN = Path(__file__).parent / "golden"
LIBRARY = sorted({*(ROOT / "specs").glob("*.yaml"), *(ROOT / "specs" / "tiny").glob("*.yaml")})


class Before(Part):
    """A body's part before a release."""

    kind: Literal["x"] = "x"
    lr: float


class After(Before):
    """The same part after it: with a field whose neutral value is what was done before."""

    stop: tuple[str, ...] = ()
    carried: Annotated[bool, Field()] = False


def same(file: str, lines: list[str], update: bool) -> None:
    path, text = GOLDEN / file, "".join(f"{line}\n" for line in lines)
    if update:
        path.write_text(text, encoding="utf-8")
    assert text == path.read_text(encoding="utf-8")


def test_the_ids_of_the_shipped_specs_are_what_they_were(update_golden: bool) -> None:
    sink = Sink()
    found = check_specs({path.relative_to(ROOT).as_posix(): path for path in LIBRARY}, sink)
    assert found is not None, sink.findings
    lines = {f"{label}: {task.id}" for task in found.sealed.tasks.values() for label in task.labels}
    same("ids.txt", sorted(lines), update_golden)


def test_the_neutral_value_of_a_field_is_what_it_was(update_golden: bool) -> None:
    lines = {
        f"{part.__name__}.{name} = {field.get_default()!r}"
        for part in parts(payload.AnyBody)
        for name, field in part.model_fields.items()
        if not field.is_required()
    }
    same("neutral.txt", sorted(lines), update_golden)


def parts(annotation: Any) -> set[type[Part]]:
    """Every class that a body can hold."""
    if isinstance(annotation, type) and issubclass(annotation, Part):
        inner = (parts(field.annotation) for field in annotation.model_fields.values())
        return {annotation}.union(*inner)
    if get_origin(annotation) in (Annotated, Union, UnionType, tuple, list, dict):
        return set().union(*(parts(each) for each in get_args(annotation)))
    return set()


def test_a_new_field_at_its_neutral_value_changes_no_id() -> None:
    assert canonical(After(lr=1.0)) == canonical(Before(lr=1.0))


@pytest.mark.parametrize("set_to", [{"stop": ("x",)}, {"carried": True}])
def test_a_new_field_that_is_used_changes_the_id(set_to: dict[str, Any]) -> None:
    assert canonical(After(lr=1.0, **set_to)) != canonical(After(lr=1.0))


def test_a_tag_is_always_there() -> None:
    assert canonical(Before(lr=1.0)) == '{"kind":"x","lr":1.0}'
