"""Broken specs by the hundred: the compiler neither raises nor hangs, and each finding has a place that is there.

A longer run, led by coverage, is started by hand: see tests/fuzz/README.md.
"""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st
from judge import judge, project
from mutate import bases, mutated


@pytest.fixture(scope="module")
def spec(tmp_path_factory: pytest.TempPathFactory) -> Path:
    place = project(tmp_path_factory.mktemp("fuzz"))
    os.chdir(place.parents[1])
    return place


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.binary(max_size=60))
def test_a_mutated_spec_is_compiled_or_has_findings_with_places(data: bytes, spec: Path) -> None:
    judge(mutated(data), spec)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(max_size=60) | st.text(alphabet="{}[]:,-#&*!|>'\"%@`~ \n\tab1", max_size=60))
@example(text="")
def test_any_text_is_read_or_has_findings_with_places(text: str, spec: Path) -> None:
    judge(text.encode("utf-8", "replace").decode("utf-8"), spec)


def test_the_specs_that_are_broken_are_the_shipped_ones() -> None:
    assert len(bases()) >= 10
    assert mutated(b"") == bases()[0]
