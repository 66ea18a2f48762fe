"""The findings of one spec as its editor has it: `cotspec check` in a process of its own, which can be ended.

So a spec that takes long, or that finds a bug of ours, costs the server nothing, and no check meets what an earlier one
has kept in memory.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, Final

from cotspec.diagnostics import Diagnostic, Span

SECONDS: Final = 60
"""The longest check that is waited for."""


class CheckError(Exception):
    """A check that did not end with findings; the message is what it said."""


async def findings(spec: Path, root: Path, texts: Mapping[str, str]) -> list[Diagnostic]:
    """What `cotspec check` finds in a spec of the project `root`, by the names that files have from there; `texts` are
    those that are not saved, by absolute path. When the caller is cancelled the process is ended. Raises CheckError."""
    # -P: else Python takes modules from the folder it runs in, which is a stranger's
    command = (sys.executable, "-P", "-m", "cotspec.editor.one_check", str(spec))
    pipe = asyncio.subprocess.PIPE
    process = await asyncio.create_subprocess_exec(*command, cwd=root, stdin=pipe, stdout=pipe, stderr=pipe)
    try:
        async with asyncio.timeout(SECONDS):
            said, wrong = await process.communicate(json.dumps(dict(texts)).encode())
    except TimeoutError:
        raise CheckError(f"a check of {spec.name} took longer than {SECONDS} seconds") from None
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
    if process.returncode not in (0, 1):
        raise CheckError(wrong.decode(errors="replace").strip() or f"a check of {spec.name} ended without a word")
    return [_finding(one) for one in json.loads(said)]


def _finding(one: dict[str, Any]) -> Diagnostic:
    return Diagnostic(
        rule=one["rule"],
        message=one["message"],
        span=_span(one),
        severity=one["severity"],
        help=one["help"],
        suggestions=tuple(one["suggestions"]),
        related=tuple((_span(place), place["message"]) for place in one["related"]),
    )


def _span(one: dict[str, Any]) -> Span:
    return Span(one["file"], one["line"], one["column"], one["end_line"], one["end_column"])
