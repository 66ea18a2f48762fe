"""GRPO as it runs equals GRPO as the papers and docs define it, written again in `reference/`.

What was sampled is noted while the real trainer runs; everything else is computed by hand: the rewards from the tokens,
the advantages, the losses, the steps. That the samples are the policy's own is checked token by token.
"""

from __future__ import annotations

import math
import statistics
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import bodies
import pytest
import small
from conftest import Run, Stage, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

import observe
from reference import grpo
from reference.compare import moved, same_steps, same_weights
from reference.policy import Policy
from reference.sampling import possible
from transformers import AutoTokenizer

from cotspec.cot.answers import grade
from cotspec.cot.grading_rules import Grade
from cotspec.cot.segment import segment
from cotspec.spec.payload import (
    GrpoBody,
    Lora,
    Optim,
    Ramp,
    Reward,
    RewardGate,
    RewardTerm,
    Sampling,
    SegmentFormat,
    Stop,
)

LR = 5e-3
Value = Callable[[str, int, float], float | None]
"""Reward of a completion by its text, its tokens and the progress of the run."""


def optim(schedule: str, **changes: Any) -> Optim:
    values = {"lr": LR, "schedule": schedule, "warmup_steps": 0, "warmup_ratio": 0.0}
    return Optim(**(values | {"weight_decay": 0.3, "max_grad_norm": 0.5} | changes))


def sampling(**changes: Any) -> Sampling:
    return Sampling(**({"n": 1, "temperature": 1.0, "top_p": 1.0, "top_k": 0, "max_new_tokens": 12} | changes))


def terms(*values: tuple[str, float, float], unless: str = "", otherwise: float = 0.0) -> Reward:
    gates = (RewardGate(unless=unless, reward=otherwise),) if unless else ()
    named = (
        RewardTerm(name=f"term{place}", value=value, weight=Ramp(first=first, last=last))
        for place, (value, first, last) in enumerate(values)
    )
    return Reward(gates=gates, let=(), terms=tuple(named))


SHORT = terms(("-0.1 * tokens", 1.0, 1.0), ("words", 0.0, 0.5))
FEW_WORDS = terms(("-0.1 * tokens", 1.0, 1.0), unless="words >= 4", otherwise=-2.0)
ENOUGH = terms(("1 if words >= 4 else 0", 1.0, 1.0))
CONSTANT = terms(("1 if tokens > 0 else 0", 1.0, 1.0))
LOGARITHM = terms(("log(words - 3)", 1.0, 1.0))


def short(text: str, tokens: int, progress: float) -> float:
    return -0.1 * tokens + 0.5 * progress * len(text.split())


def few_words(text: str, tokens: int, progress: float) -> float:
    return -0.1 * tokens if len(text.split()) >= 4 else -2.0


def enough(text: str, tokens: int, progress: float) -> float:
    return float(len(text.split()) >= 4)


def constant(text: str, tokens: int, progress: float) -> float:
    return 1.0


def logarithm(text: str, tokens: int, progress: float) -> float | None:
    return math.log(len(text.split()) - 3) if len(text.split()) > 3 else None


@dataclass(frozen=True)
class Case:
    """Settings of a run, its reward by hand, and what must occur in it for the case to be one."""

    body: GrpoBody
    value: Value
    split: tuple[int, int]
    occurs: frozenset[str]


def case(value: Value, reward: Reward, split: tuple[int, int], occurs: set[str], **body: Any) -> Case:
    return Case(bodies.grpo(reward=reward, **body), value, split, frozenset(occurs))


