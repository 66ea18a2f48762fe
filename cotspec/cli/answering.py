"""A model that is asked: loaded once, in a process of its own that has the training stack (cotspec.runtime.ask)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import AbstractContextManager, suppress
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

from cotspec.cli.errors import ProblemError
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.views.askable import Asked


class Said(NamedTuple):
    """What a model wrote."""

    text: str
    tokens: int
    truncated: bool


class Answering(AbstractContextManager["Answering"]):
    """The process; it ends with the block. `folder` holds the weights, relative to the project; "" for a model that is
    found by its name."""

    def __init__(self, root: Path, asked: Asked, *, folder: str, cpu: bool) -> None:
        self._opening = _opening(root, asked, folder, cpu=cpu)
        self._count = 0

    def __enter__(self) -> Answering:
        """Load the model. Raises ProblemError."""
        python = os.environ.get("COTSPEC_PYTHON") or sys.executable
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the interpreter that tasks run with
                [python, "-m", "cotspec.runtime.ask"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, encoding="utf-8"
            )
        except OSError as error:
            raise ProblemError(f"cannot start {python}: {error.strerror}") from error
        try:
            with _waiting("loading the model"):
                self._exchange(self._opening)
        except BaseException:
            self._end()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end()

    def ask(self, prompt: str) -> Said:
        """The answer to a prompt. Raises ProblemError, also where Ctrl-C stopped it."""
        self._count += 1
        with _waiting("writing"):
            told = self._exchange({"prompt": prompt, "key": f"chat:{self._count}"})
        return Said(text=str(told["text"]), tokens=int(told["tokens"]), truncated=bool(told["truncated"]))

    def _exchange(self, record: dict[str, Any]) -> dict[str, Any]:
        """One line there, one line back."""
        if self._process.stdin is None or self._process.stdout is None:
            raise TypeError("it has no pipes")
        try:
            self._process.stdin.write(json.dumps(record) + "\n")
            self._process.stdin.flush()
            try:
                line = self._process.stdout.readline()
            except KeyboardInterrupt:  # which the model got as well: it says so
                line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ProblemError("the process of the model has ended; what it said of it stands above")
        told = plain.json_value(line.encode())
        if "error" in told or "stopped" in told:
            raise ProblemError(str(told.get("error", "stopped")))
        return dict(told)

    def _end(self) -> None:
        if self._process.stdin is not None:
            with suppress(BrokenPipeError):  # it has ended by itself
                self._process.stdin.close()
        if self._process.stdout is not None:
            self._process.stdout.close()
        try:
            self._process.wait(timeout=5)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()


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
