"""What the runtime reads: one closed type per kind of task, everything resolved, no Optionals.

A field that a release adds declares its neutral value, what was done before it existed, as default (decision 20).

A body is *identity*: each field changes what is computed, and the task's id is a hash of it (cotspec.spec.identity).
How it is launched (GPUs, batch splitting) is in `RunSettings`, in a file of its own that is never hashed.
"""

from typing import Annotated, ClassVar, Literal
from typing import Final as Constant

from pydantic import Field

from cotspec.spec.base import Part
from cotspec.spec.run_settings import RunSettings as RunSettings
from cotspec.spec.sources import Arguments as Arguments
from cotspec.spec.sources import BuiltinData as BuiltinData
from cotspec.spec.sources import BuiltinModel as BuiltinModel
from cotspec.spec.sources import FileData as FileData
from cotspec.spec.sources import HubData as HubData
from cotspec.spec.sources import HubModel as HubModel
from cotspec.spec.sources import InputModel as InputModel
from cotspec.spec.sources import ModelRef as ModelRef
from cotspec.spec.texts import Sampling as Sampling
from cotspec.spec.texts import Stop as Stop
from cotspec.spec.texts import TraceFormat as TraceFormat

# --- shared parts -----------------------------------------------------------------------------------------------------


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


# --- one body per kind of task ----------------------------------------------------------------------------------------


class Body(Part):
    """Base of all bodies; `uses` names the kernel parts whose version is identity too (cotspec.cot.versions)."""

    uses: ClassVar[tuple[str, ...]] = ()

    def kernel_parts(self) -> tuple[str, ...]:
        """`uses`, and what only some bodies of this kind use."""
        return self.uses


class DataBody(Body):
    """Source → problems.jsonl."""

    uses: ClassVar[tuple[str, ...]] = ("problems", "answers")
    kind: Literal["data"] = "data"
    source: Annotated[HubData | BuiltinData | FileData, Field(discriminator="kind")]
    slice: Range


class ContaminationBody(Body):
    """inputs: taught, tested, valid (when it is a set of its own) → contamination.json."""

    uses: ClassVar[tuple[str, ...]] = ("contamination", "answers")
    kind: Literal["contamination"] = "contamination"


class TeachBody(Body):
    """inputs: problems → rollouts.jsonl."""

    uses: ClassVar[tuple[str, ...]] = ("generate",)
    kind: Literal["teach"] = "teach"
    model: ModelRef
    prompt: str
    sampling: Sampling
    seed: int


class Pick(Part):
    """Which of a question's good rollouts is kept; `shortest` is the share of questions that keep it under `mixed`,
    drawn by `seed` (both 0 under the other kinds)."""

    kind: Literal["first", "shortest", "longest", "mixed"]
    shortest: float
    seed: int


class TracesBody(Body):
    """inputs: rollouts → traces.jsonl: the rollouts that pass the filter, at most one per question."""

    uses: ClassVar[tuple[str, ...]] = ("segment", "answers", "picking")
    kind: Literal["traces"] = "traces"
    format: TraceFormat
    answer: Literal["correct", "any"]
    at_least: int
    at_most: int
    pick: Pick


class RowsBody(Body):
    """inputs: traces (or failures) → rows.jsonl: the rows of all epochs, in the order they are trained on."""

    uses: ClassVar[tuple[str, ...]] = ("segment", "answers", "mask", "rows")
    kind: Literal["rows"] = "rows"
    by: Literal["sft", "grpo"]
    task: Literal["solve", "reconstruct", "complete", "rewrite"]
    format: TraceFormat
    prompt: str
    mask: Mask
    shuffle: bool
    loss_on: tuple[Literal["thinking", "step", "masked", "answer"], ...]
    epochs: int
    slice: Range
    seed: int

    def kernel_parts(self) -> tuple[str, ...]:
        """An expression is searched by RE2; rows without one do not depend on it."""
        return (*self.uses, "pattern") if self.mask.unit.startswith("regex:") else self.uses


class Optim(Part):
    """AdamW and its schedule; warm-up is in steps, or else a share of all steps (the one not given is 0)."""

    lr: float
    schedule: Literal["constant", "linear", "cosine"]
    warmup_steps: int
    warmup_ratio: float
    weight_decay: float
    max_grad_norm: float


#: Settings of TRL's trainer that a spec passes through, by TRL's name; one that equals TRL's default is not there.
Passed = dict[str, bool | float | str]


