"""Model folders of a stranger: whatever is in them, a task says what is wrong, in time and without a traceback."""

from __future__ import annotations

import json
import os
import shutil
import struct
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, Stage

from cotspec.runtime import models
from cotspec.runtime.errors import TaskError
from cotspec.spec.payload import Demand, InputModel, PreflightBody

OWN = InputModel(chat=True, trust_remote_code=False)
Make = Callable[[Path], object]


def config(**changes: Any) -> Make:
    def make(folder: Path) -> None:
        file = folder / "config.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    return make


def put(name: str, content: bytes | str) -> Make:
    return lambda folder: (folder / name).write_bytes(content if isinstance(content, bytes) else content.encode())


def instead(name: str, make: Make) -> Make:
    def replace(folder: Path) -> None:
        (folder / name).unlink(missing_ok=True)
        make(folder / name)

    return replace


#: How a folder is broken → what the preflight says of it.
BROKEN: dict[str, tuple[Make, str]] = {
    "list": (put("config.json", "[]"), "no config.json that can be read"),
    "nested": (put("config.json", "[" * 100_000), "no config.json that can be read"),
    "digits": (put("config.json", f'{{"hidden_size": {"9" * 4000}}}'), "no config.json that can be read"),
    "pipe": (instead("config.json", os.mkfifo), "no config.json that can be read"),
    "folder": (instead("config.json", Path.mkdir), "no config.json that can be read"),
    "layers": (config(num_hidden_layers=10**9), "no model has so many: `num_hidden_layers`"),
    "labels": (config(text_config={"num_labels": 10**9}), "no model has so many: `text_config.num_labels`"),
    "tokenizer": (instead("tokenizer.json", os.mkfifo), "tokenizer.json cannot be read"),
    "weights": (instead("model.safetensors", lambda file: file.symlink_to("/dev/zero")), "cannot be read"),
    "torn": (put("tokenizer.json", '{"model": {"vocab": {"\\ud800": 0}}}'), "tokenizer.json cannot be loaded"),
    "mute": (put("tokenizer_config.json", '{"chat_template": 3, "eos_token": [3]}'), ""),
    "template": (put("chat_template.jinja", b"\xff{{ 'x' * 10 ** 12 }}"), "its chat template takes more than"),
}


def broken(tiny_model: Path, place: Path, make: Make) -> Path:
    shutil.copytree(tiny_model, place)
    make(place)
    return place


def test_the_preflight_tells_of_every_broken_folder(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    for name, (make, _) in BROKEN.items():
        broken(tiny_model, tmp_path / name, make)
    asked: dict[str, Any] = {"max_new_tokens": 8, "tensor_parallel": 1, "targets": (), "asked": ("teacher of one",)}
    demands = tuple(Demand(model=OWN, path=name, **asked) for name in BROKEN)
    code, _, err = run_here(stage("preflight", PreflightBody(demands=demands)))
    assert code == 2
    told = {line.split(":")[0].strip(): line for line in err.splitlines()}
    assert {name: told.get(name, "") for name, (_, part) in BROKEN.items() if part not in told.get(name, "")} == {}


@pytest.mark.parametrize(
    "make",
    [
        put("model.safetensors", struct.pack("<Q", 2**63) + b"{}"),
        put("model.safetensors", b""),
        put("model.safetensors", struct.pack("<Q", 2) + b"[]"),
        config(hidden_size="x"),
        config(hidden_size=-1),
        config(architectures=3, model_type=["x"]),
        config(num_attention_heads=0),
        put("tokenizer.json", "[]"),
        put("tokenizer_config.json", '{"tokenizer_class": {"a": 1}, "added_tokens_decoder": 3}'),
        put("sample_encoding.json", "3"),
    ],
)
def test_what_a_library_cannot_load_is_an_error_with_the_models_name(
    make: Make, tmp_path: Path, tiny_model: Path
) -> None:
    folder = broken(tiny_model, tmp_path / "own", make)
    origin = models.ModelSource(folder=folder, chat=None, trust_remote_code=False)
    with pytest.raises(TaskError, match="own"):
        load(origin)


def load(origin: models.ModelSource) -> None:
    models.load_tokenizer(origin)
    models.load_config(origin)
    models.load_model(origin, dtype="auto")
