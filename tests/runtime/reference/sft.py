"""Supervised fine-tuning: a row's tokens and labels, the loss of a batch, a whole run."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import torch

from cotspec.spec.payload import SftBody
from reference.optimizer import AdamW, Step
from reference.policy import Policy, chosen, entropy


@dataclass(frozen=True)
class Example:
    """A row in tokens; `loss` says of each token of the completion whether it carries loss."""

    prompt: list[int]
    completion: list[int]
    loss: list[bool]


def example(row: Mapping[str, Any], tokenizer: Any) -> Example:
    """Prompt and target are tokenised apart. A token carries loss when a byte of it belongs to a supervised character;
    the end-of-sequence token closes every target, and carries loss when the supervision reaches the target's end.

    Where a token lies is found from the tokens' own bytes, not from the offsets the tokenizer tells.
    """
    target = str(row["target"])
    supervised = {place for first, last in row["supervise"] for place in range(first, last)}
    owner = [place for place, char in enumerate(target) for _ in char.encode()]
    ids = tokenizer(target, add_special_tokens=False)["input_ids"]
    loss, at = [], 0
    for token in ids:
        size = bytes_of(tokenizer, token)
        loss.append(any(owner[place] in supervised for place in range(at, at + size)))
        at += size
    assert at == len(owner), "the tokens do not spell the target"
    ends = len(target) - 1 in supervised
    return Example(tokenizer(row["prompt"])["input_ids"], [*ids, tokenizer.eos_token_id], [*loss, ends])


def bytes_of(tokenizer: Any, token: int) -> int:
    """How many bytes a token of a byte-level tokenizer stands for: each is written as one character."""
    return len(tokenizer.convert_ids_to_tokens(token))


def run(policy: Policy, tokenizer: Any, rows: Sequence[Mapping[str, Any]], body: SftBody) -> list[Step]:
    """Train in the order of the rows; those that are longer than `max_length` are not there."""
    examples = [example(row, tokenizer) for row in rows]
    examples = [e for e in examples if len(e.prompt) + len(e.completion) <= body.max_length and any(e.loss)]
    size = body.global_batch
    batches = [examples[start : start + size] for start in range(0, len(examples), size)]
    optimizer = AdamW(policy.trained, body.optim, total=len(batches))
    return [optimizer.step(*backward(policy, batch)) for batch in batches]


def backward(policy: Policy, batch: Sequence[Example]) -> tuple[float, dict[str, float]]:
    """Loss of a batch, the mean over all its tokens that carry loss, and what else is a mean over them; the gradient is
    left in the weights."""
    count = sum(sum(e.loss) for e in batch)
    total, means = 0.0, {"entropy": 0.0, "token_accuracy": 0.0}
    for e in batch:
        after, carries = policy.after(e.prompt, e.completion), torch.tensor(e.loss)
        loss = -chosen(after, e.completion)[carries].sum() / count
        loss.backward()
        total += float(loss.detach())
        means["entropy"] += float(entropy(after)[carries].sum()) / count
        means["token_accuracy"] += float((after.argmax(-1) == torch.tensor(e.completion))[carries].sum()) / count
    return total, means
