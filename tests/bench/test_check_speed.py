"""How long `cotspec check` and `build` take, as ratios against `python -c "import pydantic, typer"` in the same run.

Base and command are run in turn, each as a process of its own, and processor time is compared, so that a busy machine
can pass; wall time is printed beside it. `pytest tests/bench/test_check_speed.py -s` prints the figures.
"""

from __future__ import annotations

import os
import re
import shutil
import statistics
import subprocess
import sys
import sysconfig
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import pytest

ROOT = Path(__file__).parents[2]
BASE = (sys.executable, "-c", "import pydantic, typer")
COTSPEC = str(Path(sysconfig.get_path("scripts")) / "cotspec")
#: This checkout, with byte code: a user's second run, not the first one after an installation.
ENVIRONMENT = {k: v for k, v in os.environ.items() if k != "PYTHONDONTWRITEBYTECODE"} | {"PYTHONPATH": str(ROOT)}

COLD = 3.0
EACH_OF_MANY = 0.010
"""Seconds."""
GROWTH = 1.3
"""Time per variant at 1,000 against that at 100."""
BUILD = 10.0
"""A build with all its files against a check."""


class Cost(NamedTuple):
    """Seconds of one run."""

    cpu: float
    wall: float


def run(command: Sequence[str], folder: Path, *, expected: int = 0) -> Cost:
    begin = time.perf_counter()
    process = subprocess.Popen(
        command, cwd=folder, env=ENVIRONMENT, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == expected, command
    return Cost(usage.ru_utime + usage.ru_stime, time.perf_counter() - begin)


def median(costs: Sequence[Cost]) -> Cost:
    return Cost(*(statistics.median(values) for values in zip(*costs, strict=True)))


class Timed(NamedTuple):
    """A run and the base that was run before and after it: a machine that slows down slows both."""

    cost: Cost
    base: Cost

    @property
    def times(self) -> float:
        """Processor time of how many bases."""
        return self.cost.cpu / self.base.cpu


def timed(command: Sequence[str], folder: Path) -> Timed:
    before = [run(BASE, folder) for _ in range(3)]
    cost = run(command, folder)
    return Timed(cost, median([*before, *(run(BASE, folder) for _ in range(3))]))


def project(folder: Path) -> Path:
    (folder / "specs").mkdir(parents=True)
    shutil.copytree(ROOT / "specs" / "prompts", folder / "specs" / "prompts")
    (folder / "pyproject.toml").write_text("[tool.cotspec]\n", encoding="utf-8")
    return folder


@pytest.mark.parametrize("spec", ["bridge-tiny", "bridge-gsm8k"])
def test_a_cold_check_of_one_spec_takes_at_most_three_times_the_base(spec: str) -> None:
    command = (COTSPEC, "check", f"specs/{spec}.yaml")
    run(command, ROOT)
    pairs = [(run(BASE, ROOT), run(command, ROOT)) for _ in range(25)]
    bases, checks = (median(costs) for costs in zip(*pairs, strict=True))
    cpu, wall = checks.cpu / bases.cpu, checks.wall / bases.wall
    print(f"\ncheck {spec}: {cpu:.2f}x CPU ({checks.cpu * 1e3:.0f} of {bases.cpu * 1e3:.0f} ms), {wall:.2f}x wall")
    assert cpu <= COLD


def test_each_of_1000_specs_in_one_call_takes_at_most_10_ms(tmp_path: Path) -> None:
    folder = project(tmp_path)
    for number in range(1000):
        name = ("bridge-tiny", "bridge-gsm8k")[number % 2]
        text = (ROOT / "specs" / f"{name}.yaml").read_text(encoding="utf-8")
        text = re.sub(r"^name: .*$", f"name: {name}-{number}", text, count=1, flags=re.MULTILINE)
        text = re.sub(r"^seed: .*$", f"seed: {number}", text, count=1, flags=re.MULTILINE)
        (folder / f"specs/{number}.yaml").write_text(text, encoding="utf-8")
    one = min((timed((COTSPEC, "check"), folder) for _ in range(2)), key=lambda one: one.cost.cpu)
    cpu, wall = one.cost.cpu / 1000, one.cost.wall / 1000
    print(f"\n1,000 specs: {cpu * 1e3:.1f} ms CPU each ({one.times / 1000:.3f}x), {wall * 1e3:.1f} ms wall")
    assert cpu <= EACH_OF_MANY


def variants(folder: Path, count: int) -> Path:
    """The paper's experiment with so many variants, in a project of its own; each trains its second and third stage."""
    text = (ROOT / "specs/bridge-gsm8k.yaml").read_text(encoding="utf-8")
    if count:
        rates = ", ".join(f"{number + 1}e-6" for number in range(count // 10))
        betas = ", ".join(f"0.{number:02}" for number in range(1, 11))
        text += (
            "variants:\n  sweep:\n    matrix:\n"
            f"      stages.compress.train.lr: [{rates}]\n      stages.compress.train.beta: [{betas}]\n"
        )
    (project(folder) / "specs/sweep.yaml").write_text(text, encoding="utf-8")
    return folder


def test_check_and_build_grow_with_the_number_of_variants(tmp_path: Path) -> None:
    totals: dict[tuple[str, int], list[float]] = {}
    for turn in range(3):
        for count in (0, 100, 1000):
            folder = variants(tmp_path / f"{turn}-{count}", count)
            for command in ("check", "build"):
                totals.setdefault((command, count), []).append(timed((COTSPEC, command), folder).times)
    shutil.rmtree(tmp_path)  # not sooner: after it, making files was seen to take up to 30 times as long
    total = {key: statistics.median(times) for key, times in totals.items()}
    for command in ("check", "build"):
        few, many = ((total[command, count] - total[command, 0]) / count for count in (100, 1000))
        print(
            f"\n{command}: {few:.4f}x a variant of 100, {many:.4f}x of 1,000 ({many / few:.2f} times); "
            f"1,000 take {total[command, 1000]:.0f}x"
        )
        assert many <= GROWTH * few
    assert total["build", 1000] <= BUILD * total["check", 1000]
