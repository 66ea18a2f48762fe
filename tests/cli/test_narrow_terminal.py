"""What people look at most, on a terminal of 80 columns: experiments with long names, and stages that many share."""

from __future__ import annotations

import os
import re
import sys
from pathlib import Path

import pytest

from tests.fuzz.finished import SPEC, finished
from tests.terminals import on_terminal

MATRIX = """  mask: {matrix: {stages.first.mask.share: [0.4, 0.5], stages.second.train.group: [4, 8]}, seeds: [42, 1]}
"""


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """All done, but for the second stage of the spec itself."""
    folder = tmp_path_factory.mktemp("project")
    before = Path.cwd()
    os.chdir(folder)
    try:
        plan = finished(folder, SPEC.replace("name: example", "name: bridge-on-arithmetic") + MATRIX)
        (own,) = [each.id for each in plan.tasks if "stage second of bridge-on-arithmetic" in map(str, each.labels)]
        (folder / "generated/stages" / own / "dvc.lock").unlink()
        (folder / ".dvc/tmp/rwlock").unlink()
    finally:
        os.chdir(before)
    return folder


def shown(project: Path, command: str) -> list[str]:
    asked = [sys.executable, "-m", "cotspec", command, "specs/a.yaml"]
    return on_terminal(asked, cwd=project, errors=False, TERM="dumb")[1].replace("\r\n", "\n").splitlines()


@pytest.mark.parametrize("command", ["status", "plan", "results"])
def test_no_line_is_wider_than_the_terminal(command: str, project: Path) -> None:
    lines = shown(project, command)
    assert max(map(len, lines)) <= 80
    assert any("bridge-on-arithmetic--mask-share-0_4-group-8-seed-42" in line for line in lines) or command == "plan"


def test_what_a_stage_says_is_told_once_with_those_that_share_it(project: Path) -> None:
    lines = shown(project, "status")
    assert lines.count("  first: 1 of 20 rows (5 %) were left out as too long") == 1
    assert "all of them:" in lines


def test_a_task_says_below_it_what_has_no_room_beside_it(project: Path) -> None:
    lines = shown(project, "plan")
    at = next(at for at, line in enumerate(lines) if line.startswith("run     stage second"))
    assert re.fullmatch(r"run     stage second +grpo-[0-9a-f]{12}", lines[at])
    assert re.fullmatch(r"        \d+ s \(≤ .*\), .* MiB \(≤ .*\)", lines[at + 1])
    assert lines[at + 2] == "        never run here"
    assert lines[at + 3].startswith("        for bridge-on-arithmetic")
    (evaluation,) = (line for line in lines if line.startswith("run     evaluation of second"))
    assert evaluation.endswith(" MiB")
