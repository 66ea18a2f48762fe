"""Batches that divide."""

from __future__ import annotations

from collections.abc import Iterator
from math import lcm
from typing import Final

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.passes.check.context import Context, finding
from cotspec.spec.experiment import Stage
from cotspec.spec.resources import TrainResources
from cotspec.trainers import trainer_of
from cotspec.trainers.trainer import Batch

_STAGE = "start: base, rows: {from: teach}, task: solve, train:"

_MOST: Final = 10_000
"""What is looked for is no larger: a spec may say any number."""

RULE = Rule(
    slug="batch-size",
    claim="`global_batch` is processes × `per_device_batch` × a whole number, and under grpo a multiple of `group`.",
    why="The global batch decides the result and is kept whatever the machine; what is left is accumulated, "
    "and a group is never torn apart.",
    failing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, global_batch: 30}}}}}}\n"
    "resources: {train: {gpus: 4, per_device_batch: 4}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: sft, lr: 1e-5, global_batch: 32}}}}}}\n"
    "resources: {train: {gpus: 4, per_device_batch: 4}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage. One finding for each: what is advised for groups fits the devices, too."""
    for path, name, stage in context.stages():
        batch = trainer_of(stage.train).batch(stage.train)
        if stage.train.global_batch % batch.of:
            yield _groups(context, path, name, stage, batch)
        else:
            yield from _devices(context, path, name, stage)


def _devices(context: Context, path: Path, name: str, stage: Stage) -> Iterator[Diagnostic]:
    given, whole = context.resources(name), stage.train.global_batch
    processes = given.world
    at_once = processes * given.per_device_batch
    if whole % at_once:
        who = "1 process" if processes == 1 else f"{processes} processes"
        message = f"`global_batch` {whole} is not a multiple of {who} × `per_device_batch` {given.per_device_batch}"
        related = (
            *_said(context, name, "gpus" if given.gpus else "processes", "says how many processes there are"),
            *_said(context, name, "per_device_batch", "says what a device holds"),
        )
        span = context.source.value((*path, "train", "global_batch"))
        yield finding(RULE, span, message, _fitting(stage, given), related=related)


def _fitting(stage: Stage, given: TrainResources) -> str:
    """What keeps the experiment as it is: less on a device, else fewer devices."""
    whole, processes, held = stage.train.global_batch, given.world, given.per_device_batch
    group = trainer_of(stage.train).batch(stage.train).of
    if whole % processes == 0:
        most = min(held, whole // processes, _MOST)
        fits = next(size for size in range(most, 0, -1) if whole // processes % size == 0)
        return (
            f"use {fits} for `per_device_batch`: the result is the same (another `global_batch` is another experiment)"
        )
    nodes = given.nodes if whole % given.nodes == 0 else 1
    most = min(processes // given.nodes - (nodes == given.nodes), whole, _MOST)
    fewer = next(count for count in range(most, 0, -1) if whole % (nodes * count) == 0)
    key = "gpus" if given.gpus else "processes"
    gpus = f"{fewer} for `{key}`" + ("" if nodes == given.nodes else " and 1 for `nodes`")
    gpus += " and 1 for `per_device_batch`" if whole % (nodes * fewer * held) else ""
    return (
        f"use {gpus}: the result is the same; or {_multiples(whole, lcm(group, processes * held))}, another experiment"
    )


def _said(context: Context, stage: str, key: str, note: str) -> tuple[tuple[Span, str], ...]:
    """Where the resources of a stage say something, if they do."""
    places = (("resources", "stages", stage, key), ("resources", "train", key))
    return tuple((context.source.key(place), note) for place in places if place in context.source.keys)[:1]


def _groups(context: Context, path: Path, name: str, stage: Stage, batch: Batch) -> Diagnostic:
    whole = stage.train.global_batch
    message = f"a `global_batch` of {whole} {batch.unit} does not divide into groups of {batch.of}"
    keys = [(*path, "train", key) for key in ("global_batch", "group")]
    written = next((key for key in keys if key in context.source.values), keys[0])
    given = context.resources(name)
    part = lcm(batch.of, given.world * given.per_device_batch)
    return finding(RULE, context.source.value(written), message, _multiples(whole, part))


def _multiples(whole: int, part: int) -> str:
    """The multiples on both sides."""
    below, above = whole // part * part, (whole // part + 1) * part
    return f"use {below} or {above} for `global_batch`" if below else f"use {above} for `global_batch`"
