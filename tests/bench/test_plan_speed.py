"""How much longer `cotspec plan` takes than `cotspec check`, in seconds of processor time."""

from __future__ import annotations

import shutil
import statistics
import subprocess
from pathlib import Path

from tests.bench.test_check_speed import COTSPEC, ENVIRONMENT, run, variants

BEYOND = 5.0
"""Seconds."""


def test_a_plan_of_1000_variants_takes_at_most_5_s_beyond_their_check(tmp_path: Path) -> None:
    folder = variants(tmp_path / "project", 1000)
    subprocess.run([COTSPEC, "build"], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
    beyond = []
    for _ in range(3):
        check = run((COTSPEC, "check"), folder)
        plan = run((COTSPEC, "plan"), folder, expected=2)  # something would run
        beyond.append(plan.cpu - check.cpu)
        print(
            f"\ncheck {check.cpu:.1f} s, plan {plan.cpu:.1f} s (CPU); {plan.wall - check.wall:.1f} s of wall beyond it"
        )
    shutil.rmtree(folder)
    assert statistics.median(beyond) <= BEYOND