class SftBody(Body):
    """inputs: rows, model, gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("sft",)
    kind: Literal["sft"] = "sft"
    start: ModelRef
    optim: Optim
    global_batch: int
    max_length: int
    precision: Literal["fp32", "bf16", "fp16"]
    lora: Lora
    trainer: Passed
    keep: Checkpoint
    seed: int


class GrpoBody(Body):
    """inputs: rows, model, gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("grpo", "segment", "answers", "measures", "rewards")
    kind: Literal["grpo"] = "grpo"
    start: ModelRef
    format: TraceFormat
    optim: Optim
    global_batch: int
    group: int
    beta: float
    clip: float
    iterations: int
    loss: Literal["grpo", "dr_grpo", "dapo"]
    scale_rewards: Literal["group", "batch", "none"]
    mask_truncated: bool
    max_length: int
    precision: Literal["fp32", "bf16", "fp16"]
    lora: Lora
    trainer: Passed
    sampling: Sampling
    reward: Reward
    keep: Checkpoint
    seed: int


class MineBody(Body):
    """inputs: traces, model, gate → failures.jsonl: the traces whose question the model still gets wrong."""

    uses: ClassVar[tuple[str, ...]] = ("generate", "segment", "answers", "mining")
    kind: Literal["mine"] = "mine"
    model: ModelRef
    prompt: str
    sampling: Sampling
    attempts: int
    keep: Literal["all_wrong", "any_wrong"]
    slice: Range
    format: TraceFormat
    seed: int


class GateBody(Body):
    """inputs: stage (its out folder), problems (when a valid.* metric is read) → gate.json."""

    uses: ClassVar[tuple[str, ...]] = ("generate", "segment", "answers", "measures", "gates")
    kind: Literal["gate"] = "gate"
    checkpoint: Checkpoint
    require: tuple[Requirement, ...]
    otherwise: Literal["stop", "warn"]
    chat: bool
    trust_remote_code: bool
    prompt: str
    sampling: Sampling
    format: TraceFormat
    seed: int
    system: str = ""
    template: Arguments = {}


class EvaluateBody(Body):
    """inputs: problems, model, gate → predictions.jsonl, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("generate", "segment", "answers", "measures", "stats")
    kind: Literal["evaluate"] = "evaluate"
    model: ModelRef
    prompt: str
    sampling: Sampling
    format: TraceFormat
    seed: int


class ReportBody(Body):
    """inputs: `evaluate.<label>` for each row, `stage.<name>` for each stage, contamination → report.json, report.md.

    Carries names, so it is never shared.
    """

    uses: ClassVar[tuple[str, ...]] = ("report",)
    kind: Literal["report"] = "report"
    name: str
    about: str
    labels: tuple[str, ...]
    stages: tuple[str, ...] = ()
    """Stages whose training it tells of, each read as `stage.<name>`."""


class Demand(Part):
    """What tasks ask of one model, and who asks; 0 and () ask nothing. Of an InputModel `path` is the folder, as it
    counts from the project; it is "" for any other."""

    model: ModelRef
    path: str
    max_new_tokens: int
    tensor_parallel: int
    targets: tuple[str, ...]
    asked: tuple[str, ...]


class PreflightBody(Body):
    """What all tasks of a build ask of their models → passed.json, which always says the same.

    There is one in a project, at one place, and its result has one content: what waits for it does not run again
    because other experiments ask other things.
    """

    kind: Literal["preflight"] = "preflight"
    demands: tuple[Demand, ...]


PASSED_FILE: Constant = "passed.json"
STOPPED_FILE: Constant = "stopped.txt"
"""In the scratch of a gate that stopped its pipeline: why."""
PASSED: Constant = '{"passed": true}\n'


AnyBody = Annotated[
    DataBody
    | ContaminationBody
    | TeachBody
    | TracesBody
    | RowsBody
    | SftBody
    | GrpoBody
    | MineBody
    | GateBody
    | EvaluateBody
    | ReportBody
    | PreflightBody,
    Field(discriminator="kind"),
]


# --- the files beside a task ------------------------------------------------------------------------------------------


class InputFile(Part):
    """A file or folder a task reads: path relative to the task's folder, and the id of the task that writes it ("" for
    a file of the project)."""

    path: str
    producer: str


class Payload(Part):
    """payload.json, the DVC dependency: everything that decides the result."""

    cotspec: Literal[1] = 1
    id: str
    kernel: dict[str, int]
    inputs: dict[str, InputFile]
    task: AnyBody
