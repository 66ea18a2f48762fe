"""One round: make a part of a project again, kill that a few times, run it to its end, and judge what came out.

What a round does is decided by its seed alone; when exactly the kill lands in what the processes do is not.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cotspec import recovery
from tests.e2e.tiny import SCRIPTS
from tests.kill import processes
from tests.kill.template import Template, results

_STUCK = 300.0
"""Seconds after which a run counts as stuck."""
_LEFT = 20.0
"""Seconds that what is below a killed process has to end."""
_WEIGHTS = {"light": 100, "sft": 6, "grpo": 1, "teach": 3, "mine": 2, "evaluate": 3}
COMMANDS = {"repro": ("dvc", "repro"), "run": ("cotspec", "run", "-j", "2")}
#: Who is killed: everything at once (a container that ends), the process group (Ctrl-C, a closed terminal), the process
#: that was started, or one of the chain below it.
_WHO = ("all", "group", "runner", "dvc", "supervise", "trainer")
_SIGNALS = (signal.SIGKILL, signal.SIGKILL, signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
#: Moments at which something is half-done: what appears in the project → the kill comes a little later.
_EVENTS = {
    "scratch": ".cotspec/scratch/*/lock",
    "checkpoint": ".cotspec/scratch/*/trainer/checkpoint-*",
    "batches": ".cotspec/scratch/*/partial*.jsonl",
    "kept": ".cotspec/scratch/*/kept",
    "out": "generated/*/*/out",
    "lock": "generated/*/*/dvc.lock",
    "rwlock": ".dvc/tmp/rwlock",
}


@dataclass(frozen=True, kw_only=True)
class Kill:
    """A run, and how it is killed."""

    command: str
    who: str
    number: signal.Signals
    event: str
    """Which of `_EVENTS` it waits for, or "time"."""
    nth: int
    """For which change."""
    delay: float
    """Seconds after it; for "time", the share of what the part takes."""

    def __str__(self) -> str:
        when = f"{self.delay:.2f}" if self.event == "time" else f"{self.event} {self.nth} + {self.delay:.3f} s"
        return f"{self.command}: {self.number.name} to {self.who} at {when}"


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a round will do: some runs that are killed one after the other, and one that must end well."""

    seed: int
    part: str
    kills: tuple[Kill, ...]
    last: str


@dataclass(kw_only=True)
class Outcome:
    """What came of it: nothing but what is named was wrong."""

    faults: list[str] = field(default_factory=list)
    killed: list[str] = field(default_factory=list)
    """What each signal was sent to; not for a run that had ended before."""
    mended: list[str] = field(default_factory=list)
    """What a plain `dvc repro` could not begin with, and one `cotspec run` mended."""
    said: str = ""


def planned(seed: int, parts: Mapping[str, int] = _WEIGHTS) -> Plan:
    """The round of a seed."""
    chance = random.Random(seed)
    part = chance.choices(list(parts), list(parts.values()))[0]
    kills = tuple(_kill_of(chance, part) for _ in range(chance.randint(1, 3 if part == "light" else 2)))
    return Plan(seed=seed, part=part, kills=kills, last=chance.choice(list(COMMANDS)))


def _kill_of(chance: random.Random, part: str) -> Kill:
    event = chance.choice(("time", "time", *_possible(part)))
    return Kill(
        command=chance.choice(list(COMMANDS)),
        who=chance.choice(_WHO),
        number=chance.choice(_SIGNALS),
        event=event,
        nth=chance.randint(1, {"rwlock": 6, "checkpoint": 3}.get(event, 1)),
        delay=chance.random() if event == "time" else chance.choice((0.0, 0.005, 0.02, 0.1, 0.4)) * chance.random(),
    )


def _possible(part: str) -> list[str]:
    """Moments that come in a part."""
    training = part in ("sft", "grpo")
    without = {"batches"} if training else {"checkpoint", "batches"} if part == "light" else {"checkpoint"}
    return [event for event in _EVENTS if event not in without]


def play(template: Template, plan: Plan, folder: Path, seconds: float) -> Outcome:
    """Play a round in `folder`; `seconds` is what its part takes unkilled."""
    mark = f"{os.getpid()}-{plan.seed}"
    template.copy(folder, plan.part, plan.seed)
    outcome = Outcome()
    log = folder.with_suffix(".log")
    with log.open("wb") as output:
        for kill in plan.kills:
            runner = _start(COMMANDS[kill.command], folder, mark, output)
            _await(kill, folder, runner, seconds)
            _kill(kill, runner, mark, outcome)
            _judge_killed(runner, mark, outcome)
        code = _again(COMMANDS[plan.last], folder, mark, output)
        if code and plan.last == "repro" and (damaged := recovery.damage(folder)):
            outcome.mended = [str(each) for each in damaged]
            code = _again(COMMANDS["run"], folder, mark, output)
    outcome.said = log.read_text(encoding="utf-8", errors="replace")
    _judge_last(template, plan, folder, code, outcome)
    if left := processes.all_gone(mark, _LEFT):
        outcome.faults.append(f"orphans of the last run: {left}")
    if not outcome.faults:
        shutil.rmtree(folder)
        log.unlink()
    return outcome


