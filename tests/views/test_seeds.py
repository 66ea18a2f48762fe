"""Experiments over seeds: grouped where they differ in the seed alone, compared over the seeds that both have."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
from test_results import outcome

from cotspec.cot.stats import over_seeds
from cotspec.views import results, seeds
from cotspec.views.outcomes import Outcome
from tests.support import Run

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
RIGHT = {42: "11010110", 1: "11000110", 2: "10010111"}
WIDE = {42: "11110110", 1: "11100111", 2: "11010111"}


def family(name: str, right: dict[int, str], alike: str) -> list[Outcome]:
    return [
        outcome(f"{name}-seed-{seed}", each, tokens=100.0 + seed, seed=seed, alike=alike, student="00000000")
        for seed, each in right.items()
    ]


SPEC = outcome("a", RIGHT[42], tokens=142.0, seed=42, alike="spec", student="00000000")
ALL = [SPEC, *family("a--runs", RIGHT, "spec"), *family("a--wide", WIDE, "wide")]


def table(right: dict[int, str]) -> list[list[float]]:
    return [[float(mark) for mark in each] for each in right.values()]


def test_a_spec_and_its_variants_of_other_seeds_are_one_experiment_and_a_seed_counts_once() -> None:
    spec, wide = seeds.groups(ALL)
    assert (spec.name, list(spec.members), spec.base) == ("a", [42, 1, 2], None)
    assert (wide.name, list(wide.members), wide.base) == ("a--wide", [42, 1, 2], spec)
    assert [group.name for group in seeds.groups(ALL[1:])] == ["a--runs", "a--wide"]


def test_the_base_of_a_group_is_what_any_of_its_members_changes() -> None:
    first, *rest = family("a--wide", WIDE, "wide")
    spec, wide = seeds.groups([*ALL[:4], replace(first, base=first.name), *rest])
    assert wide.base == spec


def test_mean_spread_and_change_are_of_the_same_seeds_and_problems() -> None:
    *_, spec, wide = results.records(ALL)
    mean, sd, low, high = over_seeds(table(WIDE))
    assert (wide["seeds"], wide["seed"], wide["accuracy"], wide["accuracy_sd"]) == (3, None, mean, sd)
    assert (wide["accuracy_low"], wide["accuracy_high"]) == (low, 1.0) != (low, high)
    differences = [
        [new - old for new, old in zip(*rows, strict=True)] for rows in zip(table(WIDE), table(RIGHT), strict=True)
    ]
    change = over_seeds(differences)
    assert (wide["accuracy_change"], wide["change_low"], wide["change_high"]) == (change.mean, change.low, change.high)
    assert wide["tokens_change"] == 0.0
    assert wide["student_change"] == pytest.approx(mean)
    assert spec["accuracy_change"] is None


def test_only_seeds_that_both_have_are_compared_and_one_seed_has_no_spread() -> None:
    two = [SPEC, *family("a--runs", {1: RIGHT[1]}, "spec"), *family("a--wide", WIDE, "wide")]
    wide = results.records(two)[-1]
    assert (wide["seeds"], wide["seeds_paired"]) == (3, 2)
    assert "(2 seeds)" in results.text(two)
    one = [SPEC, *family("a--runs", {1: ""}, "spec"), *family("a--wide", WIDE, "wide")]
    spec, wide = results.records(one)[-2:]
    assert (spec["seeds"], spec["seeds_measured"], spec["accuracy"], spec["accuracy_sd"]) == (2, 1, None, None)
    assert (wide["accuracy_change"], wide["change_low"]) == (None, None)
    assert "1 of 2" in results.text(one)


def test_problems_that_a_seed_was_not_asked_are_left_out() -> None:
    short = outcome("a--runs-seed-1", RIGHT[1][:4], seed=1, alike="spec")
    *_, spec = results.records([SPEC, short])
    assert spec["accuracy"] == over_seeds([row[:4] for row in table(RIGHT)[:2]]).mean


def test_the_page_says_what_the_intervals_are_of_and_without_seeds_there_is_no_such_table() -> None:
    for page in (results.text(ALL), results.markdown(ALL)):
        assert "Changes are paired by seed and by problem" in page
        assert page.count("a--wide") == 4
    assert "over seeds" not in results.text([SPEC, outcome("a--wide", WIDE[42])])


def test_the_command_groups_what_differs_in_its_seed_alone(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / ".git").mkdir()
    variants = "variants:\n  runs: {seeds: [1, 2]}\n  wide: {stages.second.train.group: 8, seeds: [42, 1]}\n"
    matrix = "  both: {matrix: {seed: [1, 2], stages.second.train.lr: [1e-4, 1e-3]}}\n"
    (tmp_path / "spec.yaml").write_text(f"{BASE}{variants}{matrix}")
    monkeypatch.chdir(tmp_path)
    code, out, err = run("results", "spec.yaml")
    assert code == 0, err
    below = out[out.index("over seeds") :].splitlines()[1:]
    assert [line.split()[:4] for line in below if line.startswith("example")] == [
        ["example", "0", "of", "3"],
        ["example--wide", "0", "of", "2"],
        ["example--both-lr-1e-4", "0", "of", "2"],
        ["example--both-lr-1e-3", "0", "of", "2"],
    ]
