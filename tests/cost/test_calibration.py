"""Measured runs beside estimates: what they are scaled by, and how far off they are without their own record."""

from __future__ import annotations

import pytest

from cotspec.passes.cost.calibration import Comparison, Runs


def run(task: str, measured: float, plain: float, *, family: str = "sft", device: str = "cpu") -> Comparison:
    return Comparison(task=task, family=family, device=device, measured=measured, plain=plain)


def test_an_estimate_is_scaled_by_the_median_of_measured_over_estimated() -> None:
    runs = Runs.of([run("a", 10, 5), run("b", 30, 10), run("c", 100, 10)])
    scale = runs.scale("sft", "cpu")
    assert scale is not None
    assert scale.factor == 3.0
    assert scale.text == "× 3.00 from 3 measured sft runs"


def test_a_task_is_compared_with_what_the_other_runs_alone_would_say() -> None:
    found = {one.task: one for one in Runs.of([run("a", 20, 10), run("b", 40, 10)]).comparisons()}
    assert found["a"].scaled == 40.0  # by b: 10 · 4
    assert found["b"].scaled == 20.0  # by a: 10 · 2
    assert found["a"].error == pytest.approx(-0.5)
    assert found["a"].scaled_error == pytest.approx(1.0)
    assert found["b"].scaled_error == pytest.approx(-0.5)


def test_a_run_that_is_alone_has_no_scaled_estimate() -> None:
    (found,) = Runs.of([run("a", 20, 10)]).comparisons()
    assert found.scaled is None
    assert found.scaled_error is None


def test_runs_of_another_family_or_device_do_not_count() -> None:
    runs = Runs.of([run("a", 20, 10), run("b", 90, 10, family="grpo"), run("c", 1, 10, device="H100")])
    scale = runs.scale("sft", "cpu")
    assert scale is not None
    assert scale.factor == 2.0
    assert runs.scale("generation", "cpu") is None


def test_a_run_that_took_no_time_says_nothing() -> None:
    assert Runs.of([run("a", 0.0, 10)]).scale("sft", "cpu") is None
