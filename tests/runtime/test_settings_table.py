"""The table of TRL's settings is that of the installed TRL, and what a spec may pass on is held against it."""

from __future__ import annotations

import json
from pathlib import Path
from types import NoneType, UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

import pytest

from cotspec.spec.key_docs import meanings
from cotspec.spec.trl_names import OTHERS
from cotspec.trainers import TRAINERS

pytest.importorskip("trl", reason="the table is made from TRL, which comes with the `train` extra")

FILE = Path(__file__).parents[2] / "cotspec/spec/trl_settings.json"
TABLE = {by: known for by, known in json.loads(FILE.read_text(encoding="utf-8")).items() if by != "made_from"}
FIELDS = [(by, name) for by, trainer in TRAINERS.items() for name in trainer.passed.model_fields]

#: Values of a TRL text without an enumeration of its own, as its trainers read them.
READ_BY_TRL = {
    ("sft", "loss_type"): {"nll", "dft"},
    ("grpo", "importance_sampling_level"): {"token", "sequence"},
    ("grpo", "vllm_importance_sampling_mode"): {
        "token_truncate",
        "token_mask",
        "sequence_truncate",
        "sequence_mask",
    },
}


def members(annotation: Any) -> list[Any]:
    if get_origin(annotation) is Annotated:
        return members(get_args(annotation)[0])
    if get_origin(annotation) in (Union, UnionType):
        return [inner for part in get_args(annotation) for inner in members(part)]
    return [annotation]


def types(annotation: Any) -> set[str]:
    literal = {type(value).__name__ for part in members(annotation) for value in choices(part)}
    plain = {part.__name__ for part in members(annotation) if isinstance(part, type) and part is not NoneType}
    return literal | plain


def choices(annotation: Any) -> set[Any]:
    return {v for part in members(annotation) if get_origin(part) is Literal for v in get_args(part)}


def test_table_is_that_of_the_installed_trl() -> None:
    from cotspec.runtime.settings_table import table

    made = "run `python -m cotspec.runtime.settings_table > cotspec/spec/trl_settings.json` and read what changed"
    assert FILE.read_text(encoding="utf-8") == table(), made


@pytest.mark.parametrize(("by", "name"), FIELDS)
def test_what_is_passed_on_has_the_type_the_default_and_values_of_trl(by: str, name: str) -> None:
    model, theirs = TRAINERS[by].passed, TABLE[by][name]
    field = model.model_fields[name]
    assert types(field.annotation) <= set(theirs["type"])
    assert field.default == theirs["default"]
    known = set(theirs["choices"]) if "choices" in theirs else READ_BY_TRL.get((by, name), set())
    assert choices(field.annotation) <= known
    assert meanings(model)[name]


@pytest.mark.parametrize("by", TRAINERS)
def test_every_setting_of_trl_is_passed_on_or_has_an_advice(by: str) -> None:
    passed, others = set(TRAINERS[by].passed.model_fields), set(OTHERS[by])
    assert passed | others >= set(TABLE[by])
    assert not passed & others
    assert others <= {name for table in TABLE.values() for name in table}


@pytest.mark.parametrize("by", TRAINERS)
def test_what_cotspec_is_said_to_call_it_is_a_setting_of_the_trainer(by: str) -> None:
    ours = {other.ours for name, other in OTHERS[by].items() if other.ours and name in TABLE[by]}
    assert {name.partition(".")[0] for name in ours} <= set(TRAINERS[by].settings.model_fields)
    assert ours


@pytest.mark.parametrize(("by", "name"), sorted(READ_BY_TRL))
def test_values_that_trl_does_not_enumerate_are_those_its_trainer_compares_with(by: str, name: str) -> None:
    import inspect

    import trl

    source = inspect.getsource(getattr(trl, TRAINERS[by].config.replace("Config", "Trainer")))
    missing = {value for value in READ_BY_TRL[by, name] if f'"{value}"' not in source and f"'{value}'" not in source}
    assert missing == set()
