"""What the runtime reads: one closed type per kind of task, everything resolved, no Optionals.

A field that a release adds declares its neutral value, what was done before it existed, as default (decision 20).

A body is *identity*: each field changes what is computed, and the task's id is a hash of it (cotspec.spec.identity).
How it is launched (GPUs, batch splitting) is in `RunSettings`, in a file of its own that is never hashed.
"""

import re
from typing import TYPE_CHECKING, Annotated, ClassVar, Literal, Union
from typing import Final as Constant

from pydantic import Field

from cotspec.spec.base import Part
from cotspec.spec.payload_parts import AtStep as AtStep
from cotspec.spec.payload_parts import Best as Best
from cotspec.spec.payload_parts import Binding as Binding
from cotspec.spec.payload_parts import Body as Body
from cotspec.spec.payload_parts import Checkpoint as Checkpoint
from cotspec.spec.payload_parts import Final as Final
from cotspec.spec.payload_parts import GenerateBody as GenerateBody
from cotspec.spec.payload_parts import Judge as Judge
from cotspec.spec.payload_parts import Lora as Lora
from cotspec.spec.payload_parts import Mask as Mask
from cotspec.spec.payload_parts import MixPart as MixPart
from cotspec.spec.payload_parts import OnPolicyBody as OnPolicyBody
from cotspec.spec.payload_parts import Optim as Optim
from cotspec.spec.payload_parts import Passed as Passed
from cotspec.spec.payload_parts import Ramp as Ramp
from cotspec.spec.payload_parts import Range as Range
from cotspec.spec.payload_parts import Requirement as Requirement
from cotspec.spec.payload_parts import Reward as Reward
from cotspec.spec.payload_parts import RewardedBody as RewardedBody
from cotspec.spec.payload_parts import RewardGate as RewardGate
from cotspec.spec.payload_parts import RewardTerm as RewardTerm
from cotspec.spec.payload_parts import RowKind as RowKind
from cotspec.spec.payload_parts import TaughtBody as TaughtBody
from cotspec.spec.payload_parts import TrainBody as TrainBody
from cotspec.spec.payload_sampling import Form as Form
from cotspec.spec.payload_sampling import Sampling as Sampling
from cotspec.spec.payload_sampling import SegmentFormat as SegmentFormat
from cotspec.spec.payload_sampling import Stop as Stop
from cotspec.spec.payload_sampling import TraceFormat as TraceFormat
from cotspec.spec.payload_sampling import UsualFormat as UsualFormat
from cotspec.spec.payload_sources import Arguments as Arguments
from cotspec.spec.payload_sources import AskedRef as AskedRef
from cotspec.spec.payload_sources import BuiltinData as BuiltinData
from cotspec.spec.payload_sources import BuiltinModel as BuiltinModel
from cotspec.spec.payload_sources import Columns as Columns
from cotspec.spec.payload_sources import EndpointModel as EndpointModel
from cotspec.spec.payload_sources import FileData as FileData
from cotspec.spec.payload_sources import FirstWeights as FirstWeights
from cotspec.spec.payload_sources import HubData as HubData
from cotspec.spec.payload_sources import HubModel as HubModel
from cotspec.spec.payload_sources import InputModel as InputModel
from cotspec.spec.payload_sources import ModelRef as ModelRef
from cotspec.spec.payload_sources import Table as Table
from cotspec.spec.payload_texts import GatherBody as GatherBody
from cotspec.spec.payload_texts import Leaning as Leaning
from cotspec.spec.payload_texts import Pick as Pick
from cotspec.spec.payload_texts import TeachBody as TeachBody
from cotspec.spec.payload_texts import TextBody as TextBody
from cotspec.spec.payload_texts import TracesBody as TracesBody
from cotspec.spec.payload_texts import WrittenBody as WrittenBody
from cotspec.spec.run_settings import EndpointSettings as EndpointSettings
from cotspec.spec.run_settings import RunSettings as RunSettings
from cotspec.trainers import TRAINERS
from cotspec.trainers.distill import DistillBody as DistillBody
from cotspec.trainers.dpo import DpoBody as DpoBody
from cotspec.trainers.grpo import GrpoBody as GrpoBody
from cotspec.trainers.orpo import OrpoBody as OrpoBody
from cotspec.trainers.sft import SftBody as SftBody

_OF_TEXTS: Constant = re.compile(r"\btext(_\d+)?\.")
"""Where an expression asks about the texts of a record (cotspec.cot.conditions)."""

# --- one body per kind of task -------------------------------------------------------------------------------------


class DataBody(Body):
    """Source → problems.jsonl."""

    uses: ClassVar[tuple[str, ...]] = ("problems", "answers")
    kind: Literal["data"] = "data"
    source: Annotated[HubData | BuiltinData | FileData, Field(discriminator="kind")]
    slice: Range


