"""GRPO with TRL's GRPOTrainer: prompts, and a reward for what the model completes them to."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from cotspec.cot import signal
from cotspec.cot.conditions import asked
from cotspec.cot.records import JudgedRow
from cotspec.cot.rewards import RewardError, compile_reward, expressions
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.task import Task, rank
from cotspec.runtime.train import samples, trl_bridge
from cotspec.runtime.train.run import Log, Prepared, whole_batches
from cotspec.runtime.train.score import Example
from cotspec.runtime.train.trl_bridge import Training
from cotspec.runtime.trainers.grpo_reward import CompositeReward
from cotspec.spec.payload import GrpoBody
from cotspec.trainers.grpo import GRPO

if TYPE_CHECKING:
    from trl import GRPOTrainer as GRPOTrainerT

REPORTED = ("reward", "accuracy", "formatted", "tokens", "steps", signal.TRUNCATED, signal.GROUPS)
_COUNTED = ("unscorable/", f"{signal.UNJUDGED}/")
_OURS = frozenset({*REPORTED, "unscorable", "ungradable", signal.IMITATED, signal.REDRAWN, signal.UNDECIDED})
_THEIRS = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "lr",
    "kl": "kl",
    "entropy": "entropy",
    "reward": "reward",
    "reward_std": "reward_std",
}


class _Grpo:
    row = JudgedRow

    def prepare(
        self,
        rows: Sequence[JudgedRow],
        encoder: Encoder,
        body: GrpoBody,
        *,
        max_length: int,
        task: Task,  # noqa: ARG002
    ) -> Prepared:
        """Whole batches of the prompts that leave room for a completion, and for what may be imitated."""
        kept = _fitting(rows, encoder, max_length - body.sampling.max_new_tokens)
        counts = {}
        if body.all_failed == "imitate":
            asked = len(kept)
            kept = _demonstrated(kept, encoder, max_length)
            counts["demonstrations_too_long"] = asked - len(kept)
        used = whole_batches(kept, GRPO.batch(body).rows, "prompts")
        counts |= {"rows_used": len(used), "rows_too_long": len(rows) - len(kept)}
        counts["rows_beyond_last_batch"] = len(kept) - len(used)
        return Prepared(data=used, texts=[_example(row, encoder) for row in used], counts=counts)

    def trainer(self, training: Training, encoder: Encoder, data: Sequence[JudgedRow]) -> GRPOTrainerT:
        return _trainer(training, encoder, data)

    def name(self, key: str) -> str:
        return key if key in _OURS or key.startswith(("term/", "gate/", *_COUNTED)) else _THEIRS.get(key, "")

    def shown(self, log: Mapping[str, float]) -> str:
        return _shown(log)

    def metrics(self, log: Log, body: GrpoBody) -> dict[str, float | int]:
        return _metrics(log, body)

    def no_signal(self, streak: signal.Streak, body: GrpoBody) -> str:
        groups, cut = streak.mean(signal.GROUPS) or 0.0, streak.mean(signal.TRUNCATED) or 0.0
        cuts = f"{signal.percent(cut)} of the completions were cut"
        return f"{signal.percent(groups)} of the groups taught nothing and {cuts}; {_reason(streak, body, groups, cut)}"


def _fitting(rows: Sequence[JudgedRow], encoder: Encoder, room: int) -> list[JudgedRow]:
    """The rows whose prompt fits into `room` tokens: what `max_new_tokens` leaves of the longest row; the others are
    refused."""
    kept = [row for row in rows if len(encoder(row.prompt, row.begin)) <= room]
    told = f"the prompt is longer than the {room} tokens that max_new_tokens leaves"
    if not kept:
        raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
    if len(kept) < len(rows):
        say(f"{len(rows) - len(kept)} of {len(rows)} rows are not trained on: {told}")
    return kept


def _demonstrated(rows: Sequence[JudgedRow], encoder: Encoder, room: int) -> list[JudgedRow]:
    """The rows whose prompt and demonstration fit into `room` tokens. Raises TaskError for one without."""
    bare = next((row for row in rows if not row.demonstration), None)
    if bare is not None:
        raise TaskError(f"row {bare.row} has nothing to imitate: run the task of the rows again")
    kept = [row for row in rows if len(encoder(row.prompt, row.begin)) + len(_demonstration(row, encoder)) <= room]
    told = f"prompt and demonstration are longer than max_length {room}"
    if not kept:
        raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
    if len(kept) < len(rows):
        say(f"{len(rows) - len(kept)} of {len(rows)} rows are not trained on: {told}")
    return kept


def _demonstration(row: JudgedRow, encoder: Encoder) -> list[int]:
    """Its tokens, with the end of the sequence."""
    tokenizer = encoder.tokenizer
    return [*tokenizer(row.demonstration, add_special_tokens=False)["input_ids"], int(tokenizer.eos_token_id)]


def _trainer(training: Training, encoder: Encoder, rows: Sequence[JudgedRow]) -> GRPOTrainerT:
    from accelerate.utils import gather_object
    from datasets import Dataset
    from trl import GRPOConfig

    from cotspec.runtime.trainers import grpo_imitation, grpo_judges, grpo_rollouts
    from cotspec.runtime.trainers.grpo_segments import SegmentLoss

    body, s, origin = training.task.body(GrpoBody), training.task.settings, training.origin
    try:
        texts = (*asked(expressions(body.reward)), *(judge.name for judge in body.judges))
        compiled = compile_reward(body.reward, body.format.form, texts)
        reward = CompositeReward(
            compiled,
            body,
            encoder.tokenizer,
            gather=gather_object,
            process=rank(),
            judges=grpo_judges.load(training.task, body, {name for name, _ in compiled.measures}, training.work),
        )
    except RewardError as error:
        raise TaskError(str(error)) from error
    config = GRPOConfig(
        **trl_bridge.arguments(training),
        steps_per_generation=s.accumulation,
        **trl_bridge.generating(training, body.sampling.stop),
        shuffle_dataset=False,
        model_init_kwargs={
            "dtype": trl_bridge.base_dtype(body),
            "trust_remote_code": origin.trust_remote_code,
        },
    )
    imitates = body.all_failed == "imitate"
    trainer = (grpo_imitation.Trainer if imitates else grpo_rollouts.Trainer)(
        encoder=encoder,
        stopper=Stopper(body.sampling.stop, encoder.tokenizer),
        segments=SegmentLoss(body, encoder.tokenizer),
        look=samples.Samples(training.work / samples.FOLDER, reward, body, gather=gather_object, process=rank()),
        reward=reward,
        skips_equal=body.equal_groups == "skip",
        redraws=body.redraws,
        model=origin.location,
        args=config,
        train_dataset=Dataset.from_list([_columns(row, encoder, imitates=imitates) for row in rows]),
        processing_class=encoder.tokenizer,
        peft_config=trl_bridge.lora(body),
    )
    reward.ends = frozenset(trainer.eos_token_ids)
    return trainer


def _columns(row: JudgedRow, encoder: Encoder, *, imitates: bool) -> dict[str, object]:
    """A row as TRL wants it; the prompt is text for chat models, too (rollouts.Trainer applies the template)."""
    return {
        "id": row.id,
        "prompt": row.prompt,
        "answer": row.answer,
        "teacher_steps": row.teacher_steps,
        "teacher_words": row.teacher_words,
        "teacher_tokens": row.teacher_tokens,
        **({"begin": row.begin} if row.begin else {}),
        **({"texts": dict(row.texts)} if row.texts else {}),
        **({"shown": dict(row.shown)} if row.shown else {}),
        **({"demonstration": _demonstration(row, encoder)} if imitates else {}),
    }


def _example(row: JudgedRow, encoder: Encoder) -> Example:
    """A text to compare weights on: the prompt, the demonstration or else the gold answer, and the end, all with
    loss."""
    answer = list(encoder.tokenizer(row.demonstration or row.answer, add_special_tokens=False)["input_ids"])
    ids = [*encoder(row.prompt, row.begin), *answer, int(encoder.tokenizer.eos_token_id)]
    return Example(input_ids=ids, labels=ids)


def _shown(log: Mapping[str, float]) -> str:
    parts = [
        f"{name} {float(log[name]):.3f}" for name in ("reward", "accuracy", "formatted") if log.get(name) is not None
    ]
    if "tokens" in log:
        parts.append(f"{float(log['tokens']):.0f} tokens")
    if signal.GROUPS in log:
        idle, cut = float(log[signal.GROUPS]), float(log[signal.TRUNCATED])
        parts.append(f"no signal in {100 * idle:.0f} % of the groups, {100 * cut:.0f} % truncated")
    if signal.IMITATED in log:
        parts.append(f"{100 * float(log[signal.IMITATED]):.0f} % imitated")
    if log.get(signal.REDRAWN):
        parts.append(f"{float(log[signal.REDRAWN]):.1f} draws more a prompt")
    return ", ".join(parts)


def _metrics(log: Log, body: GrpoBody) -> dict[str, float | int]:
    """Means over the last tenth of the steps; shares without signal or majority, and truncated, over all of them; and
    how many completions could not be scored in the run, in all and for each term and gate that had any, how many each
    judge left open (`unjudged`), and how many answers could not be compared with the gold answer (`ungradable`; they
    are not right); how often a demonstration was imitated (`prompts_imitated`), how often a prompt's completions were
    drawn anew (`prompts_redrawn`)."""
    metrics = trl_bridge.tail_means(log, REPORTED, at_least=body.iterations)
    means = {name: signal.mean(log, name) for name in (signal.GROUPS, signal.UNDECIDED, signal.TRUNCATED)}
    metrics |= {name: value for name, value in means.items() if value is not None}
    metrics |= signal.counted(log)
    parts = {"unscorable", "ungradable", *(name for entry in log for name in entry if name.startswith(_COUNTED))}
    counts = {part: sum(entry.get(part, 0.0) for entry in log) * body.global_batch for part in sorted(parts)}
    if body.redraws:
        counts["prompts_redrawn"] = sum(entry.get(signal.REDRAWN, 0.0) for entry in log) * GRPO.batch(body).rows
    if body.all_failed == "imitate":
        counts["prompts_imitated"] = sum(entry.get(signal.IMITATED, 0.0) for entry in log) * GRPO.batch(body).rows
    return metrics | {part: round(count) for part, count in counts.items()}


def _reason(streak: signal.Streak, body: GrpoBody, groups: float, cut: float) -> str:
    right, most = streak.mean("accuracy"), body.sampling.max_new_tokens
    if groups < 1.0:
        return "rewards differed and the gradient was exactly 0: see `clip`, `lora` and `trainer`"
    if cut > 0.5:
        masked = ", and `mask_truncated` leaves them out of the loss" if body.mask_truncated else ""
        return f"most completions end at `max_new_tokens` {most}, before their answer{masked}: raise it"
    if right == 0.0:
        return (
            "no completion was right: start from a model that solves some of the problems, show more of the trace in "
            "the prompt, raise `group`, or give a reward that tells wrong completions apart"
        )
    if right == 1.0:
        return "all completions were right and earned the same: take harder problems or a reward that tells them apart"
    return "the reward is the same for all completions of a prompt: see `reward`, and `sampling.temperature`"


ALGORITHM = _Grpo()
