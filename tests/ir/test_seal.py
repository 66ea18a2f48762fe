"""Equal fingerprints become one task; labels and launch settings are carried along."""

from __future__ import annotations

import copy
import re

import pytest

from cotspec.cot.versions import KERNEL
from cotspec.ir.lower import lower
from cotspec.ir.plan import Draft, Read
from cotspec.passes import seal as seal_module
from cotspec.passes.seal import SealError, seal
from tests.support import DIGESTS, sealed, source, spec_data

SMALL = spec_data("small")


def renamed(name: str) -> dict[str, object]:
    return {**copy.deepcopy(SMALL), "name": name}


def test_two_specs_that_differ_in_one_stage_share_everything_before_it() -> None:
    other = renamed("other")
    other["stages"]["rewrite"]["train"]["lr"] = 0.5
    plan = sealed(SMALL, other).plan
    alone = sealed(SMALL).plan
    assert len(plan.tasks) == len(alone.tasks) + 2  # the stage and its evaluation
    shared = [task for task in plan.tasks if len(task.labels) == 2]
    assert len(shared) == len(alone.tasks) - 2
    assert tuple(map(str, shared[0].labels)) == ("data train of small", "data train of other")


def test_each_experiment_keeps_a_report_of_its_own() -> None:
    plan = sealed(renamed("b"), renamed("a")).plan
    assert [report.name for report in plan.reports] == ["a", "b"]
    assert len({report.task.id for report in plan.reports}) == 2
    assert not any(task.id.startswith("report") for task in plan.tasks)


def test_where_launch_settings_differ_the_first_spec_wins_and_it_is_said() -> None:
    other = renamed("other")
    other["resources"]["train"]["per_device_batch"] = 2
    result = sealed(SMALL, other)
    train = [task for task in result.plan.tasks if task.launch.launcher == "accelerate"]
    assert {task.launch.settings.per_device_batch for task in train} == {4}
    assert {conflict.id for conflict in result.conflicts} == {task.id for task in train}
    assert {(c.kept.partition("/")[0], c.dropped.partition("/")[0]) for c in result.conflicts} == {("small", "other")}
    assert sealed(SMALL, renamed("same")).conflicts == ()


def test_a_task_is_sent_to_the_schedulers_that_any_of_its_specs_asks_for() -> None:
    clustered, elsewhere = renamed("clustered"), renamed("elsewhere")
    clustered["resources"]["slurm"] = {"partition": "one"}
    elsewhere["resources"]["slurm"] = {"partition": "two"}
    result = sealed(SMALL, clustered)
    assert {type(job).__name__ for task in result.plan.tasks for job in task.launch.jobs} == {"Slurm"}
    assert all(task.launch.jobs for task in result.plan.tasks)
    assert result.conflicts == ()
    assert sealed(clustered, SMALL).conflicts == ()
    assert {conflict.id for conflict in sealed(clustered, elsewhere).conflicts} == {t.id for t in result.plan.tasks}


def test_producers_stand_before_consumers() -> None:
    seen: set[str] = set()
    for task in sealed(spec_data("everything"), SMALL).plan.tasks:
        assert {read.task for read in task.reads.values() if read.task} <= seen
        seen.add(task.id)


def test_ids_are_a_slug_of_the_kind_and_twelve_hex_digits() -> None:
    names = {task.id for task in sealed(SMALL).plan.tasks}
    assert all(
        re.fullmatch(r"(data|contamination|teach|traces|rows-[a-z]+|sft|grpo|gate|mine|evaluate)-[0-9a-f]{12}", n)
        for n in names
    )
    assert {n.rpartition("-")[0] for n in names if n.startswith("rows")} == {
        "rows-reconstruct",
        "rows-complete",
        "rows-rewrite",
    }


def test_a_new_kernel_version_changes_what_uses_it_and_what_comes_after(monkeypatch: pytest.MonkeyPatch) -> None:
    before = sealed(SMALL).plan
    monkeypatch.setattr(seal_module, "KERNEL", {**KERNEL, "mining": KERNEL["mining"] + 1})
    after = sealed(SMALL).plan
    changed = {str(t.labels[0]) for t in after.tasks} - {
        str(t.labels[0]) for t in after.tasks if t.id in {b.id for b in before.tasks}
    }
    assert changed == {
        "generation tries of small",
        "rows of stage rewrite of small",
        "stage rewrite of small",
        "evaluation of rewrite of small",
    }


@pytest.mark.parametrize(("opens", "changes"), [("<answer>", True), ("Answer:", False)])
def test_how_an_answer_in_tags_is_read_is_identity_only_where_a_tag_opens_it(
    opens: str, changes: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    data = {**SMALL, "trace": {**SMALL.get("trace", {}), "answer": {"opens": opens}}}
    before = {
        task.id for task in sealed(data).plan.tasks if "answers" in task.body.uses and "format" in task.body.__dict__
    }
    monkeypatch.setattr(seal_module, "KERNEL", {**KERNEL, "tagged": KERNEL["tagged"] + 1})
    after = {task.id for task in sealed(data).plan.tasks}
    assert before
    assert before.isdisjoint(after) if changes else before <= after


def test_a_gated_stage_hands_on_its_whole_folder_and_the_gate() -> None:
    plan = sealed(SMALL).plan
    by_label = {str(label): task for task in plan.tasks for label in task.labels}
    stage, gate = by_label["stage compress of small"], by_label["way out of stage compress of small"]
    for label in ("stage rewrite of small", "generation tries of small", "evaluation of compress of small"):
        assert by_label[label].reads["model"] == Read(task=stage.id, file="")
        assert by_label[label].reads["gate"] == Read(task=gate.id, file="gate.json")
    ungated = by_label["stage structure of small"]
    assert by_label["stage compress of small"].reads["model"] == Read(task=ungated.id, file="model")
    assert "gate" not in by_label["stage compress of small"].reads


def test_an_input_that_nobody_makes_is_refused() -> None:
    draft = lower([source(SMALL)], DIGESTS)
    first, *rest = draft.tasks
    broken = Draft(tasks=(first._replace(reads={"file": Read(task="small/nobody", file="x")}), *rest))
    with pytest.raises(SealError, match="nobody makes input `file`"):
        seal(broken)


def test_two_different_tasks_with_one_id_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(seal_module, "ID_DIGITS", 0)
    with pytest.raises(SealError, match="two different tasks"):
        sealed(SMALL)
