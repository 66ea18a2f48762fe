"""The preflight: every model is asked what all tasks ask of it, before the first of them runs and without weights."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Stage, contents, environment

from cotspec.runtime import preflight
from cotspec.spec.payload import PASSED, BuiltinModel, Demand, HubModel, InputModel, PreflightBody

OWN = InputModel(chat=False, trust_remote_code=False)


def demand(**changes: Any) -> Demand:
    given: dict[str, Any] = {"model": OWN, "path": "tiny", "max_new_tokens": 8, "tensor_parallel": 1, "targets": ()}
    return Demand(**(given | {"asked": ("teacher of one",)} | changes))


def test_models_that_can_do_what_is_asked_pass_without_weights_or_torch(
    stage: Stage, tmp_path: Path, tiny_model: Path
) -> None:
    shutil.copytree(tiny_model, tmp_path / "tiny")
    (tmp_path / "tiny/model.safetensors").unlink()
    builtin = BuiltinModel(name="tiny-student", digest="", chat=False)
    demands = (demand(targets=("q_proj", "v_proj")), demand(model=builtin, path="", targets=("all-linear",)))
    folder = stage("preflight", PreflightBody(demands=demands))
    code = "import sys; from cotspec.runtime.__main__ import main; code = main(sys.argv[1:]); "
    code += "print(code, 'torch' in sys.modules)"
    arguments = [sys.executable, "-c", code, "payload.json", "run.json"]
    done = subprocess.run(arguments, cwd=folder, env=environment(), capture_output=True, text=True, check=False)
    assert done.stdout.endswith("0 False\n"), done
    assert contents(folder / "out") == {"passed.json": PASSED.encode()}


def test_a_gpu_that_is_not_there_is_one_line_before_the_first_task(
    stage: Stage, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of tasks that are to run here; one that ran asks for nothing."""
    monkeypatch.setattr("torch.cuda.device_count", lambda: 1)
    folder = stage("preflight", PreflightBody(demands=()))
    asked = {"grpo-a": 4, "sft-b": 1, "teach-c": 2, "sft-ran": 8}
    for id in asked:
        (tmp_path / "generated/stages" / id).mkdir(parents=True)
    (tmp_path / "generated/preflight").mkdir()
    (tmp_path / "generated/preflight/gpus.json").write_text(json.dumps(asked))
    (tmp_path / "generated/stages/sft-ran/dvc.lock").touch()
    code, _, err = run_here(folder)
    assert code == 2
    assert err.count("\n") == 1
    assert err.startswith(
        "cotspec: grpo-a needs 4 GPUs and 1 can be seen on this machine (there are 1 more such tasks): "
    )
    assert preflight.main(["payload.json", "run.json"]) == 2
    with monkeypatch.context() as patch:
        patch.setenv("COTSPEC_ELSEWHERE", "1")  # `cotspec submit` calls it
        assert preflight.main(["payload.json", "run.json"]) == 0
        assert not (folder / "out").exists(), "others may be reading what is there"
        assert run_here(folder)[0] == 0
    shutil.rmtree(folder / "out")
    (tmp_path / "generated/stages/grpo-a/out").mkdir()
    (tmp_path / "generated/stages/teach-c/out").mkdir()
    assert run_here(folder)[0] == 0


