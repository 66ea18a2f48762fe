"""Distillation with TRL's DistillationTrainer: what the student says, or was given to say, in the teacher's
probabilities."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, Final

from cotspec.cot import model_config, signal
from cotspec.cot.records import TaughtRow
from cotspec.runtime import models
from cotspec.runtime.encoding import Encoder
from cotspec.runtime.errors import TaskError
from cotspec.runtime.probabilities import NONE, Stored
from cotspec.runtime.progress import say
from cotspec.runtime.stopping import Stopper
from cotspec.runtime.task import Task
from cotspec.runtime.train import trl_bridge
from cotspec.runtime.train.run import Log, Prepared, whole_batches
from cotspec.runtime.train.score import Example
from cotspec.runtime.train.trl_bridge import Training
from cotspec.runtime.trainers.sft import tokenise
from cotspec.spec.payload import DistillBody, FirstWeights

if TYPE_CHECKING:
    from transformers import PreTrainedModel, PreTrainedTokenizerBase
    from trl import DistillationTrainer as DistillationTrainerT

    from cotspec.runtime.trainers.distill_trainer import Text

_NAMES: Final = {
    "loss": "loss",
    "grad_norm": "grad_norm",
    "learning_rate": "lr",
    "entropy": "entropy",
    "tokens": "tokens",
    signal.TRUNCATED: signal.TRUNCATED,
}
"""`loss` is the divergence, in nats a token; `tokens` the mean length of the texts it is taken over."""
_BETA: Final = {"forward": 0.0, "reverse": 1.0}
"""TRL's numbers."""


class _Distill:
    row = TaughtRow

    def prepare(
        self, rows: Sequence[TaughtRow], encoder: Encoder, body: DistillBody, *, max_length: int, task: Task
    ) -> Prepared:
        """Whole batches of the rows that the student and the teacher have room for."""
        teacher = _teacher(task, body)
        reader = models.load_encoder(teacher, models.load_tokenizer(teacher))
        _refuse(models.source(task, body.start), encoder.tokenizer, teacher, reader.tokenizer, body)
        texts = [_text(row, encoder, reader, given=body.drawn is None) for row in rows]
        if body.precompute:
            texts = _with_probabilities(texts, Stored(task.input("probabilities")))
        new = 0 if body.drawn is None else body.drawn.max_new_tokens
        short = [text for text in texts if len(text.prompt) + len(text.target) + new <= max_length]
        window = model_config.positions(models.load_config(teacher).to_dict())
        kept = [t for t in short if not window or len(t.context) + len(t.target) + new <= window]
        kept = [text for text in kept if text.stored != NONE]
        told = _told(len(texts) - len(short), len(short) - len(kept), max_length, window, new)
        if not kept:
            raise TaskError(f"no row of {len(rows)} can be trained on: {told}")
        if len(kept) < len(rows):
            say(f"{len(rows) - len(kept)} of {len(rows)} rows are not trained on: {told}")
        used = whole_batches(kept, body.global_batch, "rows")
        counts = {"rows_used": len(used), "rows_too_long": len(rows) - len(kept)}
        counts |= {"rows_context_too_long": len(short) - len(kept), "rows_beyond_last_batch": len(kept) - len(used)}
        return Prepared(data=used, texts=[_example(text, encoder) for text in used], counts=counts)

    def trainer(self, training: Training, encoder: Encoder, data: Sequence[Text]) -> DistillationTrainerT:
        return _trainer(training, encoder, data)

    def name(self, key: str) -> str:
        return _NAMES.get(key, "")

    def shown(self, log: Mapping[str, float]) -> str:
        parts = [f"{name} {float(log[name]):.4f}" for name in ("loss", "entropy") if name in log]
        parts += [f"{float(log['tokens']):.0f} tokens"] if "tokens" in log else []
        cut = log.get(signal.TRUNCATED, 0.0)
        return ", ".join([*parts, *([f"{100 * cut:.0f} % truncated"] if cut else [])])

    def metrics(self, log: Log, body: DistillBody) -> dict[str, float | int]:  # noqa: ARG002
        means = trl_bridge.tail_means(log, ("loss", "entropy", "tokens"))
        cut = signal.mean(log, signal.TRUNCATED)
        return means | signal.counted(log) | ({} if cut is None else {signal.TRUNCATED: cut})

    def no_signal(self, streak: signal.Streak, body: DistillBody) -> str:  # noqa: ARG002
        return (
            "the gradient was exactly 0: the teacher gives every token the student's own probability (see `teacher`, "
            "`context`), no trained weight reaches them (see `lora`), or the numbers are too small for `precision`"
        )


def _teacher(task: Task, body: DistillBody) -> models.ModelSource:
    """Whose probabilities are learnt: of `self`, the weights that training starts from."""
    if isinstance(body.teacher, FirstWeights):
        return models.source(task, body.start)
    return models.source(task, body.teacher, "teacher")


