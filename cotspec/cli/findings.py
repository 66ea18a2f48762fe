"""Findings on a terminal or as text for programs.

A person and an editor open a file from the current folder, so `text` and `json` name it from there. A code host knows
only its repository, so `sarif` and `github` name it from the repository's root, wherever the command runs.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Literal, TextIO, assert_never

if TYPE_CHECKING:
    from cotspec.diagnostics import Sink

Format = Literal["text", "json", "sarif", "github"]


def show(sink: Sink, *, stream: TextIO) -> None:
    """Print all findings to `stream` for a person, and a line that counts them."""
    print(_text(sink, stream), file=stream, end="")


def report(sink: Sink, *, stream: TextIO, root: Path, output: Format) -> None:
    """Print all findings of the project `root` to `stream` in the format that is asked for."""
    text = _rendered(sink, stream, root, output)
    if output == "text":
        print(text, file=stream, end="")
    else:
        for_programs(text, stream)


def for_programs(text: str, stream: TextIO | None = None) -> None:
    """Print what a program reads: it is UTF-8, whatever the language of a terminal."""
    stream = stream or sys.stdout
    if isinstance(stream, io.TextIOWrapper):
        stream.reconfigure(encoding="utf-8", errors="backslashreplace")
    print(text, file=stream, end="")


def as_json(value: object) -> None:
    """Print a value as indented JSON."""
    for_programs(json.dumps(value, indent=2, ensure_ascii=False) + "\n")


def colour(stream: TextIO) -> bool:
    """Whether to write in colour: on a terminal that can, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"


def width(stream: TextIO) -> int | None:
    """The columns of a terminal (COLUMNS, where it is set); None elsewhere, where a line may be as long as it is."""
    return shutil.get_terminal_size().columns if stream.isatty() else None


def tell_damage(root: Path) -> None:
    """Say on stderr what stops DVC: what it left when it was killed, which `cotspec run` mends, and a merge."""
    from cotspec import recovery
    from cotspec.history import locks

    for each in recovery.damage(root):
        print(f"{each}, and DVC refuses to work: `cotspec run` mends it", file=sys.stderr)
    for path in locks.in_merge_for_all(root):  # that of a task is a state of the task
        told = "has the marks of an unfinished merge, and DVC refuses to work: remove it, `dvc repro` writes it anew"
        print(f"{path} {told}", file=sys.stderr)


def _rendered(sink: Sink, stream: TextIO, root: Path, output: Format) -> str:
    match output:
        case "text":
            return _text(sink, stream)
        case "json":
            from cotspec.cli import file_names
            from cotspec.diagnostics import json as json_form

            return json_form.render(file_names.moved(sink.findings, Path.cwd()))
        case "sarif":
            return _sarif(sink, root)
        case "github":
            from cotspec.cli import file_names
            from cotspec.diagnostics import github

            return github.render(file_names.moved(sink.findings, file_names.repository(root)))
        case _:
            assert_never(output)


def _text(sink: Sink, stream: TextIO) -> str:
    if not sink.findings:
        return ""
    from cotspec.diagnostics import terminal
    from cotspec.front.paths import texts

    shown = terminal.render(sink.sorted(), texts(sink.findings), colour=colour(stream))
    return f"{shown}\n{terminal.summary(sink.findings)}{_hardened(sink)}\n"


def _hardened(sink: Sink) -> str:
    """What --ci did."""
    if not sink.hardened:
        return ""
    return f" ({sink.hardened} of them {'a warning' if sink.hardened == 1 else 'warnings'} without --ci)"


def _sarif(sink: Sink, root: Path) -> str:
    from cotspec.cli import file_names
    from cotspec.cli.explain import rules
    from cotspec.cli.version import version
    from cotspec.diagnostics import sarif
    from cotspec.front.paths import texts

    base = file_names.repository(root)
    files = file_names.names(texts(sink.findings), base)
    return sarif.render(file_names.moved(sink.findings, base), rules=rules(), texts=files, version=version())
