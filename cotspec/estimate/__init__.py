"""What each task of a plan will take: time, memory, disk, tokens. Start here: `Estimator`.

Measured runs of like tasks come first, scaled by their tokens; without one, the formulas of `hardware`. Every amount
has an expected value, the most it can be where a setting says so, and words that say how it was found; what is not
known is unknown and counted. Pure: what is known of a project is asked through `Facts`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from statistics import median
from types import MappingProxyType
from typing import Final, NamedTuple

from cotspec.estimate import hardware
from cotspec.estimate.asked_models import Served, charges, judging, known
from cotspec.estimate.facts import Facts as Facts
from cotspec.estimate.facts import Lines as Lines
from cotspec.estimate.hardware import CPU, DEVICES, Way
from cotspec.estimate.memory import held
from cotspec.estimate.model_size import Model
from cotspec.estimate.work import Load, Work, generates, kind_of, trains
from cotspec.ir.plan import Task
from cotspec.spec import payload
from cotspec.spec.payload import TaughtBody, TrainBody
from cotspec.trainers import trainer_of

LIGHT: Final = MappingProxyType(
    {
        "data": 0.5,
        "contamination": 0.5,
        "traces": 0.5,
        "compare": 0.5,
        "rows": 0.5,
        "mix": 0.5,
        "gate": 0.1,
        "report": 0.1,
    }
)
"""Kinds that run without a model, and their seconds beside those of their rows (measured)."""
_LIGHT_BYTES: Final = 45_000_000
_ROWS: Final = 7000.0
"""Rows built in a second (measured, one core)."""
_START: Final = MappingProxyType({"train": 9.0, "generate": 4.0, "vllm": 60.0})
"""Seconds to import libraries and to set up (measured; vLLM's profiling and graphs assumed)."""
_VLLM_SEQUENCES: Final = 256
"""Sequences vLLM decodes at a time unless memory is short."""


class Amount(NamedTuple):
    """An estimate: what is expected and what it is at most (None: no bound), and how that was found.

    An unknown value is None, and the text says what is missing.
    """

    value: float | None
    most: float | None
    text: str


NOTHING: Final = Amount(0.0, 0.0, "")


class Cost(NamedTuple):
    """What one task takes. Seconds are wall time; memory is the peak on each device, in bytes."""

    task: str
    kind: str
    device: str
    devices: int
    seconds: Amount
    memory: Amount
    disk: Amount
    """Bytes of its `out/`."""
    tokens: Amount
    """Tokens it generates: the teacher's for a `teach` task."""
    measured: float | None
    """Seconds of the last run of this very task, where a record of it is there."""
    server: Served | None = None
    """The server that writes its texts."""
    judges: tuple[tuple[Served, Amount], ...] = ()
    """The servers that judge its completions, and the tokens that they write."""


class Comparison(NamedTuple):
    """A measured task beside what the *other* runs of its kind, or the formula, say of it; its memory beside the
    formula."""

    task: str
    measured: float
    estimated: float
    memory: float | None = None
    """Bytes that it held …"""
    expected: float | None = None
    """… and those that it was to hold; None where either is not known."""

    @property
    def error(self) -> float:
        """+0.5 is half too much."""
        return self.estimated / self.measured - 1

    @property
    def memory_error(self) -> float | None:
        """The relative error of the memory."""
        return self.expected / self.memory - 1 if self.memory and self.expected else None


class Spent(NamedTuple):
    """What the last run of a task took here (None: nobody measured it), beside what a plan would have expected of it
    without that run."""

    seconds: float | None
    expected: Amount
    memory: float | None
    memory_expected: Amount


class _Run(NamedTuple):
    """A measured run: what kind of work it was, and how much."""

    task: str
    like: tuple[object, ...]
    seconds: float
    tokens: float


class Estimator:
    """Estimates for the tasks of one plan, each worked out once.

    `tasks` are all tasks of the plan by id, reports too; `more` are tasks of earlier plans that were measured.
    """

    def __init__(self, tasks: Mapping[str, Task], facts: Facts, more: Mapping[str, Task] | None = None) -> None:
        self._tasks: Mapping[str, Task] = {**(more or {}), **tasks}
        self._facts, self._work = facts, Work(self._tasks, facts)
        self._costs: dict[str, Cost] = {}
        self._runs: list[_Run] | None = None

    def cost(self, task: str) -> Cost:
        """What one task takes. Raises KeyError."""
        if task not in self._costs:
            self._costs[task] = self._cost(self._tasks[task])
        return self._costs[task]

    def spent(self, task: str) -> Spent:
        """What one task took, and was to take. Raises KeyError."""
        one = self._tasks[task]
        seconds, memory = self._facts.seconds(one), self._facts.memory(one)
        return Spent(seconds, self._seconds(one, without=task), memory, self._memory(one))

    def comparisons(self) -> list[Comparison]:
        """Each measured task that trains or generates beside its estimate."""
        return [comparison for run in self.runs if (comparison := self._compared(run)) is not None]

    def _compared(self, run: _Run) -> Comparison | None:
        task = self._tasks[run.task]
        seconds = self._seconds(task, without=run.task).value
        if seconds is None:
            return None
        return Comparison(run.task, run.seconds, seconds, self._facts.memory(task), self._memory(task).value)

    @property
    def runs(self) -> list[_Run]:
        """The measured runs of tasks that train or generate."""
        if self._runs is None:
            self._runs = list(self._measured())
        return self._runs

    def _measured(self) -> Iterable[_Run]:
        for task in self._tasks.values():
            seconds, loads = self._facts.seconds(task), self._work.load(task)
            model = self._work.model(task)
            if seconds and loads and loads[0].tokens and (model or self._work.server(task)):
                yield _Run(task.id, self._like(task, model), seconds, loads[0].tokens)

    def _like(self, task: Task, model: Model | None) -> tuple[object, ...]:
        """Runs that are equal in this take seconds in proportion to their tokens."""
        if model is None:
            return self._work.server(task), task.launch.settings.endpoint.concurrency
        settings, way = task.launch.settings, self._way(task, model)
        kind = kind_of(task) if trains(task) else "generate"
        asked = self._work.asked(task)
        teacher = asked.parameters if asked and isinstance(task.body, TaughtBody) else 0.0
        others = tuple(one.parameters if one else 0.0 for one, _ in known(self._work, task))
        return kind, model.parameters, teacher, others, way.device.name, way.devices, settings.engine

    def _way(self, task: Task, model: Model | None) -> Way:
        settings = task.launch.settings
        device = DEVICES[self._facts.gpu] if settings.gpus else hardware.cpu(self._facts.cores)
        if isinstance(task.body, TrainBody):
            devices = settings.processes if settings.gpus else 1  # processes on the CPU share its cores
            return Way(device, devices, task.body.precision, settings.engine == "vllm")
        precision = "fp32" if device.name == CPU else (model.dtype if model else "") or "bf16"
        vllm = settings.engine == "vllm"
        return Way(device, settings.tensor_parallel if vllm else 1, precision, vllm)

    def _cost(self, task: Task) -> Cost:
        way = self._way(task, self._work.model(task))
        return Cost(
            task=task.id,
            kind=kind_of(task),
            device=way.device.name,
            devices=max(1, task.launch.settings.devices),
            seconds=self._seconds(task),
            memory=self._memory(task),
            disk=self._disk(task),
            tokens=self._tokens(task),
            measured=self._facts.seconds(task),
            server=self._served(task),
            judges=self._judged(task),
        )

    def _served(self, task: Task) -> Served | None:
        server = self._work.server(task)
        return None if server is None else Served.of(server[1], task.launch.settings.endpoint)

    def _judged(self, task: Task) -> tuple[tuple[Served, Amount], ...]:
        """A judge is asked about each completion, but for those that a gate decides about."""
        loads = self._work.load(task)
        if loads is None:
            unknown = Amount(None, None, "how many completions there will be is not known")
            return tuple((served, unknown) for served, _ in charges(task, None))
        expected, most = (charges(task, load) for load in loads)
        return tuple(
            (served, Amount(tokens, bound, f"at most {tokens:,.0f} tokens by {served.model}"))
            for (served, tokens), (_, bound) in zip(expected, most, strict=True)
        )

    # --- time ---------------------------------------------------------------------------------------------------------

    def _seconds(self, task: Task, *, without: str = "") -> Amount:
        """Wall time, as the record of a run counts it: without the start of the interpreter."""
        loads, model = self._work.load(task), self._work.model(task)
        if loads is None and not trains(task) and not generates(task):
            return self._light(task)
        asked, server = self._work.asked(task), self._work.server(task)
        if server is None and (model is None or asked is None):
            return Amount(None, None, "the size of the model is not known")
        if loads is None:
            return Amount(None, None, "how many sequences there will be is not known")
        expected, most = loads
        like = self._like(task, model)
        rates = [run.seconds / run.tokens for run in self.runs if run.like == like and run.task != without]
        if rates:
            rate = median(rates)
            runs = f"{len(rates)} run{'' if len(rates) == 1 else 's'} like it took"
            told = f"{expected.tokens:,.0f} tokens at {1 / rate:,.0f} a second, as {runs}"
            return Amount(rate * expected.tokens, rate * most.tokens, f"{told}; {expected.text}")
        if model is None or asked is None or charges(task, expected):
            return Amount(None, None, "how fast its server answers is not known before it has")
        if any(judge is None for judge, what in known(self._work, task) if what.called):
            return Amount(None, None, "the size of a judge is not known")
        told = f"6·N·T and the roofline on {self._way(task, model).device.name}; {model.source}; {expected.text}"
        return Amount(self._formula(task, model, asked, expected), self._formula(task, model, asked, most), told)

    def _light(self, task: Task) -> Amount:
        base = LIGHT.get(kind_of(task))
        if base is None:
            return Amount(None, None, f"nothing is known of {kind_of(task)} tasks")
        rows = self._work.records(task) if kind_of(task) == "rows" else None
        if rows is None:
            return Amount(base, None, "a task without a model")
        return Amount(base + rows.expected / _ROWS, base + rows.most / _ROWS, f"{rows.text} at {_ROWS:,.0f} a second")

    def _formula(self, task: Task, model: Model, asked: Model, load: Load) -> float:
        body, way, settings = task.body, self._way(task, model), task.launch.settings
        start = _START["train" if trains(task) else "generate"] + (_START["vllm"] if way.vllm else 0.0)
        start += (16 if trains(task) else 4) * model.parameters / hardware.LOADING
        if not isinstance(body, TrainBody):
            batch = min(load.sequences, _VLLM_SEQUENCES if way.vllm else settings.generate_batch) or 1
            steps = load.new if way.vllm else load.longest  # vLLM fills a place as soon as it is free
            each = [model, *(one for one, what in known(self._work, task) if one and what.each_token)]
            decoding = (hardware.decoding(one, way, batch=batch, steps=steps, prompt=load.prompt) for one in each)
            return start + load.sequences / batch * sum(decoding)
        factor = 4 + (0 if body.lora.r else 2) + (2 if settings.gradient_checkpointing else 0)
        effort, uses = trainer_of(body).effort(body, vllm=way.vllm), trainer_of(body).batch(body).uses
        length = load.prompt + load.longest if body.drawn is not None else load.new
        at_once = settings.per_device_batch * settings.processes
        at_once *= 1 if body.drawn is not None else effort.sequences
        passes = load.sequences * uses / at_once * factor / 2
        tokens = load.sequences * uses * length
        learnt = hardware.computing(model, way, tokens=tokens, length=length, factor=factor, passes=passes)
        saved = (4 + hardware.moments(body.trainer.get("optim"))) * model.parameters / hardware.LOADING
        written = 0.0 if body.lora.r else max(1.0, load.batches // settings.save_steps) * saved
        scored = hardware.computing(asked, way, tokens=effort.scored * load.sequences * length, length=length, factor=2)
        rollouts = self._rollouts(body, model, way, load) if body.drawn is not None else 0.0
        return start + learnt + scored + written + rollouts + judging(self._work, task, way, load)

    def _rollouts(self, body: TrainBody, model: Model, way: Way, load: Load) -> float:
        """The time to write the completions that are learnt from."""
        batch = body.global_batch / way.devices
        cast = body.precision != "fp32" and not body.lora.r and not way.vllm
        return (
            load.sequences
            / body.global_batch
            * hardware.decoding(
                model, way._replace(devices=1), batch=batch, steps=load.longest, prompt=load.prompt, cast=cast
            )
        )

    # --- memory, disk, tokens -----------------------------------------------------------------------------------------

    def _memory(self, task: Task) -> Amount:
        loads, model, body = self._work.load(task), self._work.model(task), task.body
        if loads is None and not trains(task) and not generates(task):
            return Amount(_LIGHT_BYTES if kind_of(task) in LIGHT else None, None, "a process without a model")
        if self._work.server(task) is not None:
            return Amount(_LIGHT_BYTES, None, "a process without a model")
        asked = self._work.asked(task)
        if model is None or asked is None or loads is None:
            return Amount(None, None, "the size of the model or of its work is not known")
        way, settings = self._way(task, model), task.launch.settings
        if way.vllm and not isinstance(body, TrainBody):
            return Amount(settings.vllm_memory * way.device.memory, None, "vLLM's share of the device")
        expected, most = (held(self._work, task, model, way, load) for load in loads)
        told = " + ".join(f"{name} {_size(size)}" for name, size in expected.items() if size)
        times = 1 if settings.gpus else settings.processes  # processes on the CPU share its memory
        told = f"{times} times {told}" if times > 1 else told
        return Amount(times * sum(expected.values()), times * sum(most.values()), f"{told}; {model.source}")

    def _disk(self, task: Task) -> Amount:
        body, model, loads = task.body, self._work.model(task), self._work.load(task)
        if isinstance(body, TrainBody):
            if model is None:
                return Amount(None, None, "the size of the model is not known")
            steps = loads[0].batches if loads else 0.0
            kept = 1 + (steps // body.keep.every if isinstance(body.keep, payload.Best) else body.keep.kind == "step")
            one = model.parameters * hardware.bytes_of(body.precision)
            return Amount(kept * one, None, f"{kept:,.0f} × N in {body.precision}; {model.source}")
        written = self._tokens(task)
        if loads is None or written.value is None:
            return Amount(None, None, "the lines of its files are not counted")
        return Amount(4 * loads[0].tokens, 4 * loads[1].tokens, "4 bytes a token")

    def _tokens(self, task: Task) -> Amount:
        given = isinstance(task.body, TrainBody) and task.body.drawn is None
        if given or (self._work.load(task) is None and kind_of(task) in LIGHT):
            return NOTHING
        loads = self._work.load(task)
        if loads is None:
            return Amount(None, None, "how many sequences there will be is not known")
        most, price = loads[1].sequences * loads[1].new, task.launch.settings.endpoint.price_output
        costs = f"; at {price:g} a million they cost {most * price / 1e6:,.2f} at most, and prompts come on top"
        return Amount(loads[0].sequences * loads[0].new, most, loads[0].text + (costs if price else ""))


def _size(count: float) -> str:
    return f"{count / hardware.GIB:.2f} GiB" if count >= hardware.GIB else f"{count * 1024 / hardware.GIB:.1f} MiB"