def _refuse(
    origin: models.ModelSource,
    own: PreTrainedTokenizerBase,
    teacher: models.ModelSource,
    other: PreTrainedTokenizerBase,
    body: DistillBody,
) -> None:
    """Raises TaskError for two vocabularies, and for more tokens than there are. Special tokens may differ: a chat
    model has those of its template."""
    rows, more = (model_config.embedded(models.load_config(each).to_dict()) for each in (origin, teacher))
    words, others = (_words(tokenizer) for tokenizer in (own, other))
    if why := model_config.two_vocabularies(words, rows, others, more):
        raise TaskError(f"{why} ({model_config.ONE_FAMILY})")
    if why := model_config.above(body.top_k, rows):
        raise TaskError(f"{why}: lower it, or use 0 for all")


def _words(tokenizer: PreTrainedTokenizerBase) -> dict[str, int]:
    added = tokenizer.get_added_vocab()
    return {word: place for word, place in tokenizer.get_vocab().items() if word not in added}


def _text(row: TaughtRow, encoder: Encoder, reader: Encoder, *, given: bool) -> Text:
    from cotspec.runtime.trainers.distill_trainer import Text

    prompt, context = encoder(row.prompt), reader(row.context or row.prompt)
    if not given:
        return Text(prompt, context, [], [])
    whole = tokenise(row, encoder)
    target, labels = whole.input_ids[len(prompt) :], whole.labels[len(prompt) :]
    return Text(prompt, context, target, [int(label >= 0) for label in labels])


def _with_probabilities(texts: Sequence[Text], stored: Stored) -> list[Text]:
    """The texts with the numbers of what is stored for them. Raises TaskError where that is of other tokens; how a text
    ends may differ, since nothing comes after it."""
    if len(stored.texts) != len(texts):
        raise TaskError(f"the probabilities are of {len(stored.texts)} rows, and there are {len(texts)}")
    for text, number in zip(texts, stored.texts, strict=True):
        if number != NONE and stored.target(number)[:-1] != text.target[:-1]:
            raise TaskError("the probabilities are of other tokens: teacher and student cut a target in two ways")
    return [text._replace(stored=number) for text, number in zip(texts, stored.texts, strict=True)]


def _example(text: Text, encoder: Encoder) -> Example:
    """A text to compare weights on, all of it with loss."""
    ids = [*text.prompt, *(text.target or [int(encoder.tokenizer.eos_token_id)])]
    return Example(input_ids=ids, labels=ids)


def _told(long: int, beyond: int, max_length: int, window: int, new: int) -> str:
    room = f", of which max_new_tokens takes {new}" if new else ""
    parts = [f"{long} longer than max_length {max_length}{room}"] if long else []
    parts += [f"{beyond} with a context that leaves no room in the {window} positions of the teacher"] if beyond else []
    return ", ".join(parts)


def _trainer(training: Training, encoder: Encoder, data: Sequence[Text]) -> DistillationTrainerT:
    from datasets import Dataset
    from trl import DistillationConfig

    from cotspec.runtime.trainers import distill_follow, distill_trainer

    body, origin = training.task.body(DistillBody), training.origin
    settings: dict[str, Any] = trl_bridge.arguments(training)
    config = DistillationConfig(
        **settings | {"beta": _BETA.get(str(body.divergence), body.divergence)},
        **trl_bridge.generating(training, body.sampling.stop),
        shuffle_dataset=False,
    )
    student = models.load_model(origin, dtype=trl_bridge.base_dtype(body))
    stored = Stored(training.task.input("probabilities")) if body.precompute else None
    follows: dict[str, Any] = {"rate": body.follow} if body.follow else {}
    return (distill_follow.Trainer if follows else distill_trainer.Trainer)(
        **follows,
        stored=stored,
        texts=data,
        stopper=Stopper(body.sampling.stop, encoder.tokenizer),
        top_k=body.top_k,
        renormalise=body.renormalise,
        model=student,
        teacher_model=None if stored else _asked(training, student),
        args=config,
        train_dataset=Dataset.from_dict({"prompt": list(range(len(data)))}),
        processing_class=encoder.tokenizer,
        peft_config=trl_bridge.lora(body),
    )


def _asked(training: Training, student: PreTrainedModel) -> PreTrainedModel:
    """The teacher, in the number format of the training computation. Vectors that it has beyond the student's are of no
    token (large models of a family are padded further), and go."""
    body = training.task.body(DistillBody)
    held = "fp32" if body.follow else body.precision  # 16 bits would lose what it moves by
    model = models.load_model(_teacher(training.task, body), dtype=models.torch_dtype(held))
    rows = student.get_input_embeddings().weight.shape[0]
    if model.get_input_embeddings().weight.shape[0] > rows:
        model.resize_token_embeddings(rows)
    return model.eval().requires_grad_(False)


ALGORITHM = _Distill()
