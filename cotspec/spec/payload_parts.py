"""Parts that the bodies of tasks share, and the bases of those bodies (part of cotspec.spec.payload, which re-exports
them)."""

from typing import TYPE_CHECKING, Annotated, ClassVar, Literal

from pydantic import Field

from cotspec.spec.base import Part
from cotspec.spec.payload_sampling import Sampling, TraceFormat
from cotspec.spec.payload_sources import (
    AskedRef,
    BuiltinModel,
    EndpointModel,
    FirstWeights,
    HubModel,
    InputModel,
    ModelRef,
)


class Range(Part):
    """Rows [first, end); end -1 is the end."""

    first: int
    end: int


class Ramp(Part):
    """A value that goes linearly from `first` to `last` over the run; a constant has both equal."""

    first: float
    last: float


class Mask(Part):
    """Which units of a trace's steps are hidden.

    `rows` is the share of rows masked at all. In a masked row with n units,
    `min(max(count, floor(share·n), at_least), n − leave)` units are hidden (count 0 and share 0 when not given;
    `all` and `inner` hide all they select). `unit` is `regex:<pattern>` for a regular expression.
    `rows` 0 masks nothing.
    """

    unit: str
    select: Literal["random", "scattered", "consecutive", "first", "last", "inner", "all"]
    rows: float
    count: int
    share: Ramp
    at_least: int
    leave: int
    placeholder: str


class Lora(Part):
    """Low-rank adapters; r 0 trains all weights."""

    r: int
    alpha: float
    dropout: float
    targets: tuple[str, ...]


class MixPart(Part):
    """How many rows of a source are used: its share of an epoch (0: all), or so many at a turn (0: no turns)."""

    share: float
    run: int


class RewardGate(Part):
    """When `unless` is false the reward is `reward`."""

    unless: str
    reward: float


class Binding(Part):
    """A name for an expression."""

    name: str
    value: str


class RewardTerm(Part):
    """weight(progress) × value."""

    name: str
    value: str
    weight: Ramp


class Reward(Part):
    """Gates in order, then the weighted sum of the terms. Expressions are text (cotspec.cot.rewards)."""

    gates: tuple[RewardGate, ...]
    let: tuple[Binding, ...]
    terms: tuple[RewardTerm, ...]


class Judge(Part):
    """A model that writes about each completion, by the name that the reward asks for it; its weights are the input
    `judge.<name>`, as those of a teacher are `teacher`. One behind a server has none."""

    name: str
    model: AskedRef
    prompt: str
    sampling: Sampling

    @property
    def role(self) -> str:
        """The input with its weights, where a stage made them."""
        return f"judge.{self.name}"


class Final(Part):
    """The last weights."""

    kind: Literal["final"] = "final"


class AtStep(Part):
    """The weights after one optimizer step."""

    kind: Literal["step"] = "step"
    step: int


class Best(Part):
    """The candidate with the best metric, one candidate every `every` steps."""

    kind: Literal["best"] = "best"
    metric: str
    every: int


Checkpoint = Annotated[Final | AtStep | Best, Field(discriminator="kind")]


class Requirement(Part):
    """metric op value."""

    metric: str
    op: Literal["<", "<=", "==", "!=", ">=", ">"]
    value: float


# --- bases of bodies --------------------------------------------------------------------------------------------------


class Body(Part):
    """Base of all bodies; `uses` names the kernel parts whose version is identity too (cotspec.cot.versions)."""

    uses: ClassVar[tuple[str, ...]] = ()
    if TYPE_CHECKING:
        kind: str  # a literal of each concrete body

    def kernel_parts(self) -> tuple[str, ...]:
        """`uses`, and what only some bodies of this kind use: here, how an answer in tags is read."""
        cut = getattr(self, "format", None)
        tagged = isinstance(cut, TraceFormat) and cut.answer.startswith("<") and "answers" in self.uses
        return (*self.uses, "tagged") if tagged else self.uses

    def decides(self, role: str) -> bool:  # noqa: ARG002 - a kind of body may look at it
        """Whether an input is identity; one that is not was made on the way to those that are."""
        return True


