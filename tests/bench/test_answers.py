"""What grading costs on the real answers, against a bare regex search for a number in the same run."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from pytest_benchmark.fixture import BenchmarkFixture

from cotspec.cot.answers import correct, equal, extract
from cotspec.spec.payload import TraceFormat

FMT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
TRACES = Path(__file__).parents[2] / "../shared/data/bridge/traces-200.jsonl"
pytestmark = pytest.mark.skipif(not TRACES.exists(), reason="the released BRIDGE traces are not on this machine")
BARE = re.compile(r"-?[0-9][0-9,]*(?:\.[0-9]+)?")
REPEATS = 15


def real() -> list[tuple[str, str]]:
    """(response, gold) of teachers and students, 400 pairs."""
    found = [json.loads(line) for line in TRACES.read_text(encoding="utf-8").splitlines()]
    return [(row[key], row["gold_answer"]) for key in ("teacher_cot", "student_response") for row in found]


def seconds(work: Callable[[], object]) -> float:
    """Least processor time of several runs, so that a busy machine can pass."""
    best = float("inf")
    for _ in range(REPEATS):
        began = time.thread_time()
        work()
        best = min(best, time.thread_time() - began)
    return best


def test_twenty_thousand_real_answers_are_graded_in_a_second(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    pairs = [(extract(response, FMT) or "", gold) for response, gold in real()]
    right = benchmark(lambda: sum(equal(given, gold) for given, gold in pairs))
    assert right == 205
    graded = seconds(lambda: [equal(given, gold) for given, gold in pairs])
    bare = seconds(lambda: [BARE.search(given) for given, _ in pairs])
    with capsys.disabled():
        print(f"\ngrading: {len(pairs) / graded:,.0f} grades/s, {graded / bare:.1f} bare regex searches each")
    assert len(pairs) / graded > 20_000
    assert graded / bare < 60


def test_grading_whole_responses_costs_a_few_scans_of_their_text(
    benchmark: BenchmarkFixture, capsys: pytest.CaptureFixture[str]
) -> None:
    texts = real()
    right = benchmark(lambda: sum(correct(response, gold, FMT) for response, gold in texts))
    assert right == 205
    graded = seconds(lambda: [correct(response, gold, FMT) for response, gold in texts])
    bare = seconds(lambda: [BARE.findall(response) for response, _ in texts])
    with capsys.disabled():
        print(
            f"\nsegmenting and grading: {len(texts) / graded:,.0f} responses/s, {graded / bare:.1f} number scans each"
        )
    assert graded / bare < 10
