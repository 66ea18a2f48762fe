"""`cotspec diff A B`: two specs, variants or git revisions, as settings and as tasks."""

from __future__ import annotations

import json
from contextlib import ExitStack
from typing import Literal

from cotspec.cli import sides


def run(old: str, new: str, *, output: Literal["text", "json", "markdown"]) -> int:
    """Return the exit code: 1 when a spec has errors. Raises ProblemError."""
    from cotspec.views import changes, diff

    root = sides.root_of()
    with ExitStack() as stack:
        try:
            before, after = (sides.side(root, text, stack) for text in (old, new))
        except sides.FoundError:
            return 1
        found = changes.settings(before, after)
        tasks = tuple(changes.tasks(before, after, found))
    difference = diff.Difference(old=old, new=new, settings=found, tasks=tasks)
    match output:
        case "text":
            print(diff.text(difference), end="")
        case "json":
            print(json.dumps(diff.record(difference), indent=2, ensure_ascii=False))
        case "markdown":
            print(diff.markdown(difference), end="")
    return 0
