"""What is sampled and how it is spread reaches vLLM.

vLLM needs a GPU: where it is not installed, a module of that name writes down what it is called with.
"""

from __future__ import annotations

import hashlib
import importlib.machinery
import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import bodies
import pytest
from conftest import write_lines
from fields import Workshop

torch = pytest.importorskip("torch", reason="generation tests need the `train` extra")
pytest.importorskip("trl", reason="generation tests need the `train` extra")

from test_fields_of_generation import SET, teach  # noqa: E402

from cotspec.spec.payload import TrainBody  # noqa: E402

_NAMES = ("memory", "gpus", "server", "port", "group_port", "timeout")
FIELDS = {f"run.vllm_{name}" for name in _NAMES}
"""Fields that are held here, and in test_vllm_server."""


@pytest.fixture
def vllm(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[dict[str, Any]]]:
    """What vLLM is called with, by the name of what is called. A GPU is there as long as its engine asks for one."""
    from trl import GRPOTrainer  # noqa: F401 - it looks for vLLM, and for the version of a real one

    if importlib.util.find_spec("vllm") is not None:
        pytest.skip("vLLM is installed here, and needs a GPU")
    called: dict[str, list[dict[str, Any]]] = {"LLM": [], "SamplingParams": []}
    module = ModuleType("vllm")
    module.__spec__ = importlib.machinery.ModuleSpec("vllm", None)

    class Model:
        def __init__(self, **kwargs: Any) -> None:
            called["LLM"].append(kwargs)

        def generate(self, prompts: list[Any], parameters: list[Any], *, use_tqdm: bool) -> list[Any]:
            said = SimpleNamespace(text="Answer: 3", token_ids=[5, 6, 0], finish_reason="stop")
            return [SimpleNamespace(outputs=[said]) for _ in zip(prompts, parameters, strict=True)]

    module.LLM = Model  # type: ignore[attr-defined]
    module.SamplingParams = lambda **kwargs: called["SamplingParams"].append(kwargs)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "vllm", module)
    asked = iter([True, True])  # the preflight of the task, and the engine; nothing else may find one
    monkeypatch.setattr(torch.cuda, "is_available", lambda: next(asked, False))
    return called


def test_what_is_sampled_and_how_it_is_spread_reaches_vllm(
    vllm: dict[str, list[dict[str, Any]]], tmp_path: Path, tiny_model: Path
) -> None:
    asked = [{"id": k, "question": f"Ann has {k} apples.", "answer": "3"} for k in range(2)]
    inputs = {"problems": write_lines(tmp_path / "problems.jsonl", asked), "model": tiny_model}
    here, run = Workshop(tmp_path), {"engine": "vllm", "tensor_parallel": 2, "vllm_memory": 0.45}
    ran = here.run(teach(**SET), inputs, **run)
    (model,), drawn = vllm["LLM"], vllm["SamplingParams"]
    assert [rollout["tokens"] for rollout in ran.read("rollouts.jsonl")] == [3] * 4
    assert (model["model"], model["tensor_parallel_size"], model["gpu_memory_utilization"]) == (
        str(tiny_model),
        2,
        0.45,
    )
    assert model["trust_remote_code"] is False
    same = {"temperature": 0.7, "top_p": 0.85, "top_k": 7, "max_tokens": 9, "stop": ["zebra"]}
    assert [{name: one[name] for name in same} for one in drawn] == [same] * 4
    own = int.from_bytes(hashlib.sha256(b"generate 11 0:0").digest()[:8], "big") >> 1
    assert own in [one["seed"] for one in drawn]
    assert len({one["seed"] for one in drawn}) == 4


class StopError(Exception):
    """Raised where a trainer would be built."""


