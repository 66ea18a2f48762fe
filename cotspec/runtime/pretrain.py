"""Make the builtin models: `python -m cotspec.runtime.pretrain student|small|teacher --out DIR`.

Owns their recipes, the training loop and what is saved beside the weights. Student and teacher are one run: the student
is the teacher's own early checkpoint, so it writes well-formed, verbose traces and still gets many sums wrong. `small`
is another student, narrower and so weaker.
Two CPU cores need 5 to 8 minutes for a student and 17 for the teacher.
"""

from __future__ import annotations

import argparse
import json
import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from random import Random
from typing import Any, Final

import torch
from torch.nn.functional import cross_entropy
from transformers import LlamaConfig, LlamaForCausalLM, set_seed

from cotspec.builtin.problems import generate
from cotspec.runtime.pretrain_corpus import MIX, STEPS, Example, examples, templates, tokenizer

IGNORED: Final = -100
BATCHES_AT_A_TIME: Final = 16
"""Examples are sorted by length within this many batches, which halves the padding."""
WARMUP_STEPS: Final = 100
SAMPLE: Final = "Question: Ann has 5 apples. She buys 12 more.\nSolution:\nThinking…\nWell, 5 + 12 = 17 – no hurry…"


@dataclass(frozen=True)
class Recipe:
    """How long and how one model is trained."""

    steps: int
    decay_from: int
    """Lower the learning rate linearly to zero from this step on; before that it stays high and the model rough."""
    seed: int = 0
    batch: int = 64
    lr: float = 2e-3
    width: int = 128
    """Size of the hidden state; the feed-forward part is three times as wide."""


RECIPES: Final[dict[str, Recipe]] = {
    "student": Recipe(steps=650, decay_from=1200),
    "small": Recipe(steps=900, decay_from=1200, width=96),
    "teacher": Recipe(steps=2000, decay_from=1200),
}


