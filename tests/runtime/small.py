"""A model small enough to be trained again by hand: some thirty words, so that random text often ends by itself.

Its end-of-sequence token is its padding token, too, as in many published models.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

END = 0


def sft_rows(count: int) -> list[dict[str, Any]]:
    """Rows of many lengths, with loss on everything, on the answer, on the steps alone, or from within a word on."""
    return [_sft_row(k) for k in range(count)]


def _sft_row(k: int) -> dict[str, Any]:
    n = k % 4
    steps = "".join(f"Step {i}: {n} + {i} = {n + i}.\n" for i in range(1, 2 + k % 3))
    target = f"{steps}Answer: {n + 1}"
    spans = [
        [[0, len(target)]],
        [[len(steps), len(target)]],
        [[0, 7], [9, len(steps)]],
        [[len(steps) + 3, len(target)]],
    ]
    return {"row": k, "epoch": 0, "id": k, "prompt": _prompt(k), "target": target, "supervise": spans[k % 4]}


def grpo_rows(count: int) -> list[dict[str, Any]]:
    """Prompts and demonstrations of many lengths."""
    sizes = {"teacher_steps": 1, "teacher_words": 11, "teacher_tokens": 20}
    shown = [row["target"] for row in sft_rows(count)]
    return [
        {"row": k, "epoch": 0, "id": k, "prompt": _prompt(k), "answer": str(k), **sizes, "demonstration": shown[k]}
        for k in range(count)
    ]


def dpo_rows(count: int) -> list[dict[str, Any]]:
    """Pairs of many lengths, the better answer now the longer and now the shorter one."""
    return [_dpo_row(k) for k in range(count)]


def _dpo_row(k: int) -> dict[str, Any]:
    chosen, rejected = sft_rows(k + 3)[k]["target"], sft_rows(k + 3)[k + 2]["target"]
    return {"row": k, "epoch": 0, "id": k, "prompt": _prompt(k), "chosen": chosen, "rejected": rejected}


def distill_rows(count: int) -> list[dict[str, Any]]:
    """The rows of sft, of which every other one has a context that tells the target."""
    rows = sft_rows(count)
    return [row | {"context": f"{row['target']}\n{row['prompt']}" if row["row"] % 2 else ""} for row in rows]


ROWS = {"sft": sft_rows, "distill": distill_rows, "grpo": grpo_rows, "dpo": dpo_rows, "orpo": dpo_rows}


def _prompt(k: int) -> str:
    return f"Ann has {k % 4} apples. " * (1 + k % 3) + "How many?\n"


def save(folder: Path, *, seed: int = 0, width: int = 32) -> None:
    """A random two-layer Llama that knows the words of the rows above and no others."""
    import torch
    import transformers
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    split = pre_tokenizers.Split(Regex(r" ?\p{L}+| ?\p{N}+|[^\s]|\s"), "isolated")
    pieces = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    texts = [row["prompt"] + "\n" + row["target"] for row in sft_rows(24)]
    seen = sorted({word for text in texts for word, _ in pieces.pre_tokenize_str(text)})
    vocabulary = {word: place for place, word in enumerate(["<|end|>", *seen])}
    backend = Tokenizer(models.BPE(vocab=vocabulary, merges=[], ignore_merges=True))
    backend.pre_tokenizer, backend.decoder = pieces, decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|end|>", clean_up_tokenization_spaces=False
    )
    torch.manual_seed(seed)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=width,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=128,
        initializer_range=0.2,  # an opinion on what comes next: completions differ in likelihood
        bos_token_id=None,
        eos_token_id=END,
        tie_word_embeddings=False,
    )
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


def log(folder: Path) -> list[dict[str, float]]:
    """The steps of a run that has ended."""
    return [json.loads(line) for line in (folder / "out/log.jsonl").read_text().splitlines()]


def weights(folder: Path) -> dict[str, Any]:
    """The weights a run has left."""
    from safetensors.torch import load_file

    return dict(load_file(folder / "out/model/model.safetensors"))


def metrics(folder: Path) -> dict[str, float]:
    """The metrics a run has left."""
    return dict(json.loads((folder / "out/metrics.json").read_text()))
