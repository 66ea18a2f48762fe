"""What an algorithm of training says of itself: all that anything outside its own file and its module in the
runtime (`cotspec.runtime.trainers`) ever asks. Pure: knows neither files nor torch.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from types import MappingProxyType
from typing import Any, Final, Literal, NamedTuple, Protocol

from cotspec.spec.base import Part
from cotspec.spec.payload_parts import RowKind, TrainBody
from cotspec.spec.trainer import Other, PassedOn
from cotspec.spec.training import Train

StageKey = Literal["loss", "reward", "begin", "judges"]
"""A part of a stage that only some trainers read."""
Head = Literal["tiles", "two tiles", "all logits"]
"""How a trainer has the logits of its loss: in tiles; in tiles with the teacher's beside them; or all of what a device
holds at a time, the teacher's too."""


class Batch(NamedTuple):
    """What an optimizer step takes."""

    rows: int
    """Rows of a step."""
    unit: str = "rows"
    """What `global_batch` counts."""
    of: int = 1
    """`global_batch` is a multiple of it: units that must not be torn apart."""
    whole: bool = False
    """Rows that do not fill a batch are left out."""
    uses: int = 1
    """Optimizer steps on each batch."""

    def steps(self, rows: int) -> int:
        """Optimizer steps of a run on so many rows."""
        return rows // max(1, self.rows) * self.uses if self.whole else -(-rows // self.rows)


class Effort(NamedTuple):
    """What a run computes, for estimates of time and memory."""

    sequences: int = 1
    """Sequences that each row becomes."""
    scored: int = 0
    """Forward passes without a gradient over each (by a reference, or by the policy that wrote it)."""
    reference: bool = False
    """Whether a frozen copy of all weights lies beside those that are trained (unless these are adapters)."""
    head: Head = "tiles"
    demonstrations: int = 0
    """Most texts beside its own that a step learns from, of which it has all logits."""


class Rates(NamedTuple):
    """Learning rates: what lies outside of the bounds is a slip, not a taste."""

    low: float
    """Below this nothing is learnt."""
    high: float
    """Above this nothing is kept."""
    usual: str
    """What runs use, in words."""


class Devices(NamedTuple):
    """What a stage is trained on."""

    processes: int
    per_device_batch: int
    vllm: bool
    """Whether vLLM writes the completions."""


class Remark(NamedTuple):
    """A setting that does not go with the others."""

    rule: str
    """Slug of the rule that tells it."""
    key: tuple[str, ...]
    """Under `train`."""
    message: str
    advice: str
    idle: bool = False
    """Nothing reads it, whatever its value."""


def changed(given: Part, name: str) -> bool:
    """Whether a setting is written and another than the default."""
    return name in given.model_fields_set and getattr(given, name) != type(given).model_fields[name].default


def without_dropout(train: Train, by: str, *, off: bool) -> Iterator[Remark]:
    """What to say of a dropout of adapters, where the trainer switches dropout off unless it is told not to."""
    if off and train.lora is not None and train.lora.dropout > 0:
        message = f"{by} switches off the `dropout: {train.lora.dropout:g}` of `lora`"
        advice = "leave it out, or write `disable_dropout: false` under `trainer`"
        yield Remark("trainer-conflict", ("lora", "dropout"), message, advice)


class Trainer(Protocol):
    """One algorithm. A new one is a file like `sft.py`, its module in `cotspec.runtime.trainers`, and its line in
    `cotspec.trainers.TRAINERS`."""

    name: str
    """The value of `train.by`, and the kind of its tasks."""
    settings: type[Train]
    """What may be written under `train`."""
    passed: type[PassedOn]
    """What may be written under `train.trainer`."""
    body: type[TrainBody]
    """Its task. A field that is no shared one has the name of the setting it comes from."""
    config: str
    """TRL's class of settings."""
    trl: Mapping[str, str]
    """Settings of its own → TRL's names. The runtime hands them on by this table, and a check knows them by it."""
    rows: RowKind
    """The rows it eats."""
    metrics: tuple[str, ...]
    """What `train.<metric>` may name in a transition."""
    rates: Mapping[bool, Rates]
    """By whether adapters are trained."""
    needs: frozenset[StageKey] = frozenset()
    """Parts of a stage that it cannot do without …"""
    reads: frozenset[StageKey] = frozenset()
    """… and all that mean something to it."""
    refused: Mapping[str, Other] = MappingProxyType({})
    """Settings of TRL that are not passed on to this trainer alone."""

    def row_kind(self, train: Any) -> RowKind:  # noqa: ARG002
        """The rows it eats with these settings."""
        return self.rows

    def reading(self, train: Any) -> frozenset[StageKey]:  # noqa: ARG002
        """Those of `reads` that mean something to it as it is set up."""
        return self.reads

    def batch(self, train: Any) -> Batch:
        """What an optimizer step takes. `train` are its own settings, or its body."""
        return Batch(rows=train.global_batch)

    def effort(self, body: Any, *, vllm: bool) -> Effort:  # noqa: ARG002 - where completions come from may matter
        """What a run computes."""
        return Effort()

    def only_order(self, train: Any) -> bool:  # noqa: ARG002
        """Whether of two rewards it only counts which is larger."""
        return False

    def curves(self, body: Any) -> tuple[str, ...]:  # noqa: ARG002
        """Numbers of each step of its log.jsonl that DVC draws."""
        return self.metrics

    def remarks(self, train: Any, devices: Devices) -> Iterable[Remark]:  # noqa: ARG002
        """Settings of its own that do not go together, or not with the devices."""
        return ()


SUPERVISED: Final = MappingProxyType(
    {
        False: Rates(1e-8, 5e-3, "1e-6 to 1e-4, and up to 2e-3 for a model of a million weights"),
        True: Rates(1e-7, 2e-2, "1e-5 to 1e-3"),
    }
)
"""Usual where each row says what to write."""
REINFORCED: Final = MappingProxyType(
    {
        False: Rates(1e-9, 1e-3, "5e-7 to 5e-6, and up to 2e-4 for a model of a million weights"),
        True: Rates(1e-8, 5e-3, "5e-6 to 1e-4"),
    }
)
"""Usual where the model learns from what it, or another one, happened to write."""
