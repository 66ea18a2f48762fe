"""Tokens of the builtin models, counted without their tokenizer, are those that the real one gives."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.builtin import tokens
from cotspec.builtin.digest import MODELS as FOLDER
from cotspec.builtin.problems import generate
from cotspec.builtin.registry import MODELS

tokenizers = pytest.importorskip("tokenizers", reason="the training stack (cotspec[train]) is not installed")
REAL = {model: tokenizers.Tokenizer.from_file(str(FOLDER / model / "tokenizer.json")) for model in MODELS}


@pytest.mark.parametrize("model", MODELS)
def test_problems_and_their_traces_have_as_many_tokens_as_the_model_sees(model: str) -> None:
    for problem in generate(split="train", size=40, seed=3, steps=(1, 6)):
        for text in (problem.question, problem.trace):
            assert tokens.count(model, text) == len(REAL[model].encode(text).ids)


@given(st.text(st.one_of(st.characters(codec="utf-8"), st.sampled_from("Step 1:\n\n<|end|>")), max_size=40))
def test_any_text_has_as_many_tokens_as_the_model_sees(text: str) -> None:
    assert tokens.count("tiny-student", text) == len(REAL["tiny-student"].encode(text).ids)


def test_a_token_that_ends_a_text_is_one_wherever_it_stands() -> None:
    assert tokens.count("tiny-student", "a<|end|>b<|pad|>") == len(REAL["tiny-student"].encode("a<|end|>b<|pad|>").ids)
