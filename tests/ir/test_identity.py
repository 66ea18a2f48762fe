"""What changes an id and what does not, shown by changing every single thing a spec can say."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from other_values import OTHERS

from cotspec.back.jobs.registry import JOBS
from cotspec.front import shape
from cotspec.ir.lower import LowerError
from cotspec.spec.experiment import Experiment
from tests.support import PROMPTS, experiment, ids, sealed, spec_data

EVERYTHING = spec_data("everything")
Path = tuple[str | int, ...]

#: Leaves outside of any identity, by their first key.
NEVER = ("name", "about", "resources", "allow", "variants")

BETTER = {("stages", "prefer", "rows", "pairs", "better")}
#: Leaves that have one value only.
FIXED = {("cotspec",), ("stages", "structure", "train", "lora", "merge"), *BETTER}


def tried(data: dict[str, Any], stage: str, by: str) -> None:
    """A stage on what somebody fails, in place of traces."""
    data["generate"]["early"] = {"by": by, "over": "teach", "keep": {"where": "early.score == 0"}}
    data["stages"][stage]["rows"] = {"from": "early", "target": "teach"}


#: A discriminator cannot change alone: the whole part is another one.
SWITCHES: dict[Path, Callable[[Any], None]] = {
    **{
        ("generate", name, "over"): lambda d, name=name: d["generate"].update(
            {name: d["generate"][name] | {"over": "others"}, "others": {"by": "teacher", "over": "test"}}
        )
        for name in ("answers", "both", "refined")
    },
    **{
        ("stages", name, "train", "by"): lambda d, name=name: d["stages"][name].update(
            train={"by": "grpo", "lr": 0.001, "group": 4, "global_batch": 16}, reward={"terms": {"a": {"value": 1.0}}}
        )
        for name in ("mixed", "turns")
    },
    ("stages", "rewrite", "rows", "target"): lambda d: d["stages"]["rewrite"].update(rows={"from": "teach"}),
    ("stages", "structure", "train", "by"): lambda d: d["stages"]["structure"].update(
        train={"by": "grpo", "lr": 0.001, "group": 4}, reward={"terms": {"solved": {"value": 1.0}}}, loss=None
    ),
    ("stages", "compress", "train", "by"): lambda d: d["stages"]["compress"].update(
        train={"by": "sft", "lr": 0.001}, reward=None
    ),
    ("stages", "structure", "rows", "from"): lambda d: tried(d, "structure", "student"),
    ("stages", "compress", "rows", "from"): lambda d: tried(d, "compress", "structure"),
    ("stages", "guided", "train", "by"): lambda d: d["stages"]["guided"].update(
        train={"by": "sft", "lr": 0.001, "global_batch": 16}, reward=None
    ),
    ("stages", "guided", "rows", "from"): lambda d: tried(d, "guided", "structure"),
    ("stages", "rewrite", "rows", "from"): lambda d: d["stages"]["rewrite"].update(rows={"from": "teach"}),
    **{
        ("stages", name, "train", "by"): lambda d, name=name: d["stages"][name].update(
            train={"by": "sft", "lr": 0.001, "global_batch": 8}, rows={"from": "teach"}
        )
        for name in ("prefer", "odds")
    },
    **{
        ("stages", name, "rows", "from"): lambda d, name=name: d["stages"][name].update(
            train={"by": "sft", "lr": 0.001, "global_batch": 8}, rows={"from": "tries", "target": "teach"}
        )
        for name in ("prefer", "odds")
    },
    **{
        ("stages", name, "train", "by"): lambda d, name=name: d["stages"][name].update(
            train={"by": "sft", "lr": 0.0001, "global_batch": 8}
        )
        for name in ("agree", "copy", "moving")
    },
    **{
        ("stages", name, "rows", "from"): lambda d, name=name: d["stages"][name].update(
            rows={"from": "tries", "target": "teach"}
        )
        for name in ("agree", "copy", "moving")
    },
    ("stages", "rewrite", "train", "by"): lambda d: d["stages"]["rewrite"].update(
        train={"by": "grpo", "lr": 0.001, "group": 4}, reward={"terms": {"solved": {"value": 1.0}}}
    ),
}


def leaves(value: object, path: Path = ()) -> Iterator[tuple[Path, object]]:
    if isinstance(value, dict):
        for key, item in value.items():
            yield from leaves(item, (*path, key))
    elif isinstance(value, list):
        for at, item in enumerate(value):
            yield from leaves(item, (*path, at))
    else:
        yield path, value


def examples(path: Path) -> list[Any]:
    """Values of a setting of a scheduler, which may refuse what `another` makes."""
    match path:
        case ("resources", str(key), str(name)) if key in JOBS:
            return JOBS[key].model_fields[name].examples or list(shape.choices(shape.forms(JOBS[key])[name]))
        case _:
            return []


def another(path: Path, value: object) -> object:
    """Another valid value of a leaf."""
    if path in OTHERS:
        return OTHERS[path]
    if others := [example for example in examples(path) if example != value]:
        return others[0]
    match value:
        case bool():
            return not value
        case int():
            return value * 2 if path[0] == "resources" else value + 1
        case float():
            return value / 2 or 0.25
        case str():
            return f"{value}x"
    raise AssertionError(f"no other value for {path}")


def put(data: Any, path: Path, value: object) -> None:
    for key in path[:-1]:
        data = data[key]
    if value is None:
        del data[path[-1]]
    else:
        data[path[-1]] = value


def changed(path: Path, value: object) -> dict[str, object]:
    data = copy.deepcopy(EVERYTHING)
    if path in SWITCHES:
        SWITCHES[path](data)
        return json.loads(json.dumps(data, default=str))
    put(data, path, another(path, value))
    return data


def without_nones(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: without_nones(item) for key, item in value.items() if item is not None}
    return value


ALL_LEAVES = [(path, value) for path, value in leaves(EVERYTHING) if path not in FIXED]
#: Names are looked at by `test_renaming_…`; here they are leaves only where something else is chosen by them.
BESIDE = [(p, v) for p, v in ALL_LEAVES if p[0] in NEVER or p[-1] in ("stop_without_signal", "key") or "range" in p]
MEANING = [(p, v) for p, v in ALL_LEAVES if (p, v) not in BESIDE and not (p[0] == "evaluate" and "of" in p)]


def name_of(path: Path) -> str:
    return ".".join(map(str, path))


@pytest.mark.parametrize(("path", "value"), MEANING, ids=[name_of(p) for p, _ in MEANING])
def test_every_setting_that_changes_a_result_changes_an_id(path: Path, value: object) -> None:
    new = set(ids(without_nones(changed(path, value))).values())
    assert new - set(ids(EVERYTHING).values())


@pytest.mark.parametrize(("path", "value"), BESIDE, ids=[name_of(p) for p, _ in BESIDE])
def test_names_resources_and_claims_never_change_an_id(path: Path, value: object) -> None:
    before, after = sealed(EVERYTHING).plan, sealed(changed(path, value)).plan
    assert [task.id for task in after.tasks] == [task.id for task in before.tasks]


def test_the_walk_covers_every_key_of_the_language() -> None:
    """A key that is added to the language and not to everything.yaml would be walked past."""
    written = {path[-1] if isinstance(path[-1], str) else path[-2] for path, _ in leaves(EVERYTHING)}
    parts = {key for path, _ in leaves(EVERYTHING) for key in path if isinstance(key, str)}
    missing = {name for name in field_names(Experiment.model_json_schema(by_alias=True)) if name not in written | parts}
    assert missing == {"extends"}  # a spec that extends another is that spec, changed, before anything is hashed


def field_names(schema: dict[str, Any]) -> set[str]:
    objects = [schema, *schema["$defs"].values()]
    return {name for definition in objects for name in definition.get("properties", {})}


def test_more_gpus_and_another_partition_do_not_retrain() -> None:
    data = copy.deepcopy(EVERYTHING)
    data["resources"] = {
        "train": {"gpus": 8, "per_device_batch": 1, "strategy": "zero3"},
        "slurm": {"partition": "elsewhere"},
    }
    assert ids(data) == ids(EVERYTHING)


def test_renaming_stages_models_data_and_texts_changes_no_id() -> None:
    text = json.dumps(EVERYTHING)
    for old, new in (("structure", "first"), ("compress", "second"), ("student", "pupil"), ("teacher", "tutor")):
        text = text.replace(f'"{old}"', f'"{new}"')
    for key in ('"over": "student"', '"teacher": "first"', '"teacher": "self"'):  # no names, or of one key
        text = text.replace(key.replace("student", "pupil").replace("teacher", "tutor"), key)
    text = text.replace('"train": {"hub"', '"questions": {"hub"').replace('"over": "train"', '"over": "questions"')
    texts = {"teach": "solved", "tries": "attempts", "answers": "written", "both": "two", "refined": "shorter"}
    for old, new in texts.items():
        text = text.replace(f'"{old}"', f'"{new}"').replace(f"{old}.", f"{new}.")
    renamed = json.loads(text)
    prompts = {file: prompt.replace("{{ teach }}", "{{ solved }}") for file, prompt in PROMPTS.items()}
    assert prompts != PROMPTS
    assert set(ids(renamed, prompts=prompts).values()) == set(ids(EVERYTHING).values())
    assert renamed["stages"].keys() != EVERYTHING["stages"].keys()


def test_another_report_order_retrains_nothing() -> None:
    data = copy.deepcopy(EVERYTHING)
    data["evaluate"]["of"].reverse()
    assert ids(data) == ids(EVERYTHING)


def test_a_spec_in_another_folder_keeps_its_ids_when_it_names_the_same_files() -> None:
    data = copy.deepcopy(EVERYTHING)
    data["models"]["teacher"]["path"] = "../models/teacher"
    data["data"]["valid"]["file"] = "../data/valid.jsonl"
    data["data"]["worked"]["file"] = "../data/worked.jsonl"
    here = {task.id for task in sealed(data, folder="specs").plan.tasks}
    data["models"]["teacher"]["path"] = "../../models/teacher"
    data["data"]["valid"]["file"] = "../../data/valid.jsonl"
    data["data"]["worked"]["file"] = "../../data/worked.jsonl"
    assert {task.id for task in sealed(data, folder="specs/deeper").plan.tasks} == here


def test_a_greedy_evaluation_is_shared_between_seeds() -> None:
    greedy = copy.deepcopy(EVERYTHING)
    greedy["evaluate"]["sampling"] = {"temperature": 0.0, "max_new_tokens": 64}
    other = {**greedy, "seed": 8}
    before, after = ids(greedy), ids(other)
    assert before["evaluation of student on test of everything"] == after["evaluation of student on test of everything"]
    for changed in ("evaluation of structure on test", "evaluation of student on long"):
        assert before[f"{changed} of everything"] != after[f"{changed} of everything"]


def test_a_later_stage_changes_nothing_before_it() -> None:
    data = copy.deepcopy(EVERYTHING)
    data["stages"]["rewrite"]["train"]["lr"] = 0.5
    before, after = ids(EVERYTHING), ids(data)
    differing = {label for label in before if before[label] != after[label]}
    scored = {"probabilities of stage copy"}  # of its first weights
    own = {"stage rewrite", "way out of stage rewrite", "suite standard of rewrite"}
    own |= {*(f"evaluation of rewrite on {on}" for on in ("test", "long"))}
    pairs = {"rows of stage prefer", "pairs answers", "generation both", "pairs of stage odds", "rows of stage odds"}
    later = ("prefer", "odds", "agree", "copy", "moving", "mixed", "turns")
    after_it = {part for name in later for part in (f"stage {name}", f"evaluation of {name} on test")}
    after_it -= {f"evaluation of {name} on test" for name in ("mixed", "moving")}
    assert differing == {f"{part} of everything" for part in own | pairs | scored | after_it}


def test_a_stage_keeps_its_optimizer_only_where_another_carries_it() -> None:
    """What is kept is a part of the result: the stage before is another task then, and nothing before that one."""
    fresh = copy.deepcopy(EVERYTHING)
    fresh["stages"]["prefer"]["train"]["optimizer"] = "fresh"
    bodies = {str(label): task.body for task in sealed(EVERYTHING).plan.tasks for label in task.labels}
    keeping = [label for label, body in bodies.items() if getattr(body, "keeps_optimizer", False)]
    assert keeping == ["stage rewrite of everything"]
    before, after = ids(fresh), ids(EVERYTHING)
    differing = [label for label in before if label.startswith("stage ") and before[label] != after[label]]
    assert differing[:2] == ["stage rewrite of everything", "stage prefer of everything"]


def shuffled(value: Any, draw: st.DataObject, path: Path = ()) -> Any:
    """`value` with the keys of every mapping in another order, where the language gives order no meaning."""
    if isinstance(value, list):
        return [shuffled(item, draw, (*path, at)) for at, item in enumerate(value)]
    if not isinstance(value, dict):
        return value
    keys = list(value)
    if path not in (("stages",), ("trace",), ("evaluate", "sets")) and path[-1:] != ("let",):
        keys = draw.draw(st.permutations(keys))
    return {key: shuffled(value[key], draw, (*path, key)) for key in keys}


@settings(max_examples=30, deadline=None)
@given(st.data())
def test_the_order_of_keys_means_nothing(draw: st.DataObject) -> None:
    assert ids(shuffled(EVERYTHING, draw)) == ids(EVERYTHING)


def test_writing_a_default_out_changes_no_id() -> None:
    data = spec_data("small")
    whole = json.loads(experiment(data).model_dump_json(by_alias=True, exclude_none=True))
    assert ids(whole) == ids(data)
    assert whole != data


def test_reformatting_an_expression_changes_no_id() -> None:
    data = copy.deepcopy(EVERYTHING)
    data["stages"]["compress"]["reward"]["terms"]["short"]["value"] = "half\n  *   clip(budget - words, 0, 3)\n"
    assert ids(data) == ids(EVERYTHING)


@pytest.mark.parametrize(
    ("path", "value", "says"),
    [
        (("models", "teacher", "path"), "../../x", "outside the project"),
        (("data", "valid", "file"), "/etc/passwd", "outside the project"),
        (("models", "other", "builtin"), "huge", "without a builtin model `huge`"),
        (("generate", "teach", "prompt"), "prompts/none.jinja", "no prompt file `prompts/none.jinja`"),
        (("stages", "structure", "start"), "nobody", "no model or stage `nobody`"),
        (("stages", "compress", "advance", "require", "train.formatted"), "about 0.5", "is not a comparison"),
        (("resources", "train", "per_device_batch"), 3, "2 processes × per_device_batch 3"),
    ],
)
def test_what_cannot_become_a_task_is_named_with_its_place(path: Path, value: object, says: str) -> None:
    data = copy.deepcopy(EVERYTHING)
    put(data, path, value)
    with pytest.raises(LowerError, match=says) as error:
        sealed(data)
    assert error.value.where