def _judge_last(template: Template, plan: Plan, folder: Path, code: int | str, outcome: Outcome) -> None:
    if code:
        outcome.faults.append("stuck" if code == "late" else f"the last run ended with {code}")
    elif results(folder) != template.results:
        outcome.faults.append("different bytes")
    elif plan.seed % 4 == 0 and "0 to run, 0 to resume" not in _plan(folder):
        outcome.faults.append("something is left to do")


def unkilled(template: Template, part: str, folder: Path) -> float:
    """Seconds a part takes when nothing happens."""
    template.copy(folder, part, seed=0)
    began = time.monotonic()
    code = _again(COMMANDS["repro"], folder, f"{os.getpid()}-{part}", subprocess.DEVNULL)
    assert not code, f"{part} does not run: {code}"
    assert results(folder) == template.results, f"{part} has other bytes without any kill"
    shutil.rmtree(folder)
    return time.monotonic() - began


def _start(command: tuple[str, ...], folder: Path, mark: str, output: object) -> subprocess.Popen[bytes]:
    own = {
        processes.MARK: mark,
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "OMP_NUM_THREADS": "1",
        "DVC_NO_ANALYTICS": "1",
    }
    program = str(SCRIPTS / command[0])
    return subprocess.Popen(  # type: ignore[call-overload,no-any-return]
        (sys.executable, program, *command[1:]),
        cwd=folder,
        env=os.environ | own,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=output,
        process_group=0,
    )


def _await(kill: Kill, folder: Path, runner: subprocess.Popen[bytes], seconds: float) -> None:
    """Sleep until the moment of the kill."""
    if kill.event == "time":
        deadline = time.monotonic() + kill.delay * seconds
        while runner.poll() is None and time.monotonic() < deadline:
            time.sleep(min(0.05, max(0.0, deadline - time.monotonic())))
        return
    seen, changes = _state(folder, kill.event), 0
    while runner.poll() is None:
        time.sleep(0.002 if kill.event == "rwlock" else 0.01)
        now = _state(folder, kill.event)
        changes += now != seen and bool(now)
        seen = now
        if changes == kill.nth:
            time.sleep(kill.delay)
            return


def _state(folder: Path, event: str) -> tuple[tuple[str, int], ...]:
    found = []
    for path in sorted(folder.glob(_EVENTS[event])):
        try:
            found.append((path.name + path.parent.name, path.stat().st_mtime_ns if event == "rwlock" else 0))
        except FileNotFoundError:
            continue
    return tuple(found)


def _kill(kill: Kill, runner: subprocess.Popen[bytes], mark: str, outcome: Outcome) -> None:
    """Send the signal, unless the run has ended."""
    if runner.poll() is not None:
        return
    if kill.who in ("group", "runner"):
        (os.killpg if kill.who == "group" else os.kill)(runner.pid, kill.number)
        outcome.killed.append(kill.who)
        return
    living = processes.marked(mark)
    chosen = [each.pid for each in living if kill.who in ("all", each.kind)] or [runner.pid]
    chosen = chosen if kill.who == "all" else chosen[-1:]
    processes.send(chosen, kill.number)
    outcome.killed.append(f"{kill.who} ({len(chosen)} of {len(living)})")


def _judge_killed(runner: subprocess.Popen[bytes], mark: str, outcome: Outcome) -> None:
    """Whether a killed run ends, and all that it started with it."""
    try:
        runner.wait(_STUCK)
    except subprocess.TimeoutExpired:
        outcome.faults.append("the killed run does not end")
    left = processes.all_gone(mark, _LEFT)
    if left and not outcome.faults:
        outcome.faults.append(f"orphans: {left}")
    processes.send([each.pid for each in left], signal.SIGKILL)


def _again(command: tuple[str, ...], folder: Path, mark: str, output: object) -> int | str:
    runner = _start(command, folder, mark, output)
    try:
        return runner.wait(_STUCK)
    except subprocess.TimeoutExpired:
        processes.send([each.pid for each in processes.marked(mark)], signal.SIGKILL)
        return "late"


def _plan(folder: Path) -> str:
    command = (sys.executable, "-m", "cotspec", "plan")
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False).stdout