SAID: dict[str, Any] = {
    "format": bodies.FORMAT.model_copy(update={"answer": "Ann"}),
    "global_batch": 16,
    "group": 8,
    "sampling": sampling(temperature=0.9, max_new_tokens=20),
}
"""Answers that random text gives now and then: what follows `Ann`, a number of one digit, is now and then right."""
NOTED = bodies.FORMAT.model_copy(
    update={
        "form": (SegmentFormat(name="note", opens=".", closes="="), SegmentFormat(name="rest", opens="=", closes=""))
    }
)
CASES = {
    "dapo, by the group, used twice": case(
        short, SHORT, (4, 2), {"clipped", "kl"},
        optim=optim("linear", warmup_steps=1), loss="dapo", scale_rewards="group", beta=0.2, clip=0.05, iterations=2,
        sampling=sampling(temperature=0.8, top_p=0.7),
    ),
    "grpo, by the batch, without what is cut off": case(
        few_words, FEW_WORDS, (8, 1), {"left_out", "kl"},
        optim=optim("constant", warmup_steps=1), loss="grpo", scale_rewards="batch", beta=0.3, iterations=1,
        mask_truncated=True, sampling=sampling(max_new_tokens=24),
    ),
    "dr_grpo, not scaled, used three times": case(
        short, SHORT, (2, 4), {"clipped"},
        optim=optim("cosine", warmup_ratio=0.2), loss="dr_grpo", scale_rewards="none", beta=0.0, clip=0.1, iterations=3,
        sampling=sampling(temperature=1.3, top_k=9, max_new_tokens=9),
    ),
    "dapo, without what is cut off, some not scored": case(
        logarithm, LOGARITHM, (2, 4), {"left_out", "unscored", "kl"},
        optim=optim("linear", max_grad_norm=2.0), loss="dapo", scale_rewards="group", beta=0.1, iterations=1,
        mask_truncated=True, sampling=sampling(),
    ),
    "adapters": case(
        short, SHORT, (4, 2), {"clipped", "kl"},
        optim=optim("linear"), loss="grpo", scale_rewards="group", beta=0.2, clip=0.02, iterations=2,
        lora=Lora(r=3, alpha=7.0, dropout=0.0, targets=("q_proj", "down_proj")), sampling=sampling(),
    ),
    "grpo, stopped at a word, used twice": case(
        short, SHORT, (4, 2), {"stopped", "clipped", "kl"},
        optim=optim("constant"), loss="grpo", scale_rewards="group", beta=0.1, iterations=2,
        sampling=sampling(max_new_tokens=40, stop=Stop(texts=(" apples",))),
    ),
    "dapo, stopped at one of two texts, without what is cut off": case(
        short, SHORT, (4, 2), {"stopped", "left_out", "kl"},
        optim=optim("linear"), loss="dapo", scale_rewards="group", beta=0.1, iterations=1, mask_truncated=True,
        sampling=sampling(stop=Stop(texts=(" apples", ".\n"))),
    ),
    "answers that begin with a step": case(
        short, SHORT, (4, 2), {"kl"},
        optim=optim("linear", warmup_steps=1), loss="dapo", beta=0.2, iterations=1, sampling=sampling(),
    ),
    "grpo, loss on what stands before the answer, used twice": case(
        short, SHORT, (4, 4), {"masked", "clipped", "kl"},
        optim=optim("linear"), loss="grpo", beta=0.1, clip=0.02, iterations=2, loss_on=("thinking",), **SAID,
    ),
    "dapo, loss on what stands before the answer in long completions": case(
        short, SHORT, (2, 8), {"masked", "without_loss", "kl"},
        optim=optim("linear"), loss="dapo", beta=0.1, iterations=1, loss_on=("thinking",),
        loss_when={"thinking": "words > 6"}, **SAID,
    ),
    "dapo, loss on the answer, without what is cut off": case(
        short, SHORT, (4, 4), {"masked", "without_loss", "left_out"},
        optim=optim("linear"), loss="dapo", beta=0.0, iterations=1, mask_truncated=True, loss_on=("answer",),
        **SAID | {"format": bodies.FORMAT.model_copy(update={"answer": "A"})},
    ),
    "dapo, loss on a segment of one's own, stopped at a word": case(
        short, SHORT, (4, 4), {"masked", "stopped", "without_loss"},
        optim=optim("linear"), loss="dapo", beta=0.1, iterations=1, loss_on=("note",),
        **SAID | {"format": NOTED, "sampling": sampling(max_new_tokens=24, stop=Stop(texts=(" apples",)))},
    ),
    **{
        f"{loss}, without groups of one reward": case(
            enough, ENOUGH, (4, 2), {"equal", "kl", "clipped"},
            optim=optim("linear"), loss=loss, beta=0.1, clip=0.02, iterations=2, equal_groups="skip", global_batch=8,
            group=4, sampling=sampling(max_new_tokens=8),
        )
        for loss in ("dapo", "grpo", "dr_grpo")
    },
    "grpo, without groups of one reward, imitating where none is right": case(
        constant, CONSTANT, (2, 8), {"equal", "imitated", "not imitated"},
        optim=optim("linear"), loss="grpo", beta=0.0, iterations=1, equal_groups="skip", all_failed="imitate",
        **SAID | {"seed": 4},
    ),
    **{
        f"dapo, imitating where none is right, used twice, split {split}": case(
            short, SHORT, split, {"imitated", "not imitated", "clipped", "kl"},
            optim=optim("linear"), loss="dapo", beta=0.1, clip=0.02, iterations=2, all_failed="imitate", **SAID,
        )
        for split in ((16, 1), (4, 4), (2, 8))
    },
    "grpo, imitating where none is right, without what is cut off": case(
        short, SHORT, (2, 8), {"imitated", "not imitated", "left_out"},
        optim=optim("linear"), loss="grpo", beta=0.0, iterations=1, mask_truncated=True, all_failed="imitate",
        **SAID | {"seed": 4},
    ),
    "dr_grpo, imitating where none is right": case(
        short, SHORT, (16, 1), {"imitated", "not imitated"},
        optim=optim("linear"), loss="dr_grpo", beta=0.0, iterations=1, all_failed="imitate", **SAID | {"seed": 4},
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", CASES)
def test_a_run_is_the_one_computed_by_hand(
    name: str, stage: Stage, tmp_path: Path, small_model: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    case = CASES[name]
    body, (device, accumulation) = case.body, case.split
    rows = small.grpo_rows(6)
    begins = ["Step 1: 0 + 1 = 1.\n" * (k % 3 + 1) if "begin" in name else "" for k in range(6)]
    rows = [row | ({"begin": begin} if begin else {}) for row, begin in zip(rows, begins, strict=True)]
    files = {"rows": write_lines(tmp_path / "rows.jsonl", rows), "model": small_model}
    folder = stage("grpo", body, files, per_device_batch=device, accumulation=accumulation)
    observed = observe.watch(monkeypatch)
    code, _, err = run_here(folder)
    assert code == 0, err

    tokenizer = AutoTokenizer.from_pretrained(small_model)
    policy, first = (Policy(small_model, body.lora, observed.adapters or None) for _ in range(2))
    prompts = body.global_batch // body.group
    generations = len(rows) // prompts
    learner = grpo.Learner(policy, first, body, total=generations * body.iterations)
    log = small.log(folder)
    assert len(observed.generations) == generations
    occurred: set[str] = set()
    for number, (asked, completions) in enumerate(observed.generations):
        taken = rows[number * prompts : (number + 1) * prompts]
        begun = [row.get("begin", "") for row in taken for _ in range(body.group)]
        prompts_in_tokens = [tokenizer(row["prompt"])["input_ids"] for row in taken for _ in range(body.group)]
        assert asked == [p + tokenizer(b)["input_ids"] for p, b in zip(prompts_in_tokens, begun, strict=True)]
        made = [sampled(ids, body.sampling, tokenizer) for ids in completions]
        completions, ended, texts = ([one[part] for one in made] for part in range(3))
        masks = [carrying(*pair, body, tokenizer) for pair in zip(completions, texts, strict=True)]
        occurred |= {"masked"} if any(0 < sum(mask) < len(mask) for mask in masks) else set()
        occurred |= {"stopped" for ids, yes in zip(completions, ended, strict=True) if yes and ids[-1] != small.END}
        assert all(possible(policy, *pair, body.sampling) for pair in zip(asked, completions, strict=True))
        progress = number / (generations - 1)
        texts = [begin + text for begin, text in zip(begun, texts, strict=True)]
        rewards = [case.value(text, len(ids), progress) for text, ids in zip(texts, completions, strict=True)]
        instead = demonstrations(body, taken, texts, tokenizer)
        occurred |= {"not imitated"} if [] in instead else set()
        entries = log[number * body.iterations : (number + 1) * body.iterations]
        told(entries[0], completions, ended, rewards)
        same_steps(entries, learner.learn(grpo.Generated(asked, completions, ended, rewards, masks, instead)))
    same_weights(small.weights(folder), policy.weights(), lr=LR)
    assert moved(first.weights(), policy.weights()) > LR
    assert not case.occurs - occurred - learner.seen.occurred()
    if body.all_failed == "imitate":
        imitated = learner.seen.imitated // body.group // body.iterations
        assert small.metrics(folder)["prompts_imitated"] == imitated


def demonstrations(body: GrpoBody, taken: list[dict[str, Any]], texts: list[str], tokenizer: Any) -> list[list[int]]:
    """What stands in the place of each completion: the demonstration of its prompt, if none in its group is right."""
    found: list[list[int]] = []
    for row, first in zip(taken, range(0, len(texts), body.group), strict=True):
        gold, fmt = row["answer"], body.format
        traces = [segment(text, fmt) for text in texts[first : first + body.group]]
        failed = all(grade(trace, gold) is not Grade.RIGHT for trace in traces)
        tokens = [*tokenizer(row["demonstration"])["input_ids"], small.END]
        found += [tokens if failed and body.all_failed == "imitate" else []] * body.group
    return found


def sampled(ids: list[int], sampling: Sampling, tokenizer: Any) -> tuple[list[int], bool, str]:
    """The tokens of a completion that were sampled, whether it ended, and its text. One that came to a stop is its text
    up to there; the end of sequence that closes it was not sampled."""
    assert small.END not in ids[:-1]
    text = tokenizer.decode(ids, skip_special_tokens=True)
    places = [text.index(stop) for stop in sampling.stop.texts if stop in text]
    if not places:
        assert ids[-1] == small.END or len(ids) == sampling.max_new_tokens
        return ids, ids[-1] == small.END, text
    assert ids[-1] == small.END
    assert not any(stop in tokenizer.decode(ids[:-2]) for stop in sampling.stop.texts)
    return ids[:-1], True, text[: min(places)]


def carrying(ids: list[int], text: str, body: GrpoBody, tokenizer: Any) -> list[int]:
    """1 for each token of a completion that is in the loss, found token after token; its end belongs to the last."""
    if not body.loss_on:
        return [1] * len(ids)
    if body.loss_when and len(text.split()) <= 6:
        return [0] * len(ids)
    kinds = {*body.loss_on, *(["preamble"] if "thinking" in body.loss_on else [])}
    kind_at = [part.kind for part in segment(text, body.format).segments for _ in range(part.start, part.end)]
    mask = []
    for place in range(len(ids)):
        start, end = (len(tokenizer.decode(ids[:n], skip_special_tokens=True)) for n in (place, place + 1))
        mask.append(int(bool(kinds & set(kind_at[start:end] if start < len(text) else kind_at[-1:]))))
    return mask


def told(entry: dict[str, float], completions: observe.Ids, ended: list[bool], rewards: list[float | None]) -> None:
    """What the log says of a generation is what was generated."""
    scored = [reward for reward in rewards if reward is not None]
    assert entry["tokens"] == pytest.approx(statistics.fmean(map(len, completions)))
    assert entry["truncated"] == pytest.approx(1 - statistics.fmean(ended))
    assert entry["unscorable"] == pytest.approx(rewards.count(None) / len(rewards))
    assert entry["reward"] == pytest.approx(statistics.fmean(scored), rel=1e-5, abs=1e-6)