def test_grpo_generates_with_vllm_where_the_machine_is_said_to(
    vllm: dict[str, list[dict[str, Any]]], tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trl

    built: list[Any] = []

    def build(_: Any, **kwargs: Any) -> None:
        built.append(kwargs["args"])
        raise StopError

    monkeypatch.setattr(trl.GRPOTrainer, "__init__", build)
    inputs = {"rows": write_lines(tmp_path / "rows.jsonl", bodies.grpo_rows(2)), "model": tiny_model}
    run = {"per_device_batch": 8, "engine": "vllm", "tensor_parallel": 2, "vllm_memory": 0.45}
    assert Workshop(tmp_path).run(bodies.grpo(), inputs, **run).code == 3
    (args,) = built
    assert (args.use_vllm, args.vllm_mode, args.vllm_tensor_parallel_size) == (True, "colocate", 2)
    assert (args.vllm_gpu_memory_utilization, args.vllm_max_model_length) == (0.45, 128)


@pytest.mark.parametrize(
    "body", [bodies.grpo(), bodies.distill(over="student", sampling=bodies.SAMPLED)], ids=["grpo", "distill"]
)
def test_a_server_of_vllms_own_reaches_trls_configuration(
    vllm: dict[str, list[dict[str, Any]]],
    tmp_path: Path,
    tiny_model: Path,
    monkeypatch: pytest.MonkeyPatch,
    body: TrainBody,
) -> None:
    import trl

    built: list[Any] = []

    def build(_: Any, **kwargs: Any) -> None:
        built.append(kwargs["args"])
        raise StopError

    for trainer in (trl.GRPOTrainer, trl.DistillationTrainer):
        monkeypatch.setattr(trainer, "__init__", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    inputs = {"rows": write_lines(tmp_path / "rows.jsonl", bodies.ROWS[body.kind](8)), "model": tiny_model}
    inputs |= {"teacher": tiny_model} if body.kind == "distill" else {}
    run = {"per_device_batch": body.global_batch, "engine": "vllm", "vllm_gpus": 2}
    here = Workshop(tmp_path)
    alone = here.run(body, inputs, **run)
    assert "run.json asks for a vLLM server and none was started: use launch.sh" in alone.err
    monkeypatch.setenv("COTSPEC_VLLM_URL", "http://127.0.0.1:8123")
    monkeypatch.setenv("COTSPEC_VLLM_GROUP_PORT", "51999")
    assert here.run(body, inputs, **run, save_steps=3).code == 3
    (args,) = built
    assert (args.use_vllm, args.vllm_mode, args.vllm_group_port) == (True, "server", 51999)
    assert args.vllm_server_base_url == "http://127.0.0.1:8123"


def test_a_server_that_the_spec_names_reaches_trls_configuration_where_the_machine_agrees(
    vllm: dict[str, list[dict[str, Any]]], tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import trl

    built: list[Any] = []

    def build(_: Any, **kwargs: Any) -> None:
        built.append(kwargs["args"])
        raise StopError

    monkeypatch.setattr(trl.GRPOTrainer, "__init__", build)
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    inputs = {"rows": write_lines(tmp_path / "rows.jsonl", bodies.grpo_rows(8)), "model": tiny_model}
    run = {"per_device_batch": 8, "engine": "vllm", "vllm_server": "http://node7:8000", "vllm_group_port": 51999}
    here = Workshop(tmp_path)
    alone = here.run(bodies.grpo(), inputs, **run)
    assert "prompts for `vLLM` would go to http://node7:8000, and cotspec.local.yaml does not agree" in alone.err
    assert not built
    agreed = 'endpoints: {"http://node7:8000": {url: "http://localhost:8001"}}\n'
    (tmp_path / "cotspec.local.yaml").write_text(agreed)
    assert here.run(bodies.grpo(), inputs, **run, vllm_timeout=60.0).code == 3
    (args,) = built
    assert (args.use_vllm, args.vllm_mode, args.vllm_group_port) == (True, "server", 51999)
    assert (args.vllm_server_base_url, args.vllm_server_timeout) == ("http://localhost:8001", 60.0)
