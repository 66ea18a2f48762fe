"""Models that a task asks besides its own and a teacher: judges of completions, and those that change a text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from cotspec.estimate import hardware
from cotspec.spec import payload

if TYPE_CHECKING:
    from cotspec.estimate.hardware import Way
    from cotspec.estimate.model_size import Model
    from cotspec.estimate.work import Load, Work
    from cotspec.ir.plan import Task


class AskedModel(NamedTuple):
    """A model that a task asks besides its own, and the input it comes from."""

    model: payload.AskedRef
    role: str
    new: int = 0
    """Most tokens that it writes about each text."""
    each_token: bool = False
    """Whether it is asked at each token that is drawn."""
    called: str = ""
    """A judge's name."""


class Served(NamedTuple):
    """A model behind a server as a task asks it. Its `price` is of a million tokens that it writes; 0 is none, and no
    budget."""

    model: str
    price: float
    budget_tokens: int
    budget_cost: float

    @classmethod
    def of(cls, model: str, given: payload.EndpointSettings) -> Served:
        """A model that is asked so."""
        return cls(model, given.price_output, given.budget_tokens, given.budget_cost)


def charges(task: Task, load: Load | None) -> list[tuple[Served, float]]:
    """The servers that judge the completions of a task, and the most tokens that each writes."""
    settings = task.launch.settings.judges
    return [
        (Served.of(each.model.name, settings[each.called]), load.sequences * each.new if load else 0.0)
        for each in asked_models(task.body)
        if isinstance(each.model, payload.EndpointModel) and each.called in settings
    ]


def asked_models(body: payload.Body) -> Iterator[AskedModel]:
    """All models that a task asks besides its own and a teacher."""
    if isinstance(body, payload.RewardedBody):
        for each in body.judges:
            yield AskedModel(each.model, each.role, each.sampling.max_new_tokens, called=each.name)
    if isinstance(body, payload.WrittenBody):
        yield from (AskedModel(each.model, each.input, each_token=True) for each in body.tilt)
    if isinstance(body, payload.TextBody):
        yield from (AskedModel(model, "revise") for model in body.revise)


def known(work: Work, task: Task) -> list[tuple[Model | None, AskedModel]]:
    """Each of these models of a task, with its size; None where it is not known."""
    return [(work.asked_model(task, each.model, each.role), each) for each in asked_models(task.body)]


def judging(work: Work, task: Task, way: Way, load: Load) -> float:
    """Seconds in which judges write about all completions."""
    body, seconds = task.body, 0.0
    assert isinstance(body, payload.TrainBody)  # noqa: S101 - only what trains has judges
    for judge, what in known(work, task):
        if judge is not None:
            batch, length = body.global_batch / way.devices, load.prompt + load.longest
            alone = way._replace(devices=1)
            one = hardware.decoding(judge, alone, batch=batch, steps=float(what.new), prompt=length)
            seconds += load.sequences / body.global_batch * one
    return seconds


def changing(work: Work, task: Task, way: Way) -> dict[str, float]:
    """Bytes of the models that change a text, without what they remember of it."""
    others = [one for one, _ in known(work, task) if one]
    return {"others": sum(hardware.bytes_of(way.precision) * one.parameters for one in others)} if others else {}