def test_all_that_is_wrong_is_told_at_once_with_who_asks(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    shutil.copytree(tiny_model, tmp_path / "tiny")
    config = json.loads((tmp_path / "tiny/config.json").read_text())
    (tmp_path / "tiny/config.json").write_text(json.dumps(config | {"vocab_size": 100}))
    shutil.copytree(tmp_path / "tiny", tmp_path / "torn")
    (tmp_path / "torn/tokenizer.json").write_text("{")
    shutil.copytree(tmp_path / "tiny", tmp_path / "mute", ignore=shutil.ignore_patterns("token*"))
    four = tuple(f"stage s of {name}" for name in "abcd")
    demands = (
        demand(targets=("q_proj", "v_porj"), max_new_tokens=512, tensor_parallel=3, asked=four),
        demand(model=OWN.model_copy(update={"chat": True})),
        demand(path="torn"),
        demand(path="mute"),
        demand(path="gone"),
    )
    folder = stage("preflight", PreflightBody(demands=demands))
    code, _, err = run_here(folder)
    assert code == 2
    for told in (
        "tiny: `lora.targets` names `v_porj`, which is no layer of it: did you mean `v_proj`? "
        "(asked by stage s of a, stage s of b, stage s of c and 1 more)",
        "tiny: `sampling.max_new_tokens` 512 leaves no room for a prompt in its 512 positions",
        "tiny: its 2 attention heads cannot be split over `tensor_parallel` 3 GPUs",
        "tiny: its tokenizer has ids up to",
        "and the model has 100 vectors",
        "tiny: `chat: true` is set, and its tokenizer has no chat template (asked by teacher of one)",
        "torn: its tokenizer.json cannot be loaded",
        "mute: it comes without a tokenizer",
        "gone: there is no config.json that can be read",
    ):
        assert told in err
    assert not (folder / "out").exists()


def test_a_model_that_nobody_can_reach_is_left_to_its_own_tasks(stage: Stage, run_here: Run) -> None:
    hub = HubModel(id="acme/nowhere", revision="main", chat=False, trust_remote_code=False)
    demands = (demand(model=hub, path="", targets=("anything",)), demand(model=hub, path=""))
    folder = stage("preflight", PreflightBody(demands=demands))
    code, out, err = run_here(folder)
    assert code == 0, err
    assert out.count("acme/nowhere cannot be asked now") == 1
    assert "if this machine has it, name its folder in cotspec.local.yaml: `models: {acme/nowhere: …}`" in out
    assert (folder / "out/passed.json").read_text() == PASSED


def test_a_place_under_a_misspelt_id_is_told(stage: Stage, tmp_path: Path, run_here: Run) -> None:
    (tmp_path / "cotspec.local.yaml").write_text("models: {acme/nowehre: models/x, acme/other: models/y}\n")
    hub = HubModel(id="acme/nowhere", revision="main", chat=False, trust_remote_code=False)
    code, out, err = run_here(stage("preflight", PreflightBody(demands=(demand(model=hub, path=""),))))
    assert code == 0, err
    assert "cotspec.local.yaml has a folder for `acme/nowehre`: is `acme/nowhere` meant?" in out


def test_a_chat_template_is_tried_on_a_question(stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run) -> None:
    templates = {
        "refuses": "{% if messages[0].role == 'system' %}{{ raise_exception('No system here') }}{% endif %}",
        "omits": "{% for m in messages if m.role == 'user' %}{{ m.content }}{% endfor %}",
        "ended": "{% for m in messages %}{{ m.content }}{% endfor %}{{ thinking }}{{ eos_token }}",
        "huge": "{{ 'x' * 10 ** 12 }}{{ thinking }}",
        "good": "{{ bos_token + 'x' }}{% for m in messages %}{{ m.content }}{% endfor %}{{ thinking }}",
    }
    for name, template in templates.items():
        shutil.copytree(tiny_model, tmp_path / name)
        file = tmp_path / name / "tokenizer_config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | {"chat_template": template}))
    told = {"chat": True, "system": "Be brief.", "template": {"thinking": False}}
    demands = tuple(demand(path=name, model=OWN.model_copy(update=told)) for name in templates)
    demands += (demand(path="omits", model=OWN.model_copy(update=told), asked=("stage s of one",), max_new_tokens=9),)
    code, _, err = run_here(stage("preflight", PreflightBody(demands=demands)))
    assert code == 2
    assert "refuses: its chat template fails: No system here" in err
    assert "refuses: its chat template does not read `thinking` of `template`" in err
    assert "omits: its chat template leaves `system` out" in err
    assert err.count("omits:") == 2, "each fault once, with all who ask"
    assert "put it into the prompt instead (asked by teacher of one, stage s of one)" in err
    assert "ended: its chat template ends a prompt with `" in err
    assert "huge: its chat template takes more than 1,073,741,824 bytes for one conversation" in err
    assert "good:" not in err
    demands = (demand(path="good", model=OWN.model_copy(update=told)),)
    assert run_here(stage("preflight-good", PreflightBody(demands=demands)))[0] == 0
