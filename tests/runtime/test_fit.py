"""A model is asked before its weights are loaded; what is known without the library is what the library says."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import bodies
import pytest
from conftest import SOLVE, Run, Stage, write_lines

from cotspec.cot import model_config
from cotspec.spec.payload import Lora, TeachBody

torch = pytest.importorskip("torch", reason="training tests need the `train` extra")
transformers = pytest.importorskip("transformers", reason="training tests need the `train` extra")

from cotspec.runtime import fitting  # noqa: E402


@pytest.mark.parametrize("family", model_config.LAYERS)
def test_the_layers_of_a_family_are_those_of_its_model(family: str) -> None:
    small = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "hidden_size": 32}
    sizes = {"intermediate_size": 32, "head_dim": 16, "vocab_size": 64, "pad_token_id": 0, "bos_token_id": 0}
    config = transformers.AutoConfig.for_model(family, **small, **sizes, eos_token_id=0)
    names = {name.rpartition(".")[2] for name in fitting.layers(config, trust_remote_code=False)}
    assert names == set(model_config.LAYERS[family])


@pytest.mark.parametrize(
    ("targets", "told"),
    [
        (("q_proj", "v_porj"), "no layer of the model is `v_porj`, did you mean `v_proj`?"),
        (("lm_head",), "no layer of the model is `lm_head`, there are down_proj, embed_tokens, gate_proj,"),
        (("layers.7.self_attn.q_proj", "q_proj"), "no layer of the model is `layers.7.self_attn.q_proj`"),
        (("self_attn", "norm"), "no layer of the model is `self_attn`"),
    ],
)
def test_each_target_of_lora_is_a_layer_or_nothing_is_loaded(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run, targets: tuple[str, ...], told: str
) -> None:
    shutil.copytree(tiny_model, tmp_path / "model")
    (tmp_path / "model/model.safetensors").unlink()
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(4))
    body = bodies.sft(lora=Lora(r=4, alpha=8.0, dropout=0.0, targets=targets))
    code, _, err = run_here(stage("sft-1", body, {"rows": rows, "model": tmp_path / "model"}))
    assert code == 2
    assert told in err


def test_all_linear_adapts_every_linear_layer_but_the_output(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    from safetensors.torch import load_file

    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(8))
    body = bodies.sft(lora=Lora(r=4, alpha=8.0, dropout=0.0, targets=(model_config.ALL_LINEAR,)))
    folder = stage("sft-1", body, {"rows": rows, "model": tiny_model})
    code, _, err = run_here(folder)
    assert code == 0, err
    before, after = (load_file(place / "model.safetensors") for place in (tiny_model, folder / "out/model"))
    changed = {name.split(".")[-2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}


def without_weights(model: Path, folder: Path, **config: object) -> Path:
    shutil.copytree(model, folder)
    (folder / "model.safetensors").unlink()
    given = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps(given | config))
    return folder


@pytest.mark.parametrize(
    ("config", "told"),
    [
        ({"max_position_embeddings": 20}, "and 12 new ones do not fit the model's 20 positions"),
        ({"vocab_size": 64}, "and the model has 64 vectors: they are not of one model"),
    ],
)
def test_prompts_are_held_against_the_model_before_its_weights_are_loaded(
    stage: Stage, tmp_path: Path, tiny_model: Path, problems: Path, run_here: Run, config: dict[str, int], told: str
) -> None:
    model = without_weights(tiny_model, tmp_path / "model", **config)
    body = TeachBody(model=bodies.MODEL, prompt=SOLVE, sampling=bodies.GREEDY, seed=1)
    code, _, err = run_here(stage("teach-1", body, {"problems": problems, "model": model}))
    assert code == 2
    assert told in err


def test_rows_beyond_the_positions_of_the_model_are_counted_and_not_trained_on(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    model = without_weights(tiny_model, tmp_path / "model", max_position_embeddings=16)
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(4))
    code, out, err = run_here(stage("sft-1", bodies.sft(), {"rows": rows, "model": model}))
    assert code == 2
    assert "the model has 16 positions: longer rows are not trained on, though max_length is 128" in out + err
    assert "no row of 4 can be trained on: 4 longer than max_length 16" in err


def test_the_worse_answer_is_held_against_the_model_too(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(tiny_model)
    rows = [row | {"prompt": "a", "chosen": "a", "rejected": "a zebra ≈ 7"} for row in bodies.dpo_rows(4)]
    fits, more = (
        max(max(tokenizer(row[name])["input_ids"]) for row in rows for name in names)
        for names in (("prompt", "chosen"), ("rejected",))
    )
    assert fits < more
    model = without_weights(tiny_model, tmp_path / "model", vocab_size=fits + 1)
    folder = stage("dpo-1", bodies.dpo(), {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": model})
    code, _, err = run_here(folder)
    assert code == 2
    assert f"gives the id {more}, and the model has {fits + 1} vectors" in err
