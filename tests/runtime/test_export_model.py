"""What a stage leaves is what was trained, with the tokenizer that came in, or it leaves nothing."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import bodies
import pytest
from conftest import Run, Stage, contents, write_lines

from cotspec.spec.payload import AtStep, Lora

torch = pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from safetensors.torch import load_file  # noqa: E402

from cotspec.runtime import models  # noqa: E402
from cotspec.runtime.errors import TaskError  # noqa: E402
from cotspec.runtime.train import score  # noqa: E402

EMBEDDING = "model.embed_tokens.weight"


def lora(*targets: str) -> Lora:
    return Lora(r=4, alpha=8.0, dropout=0.0, targets=targets)


def sft(stage: Stage, tmp_path: Path, model: Path, **changes: Any) -> Path:
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(16))
    return stage("sft-1", bodies.sft(**changes), {"rows": rows, "model": model})


def unmerged(monkeypatch: pytest.MonkeyPatch) -> None:
    """A library that forgets the adapter when it is asked to merge it."""
    from peft import PeftModel

    monkeypatch.setattr(PeftModel, "merge_and_unload", lambda self: self.unload(), raising=False)


def test_an_adapter_on_a_tied_embedding_leaves_the_output_layer_as_it_was(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    folder = sft(stage, tmp_path, tiny_model, lora=lora("embed_tokens", "v_proj"), keep=AtStep(step=2))
    code, _, err = run_here(folder)
    assert code == 0, err
    shared = load_file(tiny_model / "model.safetensors")[EMBEDDING]
    for saved in (folder / "out/model", folder / "out/checkpoints/2"):
        weights = load_file(saved / "model.safetensors")
        assert torch.equal(weights["lm_head.weight"], shared)
        assert not torch.equal(weights[EMBEDDING], shared)
        assert json.loads((saved / "config.json").read_text())["tie_word_embeddings"] is False
    kept_apart(folder / "out/model", tiny_model)


def kept_apart(saved: Path, base: Path) -> None:
    """The adapters, loaded onto what they were trained on, say what the merged model does; they do not say where it
    lay."""
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    ids = torch.tensor([[5, 6, 7, 9]])
    merged, first = (AutoModelForCausalLM.from_pretrained(each, dtype=torch.float32) for each in (saved, base))
    before = first(ids).logits
    apart = PeftModel.from_pretrained(first, saved / "adapter")(ids).logits
    assert torch.allclose(apart, merged(ids).logits, atol=1e-5)
    assert not torch.allclose(apart, before, atol=1e-5)
    config = json.loads((saved / "adapter/adapter_config.json").read_text())
    assert (config["base_model_name_or_path"], config["target_modules"]) == (None, ["embed_tokens", "v_proj"])


def test_a_saved_folder_that_is_not_what_was_trained_is_an_error_that_says_both_losses(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmerged(monkeypatch)
    folder = sft(stage, tmp_path, tiny_model, lora=lora("embed_tokens"))
    code, _, err = run_here(folder)
    assert code == 2
    assert "the saved weights are not the trained ones: on 4 training rows" in err
    assert "and the saved folder one of" in err
    assert not (folder / "out").exists()


def test_grpo_compares_what_it_saves_too(
    stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    unmerged(monkeypatch)
    rows = write_lines(tmp_path / "rows.jsonl", bodies.grpo_rows(4))
    body = bodies.grpo(lora=lora("embed_tokens"), iterations=1, beta=0.0)
    folder = stage("grpo-1", body, {"rows": rows, "model": tiny_model}, per_device_batch=8)
    code, _, err = run_here(folder)
    assert code == 2
    assert "the saved weights are not the trained ones" in err
    assert not (folder / "out").exists()


def test_losses_are_compared_up_to_the_rounding_of_the_format(tiny_model: Path) -> None:
    saved = models.ModelSource(folder=tiny_model, chat=None, trust_remote_code=False)
    rows = score.some([score.Example(input_ids=[5, 6, 7, 0], labels=[score.IGNORE, 6, 7, 0])] * 9)
    assert len(rows) == score.MOST_ROWS
    model = models.load_model(saved, dtype=torch.float32)
    own = score.loss(model, rows)
    logits = model(torch.tensor([[5, 6, 7, 0]])).logits[0, :3].log_softmax(-1)
    assert own == pytest.approx(-float(logits[[0, 1, 2], [6, 7, 0]].mean()), abs=1e-5)
    score.check(saved, own + 9e-4, rows, "fp32")
    score.check(saved, own + 0.04, rows, "bf16")
    for wanted, precision in ((own + 0.01, "fp32"), (own + 0.5, "bf16"), (float("nan"), "bf16")):
        with pytest.raises(TaskError, match=f"{wanted:.4f} and the saved folder one of {own:.4f}"):
            score.check(saved, wanted, rows, precision)


def test_the_tokenizer_is_saved_as_it_came(stage: Stage, tmp_path: Path, tiny_model: Path, run_here: Run) -> None:
    origin = tmp_path / "origin"
    shutil.copytree(tiny_model, origin)
    config = json.loads((origin / "tokenizer_config.json").read_text())
    config = {name: value for name, value in config.items() if name not in ("pad_token", "padding_side")}
    (origin / "tokenizer_config.json").write_text(json.dumps(config | {"padding_side": "right"}))
    (origin / "chat_template.jinja").write_text("{{ messages[0].content }}")
    folder = sft(stage, tmp_path, origin, keep=AtStep(step=2))
    code, _, err = run_here(folder)
    assert code == 0, err
    names = {"tokenizer.json", "tokenizer_config.json", "chat_template.jinja", models.SAMPLE}
    for saved in (folder / "out/model", folder / "out/checkpoints/2"):
        assert {name: text for name, text in contents(saved).items() if name in names} == {
            name: (origin / name).read_bytes() for name in names
        }


def test_a_tokenizer_that_loads_as_another_one_is_refused(tmp_path: Path, tiny_model: Path) -> None:
    other = tmp_path / "other"
    shutil.copytree(tiny_model, other)
    (other / "chat_template.jinja").write_text("{{ messages[0].content }}")
    one, two = (models.ModelSource(folder=path, chat=None, trust_remote_code=False) for path in (tiny_model, other))
    models.same_tokenizer(one, one)
    with pytest.raises(TaskError, match="the tokenizer of other is not that of tiny: chat template differ"):
        models.same_tokenizer(one, two)
