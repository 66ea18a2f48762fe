"""`cotspec preview`: one row of a stage as it will be trained on, and what a response to it would earn; or what a model
will be asked for a text."""

from __future__ import annotations

import os
import shutil
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from cotspec.cli import findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import Selection, reference
from cotspec.files import regular

if TYPE_CHECKING:
    from cotspec.ir.plan import Plan
    from cotspec.preview.canvas import Canvas
    from cotspec.preview.make import Request

_PIPE_WIDTH = 100
_WIDEST = 120
_NARROWEST = 40
_LONGEST = 1 << 24
"""Bytes of a response."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The command line, as it was written."""

    spec: str
    stage: str
    row: int | None
    id: int | None
    epoch: int | None
    source: str
    traces: Path | None
    response: str | None
    trying: bool
    """The teacher's own trace."""
    beside: tuple[str, ...]
    """The other completions of the prompt."""
    tokens: int | None
    progress: float | None
    output: Literal["text", "json"]
    full: bool
    colour: bool | None


def run(arguments: Arguments) -> int:
    """Return the exit code. Raises ProblemError."""
    from cotspec.preview import asked, asked_text, json, text
    from cotspec.preview.make import make
    from cotspec.preview.stage import PreviewError

    root = project.find_root(Path.cwd())
    selection = reference(root, arguments.spec, arguments.stage)
    request = _request(arguments, selection)
    plan = _plan(selection.place, selection.path)
    if plan is None:
        return 1
    try:
        shown = asked.make(plan, request, root=root) or make(plan, request, root=root)
    except PreviewError as error:
        raise ProblemError(str(error)) from error
    if arguments.output == "json":
        findings.for_programs(json.of_prompt(shown) if isinstance(shown, asked.Asked) else json.render(shown))
    else:
        canvas = _canvas(arguments)
        _write(asked_text.render(shown, canvas) if isinstance(shown, asked.Asked) else text.render(shown, canvas))
    return 0


def _plan(place: str, path: Path) -> Plan | None:
    """The plan of one spec and its variants; None after its findings were shown."""
    from cotspec.compiler import plan_specs
    from cotspec.diagnostics import Sink

    sink = Sink()
    plan = plan_specs({place: path}, sink)
    if plan is None:
        findings.show(sink, stream=sys.stderr)
    return plan


def _request(arguments: Arguments, selection: Selection) -> Request:
    from cotspec.preview.make import Request
    from cotspec.preview.row import Wanted

    if arguments.row is not None and arguments.id is not None:
        raise ProblemError("--row and --id both choose the row: give one of them")
    if arguments.epoch is not None and arguments.id is None:
        raise ProblemError("--epoch goes with --id; --row counts the rows of all epochs")
    if arguments.response is not None and arguments.trying:
        raise ProblemError("--response and --try both choose what is scored: give one of them")
    if not selection.model:
        raise ProblemError(
            f"preview shows a row of a stage, or the prompt of a text: `cotspec preview {arguments.spec}:STAGE`"
        )
    return Request(
        spec=selection.place,
        variant=selection.variant,
        stage=selection.model,
        source=arguments.source,
        wanted=Wanted(row=arguments.row or 0, id=arguments.id, epoch=arguments.epoch or 0),
        traces=arguments.traces,
        response=True if arguments.trying else None if arguments.response is None else _response(arguments.response),
        beside=tuple(map(_response, arguments.beside)),
        tokens=arguments.tokens,
        progress=arguments.progress,
    )


def _response(written: str) -> str:
    """The text itself, that of `@FILE`, or with `-` what comes in on stdin."""
    if not (written == "-" or written.startswith("@")):
        return _decoded(os.fsencode(written), written)
    name = "stdin" if written == "-" else written[1:]
    try:
        if written == "-":
            raw = regular.bounded(sys.stdin.buffer, Path(name), most=_LONGEST)
        else:
            raw = regular.given(Path(name), most=_LONGEST)
    except OSError as error:
        raise ProblemError(f"the response {name!r} cannot be read: {error.strerror}") from error
    return _decoded(raw, name).replace("\r\n", "\n")


def _decoded(raw: bytes, name: str) -> str:
    try:
        return raw.decode("utf-8")
    except UnicodeDecodeError as error:
        raise ProblemError(f"the response {name!r} is not UTF-8 (byte {error.start + 1})") from error


def _canvas(arguments: Arguments) -> Canvas:
    from cotspec.preview.canvas import Canvas

    colour = findings.colour(sys.stdout) if arguments.colour is None else arguments.colour
    width = shutil.get_terminal_size().columns if sys.stdout.isatty() else _PIPE_WIDTH
    return Canvas(width=max(_NARROWEST, min(width, _WIDEST)), colour=colour, whole=arguments.full)


def _write(text: str) -> None:
    """Print, with a `?` for what the terminal's encoding lacks; a reader that has seen enough is no failure."""
    encoding = sys.stdout.encoding or "utf-8"
    try:
        print(text.encode(encoding, "replace").decode(encoding), end="", flush=True)
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # Python flushes once more at its end
