"""What a build's preflight asks, and what waits for it."""

from __future__ import annotations

from typing import cast

import yaml

from cotspec.back import places, registry
from cotspec.ir.preflight import preflight
from cotspec.spec.payload import BuiltinModel, EndpointModel, PreflightBody
from tests.support import sealed, spec_data


def test_every_task_that_loads_a_model_asks_it_where_its_chain_began() -> None:
    data = spec_data("small")
    plan = sealed(data).plan
    demands = cast(PreflightBody, preflight(plan.tasks).body).demands
    assert {model.name for each in demands if isinstance(model := each.model, BuiltinModel)} == {
        model["builtin"] for model in data["models"].values()
    }
    asked = [who.partition(" of ")[0] for each in demands for who in each.asked]
    kinds = {"teach", "mine", "sft", "grpo", "evaluate"}
    wanted = [label.part for task in plan.tasks if getattr(task.body, "kind", "") in kinds for label in task.labels]
    wanted += [
        label.part for task in plan.tasks if "gate-" in task.id and "problems" in task.reads for label in task.labels
    ]
    assert sorted(asked) == sorted(part.partition(" of ")[0] for part in wanted)


def test_of_a_server_it_is_known_which_experiments_need_it_and_that_there_are_others() -> None:
    data = spec_data("small")
    far = {**spec_data("small"), "name": "far"}
    teacher = data["generate"]["teach"]["by"]
    far["models"] = {**data["models"], teacher: {"endpoint": {"model": "m", "url": "http://localhost:1/v1"}}}
    body = cast(PreflightBody, preflight(sealed(data, far).plan.tasks).body)
    asked = {each.experiments for each in body.demands if isinstance(each.model, EndpointModel)}
    assert (asked, body.experiments) == ({("far",)}, ("far", data["name"]))
    assert cast(PreflightBody, preflight(sealed(data).plan.tasks).body).experiments == ()


def test_every_chain_waits_for_the_preflight_and_no_id_knows_it() -> None:
    data = spec_data("small")
    one, both = sealed(data).plan, sealed(data, {**spec_data("small"), "name": "other", "seed": 7}).plan
    files = registry.emit(one)
    for folder, task in places.folders(one):
        deps = next(iter(yaml.safe_load(files[f"{folder}/dvc.yaml"])["stages"].values()))["deps"]
        waits = "../../preflight/out/passed.json" in deps
        assert waits == (not any(read.task for read in task.reads.values()))
    path = "generated/preflight/payload.json"
    assert files[path] != registry.emit(both)[path]
    assert {task.id for task in one.tasks} <= {task.id for task in both.tasks}
