"""What is read from a project and a machine: earlier results, configurations of models. Broken files are no files."""

from __future__ import annotations

import json
import struct
from pathlib import Path

import pytest

from cotspec.back import registry
from cotspec.builtin.digest import MODELS
from cotspec.estimate import Estimator
from cotspec.history.project_facts import ProjectFacts
from cotspec.ir.plan import Plan, Read, Task
from cotspec.spec.payload import BuiltinModel, HubModel, RowsBody
from tests.estimate.known import parts
from tests.support import sealed, spec_data

CONFIG = json.loads((MODELS / "tiny-student" / "config.json").read_text(encoding="utf-8"))
HUB = HubModel(id="someone/model", revision="main", chat=False, trust_remote_code=False)


def write(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def stage(root: Path, id: str, file: str) -> Path:
    return root / "generated" / "stages" / id / file


# --- lines ----------------------------------------------------------------------------------------------------------


def test_a_file_of_records_is_summed_up_field_by_field(tmp_path: Path) -> None:
    rows = [{"text": "abcd", "tokens": 2, "ok": True, "tries": ["a"]}, {"text": "ab", "tokens": 4, "ok": False}]
    write(stage(tmp_path, "a-1", "out/x.jsonl"), "".join(json.dumps(row) + "\n" for row in rows))
    found = ProjectFacts(tmp_path).lines(Read("a-1", "x.jsonl"))
    assert found is not None
    assert (found.file, found.total, found.looked) == ("x.jsonl of a-1", 2, 2)
    assert (found.chars, found.longest) == ({"text": 3.0}, {"text": 4.0})
    assert (found.means, found.largest) == ({"tokens": 3.0}, {"tokens": 4.0})


def test_a_long_file_is_counted_whole_and_looked_at_in_part(tmp_path: Path) -> None:
    write(tmp_path / "data.jsonl", '{"question": "abc"}\n' * 1234)
    found = ProjectFacts(tmp_path).lines(Read("", "data.jsonl"))
    assert found is not None
    assert (found.total, found.looked) == (1234, 500)


@pytest.mark.parametrize("text", ["", "not json\n", '{"a": 1}\n{"torn', "[1, 2]\n", "\0\0\n"])
def test_a_file_that_is_not_of_records_is_not_there(tmp_path: Path, text: str) -> None:
    write(tmp_path / "data.jsonl", text)
    assert ProjectFacts(tmp_path).lines(Read("", "data.jsonl")) is None


def test_a_file_that_is_missing_is_not_there(tmp_path: Path) -> None:
    assert ProjectFacts(tmp_path).lines(Read("a-1", "x.jsonl")) is None
    assert ProjectFacts(tmp_path).lines(Read("", "x.jsonl")) is None


# --- runs -----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("text", "seconds"), [('{"seconds": 4.5}', 4.5), ('{"seconds": "4"}', None), ("{", None)])
def test_the_record_of_a_run_tells_its_seconds(tmp_path: Path, text: str, seconds: float | None) -> None:
    task = parts(spec_data("small"))["generation teach"]
    write(stage(tmp_path, task.id, "last-run.json"), text)
    assert ProjectFacts(tmp_path).seconds(task) == seconds


def test_the_record_of_a_run_tells_the_memory_it_held_and_one_of_before_says_nothing(tmp_path: Path) -> None:
    tasks = parts(spec_data("small"))
    one, other = tasks["generation teach"], tasks["evaluation of student"]
    write(stage(tmp_path, one.id, "last-run.json"), '{"seconds": 4.5, "memory": 1000}')
    write(stage(tmp_path, other.id, "last-run.json"), '{"seconds": 4.5}')
    assert (ProjectFacts(tmp_path).memory(one), ProjectFacts(tmp_path).memory(other)) == (1000.0, None)


def test_a_report_is_found_by_its_experiment(tmp_path: Path) -> None:
    task = parts(spec_data("small"))["report"]
    write(tmp_path / "generated" / "reports" / "small" / "last-run.json", '{"seconds": 1}')
    assert ProjectFacts(tmp_path).seconds(task) == 1.0


def emitted(root: Path, plan: Plan) -> dict[str, Task]:
    for path, text in registry.emit(plan).items():
        write(root / path, text)
    return {task.id: task for task in plan.tasks}


@pytest.mark.parametrize("built_anew", [False, True])
def test_measured_tasks_of_an_earlier_plan_scale_the_estimates_of_a_new_one(tmp_path: Path, built_anew: bool) -> None:
    old, new = spec_data("small"), spec_data("small")
    new["stages"]["structure"]["train"]["lr"] = 0.002
    before = emitted(tmp_path, sealed(old).plan)
    measured = next(id for id in before if id.startswith("sft-"))
    write(stage(tmp_path, measured, "last-run.json"), '{"seconds": 1000}')
    tasks = sealed(new).tasks
    known = dict(tasks)
    known.pop(measured, None)
    if built_anew:  # which takes the files of the old stage away, and leaves its result
        folder = stage(tmp_path, measured, "payload.json").parent
        asked = {name: json.loads((folder / f"{name}.json").read_text()) for name in ("payload", "run")}
        write(folder / "last-run.json", json.dumps({"seconds": 1000} | asked))
        (folder / "payload.json").unlink()
        (folder / "run.json").unlink()
    records = ProjectFacts(tmp_path)
    others = records.others(known)
    assert measured in others
    assert all(read.task in others or read.task in known for task in others.values() for read in task.reads.values())
    wanted = next(id for id in known if id.startswith("sft-"))
    cost = Estimator(known, records, others).cost(wanted)
    assert cost.seconds.value == pytest.approx(1000)  # as many tokens as that run had
    assert "as 1 run like it took" in cost.seconds.text


def test_a_folder_that_another_version_wrote_is_no_measured_task(tmp_path: Path) -> None:
    for name, payload in (("sft-1", "{}"), ("sft-2", "{"), ("sft-3", '{"cotspec": 99}')):
        write(stage(tmp_path, name, "last-run.json"), '{"seconds": 3}')
        write(stage(tmp_path, name, "payload.json"), payload)
    assert ProjectFacts(tmp_path).others({}) == {}


# --- texts that are there already -----------------------------------------------------------------------------------


def own_traces(tmp_path: Path, **rows: object) -> dict[str, Task]:
    """A stage that learns from a file of 30 traces, every third of them right and short."""
    spec = spec_data("small")
    columns = {"question": "chat.user", "answer": "gold", "trace": "chat.assistant"}
    spec["data"]["r1"] = {"file": "r1.jsonl", "slice": [0, 30], **columns}
    spec["stages"]["structure"] |= {"rows": {"from": "r1", **rows}}
    made = []
    for at in range(40):
        said = f"Step 1: {at}\nAnswer: {at}" if at % 3 == 0 else f"Step 1: {'well ' * 20}\nAnswer: none"
        turns = [{"role": "user", "content": "How many?"}, {"role": "assistant", "content": said}]
        made.append(json.dumps({"chat": turns, "gold": at}) + "\n")
    write(tmp_path / "specs" / "r1.jsonl", "".join(made))
    return parts(spec)


def test_a_file_with_texts_is_read_by_its_columns_and_cut_before_its_task_has_run(tmp_path: Path) -> None:
    tasks = own_traces(tmp_path)
    found = ProjectFacts(tmp_path).given(tasks["data r1"])
    assert found is not None
    assert (found.file, found.total, found.chars["question"]) == ("specs/r1.jsonl", 30, len("How many?"))
    assert found.longest["trace"] == len(f"Step 1: {'well ' * 20}\nAnswer: none")
    assert ProjectFacts(tmp_path).given(tasks["data test"]) is None, "a builtin one"


@pytest.mark.parametrize(
    ("rows", "share"),
    [
        ({"where": "r1.correct"}, 10 / 30),
        ({"where": "r1.words > 9", "slice": [0, 3]}, 2 / 3),
        ({"where": "r1.words > 99"}, 0),
    ],
)
def test_the_texts_that_meet_a_condition_are_counted_as_rows_will_be(
    tmp_path: Path, rows: dict[str, object], share: float
) -> None:
    tasks = own_traces(tmp_path, **rows)
    body = tasks["rows of stage structure"].body
    assert isinstance(body, RowsBody)
    found = ProjectFacts(tmp_path).selected(tasks["data r1"], body)
    assert found is not None
    assert found.share == pytest.approx(share)
    assert (found.length < 1) == (rows["where"] == "r1.correct")
    assert ProjectFacts(tmp_path).selected(tasks["traces r1"], body) is None, "they were not written yet"


# --- models ---------------------------------------------------------------------------------------------------------


def test_a_builtin_model_is_read_from_the_package(tmp_path: Path) -> None:
    found = ProjectFacts(tmp_path).model(BuiltinModel(name="tiny-student", digest="", chat=False))
    assert found is not None
    assert (found.parameters, found.dtype) == (709_504, "fp32")
    assert found.tokenizer > 10_000
    assert "config.json of tiny-student" in found.source


def test_a_folder_of_the_project_is_read(tmp_path: Path) -> None:
    write(tmp_path / "models" / "mine" / "config.json", json.dumps(CONFIG))
    found = ProjectFacts(tmp_path).model(Read("", "models/mine"))
    assert found is not None
    assert found.source == "N = 7.1e+05 from models/mine/config.json"


def test_a_local_copy_of_a_hub_model_goes_before_the_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HF_HUB_CACHE", raising=False)
    monkeypatch.setenv("HF_HOME", str(tmp_path / "cache"))
    kept = tmp_path / "cache" / "hub" / "models--someone--model"
    write(kept / "refs" / "main", "abc\n")
    write(kept / "snapshots" / "abc" / "config.json", json.dumps(CONFIG | {"num_hidden_layers": 1}))
    cached = ProjectFacts(tmp_path).model(HUB)
    assert cached is not None
    assert cached.shape is not None
    assert cached.shape.layers == 1
    assert "cache" in cached.source
    write(tmp_path / "own" / "config.json", json.dumps(CONFIG))
    write(tmp_path / "cotspec.local.yaml", "models: {someone/model: own}\ndevice: H100\n")
    records = ProjectFacts(tmp_path)
    own = records.model(HUB)
    assert own is not None
    assert own.parameters == 709_504
    assert "cotspec.local.yaml" in own.source
    assert records.gpu == "H100"
    assert ProjectFacts(tmp_path, gpu="L40S").gpu == "L40S"


def test_a_hub_model_that_is_nowhere_is_known_when_its_config_was_published(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    found = ProjectFacts(tmp_path).model(HUB.model_copy(update={"id": "Qwen/Qwen2.5-3B"}))
    assert found is not None
    assert found.parameters == 3_085_938_688
    assert ProjectFacts(tmp_path).model(HUB) is None


def test_a_model_of_another_family_is_counted_by_its_weights(tmp_path: Path) -> None:
    head = json.dumps(
        {"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [3, 5]}, "b": {"dtype": "F32", "shape": [7]}}
    ).encode()
    folder = tmp_path / "models" / "odd"
    write(folder / "config.json", '{"model_type": "odd"}')
    (folder / "model.safetensors").write_bytes(struct.pack("<Q", len(head)) + head)
    found = ProjectFacts(tmp_path).model(Read("", "models/odd"))
    assert found is not None
    assert (found.parameters, found.shape) == (22, None)
    assert "the weights" in found.source


@pytest.mark.parametrize("weights", [b"", b"\xff" * 8, b"\x02" + b"\0" * 7 + b"[]", struct.pack("<Q", 5) + b"{}"])
def test_weights_that_cannot_be_read_leave_a_model_unknown(tmp_path: Path, weights: bytes) -> None:
    write(tmp_path / "m" / "config.json", '{"model_type": "odd"}')
    (tmp_path / "m" / "model.safetensors").write_bytes(weights)
    assert ProjectFacts(tmp_path).model(Read("", "m")) is None


@pytest.mark.parametrize("text", ["models: 3", "device: Z80", "{", "\0"])
def test_a_wrong_local_file_leaves_the_defaults(tmp_path: Path, text: str) -> None:
    write(tmp_path / "cotspec.local.yaml", text)
    assert ProjectFacts(tmp_path).gpu == "A100-80G"


def test_cores_are_those_the_runtime_would_use(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OMP_NUM_THREADS", "3")
    assert ProjectFacts(tmp_path).cores == 3