class ContaminationBody(Body):
    """inputs: taught, tested, valid (when it is a set of its own); of several, tested_2, … → contamination.json."""

    uses: ClassVar[tuple[str, ...]] = ("contamination", "answers")
    kind: Literal["contamination"] = "contamination"


class RowsBody(Body):
    """inputs: traces (or failures, or pairs), shared, shared_1, … (gathered texts that prompts show) → rows.jsonl: the
    rows of all epochs, in the order they are trained on."""

    uses: ClassVar[tuple[str, ...]] = ("segment", "answers", "mask", "rows")
    kind: Literal["rows"] = "rows"
    by: RowKind
    task: Literal["solve", "reconstruct", "complete", "rewrite"]
    format: TraceFormat
    prompt: str
    mask: Mask
    shuffle: bool
    loss_on: tuple[str, ...]
    epochs: int
    slice: Range
    seed: int
    context: str = ""
    """What a teacher reads in place of `prompt` (distill only); "" is the same."""
    begin: int = 0
    """Steps of the trace that begin the answer (grpo only)."""
    target: int = 0
    """How many generations before the record's own text the one is that a row is made of."""
    where: str = ""
    """The condition that a record meets (cotspec.cot.conditions); "" asks nothing."""
    measures: tuple[str, ...] = ()
    """What the reward asks about the texts of a record (grpo only), as conditions name it."""
    loss_when: dict[str, str] = {}
    """Conditions of segments in `loss_on`: one that has none always carries loss."""
    shows: tuple[str, ...] = ()
    """What the prompts of judges show of a row (grpo only), by the names that prompts have."""

    def kernel_parts(self) -> tuple[str, ...]:
        """An expression is searched by RE2; rows without one do not depend on it. Only a condition is evaluated."""
        searched = ("pattern",) if self.mask.unit.startswith("regex:") else ()
        texts = self.where or self.measures or any(map(_OF_TEXTS.search, self.loss_when.values()))
        asked = ("measures", "selecting") if texts else ("measures",) if self.loss_when else ()
        return (*super().kernel_parts(), *searched, *asked)


class TryBody(GenerateBody):
    """Base of the bodies that try the questions of traces, and look which tries are right."""

    asks: ClassVar[Literal["traces"]] = "traces"
    attempts: int
    slice: Range
    format: TraceFormat

    @property
    def samples(self) -> int:
        """Tries for each question."""
        return self.attempts


class MineBody(TryBody):
    """inputs: traces, model, gate → failures.jsonl: the traces whose question the model still gets wrong."""

    uses: ClassVar[tuple[str, ...]] = ("generate", "segment", "answers", "mining")
    kind: Literal["mine"] = "mine"
    written: ClassVar = ("kind", "model", "prompt", "sampling", "attempts", "keep", "slice", "format", "seed")
    keep: Literal["all_wrong", "any_wrong"]


class PairsBody(TryBody):
    """inputs: traces, model, gate → pairs.jsonl: the traces with a right and a wrong try at their question."""

    uses: ClassVar[tuple[str, ...]] = ("generate", "segment", "answers", "pairing")
    kind: Literal["pairs"] = "pairs"


class ProbabilitiesBody(Body):
    """inputs: rows, model, gate → probabilities-<n>.safetensors, index.json: the `top_k` likeliest tokens of a model at
    each token of the rows' targets, after what a teacher reads."""

    uses: ClassVar[tuple[str, ...]] = ("probabilities",)
    kind: Literal["probabilities"] = "probabilities"
    model: ModelRef
    top_k: int
    precision: Literal["fp32", "bf16", "fp16"]


class MixBody(Body):
    """inputs: rows_1, rows_2, … → rows.jsonl: the rows of all, epoch by epoch (cotspec.cot.mixing)."""

    uses: ClassVar[tuple[str, ...]] = ("mixing",)
    kind: Literal["mix"] = "mix"
    parts: tuple[MixPart, ...]
    order: Literal["shuffled", "alternate", "given"]
    seed: int


class CompareBody(Body):
    """inputs: rollouts → pairs.jsonl: of texts of one question (`target` 0), or of texts that those were made over.

    `better` is an expression (cotspec.cot.conditions): a pair's values differ by more than `gap`, or it is true of one.
    """

    uses: ClassVar[tuple[str, ...]] = ("segment", "answers", "measures", "selecting", "pairing")
    kind: Literal["compare"] = "compare"
    format: TraceFormat
    better: str
    gap: float
    most: int
    target: int


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


