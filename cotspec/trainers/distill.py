"""Distillation on a teacher's probabilities, of the student's own texts or of given ones."""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Annotated, ClassVar, Literal

from pydantic import Field

from cotspec.spec.base import Count, Positive, Share
from cotspec.spec.payload_parts import TaughtBody
from cotspec.spec.payload_sampling import Sampling as Drawing
from cotspec.spec.trainer import Other, PassedOn, left_out
from cotspec.spec.training import Sampling, Taught
from cotspec.trainers.trainer import SUPERVISED, Batch, Devices, Effort, Remark, StageKey, Trainer, changed

Between = Annotated[float, Field(gt=0.0, lt=1.0)]


class DistillTrainer(PassedOn):
    """Settings of TRL's `DistillationConfig` that are passed on as they are; one that equals its default changes
    nothing."""

    min_p: Share | None = None
    """While sampling, drop tokens less likely than this share of the likeliest one; default: none."""
    repetition_penalty: Positive = 1.0
    """While sampling, above 1 makes tokens that are already there less likely."""
    disable_dropout: bool = False
    """Train without dropout, that of `lora` too."""


class Distill(Taught):
    """Distillation on a teacher's probabilities (Hinton et al. 2015, arXiv 1503.02531; of the student's own texts:
    Agarwal et al. 2023, arXiv 2306.13649)."""

    by: Literal["distill"]
    """The trainer."""
    global_batch: Count = 16
    """Rows per optimizer step, over all processes."""
    over: Literal["student", "rows"] = "student"
    """Whose text is learnt from: `student` draws one for each prompt as it trains, `rows` takes the targets of the
    rows."""
    divergence: Literal["forward", "reverse"] | Between = "reverse"
    """`reverse` is KL(student ‖ teacher), `forward` KL(teacher ‖ student); a number β between 0 and 1 is the
    generalised Jensen-Shannon divergence, β·KL(teacher ‖ m) + (1 - β)·KL(student ‖ m) against the mixture m of β
    teacher and 1 - β student. The loss is its mean over all tokens of the step."""
    renormalise: bool = False
    """Make the probabilities of these k tokens sum to 1 (with `top_k` only)."""
    sampling: Sampling = Sampling.model_construct()
    """How texts are drawn (`over: student` only). Both models' probabilities are taken at its `temperature`."""
    trainer: DistillTrainer | None = None
    """Further settings of TRL's trainer, passed on as they are."""

    @property
    def drawn(self) -> Sampling | None:
        """How texts are drawn, where they are the student's own."""
        return self.sampling if self.over == "student" else None


class DistillBody(TaughtBody):
    """inputs: rows, model, gate, teacher, teacher_gate, probabilities → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("distill",)
    kind: Literal["distill"] = "distill"
    over: Literal["student", "rows"]
    divergence: Literal["forward", "reverse"] | float
    renormalise: bool
    sampling: Drawing = Drawing.model_construct(n=1, temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=1)
    """Of given texts only the temperature, 1, is read."""

    @property
    def drawn(self) -> Drawing | None:
        """How texts are drawn, where they are the student's own."""
        return self.sampling if self.over == "student" else None


_TEACHER = Other("ours", "cotspec calls it `teacher`, in `train`", "teacher")


class _Distill(Trainer):
    name = "distill"
    settings = Distill
    passed = DistillTrainer
    body = DistillBody
    config = "DistillationConfig"
    trl: Mapping[str, str] = MappingProxyType(
        {
            "divergence": "beta",
            "sampling.max_new_tokens": "max_completion_length",
            "sampling.temperature": "temperature",
            "sampling.top_p": "top_p",
            "sampling.top_k": "top_k",
        }
    )
    refused: Mapping[str, Other] = MappingProxyType(
        {
            "teacher_model_name_or_path": _TEACHER,
            "teacher_model_revision": Other("ours", "cotspec calls it `revision`, in `models`"),
            "teacher_model_init_kwargs": left_out("a model is described under `models`"),
            "router_aux_loss_coef": left_out("the loss is the divergence alone"),
            "neftune_noise_alpha": left_out("only sft has it, since distill would also sample with the noise"),
            "label_smoothing_factor": left_out("only sft has it, since the teacher's probabilities are the labels"),
        }
    )
    rows = "distill"
    metrics = ("loss", "entropy", "tokens")
    rates = SUPERVISED
    reads = frozenset({"loss"})

    def reading(self, train: Distill) -> frozenset[StageKey]:
        """Of the student's own texts all tokens carry loss."""
        return self.reads if train.drawn is None else frozenset()

    def batch(self, train: Distill | DistillBody) -> Batch:
        """Whole batches only: TRL drops what fills none."""
        return Batch(rows=train.global_batch, whole=True)

    def effort(self, body: DistillBody, *, vllm: bool) -> Effort:  # noqa: ARG002
        """Each text is scored by the teacher, unless that has been done."""
        return Effort(scored=0 if body.precompute else 1, head="all logits" if body.top_k else "two tiles")

    def remarks(self, train: Distill, devices: Devices) -> Iterator[Remark]:  # noqa: ARG002
        """Settings that nothing reads, and dropout that is off."""
        if train.top_k == 0:
            message = "`renormalise` has no effect without `top_k`: all probabilities sum to 1 already"
            yield Remark("trainer-effect", ("renormalise",), message, "leave it out, or set `top_k`", idle=True)
        if train.top_k == 1 and train.renormalise:
            message = "of one token, made to sum to 1, both models are certain: there is nothing to learn"
            yield Remark("trainer-conflict", ("top_k",), message, "raise it, or leave `renormalise` out")
        if train.precompute and train.drawn is not None:
            message = "the student's own texts are not there before it trains"
            yield Remark("trainer-bounds", ("precompute",), message, "write `over: rows`, or leave it out")
        elif train.precompute and train.top_k == 0:
            message = "the probabilities of all tokens at every place are too many to keep"
            yield Remark("trainer-bounds", ("precompute",), message, "set `top_k`: 32 to 256 are usual")
        given = train.trainer
        if given is None:
            return
        for name in ("min_p", "repetition_penalty") if train.drawn is None else ():
            if changed(given, name):
                message = f"`{name}` has no effect on `over: rows`, where nothing is sampled"
                yield Remark("trainer-effect", ("trainer", name), message, "leave it out", idle=True)
        if given.disable_dropout and train.lora is not None and train.lora.dropout > 0:
            message = f"`disable_dropout` switches off the `dropout: {train.lora.dropout:g}` of `lora`"
            yield Remark("trainer-conflict", ("trainer", "disable_dropout"), message, "leave one of them out")


DISTILL = _Distill()
