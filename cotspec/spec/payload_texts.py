"""Bodies of the tasks that write texts and keep some of them (part of cotspec.spec.payload, which re-exports them)."""

from typing import ClassVar, Literal

from cotspec.spec.base import Part
from cotspec.spec.payload_parts import Body, GenerateBody, Range
from cotspec.spec.payload_sampling import TraceFormat
from cotspec.spec.payload_sources import ModelRef


class Leaning(Part):
    """A model whose logits are added to the writer's; its weights are the input `tilt.<role>`."""

    role: Literal["toward", "against"]
    model: ModelRef
    weight: float
    """Less than 0 leans against."""

    @property
    def input(self) -> str:
        """The input with its weights, where a stage made them."""
        return f"tilt.{self.role}"


class WrittenBody(GenerateBody):
    """Base of those that write one text or more over each record."""

    tilt: tuple[Leaning, ...] = ()
    """Who leans on what is drawn."""


class TeachBody(WrittenBody):
    """inputs: problems → rollouts.jsonl."""

    uses: ClassVar[tuple[str, ...]] = ("generate",)
    asks: ClassVar[Literal["problems"]] = "problems"
    kind: Literal["teach"] = "teach"


class TextBody(WrittenBody):
    """inputs: traces, model, gate → rollouts.jsonl: texts over the records of other texts.

    The prompt calls the texts of a record as conditions do (cotspec.cot.conditions): `text` is the nearest.
    """

    uses: ClassVar[tuple[str, ...]] = ("generate",)
    asks: ClassVar[Literal["traces"]] = "traces"
    kind: Literal["text"] = "text"
    slice: Range
    revise: tuple[ModelRef, ...] = ()
    """Who corrects the text it is made over, if anybody; its weights are the input `revise`."""


class GatherBody(GenerateBody):
    """inputs: traces, model, gate → gathered.jsonl: a text for each `size` records, which its prompt calls `text`."""

    uses: ClassVar[tuple[str, ...]] = ("generate",)
    asks: ClassVar[Literal["traces"]] = "traces"
    kind: Literal["gather"] = "gather"
    slice: Range
    size: int


class Pick(Part):
    """Which of a record's good rollouts are kept; `shortest` is the share of questions that keep it under `mixed`,
    drawn by `seed` (both 0 under the other kinds)."""

    kind: Literal["first", "shortest", "longest", "mixed", "all"]
    shortest: float
    seed: int


class TracesBody(Body):
    """inputs: rollouts (or problems that have a trace) → traces.jsonl: those that pass the filter, one per record or
    all.

    `where` is a further condition (cotspec.cot.conditions); "" asks nothing. Of those of a record that are equal by
    `distinct` ("" looks for none) one is kept, and at most `most` of the others, unless `pick` keeps all. Of what is
    left the `best_n` with the highest value of `best_by` are, where it is an expression.
    """

    uses: ClassVar[tuple[str, ...]] = ("segment", "answers", "picking")
    kind: Literal["traces"] = "traces"
    format: TraceFormat
    answer: Literal["correct", "any"]
    at_least: int
    at_most: int
    pick: Pick
    where: str = ""
    distinct: Literal["", "text", "calculations"] = ""
    most: int = 1
    best_by: str = ""
    best_n: int = 0

    @property
    def several(self) -> bool:
        """Whether several texts of one record are kept."""
        return self.pick.kind == "all" or self.most > 1

    def kernel_parts(self) -> tuple[str, ...]:
        """Only expressions are evaluated, and only with `distinct` are texts compared."""
        own = super().kernel_parts()
        asked = ("measures", "selecting") if self.where or self.best_by else ()
        return (*own, *asked, *(("distinct",) if self.distinct else ()))
