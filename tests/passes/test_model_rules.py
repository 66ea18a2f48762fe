"""A model's own files are asked at check: builtin, in a folder, named by cotspec.local.yaml, in the hub's cache."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

Found = list[tuple[str, str, str]]
Check = Callable[..., Found]
LLAMA = {"model_type": "llama", "num_attention_heads": 6, "max_position_embeddings": 256, "vocab_size": 50}
COMMIT = "0123456789abcdef0123456789abcdef01234567"


def model(folder: Path, *, config: dict[str, Any] = LLAMA, **files: Any) -> Path:
    folder.mkdir(parents=True)
    for name, data in {"config": config, **files}.items():
        (folder / f"{name}.json").write_text(json.dumps(data))
    return folder


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Check:
    """Checks the small spec in a project, with changes at its top level; rule, message and advice of each error."""
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "hub"))
    base = yaml.safe_load(Path(__file__).with_name("base.yaml").read_text())

    def run(**changes: Any) -> Found:
        spec = tmp_path / "specs" / "spec.yaml"
        spec.write_text(json.dumps(base | changes))
        sink = Sink()
        plan_specs({"specs/spec.yaml": spec}, sink)
        return [(each.rule, each.message, each.help) for each in sink.findings if each.severity == "error"]

    return run


def stages(*targets: str) -> dict[str, Any]:
    train = {"by": "sft", "lr": 1e-5, "max_length": 200, "lora": {"targets": list(targets)}}
    rest = {"rows": {"from": "teach"}, "task": "solve"}
    return {name: {"start": start, "train": train, **rest} for name, start in (("first", "base"), ("second", "first"))}


@pytest.mark.parametrize("kind", ["builtin", "path", "local", "cached"])
def test_a_target_that_is_no_layer_is_found_wherever_the_configuration_is(
    check: Check, tmp_path: Path, kind: str
) -> None:
    model(tmp_path / "models/own")
    kept = tmp_path / "hub/models--own--cached"
    model(kept / "snapshots" / COMMIT)
    (kept / "refs").mkdir()
    (kept / "refs/main").write_text(COMMIT)
    (tmp_path / "cotspec.local.yaml").write_text("models: {own/local: models/own}\n")
    named = {
        "builtin": {"builtin": "tiny-student"},
        "path": {"path": "../models/own"},
        "local": {"hub": "own/local"},
        "cached": {"hub": "own/cached"},
    }
    found = check(models={"base": named[kind]}, stages=stages("q_proj", "v_porj"))
    told = [each for each in found if each[0] == "lora-targets"]
    assert [each[1] for each in told] == ["`base` has no layer `v_porj` to adapt"] * 2
    assert all(each[2].startswith("did you mean `v_proj`") for each in told)
    assert not [each for each in check(models={"base": named[kind]}, stages=stages("all-linear")) if "lora" in each[0]]
    beside = check(models={"base": named[kind]}, stages=stages("all-linear", "embed_tokens"))
    assert {each[1] for each in beside if each[0] == "lora-targets"} == {"`all-linear` stands beside names of layers"}
    assert [each[1] for each in check(models={"base": named[kind]}, stages=stages("lm_head")) if "lora" in each[0]]


def test_nothing_is_said_of_layers_that_are_not_known(check: Check, tmp_path: Path) -> None:
    model(tmp_path / "models/own", config=LLAMA | {"model_type": "of-somebody"})
    for named in ({"path": "../models/own"}, {"hub": "own/nowhere"}):
        assert not [each for each in check(models={"base": named}, stages=stages("anything")) if "lora" in each[0]]


def test_what_is_written_fits_the_model(check: Check, tmp_path: Path) -> None:
    model(tmp_path / "models/own", tokenizer={"model": {"vocab": {"a": 0, "b": 70}}})
    sampling = {"max_new_tokens": 256}
    found = check(
        models={"base": {"path": "../models/own", "chat": True}, "tutor": {"builtin": "tiny-teacher"}},
        generate={"teach": {"by": "base", "over": "train", "sampling": sampling}},
        stages={
            name: {**stage, "train": {**stage["train"], "max_length": 257}} for name, stage in stages("q_proj").items()
        },
        evaluate={"data": "test", "of": ["base", "second"], "sampling": sampling},
        resources={"generate": {"engine": "vllm", "gpus": 4, "tensor_parallel": 4}, "train": {"gpus": 0}},
    )
    told = {message for _, message, _ in found}
    assert {
        "`max_new_tokens` 256 leaves no room for a prompt in the 256 positions of `base`",
        "`max_length` 257 is more than the 256 positions of `base`",
        "the tokenizer of `base` has no chat template",
        "the tokenizer of `base` has ids up to 70, and the model has 50 vectors",
        "the 6 attention heads of `base` cannot be split over 4 GPUs",
    } <= told
    own = tmp_path / "models/own"
    whole = {"stages": stages("q_proj"), "resources": {"generate": {"gpus": 0}, "train": {"gpus": 0}}}

    def about_chat(text: str, **model: Any) -> set[str]:
        (own / "chat_template.jinja").write_text(text)
        (own / "tokenizer.json").write_text("{}")
        os.utime(own / "config.json", ns=(len(text), len(text)))  # read again
        named = {"base": {"path": "../models/own", "chat": True, **model}, "tutor": {"builtin": "tiny-teacher"}}
        found = check(models=named, **whole)
        return {f"{rule}: {message}" for rule, message, _ in found}

    asked = {"template": {"enable_thinking": False}}
    assert about_chat("{{ messages }}") == set()
    assert about_chat("{{ messages }} ", **asked) == {
        "chat-settings: the chat template of `base` does not read `enable_thinking`"
    }
    assert about_chat("{{ messages }}{{ enable_thinking }}", **asked) == set()


def test_a_stop_at_the_first_line_break_is_found(check: Check) -> None:
    sampling = {"temperature": 0, "max_new_tokens": 256, "stop": {"texts": ["Question:", "\n"]}}
    given = {"data": "test", "of": ["base", "first", "second"], "sampling": sampling}
    message = "'\\n' ends the first line: no completion would go on after it"
    assert check(stages=stages("q_proj"), evaluate=given) == [("stop", message, "choose a text of more than that")]


@pytest.mark.parametrize("scaling", [{"rope_type": "yarn", "factor": 1e308}, {"rope_type": ["yarn"]}, {"type": 3}])
def test_a_strangers_scaling_of_positions_that_makes_no_sense_is_not_used(
    check: Check, tmp_path: Path, scaling: dict[str, Any]
) -> None:
    model(tmp_path / "models/own", config=LLAMA | {"max_position_embeddings": 100, "rope_parameters": scaling})
    changes = {"models": {"base": {"path": "../models/own"}, "tutor": {"builtin": "tiny-teacher"}}}
    found = check(**changes, stages=stages("q_proj"), evaluate={"data": "test", "of": ["base"]})
    assert {rule for rule, _, _ in found} == {"context-length"}


def test_a_teacher_of_another_vocabulary_is_found_where_both_are_at_hand(check: Check, tmp_path: Path) -> None:
    words = {"model": {"vocab": {"a": 0, "b": 1}}}
    model(tmp_path / "models/own", tokenizer=words)
    model(tmp_path / "models/same", tokenizer=words, config=LLAMA | {"vocab_size": 64})
    model(tmp_path / "models/other", tokenizer={"model": {"vocab": {"a": 1, "b": 0}}})
    model(tmp_path / "models/fewer", tokenizer=words, config=LLAMA | {"vocab_size": 40})

    def told(teacher: dict[str, Any]) -> list[str]:
        train = {"by": "distill", "lr": 1e-5, "max_length": 200, "teacher": "tutor", "sampling": {"max_new_tokens": 50}}
        stage = {"start": "base", "train": train, "rows": {"from": "teach"}, "task": "solve"}
        named = {"base": {"path": "../models/own"}, "tutor": teacher}
        found = check(models=named, stages={"first": stage}, evaluate={"data": "test", "of": ["first"]})
        assert all("GOLD" in advice for rule, _, advice in found if rule == "teacher-vocabulary")
        return [message.partition(": ")[2] for rule, message, _ in found if rule == "teacher-vocabulary"]

    assert told({"path": "../models/same"}) == told({"hub": "own/nowhere"}) == []
    assert told({"path": "../models/other"}) == ["'a' is token 0 of the student and token 1 of the teacher"]
    assert told({"path": "../models/fewer"}) == ["the teacher has 40 vectors, and the student 50"]
    assert len(told({"builtin": "tiny-teacher"})) == 1
