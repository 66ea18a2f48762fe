"""Conversation → text, by the chat template of a model, in a process of its own with bounds on time, memory and output.

A chat template is a program that comes with a model. The library's sandbox keeps it from files and from Python, not
from counting to 10**9 or from a text of a terabyte, and much of that happens in one instruction, which nothing in the
same process can interrupt. So a second process renders (`python -m cotspec.runtime.conversation`; it loads no torch),
one JSON document a line, and the kernel ends it when it takes too long.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Final

SECONDS: Final = 10
"""CPU time of one conversation; the templates of models need a thousandth of one."""
_WAIT: Final = 300
"""Seconds on the clock, for a machine that is busy or asleep."""
MEMORY: Final = 1 << 30
"""Bytes that the process may take beside itself."""
MOST: Final = 10_000_000
"""Characters of a conversation."""
_LATE: Final = (-signal.SIGPROF, -signal.SIGALRM)

Turns = Sequence[Mapping[str, str]]


class ConversationError(Exception):
    """The template does not write the conversation; the message completes `its chat template …`."""

    def __init__(self, message: str, *, undefined: bool = False) -> None:
        super().__init__(message)
        self.undefined = undefined
        """Whether it misses a name: the tokenizer may know more names than its files tell."""


def render(turns: Turns, template: str, arguments: Mapping[str, Any]) -> str:
    """The conversation as the library writes it, up to where the model speaks. Raises ConversationError."""
    process = _process()
    asked = {"turns": turns, "template": template, "arguments": arguments, "seconds": SECONDS}
    question = json.dumps(asked, default=str)
    try:
        process.stdin.write(f"{question}\n".encode())  # type: ignore[union-attr]
        process.stdin.flush()  # type: ignore[union-attr]
        line = process.stdout.readline()  # type: ignore[union-attr]
    except OSError:
        line = b""
    if not line.endswith(b"\n"):
        _process.cache_clear()
        process.kill()
        code = process.wait()
        raise ConversationError(
            f"takes more than {SECONDS} s for one conversation" if code in _LATE else f"ended its process ({code})"
        )
    answer = json.loads(line)
    if "text" not in answer:
        raise ConversationError(answer["error"], undefined=answer["undefined"])
    return str(answer["text"])


@cache
def _process() -> subprocess.Popen[bytes]:
    """Started for the first conversation; it ends when this process does, as nobody writes to it any more."""
    command = [sys.executable, "-P", "-m", "cotspec.runtime.conversation"]
    return subprocess.Popen(  # noqa: S603 - our own module
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )


# --- the process ------------------------------------------------------------------------------------------------------


def _serve() -> None:
    from transformers.utils.chat_template_utils import render_jinja_template

    _bound_memory()
    for line in sys.stdin.buffer:
        question = json.loads(line)
        signal.setitimer(signal.ITIMER_PROF, question["seconds"])  # nobody handles them: the kernel ends the process
        signal.setitimer(signal.ITIMER_REAL, _WAIT)
        answer = _answer(question, render_jinja_template)
        signal.setitimer(signal.ITIMER_PROF, 0)
        signal.setitimer(signal.ITIMER_REAL, 0)
        sys.stdout.buffer.write(json.dumps(answer).encode() + b"\n")
        sys.stdout.buffer.flush()


def _answer(question: dict[str, Any], render_template: Any) -> dict[str, Any]:
    from jinja2 import TemplateError, UndefinedError

    try:
        rendered, _ = render_template(
            [question["turns"]],
            chat_template=question["template"],
            add_generation_prompt=True,
            **question["arguments"],
        )
        text = str(rendered[0])
        if len(text) <= MOST:
            return {"text": text}
        told, undefined = f"writes more than {MOST:,} characters for one conversation", False
    except MemoryError:
        told, undefined = f"takes more than {MEMORY:,} bytes for one conversation", False
    except TemplateError as error:
        told, undefined = f"fails: {error}", isinstance(error, UndefinedError)
    except Exception as error:  # noqa: BLE001 - a template can raise whatever Python's operators do
        told, undefined = f"fails: {type(error).__name__}: {error}", False
    return {"error": told[:1000], "undefined": undefined}


def _bound_memory() -> None:
    import resource

    with contextlib.suppress(OSError, ValueError):  # elsewhere than on Linux nothing tells, and time is the only bound
        now = int(Path("/proc/self/statm").read_text(encoding="ascii").split()[0]) * os.sysconf("SC_PAGE_SIZE")
        resource.setrlimit(resource.RLIMIT_AS, (now + MEMORY, now + MEMORY))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


if __name__ == "__main__":
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C goes to the whole group: the task says what it means
    _serve()
