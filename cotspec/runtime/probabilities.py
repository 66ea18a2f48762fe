"""Task `probabilities`: what a model finds likeliest at each token of the rows' targets, for all that learn from it.

A text is a context and a target; rows with equal ones share it. What is done lies in the scratch by parts, so that a
killed run goes on after the last whole one. `Stored` reads the result.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cotspec.cot import model_config
from cotspec.cot.records import TaughtRow
from cotspec.runtime import lines, models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import Progress, say
from cotspec.runtime.task import Task
from cotspec.spec.payload import ProbabilitiesBody

if TYPE_CHECKING:
    from torch import Tensor
    from transformers import PreTrainedModel

_PART: Final = 256
"""Texts of a file."""
_AT_ONCE: Final = 2**28
"""Most logits in memory at a time, whatever the batch (1 GiB in 32 bits)."""
_INDEX: Final = "index.json"
NONE: Final = -1
"""Stands for the text of a row for which the model has no room."""


class _Text(NamedTuple):
    context: tuple[int, ...]
    target: tuple[int, ...]
    """With its end."""


def run(task: Task, work: Path, result: Path) -> None:
    """Compute them, one part after the other."""
    body = task.body(ProbabilitiesBody)
    origin = models.source(task, body.model)
    models.make_repeatable()
    encoder = models.load_encoder(origin, models.load_tokenizer(origin))
    rows = lines.read(task.input("rows"), TaughtRow)
    window = model_config.positions(models.load_config(origin).to_dict())
    texts, index = _distinct([_text(row, encoder) for row in rows], window)
    if not texts:
        raise TaskError(f"no context of {len(rows)} rows leaves room in the {window} positions of the model")
    parts = [texts[start : start + _PART] for start in range(0, len(texts), _PART)]
    missing = [number for number in range(len(parts)) if not (work / _name(number)).is_file()]
    if missing:
        device = models.device(task.settings.gpus)
        model = models.load_model(origin, dtype=models.torch_dtype(body.precision)).to(device).eval()
        with Progress("texts", len(texts)) as progress:
            progress.update(sum(len(part) for number, part in enumerate(parts) if number not in missing))
            for number in missing:
                path, batch = work / _name(number), task.settings.generate_batch
                _write(path, model, parts[number], body.top_k, batch=batch, tokens=len(encoder.tokenizer))
                progress.update(min(len(texts), (number + 1) * _PART))
    for number in range(len(parts)):
        (work / _name(number)).replace(result / _name(number))
    left_out = index.count(NONE)
    counts = {"rows": len(rows), "texts": len(texts), "rows_context_too_long": left_out}
    lines.write_json(result / _INDEX, {**counts, "top_k": body.top_k, "text_of_row": index})
    told = f"; {left_out} rows have a context that leaves no room in its {window} positions" if left_out else ""
    say(f"{len(texts)} texts of {len(rows)} rows, {body.top_k} tokens at each place{told}")


def _text(row: TaughtRow, encoder: Encoder) -> _Text:
    target = encoder.tokenizer(row.target, add_special_tokens=False)["input_ids"]
    return _Text(tuple(encoder(row.context or row.prompt)), (*target, int(encoder.tokenizer.eos_token_id)))


def _distinct(texts: Sequence[_Text], window: int) -> tuple[list[_Text], list[int]]:
    """The texts that are different and fit, and which of them is that of each row."""
    numbers: dict[_Text, int] = {}
    index = [
        NONE if window and len(text.context) + len(text.target) > window else numbers.setdefault(text, len(numbers))
        for text in texts
    ]
    return list(numbers), index


def _name(number: int) -> str:
    return f"probabilities-{number:05}.safetensors"


def _write(path: Path, model: PreTrainedModel, texts: Sequence[_Text], top_k: int, *, batch: int, tokens: int) -> None:
    """One part, whole or not at all; `tokens` there are, and vectors beyond them are of none."""
    import torch
    from safetensors.torch import save_file

    ids, logs = [], []
    for together in _batches(texts, batch, int(model.config.get_text_config().vocab_size)):
        for values, places in _likeliest(model, together, top_k, tokens=tokens):
            ids.append(places.to(torch.int32).cpu())
            logs.append(values.float().cpu())
    sizes = torch.tensor([0, *(len(text.target) for text in texts)])
    tensors = {
        "ids": torch.cat(ids).contiguous(),
        "log_probabilities": torch.cat(logs).contiguous(),
        "ends": sizes.cumsum(0),
        "targets": torch.tensor([token for text in texts for token in text.target], dtype=torch.int32),
    }
    half = path.with_suffix(".half")
    save_file(tensors, half)
    half.replace(path)


def _batches(texts: Sequence[_Text], batch: int, vocabulary: int) -> Iterator[Sequence[_Text]]:
    """Texts in their order, as many at a time as memory allows."""
    start = 0
    while start < len(texts):
        end = start + 1
        while end < len(texts) and end - start < batch and _logits(texts[start : end + 1], vocabulary) <= _AT_ONCE:
            end += 1
        yield texts[start:end]
        start = end


def _logits(texts: Sequence[_Text], vocabulary: int) -> int:
    return len(texts) * max(len(text.context) + len(text.target) for text in texts) * vocabulary


def _likeliest(
    model: PreTrainedModel, texts: Sequence[_Text], top_k: int, *, tokens: int
) -> Iterator[tuple[Tensor, Tensor]]:
    """Log-probabilities and ids of the likeliest tokens at each token of each target."""
    import torch

    whole = [[*text.context, *text.target] for text in texts]
    longest = max(map(len, whole))
    ids = torch.tensor([[*each, *[0] * (longest - len(each))] for each in whole], device=model.device)
    mask = torch.tensor([[1] * len(each) + [0] * (longest - len(each)) for each in whole], device=model.device)
    with torch.inference_mode():
        logits = model(input_ids=ids, attention_mask=mask, use_cache=False).logits
        for text, own in zip(texts, logits, strict=True):
            first = len(text.context) - 1
            after = own[first : first + len(text.target), :tokens].float().log_softmax(-1)
            likeliest = after.topk(min(top_k, after.shape[-1]))
            yield likeliest.values, likeliest.indices


# --- the result -------------------------------------------------------------------------------------------------------


class Stored:
    """The result of the task in a folder; a text is read when it is asked for."""

    def __init__(self, folder: Path) -> None:
        index: dict[str, Any] = json.loads((folder / _INDEX).read_text(encoding="utf-8"))
        self.texts: list[int] = index["text_of_row"]
        """The text of each row, or NONE."""
        self._folder = folder
        self._open: dict[int, Any] = {}

    def target(self, text: int) -> list[int]:
        """Its tokens, with the end."""
        part, start, end = self._place(text)
        tokens: list[int] = part.get_slice("targets")[start:end].tolist()
        return tokens

    def likeliest(self, text: int) -> tuple[Tensor, Tensor]:
        """Ids and log-probabilities, each of tokens × k."""
        part, start, end = self._place(text)
        return part.get_slice("ids")[start:end].long(), part.get_slice("log_probabilities")[start:end]

    def _place(self, text: int) -> tuple[Any, int, int]:
        from safetensors import safe_open

        number, at = divmod(text, _PART)
        if number not in self._open:
            self._open[number] = safe_open(self._folder / _name(number), framework="pt")
        part = self._open[number]
        start, end = part.get_slice("ends")[at : at + 2].tolist()
        return part, start, end
