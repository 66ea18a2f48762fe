"""`python -m cotspec.runtime.ask`: a model that stays loaded and answers one prompt after the other (`cotspec chat`).

Lines of JSON on stdin and stdout: first what to ask and the reply `{"ready": true}`, then for each `{"prompt", "key"}`
one `{"text", "tokens", "truncated"}`; before it, as they are written, pieces of the text as `{"more": …}`, where the
engine tells them. `{"error": …}` says why there is none, `{"stopped": true}` that SIGINT came while
it was written; at other times SIGINT does nothing.
What libraries print goes to stderr.
"""

from __future__ import annotations

import json
import logging
import os
import signal
import sys
import tempfile
import traceback
import warnings
from collections.abc import Callable, Mapping
from contextlib import AbstractContextManager
from pathlib import Path
from types import FrameType
from typing import TYPE_CHECKING, Any, TextIO

from cotspec.runtime import generate, local, models
from cotspec.runtime.engine import Completion, Draw, Heard
from cotspec.runtime.errors import TaskError
from cotspec.runtime.requests import Job, Request, seed_of
from cotspec.runtime.task import Task
from cotspec.spec.payload import EndpointModel, EvaluateBody, Payload, RunSettings

if TYPE_CHECKING:
    from cotspec.runtime.endpoints.asking import Server

Answer = Callable[[str, str, Heard], Completion]
"""Prompt, key of its random numbers, and who hears it in pieces → what the model writes."""


def main() -> int:
    """Return the exit code: 0 at the end of stdin, 2 when the model cannot be asked."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    replies = _own_stdout()
    logging.getLogger().addHandler(logging.NullHandler())
    warnings.simplefilter("ignore")
    opening = sys.stdin.readline()
    if not opening:  # who began this was stopped
        return 0
    try:
        task = _task(json.loads(opening))
        local.set_cache(task.root)
        answer = _answerer(task)
    except Exception as error:  # noqa: BLE001 - whoever asks has the words
        _send(replies, {"error": _told(error)})
        return TaskError.exit_code
    _send(replies, {"ready": True})
    for line in iter(sys.stdin.readline, ""):
        asked = json.loads(line)
        _send(replies, _reply(answer, str(asked["prompt"]), str(asked["key"]), replies))
    return 0


def _reply(answer: Answer, prompt: str, key: str, replies: TextIO) -> Mapping[str, Any]:
    stopping = _Stopping()
    try:
        with stopping:
            done = answer(prompt, key, lambda text: stopping.after(lambda: _send(replies, {"more": text})))
    except KeyboardInterrupt:
        return {"stopped": True}
    except Exception as error:  # noqa: BLE001 - whoever asks has the words
        return {"error": _told(error)}
    return {"text": done.text, "tokens": done.tokens, "truncated": done.truncated}


class _Stopping(AbstractContextManager["_Stopping"]):
    """Within it SIGINT raises KeyboardInterrupt, but never in the middle of a line that is sent."""

    def __init__(self) -> None:
        self._sending = self._wanted = False

    def __enter__(self) -> _Stopping:
        signal.signal(signal.SIGINT, self._caught)
        return self

    def __exit__(self, *_: object) -> None:
        signal.signal(signal.SIGINT, signal.SIG_IGN)

    def after(self, send: Callable[[], None]) -> None:
        """Send a line; one that wants to stop waits for its end."""
        self._sending = True
        send()
        self._sending = False
        if self._wanted:
            raise KeyboardInterrupt

    def _caught(self, _number: int, _frame: FrameType | None) -> None:
        self._wanted = True
        if not self._sending:
            raise KeyboardInterrupt


def _told(error: Exception) -> str:
    """Why there is no answer, on one line; the traceback with COTSPEC_DEBUG=1."""
    if isinstance(error, TaskError):
        return str(error)
    if os.environ.get("COTSPEC_DEBUG") == "1":
        traceback.print_exc()
    first = (str(error).strip().splitlines() or [""])[0]
    return f"{type(error).__name__}: {first} (COTSPEC_DEBUG=1 shows where)"


def _own_stdout() -> TextIO:
    """The stdout that replies go to; whoever else prints, prints to stderr from here on."""
    sys.stdout.flush()
    own = os.fdopen(os.dup(sys.stdout.fileno()), "w", encoding="utf-8")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    return own


def _send(replies: TextIO, record: Mapping[str, Any]) -> None:
    replies.write(json.dumps(record) + "\n")
    replies.flush()


def _task(opening: Mapping[str, Any]) -> Task:
    """No task of the pipeline: its paths count from the project, and nothing is written."""
    root = Path(opening["root"])
    payload = Payload.model_validate_json(opening["payload"])
    settings = RunSettings.model_validate_json(opening["settings"])
    return Task(payload=payload, settings=settings, folder=root, root=root)


def _answerer(task: Task) -> Answer:
    body = task.body(EvaluateBody)
    ref = body.model
    if isinstance(ref, EndpointModel):
        from cotspec.runtime.endpoints.asking import Server  # here: a model that is here needs no HTTP client

        server = Server(task, ref, task.settings.endpoint)
        return lambda prompt, key, heard: _served(server, body, Request(key=key, prompt=prompt), heard)
    engine = generate.engine_of(task, models.source(task, ref))

    def answer(prompt: str, key: str, heard: Heard) -> Completion:
        draw = Draw(ids=engine.encode(prompt), seed=seed_of(body.seed, key))
        return engine.complete([draw], body.sampling, heard=heard)[0]

    return answer


def _served(server: Server, body: EvaluateBody, request: Request, heard: Heard) -> Completion:
    with tempfile.TemporaryDirectory() as folder:
        partial = Path(folder) / "partial.jsonl"
        job = Job(what="answers", sampling=body.sampling, seed=body.seed, partial=partial)
        (completion,) = server.ask([request], job, missing=0.0, heard=heard)
    if completion is None:
        raise TypeError("a text is missing, and none may be")
    return completion


if __name__ == "__main__":
    sys.exit(main())
