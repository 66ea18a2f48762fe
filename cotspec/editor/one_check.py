"""The process that checks one spec, or cotspec.local.yaml, for an editor: `python -P -m cotspec.editor.one_check`.

When all is loaded it waits for a line on stdin, a JSON object: the `spec`, the folder `root` of its project, and the
`texts` that are not saved, by absolute path. It writes what `cotspec check --format json` writes there, with its exit
codes.
"""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from importlib import import_module
from typing import Final

_LOADED: Final = (
    "cotspec.compiler",
    "cotspec.cli.file_names",
    "cotspec.diagnostics.json",
    "cotspec.front.expand",
    "cotspec.front.local",
    "cotspec.front.messages",
)
"""What a check imports when it comes to it: here, before anybody waits for it."""


def check(_arguments: Sequence[str]) -> int:
    """Check one spec; return the exit code."""
    from cotspec.cli import startup

    startup.load()
    for name in _LOADED:
        import_module(name)
    from cotspec.cli import check
    from cotspec.front import text_files
    from cotspec.passes.options import DEFAULT
    from cotspec.spec.local import LOCAL_FILE

    line = sys.stdin.readline()
    if not line:
        return 0  # the server has ended
    asked = json.loads(line)
    os.chdir(asked["root"])
    with text_files.unsaved(asked["texts"]):
        if os.path.basename(asked["spec"]) == LOCAL_FILE:
            return check.of_local()
        return check.run([asked["spec"]], output="json", options=DEFAULT)


if __name__ == "__main__":
    from cotspec.cli import main

    main(check)
