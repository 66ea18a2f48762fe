"""The builtin models load with plain transformers, are small, and their tokenizer loses nothing."""

import json
from importlib.resources import files
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.builtin.problems import generate

pytest.importorskip("torch", reason="the builtin models need the training extra (torch, transformers)")

from transformers import AutoModelForCausalLM, AutoTokenizer

MODELS = Path(str(files("cotspec.builtin"))) / "models"
NAMES = ("tiny-small", "tiny-student", "tiny-teacher")
PROMPT = "Question: {}\nSolution:\n"


@pytest.fixture(scope="module", params=NAMES)
def folder(request: pytest.FixtureRequest) -> Path:
    return MODELS / str(request.param)


@pytest.fixture(scope="module")
def coder(folder: Path) -> Any:
    return AutoTokenizer.from_pretrained(folder)


def test_all_models_together_are_a_small_download() -> None:
    assert sum(file.stat().st_size for file in MODELS.rglob("*")) <= 12e6


def test_a_model_loads_with_plain_transformers_and_has_at_most_a_million_parameters(folder: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(folder)
    assert 0.4e6 <= sum(parameter.numel() for parameter in model.parameters()) <= 1e6
    assert model.config.vocab_size == len(AutoTokenizer.from_pretrained(folder))


def test_the_loaded_tokenizer_gives_the_stored_sample_encoding(folder: Path, coder: Any) -> None:
    sample = json.loads((folder / "sample_encoding.json").read_text(encoding="utf-8"))
    assert coder(sample["text"]).input_ids == sample["ids"]


def test_students_and_teacher_share_one_tokenizer() -> None:
    assert len({(MODELS / name / "tokenizer.json").read_text(encoding="utf-8") for name in NAMES}) == 1


def test_end_and_padding_are_different_tokens(coder: Any) -> None:
    assert coder.eos_token_id != coder.pad_token_id


@given(text=st.text(max_size=60))
def test_any_text_survives_the_tokenizer(text: str) -> None:
    for name in NAMES:
        tokenizer = _loaded(name)
        assert tokenizer.decode(tokenizer(text).input_ids) == text


def test_every_word_of_a_problem_is_one_token(coder: Any) -> None:
    for problem in generate(split="test", size=200, seed=9, steps=(2, 4)):
        for text in (PROMPT.format(problem.question), problem.trace):
            pieces = coder.backend_tokenizer.pre_tokenizer.pre_tokenize_str(text)
            assert len(coder(text).input_ids) == len(pieces)


_CACHE: dict[str, Any] = {}


def _loaded(name: str) -> Any:
    if name not in _CACHE:
        _CACHE[name] = AutoTokenizer.from_pretrained(MODELS / name)
    return _CACHE[name]
