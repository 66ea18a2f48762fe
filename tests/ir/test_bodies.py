"""Lowering makes bodies without validating them (`model_construct`): what it makes is what the runtime would accept."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink
from cotspec.ir.plan import Plan
from cotspec.spec.identity import canonical
from cotspec.spec.payload import TeachBody
from tests.ir.test_identity import BESIDE, EVERYTHING, MEANING, changed, name_of, without_nones
from tests.support import sealed, spec_data

ROOT = Path(__file__).parents[2]


def made(plan: Plan) -> Iterator[BaseModel]:
    for task in (*plan.tasks, *(report.task for report in plan.reports)):
        yield task.body
        yield task.launch.settings


def assert_valid(plan: Plan) -> None:
    """Read back and written down again, each is the same text: a whole number in place of a fraction would not be."""
    parts = list(made(plan))
    assert parts
    for part in parts:
        assert canonical(type(part).model_validate_json(part.model_dump_json(by_alias=True))) == canonical(part)


LEAVES = (*MEANING, *BESIDE)


@pytest.mark.parametrize(("path", "value"), LEAVES, ids=[name_of(path) for path, _ in LEAVES])
def test_every_body_is_valid_whatever_is_set(path: tuple[str | int, ...], value: object) -> None:
    assert_valid(sealed(without_nones(changed(path, value))).plan)


def test_every_body_is_valid_when_little_is_set() -> None:
    assert_valid(sealed(spec_data("small")).plan)
    bare = copy.deepcopy(EVERYTHING)
    bare["stages"]["structure"]["train"] = {"by": "sft", "lr": 1e-5, "lora": {}}
    bare["stages"]["compress"]["train"] = {"by": "grpo", "lr": 1}
    bare["generate"]["teach"]["keep"] = {}
    bare["resources"] = {}
    assert_valid(sealed(bare).plan)


@pytest.mark.parametrize("spec", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_body_of_a_shipped_spec_is_valid(spec: Path) -> None:
    sink = Sink()
    plan = plan_specs({f"specs/{spec.name}": spec}, sink)
    assert plan is not None, sink.findings
    assert_valid(plan)


def test_a_body_that_holds_a_whole_number_for_a_fraction_would_be_found() -> None:
    plan = sealed(EVERYTHING).plan
    body = next(task.body for task in plan.tasks if isinstance(task.body, TeachBody))
    wrong = body.model_copy(update={"sampling": body.sampling.model_copy(update={"temperature": 1})})
    odd = next(task for task in plan.tasks if task.body is body)._replace(body=wrong)
    with pytest.raises(AssertionError):
        assert_valid(plan._replace(tasks=(odd,)))
