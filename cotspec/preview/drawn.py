"""How a text is drawn whose writer is not alone: models that lean on it, one that revises it. Sentences; no layout."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cotspec.ir.plan import Task
from cotspec.spec.payload import BuiltinModel, EndpointModel, HubModel, TextBody
from cotspec.spec.payload_sources import AskedRef
from cotspec.spec.payload_texts import WrittenBody


def told(task: Task, parts: Mapping[str, str]) -> Iterator[str]:
    """What is done in a task that writes texts, a line each; `parts` are tasks by id, as a person calls them."""
    body = task.body
    if not isinstance(body, WrittenBody):
        return
    writer, temperature = called(task, body.model, "model", parts), f"temperature {body.sampling.temperature:g}"
    if body.tilt:
        leaning = "".join(
            f" {'-' if one.weight < 0 else '+'} {abs(one.weight):g}·log p({called(task, one.model, one.input, parts)})"
            for one in body.tilt
        )
        drawn = f"log p({writer}){leaning}"
        how = (
            f"drawn by {drawn}, divided by {temperature}" if body.sampling.temperature else f"the likeliest by {drawn}"
        )
        yield f"tilted: each token is {how}"
    for model in body.revise if isinstance(body, TextBody) else ():
        other = called(task, model, "revise", parts)
        yield (
            f"revised: at the place where {other} differs most from {writer} (KL), its likeliest token is put, and "
            f"{writer} goes on from there at {temperature}; a text where it never differs stays as it is"
        )


def called(task: Task, model: AskedRef, role: str, parts: Mapping[str, str]) -> str:
    """A model by its own name, or the stage or folder that holds it."""
    match model:
        case HubModel():
            return model.id
        case BuiltinModel() | EndpointModel():
            return model.name
        case _:
            read = task.reads[role]
            return parts.get(read.task, read.task) if read.task else read.file
