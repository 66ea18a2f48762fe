"""Findings on a terminal or as text for programs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Literal, TextIO, assert_never

if TYPE_CHECKING:
    from cotspec.diagnostics import Sink

Format = Literal["text", "json", "sarif", "github"]


def show(sink: Sink, *, stream: TextIO, output: Format = "text") -> None:
    """Print all findings to `stream`; the text form adds a line that counts them."""
    match output:
        case "text":
            from cotspec.diagnostics import text
            from cotspec.front.read import texts

            print(text.render(sink.sorted(), texts(sink.findings), colour=colour(stream)), file=stream, end="")
            if counts := text.summary(sink.findings):
                print(f"\n{counts}", file=stream)
        case "json":
            from cotspec.diagnostics import json

            print(json.render(sink.sorted()), file=stream, end="")
        case "sarif":
            from cotspec.cli.explain import rules
            from cotspec.diagnostics import sarif

            print(sarif.render(sink.sorted(), rules()), file=stream, end="")
        case "github":
            from cotspec.diagnostics import github

            print(github.render(sink.sorted()), file=stream, end="")
        case _:
            assert_never(output)


def colour(stream: TextIO) -> bool:
    """Whether to write in colour: on a terminal that can, unless NO_COLOR is set."""
    return stream.isatty() and not os.environ.get("NO_COLOR") and os.environ.get("TERM") != "dumb"
