"""Settings that mean nothing where they stand. Rules refuse them when they are written; elsewhere they are left out."""

from __future__ import annotations

from cotspec.diagnostics.source_map import Path
from cotspec.ir.bodies import trace_format
from cotspec.passes.check.source_settings import USED
from cotspec.spec.data import DATA_SOURCES
from cotspec.spec.evaluation import sets_of
from cotspec.spec.experiment import Data, Experiment, Model
from cotspec.spec.models import MODEL_SOURCES
from cotspec.trainers import trainer_of


def has_effect(experiment: Experiment, path: Path) -> bool:
    """Whether a default at this path of a sound spec decides anything."""
    match path:
        case ("models", str(name), str(key)):
            return _sourced(experiment.models[name], MODEL_SOURCES, key)
        case ("trace", _):
            return not trace_format(experiment.trace).form  # in a form only what is written
        case ("trace", _, key):
            return key == "opens"
        case ("data", str(name), str(key)):
            return _sourced(experiment.data[name], DATA_SOURCES, key)
        case ("stages", str(name), "mask", "at_least"):
            mask = experiment.stages[name].mask
            return mask is None or mask.select not in ("all", "inner")
        case ("stages", _, "train", "trainer", _):
            return False  # what is passed on is what is written
        case ("stages", str(name), ("loss" | "reward" | "begin") as key):
            train = experiment.stages[name].train
            return key in trainer_of(train).reading(train)
        case ("stages", str(name), "train", "sampling", *_):
            return path[-1] != "n" and experiment.stages[name].train.drawn is not None
        case ("evaluate", ("sampling" | "of" | "prompt") as key, *_):
            return any(key not in each.own for each in sets_of(experiment.evaluate))
        case _:
            return path[-2:] != ("sampling", "n") or path[0] in ("generate", "evaluate")


def _sourced(given: Model | Data, sources: tuple[str, ...], key: str) -> bool:
    own = next((source for source in sources if getattr(given, source) is not None), "")
    return key not in USED or own in USED[key]
