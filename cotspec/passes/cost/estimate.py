"""The estimate of each task of a plan, scaled by measured runs of its kind. Start here: `Estimator`.

Knows how the parts are put together; reads nothing itself.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cotspec.ir.plan import Task
from cotspec.passes.cost import clock, devices, disk, space
from cotspec.passes.cost.amounts import Amount, Cost, Total, total
from cotspec.passes.cost.calibration import Comparison, Runs, Scale, family
from cotspec.passes.cost.devices import DEVICES, Device
from cotspec.passes.cost.facts import Facts
from cotspec.passes.cost.flow import Flow


class Estimator:
    """Estimates for the tasks of one plan, each worked out once.

    `tasks` are all tasks of the plan by id, reports too; `more` are tasks of earlier plans that were measured.
    """

    def __init__(self, tasks: Mapping[str, Task], facts: Facts, more: Mapping[str, Task] | None = None) -> None:
        self._tasks: Mapping[str, Task] = {**(more or {}), **tasks}
        self._facts = facts
        self._flow = Flow(self._tasks, facts)
        self._gpu, self._cpu = DEVICES[facts.gpu], devices.cpu(facts.cores)
        self._plain: dict[str, Amount] = {}
        self._costs: dict[str, Cost] = {}
        self._runs: Runs | None = None

    def cost(self, task: str) -> Cost:
        """What one task takes. Raises KeyError."""
        if task not in self._costs:
            self._costs[task] = self._cost(self._tasks[task])
        return self._costs[task]

    def total(self, tasks: Iterable[str]) -> Total:
        """What some tasks take together."""
        return total(self.cost(task) for task in tasks)

    def comparisons(self) -> list[Comparison]:
        """Each measured task beside its estimate, and beside the one that the other runs of its kind would give."""
        return self.runs.comparisons()

    @property
    def runs(self) -> Runs:
        """Measured tasks with what the formula says of them."""
        if self._runs is None:
            self._runs = Runs.of(self._measured())
        return self._runs

    def _measured(self) -> Iterable[Comparison]:
        for task in self._tasks.values():
            measured = self._facts.seconds(task)
            if measured is not None and (kind := family(task)):
                plain = self._seconds(task).value
                if plain is not None:
                    device = self._device(task).name
                    yield Comparison(task=task.id, family=kind, device=device, measured=measured, plain=plain)

    def _device(self, task: Task) -> Device:
        return self._gpu if task.launch.settings.gpus else self._cpu

    def _seconds(self, task: Task) -> Amount:
        if task.id not in self._plain:
            self._plain[task.id] = clock.seconds(task, self._flow, self._device(task))
        return self._plain[task.id]

    def _cost(self, task: Task) -> Cost:
        device, plain = self._device(task), self._seconds(task)
        settings, kind = task.launch.settings, family(task)
        held = max(1, settings.gpus)
        scale = self.runs.scale(kind, device.name) if kind else None
        seconds = _scaled(plain, scale)
        return Cost(
            task=task.id,
            kind=getattr(task.body, "kind"),  # noqa: B009 - every concrete body has it, the base has not
            device=device.name,
            devices=held,
            seconds=seconds,
            hours=_hours(seconds, held, device.name),
            memory=space.peak(task, self._flow, device),
            disk=disk.out(task, self._flow),
            scratch=disk.scratch(task, self._flow),
            tokens=clock.tokens(task, self._flow),
            plain=plain,
            measured=self._facts.seconds(task),
        )


def _scaled(plain: Amount, scale: Scale | None) -> Amount:
    if plain.value is None or scale is None:
        return plain
    return plain._replace(value=plain.value * scale.factor, formula=f"({plain.formula}) {scale.text}")


def _hours(seconds: Amount, held: int, device: str) -> Amount:
    if seconds.value is None:
        return seconds
    many = f"{held} × {device}" if held > 1 else device
    return seconds._replace(value=seconds.value * held / 3600, formula=f"{many}: {seconds.formula}")
