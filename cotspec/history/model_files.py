"""What the files of models say, where this machine has them: those of a builtin one are always there."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from functools import cache, lru_cache
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from cotspec.builtin.digest import MODELS
from cotspec.cot import model_config
from cotspec.files import plain
from cotspec.files.regular import inside
from cotspec.history.locks import Cache
from cotspec.ir import defaults
from cotspec.spec.lock import pinned

if TYPE_CHECKING:
    from cotspec.ir.lower import ExperimentSource
    from cotspec.spec.experiment import Model

_MOST_VOCABULARY: Final = 4 * 2**20
"""Bytes of a tokenizer.json that a check reads: about 0.05 s. The preflight reads any."""


class ModelFiles(NamedTuple):
    """The small files of a model, as far as they are on this machine."""

    config: Mapping[str, Any]
    """What config.json holds."""
    template: bool
    """Whether the tokenizer has a chat template."""
    chat: str = ""
    """The text of the chat template; "" when it was not read."""
    words: model_config.Vocabulary = MappingProxyType({})
    """Its vocabulary; empty when it was not read."""


def model_files(model: Model, source: ExperimentSource, root: Path) -> ModelFiles | None:
    """The small files of a model of a spec, where they are on this machine: of a hub model those of its revision, or of
    the folder that cotspec.local.yaml names."""
    place = _folder(model, source, root)
    if model.builtin is not None or place is None:
        return of_builtin(model)
    try:
        within = () if model.path is None else Cache(root).within
        return _read(place, within, (place / "config.json").stat().st_mtime_ns)
    except OSError:
        return None


def _folder(model: Model, source: ExperimentSource, root: Path) -> Path | None:
    from cotspec.front import local, modelfiles  # here: a spec of builtin models has no use for them

    if model.path is not None:
        folder = Path(os.path.normpath(root / source.folder / model.path))
        return folder if inside(folder, root) else None  # a finding of its own
    if model.hub is None:
        return None
    revision = pinned(source.locked, "models", model.hub, model.revision or defaults.HUB_REVISION)
    return next(modelfiles.of_hub(model.hub, revision, root, local.settings(root)))[0]


@lru_cache(maxsize=64)
def _read(place: Path, within: tuple[Path, ...], _changed: int) -> ModelFiles | None:
    from cotspec.front import modelfiles

    config = plain.json_object(place / "config.json", within=within)
    tokenizer = plain.json_object(place / "tokenizer_config.json", within=within)
    if not config:
        return None
    tokens = plain.json_object(place / "tokenizer.json", most=_MOST_VOCABULARY, within=within)
    return ModelFiles(
        config=config,
        template=model_config.has_template(tokenizer, modelfiles.names(place)),
        chat=modelfiles.chat_template(place, within),
        words=model_config.vocabulary(tokens),
    )


def of_builtin(model: Model) -> ModelFiles | None:
    """A builtin model; None for any other, or one that is not there."""
    return None if model.builtin is None else _builtin(model.builtin)


def vocabulary(model: Model, file: ModelFiles) -> model_config.Vocabulary:
    """The tokens of a model, also of a builtin one."""
    return file.words if model.builtin is None else _builtin_words(model.builtin)


@cache
def _builtin_words(name: str) -> model_config.Vocabulary:
    return model_config.vocabulary(plain.json_object(MODELS / name / "tokenizer.json"))


@cache
def _builtin(name: str) -> ModelFiles | None:
    try:
        text = (MODELS / name / "config.json").read_text(encoding="utf-8")
    except OSError:
        return None
    return ModelFiles(config=json.loads(text), template=False)  # they speak one plain format
