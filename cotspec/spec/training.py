"""What a person may write under `train:` whatever the trainer, and under `sampling:`. A trainer's own settings are in
`cotspec.trainers`."""

from typing import Annotated, Final, Literal

from pydantic import Field

from cotspec.spec.base import Count, Decay, Name, NotNegative, Part, Positive, Share, Text, Whole, Yes
from cotspec.spec.trainer import PassedOn


class Stop(Part):
    """Ends a completion; what comes first counts."""

    texts: tuple[Text, ...] = ()
    """Literal texts, such as `Question:`; they are cut off."""
    after: Literal["answer"] | None = None
    """The segment after whose line a completion ends; the line is kept."""


class Sampling(Part):
    """How text is drawn from a model."""

    n: Count = 1
    """Samples per prompt."""
    temperature: NotNegative = 1.0
    """0 is greedy."""
    top_p: Annotated[float, Field(gt=0.0, le=1.0)] = 1.0
    """Nucleus mass."""
    top_k: Whole = 0
    """Keep the k likeliest tokens; 0 keeps all."""
    max_new_tokens: Count = 512
    """Longest completion, in tokens."""
    stop: Stop | None = None
    """What ends a completion besides its end-of-sequence token."""


class Lora(Part):
    """Low-rank adapters (Hu et al. 2021, arXiv 2106.09685)."""

    r: Count = 16
    """Rank."""
    alpha: Positive = 32.0
    """Scale; the update is multiplied by alpha / r."""
    dropout: Share = 0.0
    """Dropout on the adapter's input."""
    targets: Annotated[tuple[Text, ...], Field(min_length=1)] = ("q_proj", "k_proj", "v_proj", "o_proj")
    """Names of the adapted layers, each of which the model has; `[all-linear]` is every linear layer but the output."""
    merge: Yes = True
    """Merge the adapter into the weights at the end (the next stage starts from whole weights)."""


STOP_WITHOUT_SIGNAL: Final = 50
"""A run that can learn has hardly as many by chance: with two groups of 8 a step and a model that solves 3 % of the
problems, 0.6^50. A shorter run stops at its end when none of its steps had a signal."""

Schedule = Literal["constant", "linear", "cosine"]
Precision = Literal["fp32", "bf16", "fp16"]


class Train(Part):
    """Base of the settings of all trainers."""

    by: str
    """The trainer."""
    global_batch: Count
    """Rows per optimizer step, over all processes."""
    epochs: Count = 1
    """Passes over the rows; masks and order are drawn anew in each."""
    lr: Positive
    """Peak learning rate."""
    schedule: Schedule = "linear"
    """Learning-rate schedule after warm-up."""
    warmup_steps: Whole | None = None
    """Optimizer steps of linear warm-up, which begins at 0."""
    warmup_ratio: Share | None = None
    """Warm-up as a share of all optimizer steps (instead of `warmup_steps`)."""
    weight_decay: NotNegative = 0.0
    """AdamW weight decay, of all weights but norms and biases."""
    max_grad_norm: Positive = 1.0
    """Gradients are clipped to this norm, taken over all weights."""
    max_length: Count = 2048
    """Longest prompt + completion in tokens; a longer row is refused or counted, never cut."""
    precision: Precision = "fp32"
    """Number format of the training computation (it changes the result, so it is part of the identity)."""
    lora: Lora | None = None
    """Train adapters instead of all weights."""
    optimizer: Literal["fresh", "carried"] = "fresh"
    """What AdamW begins with: nothing (`fresh`), or the moments and the count of steps with which the stage in `start`
    left the same weights (`carried`). Learning rate and schedule are this stage's own."""
    stop_without_signal: Count | Literal["never"] = STOP_WITHOUT_SIGNAL
    """Optimizer steps in a row that teach nothing (grpo: the rewards of every group are equal; all: the gradient is
    exactly 0) after which training stops with an error. It changes no result and is not part of the identity."""
    trainer: PassedOn | None = None
    """Further settings of TRL's trainer, passed on as they are."""

    @property
    def drawn(self) -> Sampling | None:
        """How the model draws the texts it learns from, while it trains; None where it is given them."""
        return None

    @property
    def samples(self) -> int:
        """Texts for each prompt."""
        return 1

    @property
    def other(self) -> str | None:
        """The model or stage that it asks while it trains, besides the one it starts from."""
        return None


class OnPolicy(Train):
    """Base of those whose model always writes the texts it learns from."""

    sampling: Sampling = Sampling.model_construct()
    """How completions are drawn."""

    @property
    def drawn(self) -> Sampling:
        """How they are drawn."""
        return self.sampling


SELF: Final = "self"
"""As a teacher: the weights that the stage starts from."""


class Taught(Train):
    """Base of those that learn from the probabilities of another model."""

    teacher: Name
    """The model whose probabilities are learnt: a name under `models`, an earlier stage, or `self` for the weights that
    this stage starts from. It has the student's vocabulary."""
    context: str | None = None
    """Jinja file, relative to the spec file, with what the teacher reads in place of the student's prompt: `question`,
    and in `trace` the whole trace, whatever the student is shown of it. Default: the student's prompt."""

    top_k: Whole = 0
    """Compare only the k tokens that the student finds likeliest at each place; 0 compares all."""
    precompute: bool = False
    """Compute the teacher's probabilities of the rows once, in a task of its own that every variant with the same rows,
    teacher and `top_k` shares (`over: rows` with `top_k` only). The k tokens are then the teacher's likeliest."""
    follow: Decay = 0.0
    """How far the teacher's weights go towards the student's after each optimizer step, an exponential moving average:
    0.05 keeps 95 % of them; 0 leaves it as it is. With `teacher: self` only, where `context` makes it say something
    else than the student."""

    @property
    def other(self) -> str | None:
        """The teacher, where it is another one."""
        return None if self.teacher == SELF else self.teacher
