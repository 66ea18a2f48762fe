"""How far a piece of work is, as lines and on a terminal of some width."""

from __future__ import annotations

import re
import sys

import pytest

from cotspec.runtime.progress import Progress, span
from tests.terminals import on_terminal


def test_progress_speaks_now_and_then_and_tells_what_is_left(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Progress("answers", 100, clock=lambda: now[0]) as progress:
        for done in range(1, 101):
            now[0] += 0.5
            progress.update(done, "5 tokens each")
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "answers 10/100 (10 %), 5 s, 2 a second, about 45 s left · 5 tokens each"
    assert told[-1] == "answers 100/100 (100 %), 50 s, 2 a second · 5 tokens each"
    assert len(told) == 10


def test_progress_speaks_at_once_within_a_long_step_and_leaves_a_slow_first_step_out_of_what_is_left(
    capsys: pytest.CaptureFixture[str],
) -> None:
    now = [0.0]
    with Progress("training", 0, clock=lambda: now[0]) as progress:
        now[0] += 70.0  # the model is loaded
        progress.begin(400, 0, "at step 1")
        for part in range(8):
            now[0] += 10.0
            progress.within(f"at step 1, {part + 1} of 8 parts")
        progress.update(1)
        for step in range(2, 5):
            now[0] += 20.0
            progress.update(step, "loss 1.5")
    told = capsys.readouterr().out.splitlines()
    assert told[0] == "training 0/400 (0 %), 0 s · at step 1"
    assert told[1] == "training 0/400 (0 %), 10 s · at step 1, 1 of 8 parts"
    at, _, end = told[-2].partition(" (until ")
    assert at == "training 4/400 (1 %), 2 min 20 s, 20.0 s each, about 2 h 12 min left"
    assert re.fullmatch(r"\d\d:\d\d\) · loss 1.5", end)


def test_spans_of_time_read_as_people_say_them() -> None:
    assert [span(s) for s in (8.2, 200, 7500)] == ["8 s", "3 min 20 s", "2 h 05 min"]


def test_what_is_left_runs_down_within_a_long_step_and_its_pace_stays(capsys: pytest.CaptureFixture[str]) -> None:
    now = [0.0]
    with Progress("training", 4, clock=lambda: now[0]) as progress:
        for done in (1, 2):
            now[0] += 10.0
            progress.update(done)
        for _ in range(4):
            now[0] += 5.0
            progress.within("at step 3")
    told = capsys.readouterr().out.splitlines()[-5:-1]
    assert [re.sub(".*(10.0 s each, about .* left).*", r"\1", line) for line in told] == [
        "10.0 s each, about 15 s left",
        *["10.0 s each, about 10 s left"] * 3,
    ]


SHOWN = """
import time
from cotspec.runtime.progress import Progress
with Progress("training", 0) as progress:
    progress.begin(8, 0, "at step 1")
    time.sleep(1.2)
    progress.update(1, "reward 0.332, accuracy 0.266, formatted 0.984, 98 tokens, no signal in 25 % of the groups")
    time.sleep(0.3)
"""


@pytest.mark.parametrize("width", [48, 80, 140])
def test_on_a_terminal_pace_and_end_stand_before_what_is_cut(width: int) -> None:
    code, said = on_terminal([sys.executable, "-c", SHOWN], width=width)
    assert code == 0, said
    plain = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", said).replace("\r", "\n")
    shown = [line for line in plain.split("\n")[:-2] if "1/8" in line and "…" in line]
    assert shown
    told = re.compile(r"training 1/8 \(12 %\), \d s, \d\.\d s each, about ")
    assert all(len(line) <= width and told.search(line) for line in shown)
    assert ("━" in shown[0]) is (width >= 80)
