"""From the weights a trainer saved to the folder a stage leaves: whole, in the stage's format, compared with what was
trained before anything is kept."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.runtime import lines, models, scratch
from cotspec.runtime.errors import TaskError
from cotspec.runtime.task import rank
from cotspec.runtime.train import optimizer_state, score
from cotspec.runtime.train.trl_bridge import SCORE, Training
from cotspec.spec import artifact_names
from cotspec.spec.payload import HubModel

if TYPE_CHECKING:
    from transformers import PreTrainedModel

ADAPTER = "adapter_config.json"
_ADAPTER_WEIGHTS = "adapter_model.safetensors"


def finish(
    training: Training,
    result: Path,
    *,
    log: list[dict[str, float]],
    metrics: Callable[[list[dict[str, float]]], Mapping[str, float | int]],
) -> None:
    """Write model/, checkpoints/<step>/, log.jsonl and metrics.json (first process only)."""
    if rank() != 0:
        return
    export(training, training.raw, result / "model")
    for folder in sorted((training.work / "candidates").glob("[0-9]*")):
        if folder.name.isdigit():
            kept = result / "checkpoints" / folder.name
            export(training, folder, kept)
            lines.write_json(kept / "metrics.json", dict(metrics([e for e in log if e["step"] <= int(folder.name)])))
    lines.write(result / "log.jsonl", log)
    lines.write_json(result / "metrics.json", dict(metrics(log)))


def export(training: Training, raw: Path, out: Path) -> None:
    """Save whole weights in the stage's precision, with the tokenizer that came in, and load them once to compare."""
    model = _merged(training, raw) if (raw / ADAPTER).exists() else _whole(training, raw)
    _refuse_broken(model, training.body.precision)
    scratch.fresh(out)
    model.save_pretrained(str(out), safe_serialization=True)
    del model
    if (raw / ADAPTER).exists():
        _keep_adapter(training, raw, out / artifact_names.ADAPTER)
    if training.body.keeps_optimizer:
        shutil.copyfile(raw / optimizer_state.FILE, out / optimizer_state.FILE)
    models.keep_tokenizer(training.origin, out)
    saved = replace(training.origin, folder=out, called="the saved model")
    models.same_tokenizer(training.origin, saved)
    wanted = float((raw / SCORE).read_text(encoding="utf-8"))
    score.check(saved, wanted, training.scored, training.body.precision)


def _whole(training: Training, raw: Path) -> PreTrainedModel:
    dtype = models.torch_dtype(training.body.precision)
    return models.load_model(replace(training.origin, folder=raw, called=""), dtype=dtype)


def _merged(training: Training, raw: Path) -> PreTrainedModel:
    """The base with its adapters merged, in float32, where their sum loses nothing."""
    import torch
    from peft import PeftModel

    base = models.load_model(training.origin, dtype=torch.float32)
    _untie(base, json.loads((raw / ADAPTER).read_text(encoding="utf-8"))["target_modules"])
    merged: PreTrainedModel = PeftModel.from_pretrained(base, str(raw)).merge_and_unload()
    return merged.to(models.torch_dtype(training.body.precision))


def _keep_adapter(training: Training, raw: Path, out: Path) -> None:
    """The adapters by themselves, in a folder that peft loads onto the model they were trained on. Which one that is
    says their configuration where it is on the hub: where it lay here is nobody's business."""
    out.mkdir()
    shutil.copyfile(raw / _ADAPTER_WEIGHTS, out / _ADAPTER_WEIGHTS)
    config, start = lines.read_json(raw / ADAPTER), training.body.start
    id, revision = (start.id, start.revision) if isinstance(start, HubModel) else (None, None)
    config |= {"base_model_name_or_path": id, "revision": revision}
    config["target_modules"] = sorted(config["target_modules"])  # peft writes a set in any order
    lines.write_json(out / ADAPTER, config)


def _untie(model: PreTrainedModel, targets: list[str]) -> None:
    """Give the output layer weights of its own where an adapter changes the embedding that it shares its weights with:
    merged into what both share, the adapter would change the output layer as well."""
    import torch

    first, last = model.get_input_embeddings(), model.get_output_embeddings()
    if last is None or first.weight is not last.weight:
        return
    name = next(name for name, module in model.named_modules() if module is first)
    if any(name == target or name.endswith(f".{target}") for target in targets):
        last.weight = torch.nn.Parameter(last.weight.detach().clone())
        model.config.tie_word_embeddings = False


def _refuse_broken(model: PreTrainedModel, precision: str) -> None:
    """Raises TaskError when a weight is not finite: a run that diverged, or values too large for the precision."""
    broken = [name for name, weight in model.named_parameters() if not weight.isfinite().all()]
    if broken:
        raise TaskError(
            f"{len(broken)} tensors of the trained weights are not finite in {precision} (first: {broken[0]}): the run "
            "diverged or outgrew the number format; lower `lr`, or set `precision: bf16` or `fp32`"
        )
