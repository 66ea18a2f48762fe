"""A model is asked before its weights are loaded; what is known without the library is what the library says."""

from __future__ import annotations

import shutil
from pathlib import Path

import bodies
import pytest
from conftest import Run, Stage, write_lines

from cotspec.cot import fit
from cotspec.spec.payload import Lora

torch = pytest.importorskip("torch", reason="training tests need the `train` extra")
transformers = pytest.importorskip("transformers", reason="training tests need the `train` extra")

from cotspec.runtime import fitting  # noqa: E402


@pytest.mark.parametrize("family", fit.LAYERS)
def test_the_layers_of_a_family_are_those_of_its_model(family: str) -> None:
    small = {"num_hidden_layers": 1, "num_attention_heads": 2, "num_key_value_heads": 2, "hidden_size": 32}
    sizes = {"intermediate_size": 32, "head_dim": 16, "vocab_size": 64, "pad_token_id": 0, "bos_token_id": 0}
    config = transformers.AutoConfig.for_model(family, **small, **sizes, eos_token_id=0)
    names = {name.rpartition(".")[2] for name in fitting.layers(config, trust_remote_code=False)}
    assert names == set(fit.LAYERS[family])


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
    body = bodies.sft(lora=Lora(r=4, alpha=8.0, dropout=0.0, targets=(fit.ALL_LINEAR,)))
    folder = stage("sft-1", body, {"rows": rows, "model": tiny_model})
    code, _, err = run_here(folder)
    assert code == 0, err
    before, after = (load_file(place / "model.safetensors") for place in (tiny_model, folder / "out/model"))
    changed = {name.split(".")[-2] for name in before if not torch.equal(before[name], after[name])}
    assert changed == {"q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj"}
