"""The findings of one spec as its editor has it: `cotspec check` in a process of its own, which can be ended.

So a spec that takes long, or that finds a bug of ours, costs the server nothing, and no check meets what an earlier one
has kept in memory. The process for the next check is there before it is wanted, with all it needs loaded.
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
#: -P: else Python takes modules from the folder it runs in, which is a stranger's.
_COMMAND: Final = (sys.executable, "-P", "-m", "cotspec.editor.one_check")


class CheckError(Exception):
    """A check that did not end with findings; the message is what it said."""


class Checker:
    """Checks specs, each in a process of its own."""

    def __init__(self) -> None:
        self._one = asyncio.Lock()
        self._spare: asyncio.Task[asyncio.subprocess.Process] | None = None

    def prepare(self) -> None:
        """Start the process of the next check, unless it is there."""
        if self._spare is None:
            self._spare = asyncio.get_running_loop().create_task(_started())

    async def findings(self, spec: Path, root: Path, texts: Mapping[str, str]) -> list[Diagnostic]:
        """What `cotspec check` finds in a spec of the project `root`, by the names that files have from there; `texts`
        are those that are not saved, by absolute path. When the caller is cancelled the process is ended. Raises
        CheckError."""
        process = await self._taken()
        asked = json.dumps({"spec": str(spec), "root": str(root), "texts": dict(texts)})
        try:
            async with asyncio.timeout(SECONDS):
                said, wrong = await process.communicate(f"{asked}\n".encode())
        except TimeoutError:
            raise CheckError(f"a check of {spec.name} took longer than {SECONDS} seconds") from None
        finally:
            with suppress(ProcessLookupError):
                process.kill()
            await process.wait()
            self.prepare()
        if process.returncode not in (0, 1):
            raise CheckError(wrong.decode(errors="replace").strip() or f"a check of {spec.name} ended without a word")
        return [_finding(one) for one in json.loads(said)]

    async def _taken(self) -> asyncio.subprocess.Process:
        """The process that waits; whoever is cancelled meanwhile leaves it to the next."""
        async with self._one:
            self.prepare()
            if self._spare is None:
                raise RuntimeError("no process was prepared")
            process = await asyncio.shield(self._spare)
            self._spare = None
            return process


async def _started() -> asyncio.subprocess.Process:
    pipe = asyncio.subprocess.PIPE
    return await asyncio.create_subprocess_exec(*_COMMAND, stdin=pipe, stdout=pipe, stderr=pipe)


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