class GenerateBody(Body):
    """Base of the bodies that ask one model for texts, in answer to prompts made from `prompt`."""

    asks: ClassVar[Literal["problems", "traces"]]
    """The input whose records are asked about."""
    kind: str
    model: AskedRef
    prompt: str
    sampling: Sampling
    seed: int

    def kernel_parts(self) -> tuple[str, ...]:
        """How replies become texts matters where a server gives them."""
        always = super().kernel_parts()
        return (*always, "endpoint") if isinstance(self.model, EndpointModel) else always

    @property
    def samples(self) -> int:
        """Texts for each prompt."""
        return self.sampling.n


class Optim(Part):
    """AdamW and its schedule; warm-up is in steps, or else a share of all steps (the one not given is 0)."""

    lr: float
    schedule: Literal["constant", "linear", "cosine"]
    warmup_steps: int
    warmup_ratio: float
    weight_decay: float
    max_grad_norm: float


RowKind = Literal["sft", "distill", "grpo", "imitate", "dpo"]
"""Rows as a trainer eats them: a prompt with a target whose segments carry loss (`sft`), a prompt with a gold answer
(`grpo`), and with a demonstration (`imitate`), a prompt with a better and a worse answer (`dpo`), a prompt with what a
teacher reads instead and the target where one is given (`distill`)."""

#: Settings of TRL's trainer that a spec passes through, by TRL's name; one that equals TRL's default is not there.
Passed = dict[str, bool | float | str]


class TrainBody(Body):
    """Base of the bodies that train. inputs: rows, model, gate → model/, metrics.json, log.jsonl."""

    kind: str
    start: ModelRef
    optim: Optim
    global_batch: int
    max_length: int
    precision: Literal["fp32", "bf16", "fp16"]
    lora: Lora
    trainer: Passed
    keep: Checkpoint
    seed: int
    optimizer: Literal["fresh", "carried"] = "fresh"
    """`carried` begins with the optimizer's state that lies beside the weights of `start`."""
    keeps_optimizer: bool = False
    """Whether that state is left beside the weights, for a stage that carries it."""

    @property
    def drawn(self) -> Sampling | None:
        """How the model draws the texts it learns from, while it trains; None where it is given them."""
        return None


class OnPolicyBody(TrainBody):
    """Base of those whose model always writes the texts it learns from."""

    sampling: Sampling
    """`n` texts for each prompt."""

    @property
    def drawn(self) -> Sampling:
        """How they are drawn."""
        return self.sampling


class TaughtBody(TrainBody):
    """Base of those that learn from a teacher's probabilities. inputs: also teacher and teacher_gate, as model and gate
    are."""

    teacher: Annotated[HubModel | BuiltinModel | InputModel | FirstWeights, Field(discriminator="kind")]
    top_k: int
    precompute: bool = False
    """The teacher's probabilities are an input, which a task of its own has computed."""
    follow: float = 0.0
    """How far the teacher's weights go towards the student's after each step."""


class RewardedBody(OnPolicyBody):
    """Base of those that learn from a reward of these texts."""

    format: TraceFormat
    reward: Reward
    loss_on: tuple[str, ...] = ()
    """Segments of completions that carry loss; () is all of them."""
    loss_when: dict[str, str] = {}
    """Conditions of some of these."""
    judges: tuple[Judge, ...] = ()
    """Who else is asked about each completion, by name."""

    def kernel_parts(self) -> tuple[str, ...]:
        """How the texts of judges are drawn and read matters where there are any, and how replies become texts."""
        served = any(isinstance(judge.model, EndpointModel) for judge in self.judges)
        asked = (*(("generate", "judges") if self.judges else ()), *(("endpoint",) if served else ()))
        return (*super().kernel_parts(), *asked)
