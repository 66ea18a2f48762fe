"""A model that is asked: loaded once, in a process of its own that has the training stack (cotspec.runtime.ask)."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from cotspec.cli.errors import ProblemError
from cotspec.cli.writing import Writing
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.views.asked_model import Asked


def _nobody(_: str) -> None:
    """Hears nothing."""


class Said(NamedTuple):
    """What a model wrote."""

    text: str
    tokens: int
    truncated: bool


class Answering(AbstractContextManager["Answering"]):
    """The process; it ends with the block. `folder` holds the weights, relative to the project; "" for a model that is
    found by its name.

    It has a session of its own, so that of Ctrl-C it gets what `stop` passes on, and nothing else."""

    def __init__(self, root: Path, asked: Asked, *, folder: str, cpu: bool) -> None:
        self._opening = _opening(root, asked, folder, cpu=cpu)
        self._count = 0
        self._owes = False  # the answer to what was asked last

    def __enter__(self) -> Answering:
        """Load the model. Raises ProblemError."""
        python = os.environ.get("COTSPEC_PYTHON") or sys.executable
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter that tasks run with
                [python, "-P", "-m", "cotspec.runtime.ask"],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                encoding="utf-8",
                start_new_session=True,
            )
        except OSError as error:
            raise ProblemError(f"cannot start {python}: {error.strerror}") from error
        try:
            with _waiting("loading the model"):
                self._exchange(self._opening)
        except BaseException:
            self._end(now=True)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end(now=self._owes)

    def ask(self, prompt: str) -> Said:
        """The answer to a prompt. Raises ProblemError, and KeyboardInterrupt at Ctrl-C: `stop`, then ask on."""
        self._count += 1
        with Writing() as writing:
            told = self._exchange({"prompt": prompt, "key": f"chat:{self._count}"}, writing.heard)
        return Said(text=str(told["text"]), tokens=int(told["tokens"]), truncated=bool(told["truncated"]))

    def _exchange(self, record: dict[str, Any], heard: Callable[[str], None] = _nobody) -> dict[str, Any]:
        """One line there, one line back, before which `heard` is told what is written."""
        if self._process.stdin is None:
            raise TypeError("it has no pipes")
        self._owes = True
        with suppress(BrokenPipeError):  # it has ended: there is no line back
            self._process.stdin.write(json.dumps(record) + "\n")
            self._process.stdin.flush()
        return self._reply(heard)

    def _reply(self, heard: Callable[[str], None] = _nobody) -> dict[str, Any]:
        if self._process.stdout is None:
            raise TypeError("it has no pipes")
        told = {"more": ""}
        while "more" in told:
            heard(str(told["more"]))
            line = self._process.stdout.readline()
            if not line:
                self._owes = False
                raise ProblemError("the process of the model has ended; what it said of it stands above")
            told = plain.json_value(line.encode())
        self._owes = False
        if "error" in told:
            raise ProblemError(str(told["error"]))
        return dict(told)

    def stop(self) -> None:
        """Stop the answer that is being written, if one is. Raises ProblemError."""
        if self._owes:
            self._process.send_signal(signal.SIGINT)
            self._reply()

    def _end(self, *, now: bool) -> None:
        """End the process and its own: by itself when it is told nothing more, and `now` whatever it is at."""
        try:
            if now:
                self._signal(signal.SIGTERM)
            for pipe in (self._process.stdin, self._process.stdout):
                if pipe is not None:
                    with suppress(BrokenPipeError):  # it has ended by itself
                        pipe.close()
            with suppress(subprocess.TimeoutExpired):
                self._process.wait(timeout=5)
        finally:  # also at another Ctrl-C
            if self._process.poll() is None:
                self._signal(signal.SIGKILL)
                self._process.wait()

    def _signal(self, number: signal.Signals) -> None:
        with suppress(ProcessLookupError):
            os.killpg(self._process.pid, number)


def _opening(root: Path, asked: Asked, folder: str, *, cpu: bool) -> dict[str, Any]:
    from cotspec.spec.payload import InputFile, InputModel, Payload

    inputs = {"model": InputFile(path=folder, producer="")} if isinstance(asked.body.model, InputModel) else {}
    payload = Payload(id="chat", kernel={}, inputs=inputs, task=asked.body)
    own = {"gpus": 0, "engine": "transformers"} if cpu else {}
    settings = asked.settings.model_copy(update=own)
    return {
        "root": str(root),
        "payload": payload.model_dump_json(by_alias=True),
        "settings": settings.model_dump_json(),
    }


def _waiting(what: str) -> AbstractContextManager[object]:
    """A sign of life on stderr."""
    from rich.console import Console

    return Console(stderr=True).status(f"{what} …")
