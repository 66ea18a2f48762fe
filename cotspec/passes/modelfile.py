"""What the files of a model say, as rules see it: those of a builtin one are always there. Knows no other place."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, NamedTuple

from cotspec.builtin.digest import MODELS

if TYPE_CHECKING:
    from cotspec.spec.experiment import Experiment, Model


class ModelFile(NamedTuple):
    """The small files of a model, as far as they are on this machine."""

    config: Mapping[str, Any]
    """config.json."""
    template: bool
    """Whether the tokenizer has a chat template."""
    chat: str = ""
    """Its text; "" when it was not read."""
    ids: int = 0
    """One more than the largest id of its vocabulary; 0 when it was not read."""


def of_builtin(model: Model) -> ModelFile | None:
    """A builtin model; None for any other, or one that is not there."""
    return None if model.builtin is None else _builtin(model.builtin)


@cache
def _builtin(name: str) -> ModelFile | None:
    try:
        text = (MODELS / name / "config.json").read_text(encoding="utf-8")
    except OSError:
        return None
    return ModelFile(config=json.loads(text), template=False)  # they speak one plain format


def generating(spec: Experiment) -> Iterator[tuple[tuple[str, ...], str, int]]:
    """Every place that text is drawn for: where its sampling stands, from which model or stage, how many new tokens."""
    yield ("teach", "sampling"), spec.teach.model, spec.teach.sampling.max_new_tokens
    for name, stage in spec.stages.items():
        if stage.rows.from_ == "failures":
            where = ("stages", name, "rows", "sampling")
            yield where, stage.rows.of, stage.rows.sampling.max_new_tokens
        if stage.train.by == "grpo":
            yield ("stages", name, "train", "sampling"), name, stage.train.sampling.max_new_tokens
    for name in dict.fromkeys(spec.evaluate.of):
        yield ("evaluate", "sampling"), name, spec.evaluate.sampling.max_new_tokens
