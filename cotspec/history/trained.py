"""The model that a stage has trained, as an earlier run left it: its folder and files, or why there is none to use."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from cotspec.back import places
from cotspec.files import plain
from cotspec.history.locks import Cache, lock
from cotspec.history.results import RUN_CACHE, Standing, content
from cotspec.ir.plan import Task

_CHECKPOINT: Final = re.compile(r"model|checkpoints/\d{1,12}")
"""What a gate may choose of a stage's folder."""


class UntrainedError(Exception):
    """There is no model to use; the message says why, and what to do."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Trained:
    """The weights that go on from a stage, with their tokenizer."""

    task: str
    """Id of the task that trained them."""
    checkpoint: str
    """Which of its weights: `model`, or what the stage's gate chose, `checkpoints/<step>`."""
    folder: str
    """Where they lie, relative to the project."""
    files: Mapping[str, str]
    """DVC's hash of each file of the folder, by its path there."""


def trained(root: Path, task: Task, gate: Task | None, standings: Mapping[str, Standing]) -> Trained:
    """The model of the stage that `task` trains; `gate` chooses among its weights. Raises UntrainedError when it was
    never trained, is not what the spec asks for now, or does not lie in its folder."""
    for each in (task, *([gate] if gate else [])):
        _require(root, each, standings[each.id])
    checkpoint = "model" if gate is None else _chosen(root, gate)
    files = _files(root, task, checkpoint)
    return Trained(
        task=task.id,
        checkpoint=checkpoint,
        folder=f"{places.stage_folder(task.id)}/{places.OUT}/{checkpoint}",
        files=files,
    )


def missing(root: Path, trained: Trained) -> str:
    """What is not in the folder of a model as DVC recorded it, in words with what to do; "" where all is there. Sizes
    are compared, and no contents: `cotspec doctor` does that."""
    cache, target = Cache(root), places.target(places.stage_folder(trained.task))
    for name, digest in trained.files.items():
        file = root / trained.folder / name
        if not file.is_file():
            return f"{trained.folder}/{name} is not there: `dvc checkout {target}` takes it out of the cache"
        if file.stat().st_size != os.path.getsize(cache.file(digest)):
            return f"{trained.folder}/{name} was changed: `dvc checkout -f {target}` restores what was trained"
    return ""


def _require(root: Path, task: Task, standing: Standing) -> None:
    folder = places.stage_folder(task.id)
    run = f"`dvc repro {places.target(folder)}`"
    if not (root / places.target(folder)).is_file():
        run = f"`cotspec build`, then {run}"
    what = "its gate" if task.body.kind == "gate" else "it"
    match standing.state:
        case "reuse" if standing.reason == RUN_CACHE:
            raise UntrainedError(f"{what} is in DVC's run cache alone: {run} brings it back")
        case "reuse":
            return
        case "running":
            raise UntrainedError(f"{what} is being made at the moment: wait for the end of that run")
        case "failed gate":
            raise UntrainedError(f"its gate stopped it: {standing.reason}")
        case "unfinished merge":
            raise UntrainedError(f"{folder}: {standing.reason}")
        case _ if standing.elsewhere:
            raise UntrainedError(f"{what} is not on this machine: `cotspec run --pull` takes it from the DVC remote")
        case _:
            stale = f"{what} is not what the spec asks for now ({standing.reason})"
            never = f"{what} has not been made" if what != "it" else "it has not been trained"
            why = never if lock(root, folder, task.id) is None else stale
            raise UntrainedError(f"{why}: {run}")


def _chosen(root: Path, gate: Task) -> str:
    place = f"{places.stage_folder(gate.id)}/{places.OUT}/gate.json"
    try:
        chosen = plain.json_value(content(root, gate.id, "gate.json") or b"{}")["checkpoint"]
    except (plain.DataError, LookupError, TypeError):
        chosen = None
    if not isinstance(chosen, str) or not _CHECKPOINT.fullmatch(chosen):
        raise UntrainedError(f"{place} names no checkpoint: remove it and run `dvc repro`")
    return chosen


def _files(root: Path, task: Task, checkpoint: str) -> dict[str, str]:
    folder = places.stage_folder(task.id)
    recorded = lock(root, folder, task.id)
    result = None if recorded is None else Cache(root).result(recorded.out)
    listed = {} if result is None else result.files
    before = f"{checkpoint}/"
    files = {name.removeprefix(before): digest for name, digest in listed.items() if name.startswith(before)}
    if any({"", ".", ".."} & set(name.split("/")) for name in files):
        raise UntrainedError(f"{folder}/{places.OUT}: DVC's listing of it names files elsewhere: do not use it")
    if "config.json" not in files:
        raise UntrainedError(f"{folder}/{places.OUT} has no {checkpoint}: `cotspec doctor` says what to do")
    return files
