"""Running tasks side by side: what may start, on which GPUs, and what a failure holds up. Knows processes; not DVC.

A task starts when all it waits for is done and its GPUs are free. After a failure, what does not need the failed task
goes on. On Ctrl-C, SIGTERM and SIGHUP every process is told and waited for; should this process be killed, the kernel
tells each task's supervisor (`cotspec.runtime.supervise`), which ends all that is below it.
"""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Literal

_POLL: Final = 0.1
_GRACE: Final = 30.0
"""Seconds a process has to end by itself after Ctrl-C."""
SUPERVISED: Final = (sys.executable, "-P", "-m", "cotspec.runtime.supervise", "--")

Event = Literal["start", "done", "failed", "held"]
Tell = Callable[[Event, str, float], None]
"""Told what happened to which task, and after how many seconds."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """A task to run."""

    id: str
    command: Sequence[str]
    waits: frozenset[str]
    """Jobs that must be done before."""
    gpus: int
    log: Path
    """Where what it prints goes."""


@dataclass(slots=True)
class _Running:
    job: Job
    process: subprocess.Popen[bytes]
    devices: tuple[str, ...]
    began: float


@dataclass(kw_only=True)
class Pool:
    """Runs jobs, `most` at a time."""

    most: int
    devices: Sequence[str]
    """Ids of the GPUs there are."""
    environment: Mapping[str, str]
    cwd: Path
    tell: Tell
    stands: Callable[[str], bool] = lambda _: False
    """Whether a job's result is there although its command failed: with `core.autostage` DVC ends with an error, after
    all is recorded, where git holds its index at that moment (an editor that is open for a commit)."""
    look: Callable[[], None] = lambda: None
    """Called again and again while jobs run."""
    _free: list[str] = field(default_factory=list)
    _running: dict[str, _Running] = field(default_factory=dict)

    def run(self, jobs: Sequence[Job]) -> list[str]:
        """Run all; returns the ids of those that failed or could not start because of one that did."""
        self._free = list(self.devices)
        waiting = {job.id: job for job in jobs}
        failed: list[str] = []
        with _ended_like_ctrl_c():
            try:
                while waiting or self._running:
                    self._start_ready(waiting)
                    self._collect(waiting, failed)
                    self.look()
                    if waiting or self._running:
                        time.sleep(_POLL)
            except BaseException:
                self._stop()
                raise
        return failed

    def _collect(self, waiting: dict[str, Job], failed: list[str]) -> None:
        """What has ended, and what will not run because of it."""
        for ended, code, seconds in self._ended():
            lost = code != 0 and not self.stands(ended)
            if lost:
                failed.append(ended)
            self.tell("failed" if lost else "done", ended, seconds)
        while held := [job.id for job in waiting.values() if job.waits & set(failed)]:
            for id in held:
                del waiting[id]
                failed.append(id)
                self.tell("held", id, 0.0)

    def _start_ready(self, waiting: dict[str, Job]) -> None:
        for job in list(waiting.values()):
            unmet = job.waits & (waiting.keys() | self._running.keys())
            if len(self._running) >= self.most or unmet or job.gpus > len(self._free):
                continue
            del waiting[job.id]
            self._start(job)

    def _start(self, job: Job) -> None:
        taken, self._free = tuple(self._free[: job.gpus]), self._free[job.gpus :]
        environment = (
            {**self.environment, "CUDA_VISIBLE_DEVICES": ",".join(taken)} if self.devices else self.environment
        )
        job.log.parent.mkdir(parents=True, exist_ok=True)
        with job.log.open("wb") as log:
            # A group of its own: Ctrl-C is passed on by us, once, and not by the terminal as well.
            process = subprocess.Popen(  # noqa: S603 - our own command line
                (*SUPERVISED, *job.command),
                cwd=self.cwd,
                env=dict(environment),
                stdout=log,
                stderr=log,
                process_group=0,
            )
        self._running[job.id] = _Running(job, process, taken, time.monotonic())
        self.tell("start", job.id, 0.0)

    def _ended(self) -> list[tuple[str, int, float]]:
        ended = []
        for id, running in list(self._running.items()):
            code = running.process.poll()
            if code is not None:
                del self._running[id]
                self._free.extend(running.devices)
                ended.append((id, code, time.monotonic() - running.began))
        return ended

    def _stop(self) -> None:
        for running in self._running.values():
            _signal(running.process, signal.SIGINT)
        deadline = time.monotonic() + _GRACE
        for running in self._running.values():
            try:
                running.process.wait(max(0.0, deadline - time.monotonic()))
            except subprocess.TimeoutExpired:
                _signal(running.process, signal.SIGKILL)
                running.process.wait()


@contextmanager
def _ended_like_ctrl_c() -> Iterator[None]:
    """SIGTERM (a job scheduler, `kill`) and SIGHUP (a closed terminal, but not under nohup) raise KeyboardInterrupt, as
    SIGINT does."""
    numbers = [each for each in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(each) != signal.SIG_IGN]
    before = {number: signal.signal(number, signal.default_int_handler) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _signal(process: subprocess.Popen[bytes], number: signal.Signals) -> None:
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return


def gpus(environment: Mapping[str, str]) -> tuple[str, ...]:
    """The GPUs this process may use: those that CUDA_VISIBLE_DEVICES names, else all of the machine."""
    named = environment.get("CUDA_VISIBLE_DEVICES")
    if named is not None:
        return tuple(part.strip() for part in named.split(",") if part.strip())
    devices = (path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*"))
    return tuple(sorted(devices, key=int))