class EvaluateBody(GenerateBody):
    """inputs: problems, model, gate → predictions.jsonl, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("generate", "segment", "answers", "measures", "stats")
    asks: ClassVar[Literal["problems"]] = "problems"
    kind: Literal["evaluate"] = "evaluate"
    written: ClassVar = ("kind", "model", "prompt", "sampling", "format", "seed")
    format: TraceFormat


class SuiteBody(Body):
    """inputs: model, gate → suite.json: what lm-eval measures of the weights. -1 shots are those of each task, a limit
    of 0 is none, and "" is any version of it."""

    uses: ClassVar[tuple[str, ...]] = ("suite",)
    kind: Literal["suite"] = "suite"
    model: ModelRef
    tasks: tuple[str, ...]
    shots: int
    limit: int
    version: str
    seed: int


class ReportSuite(Part):
    """A suite of a report, and the models it has measured."""

    name: str
    labels: tuple[str, ...]

    def role(self, label: str) -> str:
        """The input that a column is read from."""
        return f"suite.{self.name}.{label}"


class ReportTable(Part):
    """A table of a report: a set of the evaluation ("" where there is only one), and its rows."""

    name: str
    labels: tuple[str, ...]

    def role(self, label: str) -> str:
        """The input that a row is read from."""
        return ".".join(filter(None, ("evaluate", self.name, label)))

    def answers(self, label: str) -> str:
        """The input that has the answers behind a row."""
        return f"{self.role(label).replace('.', '/')}/predictions.jsonl"


class ReportBody(Body):
    """inputs: `evaluate.<label>` for each row (with `sets`, `evaluate.<set>.<label>`), `stage.<name>` for each stage,
    contamination; and what is only shown, `<part>/<file>` of the tasks on the way to these (cotspec.ir.report_inputs) →
    report.json, report.md, report.html, table.txt.

    Carries names, so it is never shared.
    """

    uses: ClassVar[tuple[str, ...]] = ("report",)
    kind: Literal["report"] = "report"
    name: str
    about: str
    labels: tuple[str, ...]
    stages: tuple[str, ...] = ()
    """Stages whose training it tells of, each read as `stage.<name>`."""
    sets: tuple[ReportTable, ...] = ()
    """A table for each set of the evaluation, the headline first; () is one table of all `labels`."""
    suites: tuple[ReportSuite, ...] = ()
    """What lm-eval has measured, each read as `suite.<name>.<label>`."""

    @property
    def tables(self) -> tuple[ReportTable, ...]:
        """Its tables."""
        return self.sets or (ReportTable.model_construct(name="", labels=self.labels),)

    def decides(self, role: str) -> bool:
        """What is only shown was made on the way to the figures, whose ids say what it is (decision 46)."""
        return "/" not in role


class Pupil(Part):
    """A model that learns another one's probabilities, of its own `top_k` tokens (0: of all)."""

    model: ModelRef
    path: str
    top_k: int


class Demand(Part):
    """What tasks ask of one model, and who asks; 0 and () ask nothing. Of an InputModel `path` is the folder, as it
    counts from the project; it is "" for any other."""

    model: AskedRef
    path: str
    max_new_tokens: int
    tensor_parallel: int
    targets: tuple[str, ...]
    asked: tuple[str, ...]
    pupils: tuple[Pupil, ...] = ()
    """Whom it teaches: one, or nobody."""
    tasks: tuple[str, ...] = ()
    """Of an EndpointModel the tasks that ask it: where all have their results, nobody needs its server."""
    experiments: tuple[str, ...] = ()
    """And the experiments that need them."""


class PreflightBody(Body):
    """What all tasks of a build ask of their models, and of data that no check can read → passed.json, which always
    says the same.

    There is one in a project, and its result has one content: what waits for it does not run again when others ask.
    """

    kind: Literal["preflight"] = "preflight"
    demands: tuple[Demand, ...]
    tables: tuple[Table, ...] = ()
    trackers: tuple[str, ...] = ()
    """Libraries that training sends its log to."""
    suites: tuple[str, ...] = ()
    """The tasks that call lm-eval, as a person calls them."""
    experiments: tuple[str, ...] = ()
    """All experiments of a build in which a server is asked: those that ask none run without it."""


PASSED_FILE: Constant = "passed.json"
GPUS_FILE: Constant = "gpus.json"
"""Of the preflight: how many GPUs tasks use, by id; not there where none uses any."""
TABLE_FILE: Constant = "table.txt"
"""Of a report: its tables as a terminal shows them."""
STOPPED_FILE: Constant = "stopped.txt"
"""In the scratch of a gate that stopped its pipeline: why."""
PASSED: Constant = '{"passed": true}\n'


if TYPE_CHECKING:
    AnyBody = Body
else:
    AnyBody = Annotated[
        Union[
            DataBody,
            ContaminationBody,
            TeachBody,
            TextBody,
            TracesBody,
            RowsBody,
            *(trainer.body for trainer in TRAINERS.values()),
            MineBody,
            PairsBody,
            CompareBody,
            GatherBody,
            ProbabilitiesBody,
            MixBody,
            GateBody,
            EvaluateBody,
            SuiteBody,
            ReportBody,
            PreflightBody,
        ],
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
