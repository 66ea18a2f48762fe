"""Broken results, locks, models and data: every command ends in time with what it can say, and never with a bug.

A longer run is started by hand: see tests/fuzz/README.md.
"""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from leftovers import COMMANDS, Bench, run


@pytest.fixture(scope="module")
def bench(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Bench]:
    here = os.getcwd()
    yield Bench(tmp_path_factory.mktemp("fuzz"))
    os.chdir(here)


def test_the_project_that_is_broken_looks_finished(bench: Bench, capsys: pytest.CaptureFixture[str]) -> None:
    assert run("plan", "before") == 0
    assert {command: code for command in COMMANDS if (code := run(command, "before")) == 2} == {}


@pytest.mark.parametrize("seed", range(12))
def test_broken_leftovers_are_findings_or_clear_errors(seed: int, bench: Bench) -> None:
    assert bench.one(seed, commands=2).total() == 2