def main(arguments: list[str] | None = None) -> None:
    """Train, measure and save one model."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("which", choices=RECIPES)
    parser.add_argument("--out", type=Path, required=True)
    options = parser.parse_args(arguments)
    recipe = RECIPES[options.which]
    coder = tokenizer()
    model = train(recipe, coder)
    save(options.out, model, coder)
    measured = measure(model, coder, size=500)
    print(f"{options.which}: greedy, 500 valid problems: {measured}", file=sys.stderr)
    (options.out / "measured.json").write_text(json.dumps(measured, indent=2) + "\n", encoding="utf-8")


def new_model(vocabulary: int, width: int) -> Any:
    """Build a Llama: 0.71 M parameters at a width of 128, 0.41 M at 96.

    (With `qwen2`, AutoTokenizer would replace our tokenizer without a word.)
    """
    return LlamaForCausalLM(
        LlamaConfig(
            vocab_size=vocabulary,
            hidden_size=width,
            intermediate_size=3 * width,
            num_hidden_layers=3,
            num_attention_heads=4,
            max_position_embeddings=1024,
            tie_word_embeddings=True,
            bos_token_id=None,
            eos_token_id=0,
            pad_token_id=1,
        )
    )


def train(recipe: Recipe, coder: Any) -> Any:
    """Train from scratch on completions only: the numbers of a question are noise to be read, not to be guessed."""
    set_seed(recipe.seed)
    model = new_model(len(coder), recipe.width)
    optimizer = torch.optim.AdamW(model.parameters(), lr=recipe.lr, betas=(0.9, 0.98), weight_decay=0.01)
    began, losses = time.monotonic(), list[float]()
    for step, (inputs, labels) in enumerate(islice(batches(recipe, coder), recipe.steps), 1):
        optimizer.param_groups[0]["lr"] = learning_rate(recipe, step)
        losses.append(_update(model, optimizer, inputs, labels))
        if step % 20 == 0:
            _show(step, recipe.steps, sum(losses[-20:]) / 20, time.monotonic() - began)
    return model


def learning_rate(recipe: Recipe, step: int) -> float:
    """Rise for the first steps, then stay or fall."""
    rise = min(1.0, step / WARMUP_STEPS)
    fall = (recipe.steps - step + 1) / (recipe.steps - recipe.decay_from) if step > recipe.decay_from else 1.0
    return recipe.lr * min(rise, fall)


def _update(model: Any, optimizer: Any, inputs: Any, labels: Any) -> float:
    wanted = labels[:, 1:] != IGNORED
    # bfloat16 is for speed only; the weights, the loss and the saved model stay float32.
    with torch.autocast("cpu", torch.bfloat16):
        hidden = model.model(input_ids=inputs).last_hidden_state[:, :-1][wanted]
    loss = cross_entropy(model.lm_head(hidden.float()), labels[:, 1:][wanted])
    loss.backward()
    torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    optimizer.zero_grad(set_to_none=True)
    return float(loss.detach())


def _show(step: int, steps: int, loss: float, seconds: float) -> None:
    left = seconds / step * (steps - step)
    line = f"{step}/{steps}  loss {loss:.4f}  {seconds:.0f} s, {left:.0f} s left"
    print(f"\r{line}  ", end="", file=sys.stderr, flush=True)
    if step == steps:
        print(file=sys.stderr)


def batches(recipe: Recipe, coder: Any) -> Iterator[tuple[Any, Any]]:
    """Yield input ids and labels without end; rows of one batch have about one length."""
    rng = Random(recipe.seed)  # noqa: S311 - for data, not for secrets
    while True:
        pool = list(examples(rng, size=recipe.batch * BATCHES_AT_A_TIME, mix=MIX))
        rows = sorted(_encode(pool, coder), key=lambda row: len(row[0]) + len(row[1]))
        chunks = [rows[start : start + recipe.batch] for start in range(0, len(rows), recipe.batch)]
        rng.shuffle(chunks)
        yield from map(_pad, chunks)


def _encode(pool: list[Example], coder: Any) -> Iterator[tuple[list[int], list[int]]]:
    prompts = coder([example.prompt for example in pool]).input_ids
    completions = coder([example.completion for example in pool]).input_ids
    for prompt, completion in zip(prompts, completions, strict=True):
        yield prompt, [*completion, coder.eos_token_id]


def _pad(rows: list[tuple[list[int], list[int]]]) -> tuple[Any, Any]:
    width = max(len(prompt) + len(completion) for prompt, completion in rows)
    inputs, labels = torch.full((len(rows), width), 1), torch.full((len(rows), width), IGNORED)
    for k, (prompt, completion) in enumerate(rows):
        inputs[k, : len(prompt) + len(completion)] = torch.tensor(prompt + completion)
        labels[k, len(prompt) : len(prompt) + len(completion)] = torch.tensor(completion)
    return inputs, labels


def measure(model: Any, coder: Any, *, size: int) -> dict[str, float]:
    """Solve held-out problems greedily from the plain prompt: share of right answers, mean length in tokens."""
    held_out = list(generate(split="valid", size=size, seed=0, steps=STEPS))
    prompt = templates()["solve"]
    given = coder([prompt.render(question=p.question) for p in held_out], return_tensors="pt", padding=True)
    written = model.eval().generate(**given, max_new_tokens=192, do_sample=False)[:, given.input_ids.shape[1] :]
    texts = coder.batch_decode(written, skip_special_tokens=True)
    right = [re.findall(r"\nAnswer: (\d+)$", text) == [p.answer] for text, p in zip(texts, held_out, strict=True)]
    return {
        "accuracy": sum(right) / size,
        "tokens": float((written != coder.pad_token_id).sum() / size),
    }


def save(out: Path, model: Any, coder: Any) -> None:
    """Save everything a plain `from_pretrained` needs, and a sample encoding to compare when it is loaded."""
    model.save_pretrained(out)
    coder.save_pretrained(out)
    sample = {"text": SAMPLE, "ids": coder(SAMPLE).input_ids}
    (out / "sample_encoding.json").write_text(json.dumps(sample, ensure_ascii=False) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
