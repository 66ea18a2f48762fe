"""Bodies of the tasks the tests run, small enough for seconds."""

from __future__ import annotations

from typing import Any

from cotspec.spec.payload import (
    DistillBody,
    DpoBody,
    Final,
    FirstWeights,
    GrpoBody,
    InputModel,
    Lora,
    Mask,
    Optim,
    OrpoBody,
    Ramp,
    Range,
    Reward,
    RewardGate,
    RewardTerm,
    Sampling,
    SftBody,
    TraceFormat,
)

FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
MODEL = InputModel(chat=False, trust_remote_code=False)
WHOLE = Range(first=0, end=-1)
NO_MASK = Mask(
    unit="step",
    select="random",
    rows=0.0,
    count=0,
    share=Ramp(first=0.0, last=0.0),
    at_least=0,
    leave=0,
    placeholder="[MASKED]",
)
GREEDY = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=12)
SAMPLED = Sampling(n=1, temperature=1.0, top_p=0.9, top_k=0, max_new_tokens=12)
OPTIM = Optim(lr=5e-3, schedule="linear", warmup_steps=1, warmup_ratio=0.0, weight_decay=0.01, max_grad_norm=1.0)
ALL = Lora(r=0, alpha=1.0, dropout=0.0, targets=())


COMMON: dict[str, Any] = {
    "start": MODEL,
    "optim": OPTIM,
    "global_batch": 4,
    "max_length": 128,
    "precision": "fp32",
    "lora": ALL,
    "trainer": {},
    "keep": Final(),
    "seed": 3,
}


def sft(**changes: Any) -> SftBody:
    """Supervised fine-tuning of all weights, batches of 4."""
    return SftBody(**(COMMON | changes))


def reward(value: str = "-0.01 * words") -> Reward:
    """A gate nothing of a random model passes is of no use here: brevity alone, and a ramp."""
    gates = (RewardGate(unless="words < 1000", reward=-2.0),)
    terms = (
        RewardTerm(name="brevity", value=value, weight=Ramp(first=1.0, last=1.0)),
        RewardTerm(name="late", value="tokens", weight=Ramp(first=0.0, last=0.01)),
    )
    return Reward(gates=gates, let=(), terms=terms)


def grpo(**changes: Any) -> GrpoBody:
    """GRPO of all weights: 2 prompts × 4 completions, each generation used twice."""
    own: dict[str, Any] = {
        "format": FORMAT,
        "global_batch": 8,
        "group": 4,
        "beta": 0.05,
        "clip": 0.2,
        "iterations": 2,
        "loss": "dapo",
        "scale_rewards": "group",
        "mask_truncated": False,
        "sampling": SAMPLED,
        "reward": reward(),
    }
    return GrpoBody(**(COMMON | own | changes))


def distill(**changes: Any) -> DistillBody:
    """Distillation of all weights on given texts, batches of 4; a teacher of its own is the input `teacher`."""
    own = {"teacher": FirstWeights(), "over": "rows", "divergence": "reverse", "top_k": 0, "renormalise": False}
    return DistillBody(**(COMMON | own | changes))


def dpo(**changes: Any) -> DpoBody:
    """Preferences of all weights, batches of 4 pairs."""
    return DpoBody(**(COMMON | {"beta": 0.1, "loss": "sigmoid"} | changes))


def orpo(**changes: Any) -> OrpoBody:
    """Preferences without a reference, batches of 4 pairs."""
    return OrpoBody(**(COMMON | {"beta": 0.1} | changes))


def sft_rows(count: int) -> list[dict[str, Any]]:
    """Rows whose whole target carries loss."""
    rows = []
    for row in range(count):
        k = row % 12
        target = f"Step 1: {k} + {k + 1} = {2 * k + 1}.\nAnswer: {2 * k + 1}"
        prompt = f"Ann has {k} apples. How many?\n"
        span = [[0, len(target)]]
        rows.append({"row": row, "epoch": 0, "id": k, "prompt": prompt, "target": target, "supervise": span})
    return rows


def grpo_rows(count: int) -> list[dict[str, Any]]:
    """Rows with a teacher's sizes and a demonstration."""
    sizes = {"teacher_steps": 1, "teacher_words": 11, "teacher_tokens": 20, "demonstration": "Answer: 3"}
    return [
        {"row": k, "epoch": 0, "id": k, "prompt": f"Ann has {k % 12} apples. How many?\n", "answer": str(k), **sizes}
        for k in range(count)
    ]


def dpo_rows(count: int) -> list[dict[str, Any]]:
    """A right answer with its step against a wrong one without."""
    rows = [dict(row) for row in sft_rows(count)]
    for row in rows:
        row["chosen"], row["rejected"] = row.pop("target"), f"Answer: {row['row'] + 40}"
        del row["supervise"]
    return rows


def distill_rows(count: int) -> list[dict[str, Any]]:
    """The rows of sft; the teacher reads what the student is to write."""
    return [row | {"context": f"{row['target']}\n{row['prompt']}"} for row in sft_rows(count)]


ROWS = {"sft": sft_rows, "distill": distill_rows, "grpo": grpo_rows, "dpo": dpo_rows, "orpo": dpo_rows}
