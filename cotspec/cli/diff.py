"""`cotspec diff A B`: two specs, variants or git revisions, as settings and as tasks."""

from __future__ import annotations

from contextlib import ExitStack
from pathlib import Path
from typing import Literal

from cotspec.cli import findings, project
from cotspec.cli.selection import SpecError, planned


def run(old: str, new: str, *, output: Literal["text", "json", "markdown"]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.views import changes, diff

    root = project.find_root(Path.cwd())
    with ExitStack() as stack:
        try:
            before, after = (planned(root, text, stack) for text in (old, new))
        except SpecError:
            return 1
        settings = changes.settings(before, after)
        tasks = tuple(changes.once(changes.tasks(before, after, settings)))
    difference = diff.Difference(old=old, new=new, settings=settings, tasks=tasks)
    match output:
        case "text":
            print(diff.text(difference), end="")
        case "json":
            findings.as_json(diff.record(difference))
        case "markdown":
            print(diff.markdown(difference), end="")
    return 0
