"""The process that checks one spec for an editor: `python -m cotspec.editor.one_check SPEC`, in the project's folder.

On stdin come the texts that are not saved, as one JSON object by absolute path; it writes what `cotspec check --format
json` writes, with its exit codes.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence


def check(arguments: Sequence[str]) -> int:
    """Check one spec; return the exit code."""
    from cotspec.cli import check, startup
    from cotspec.front import text_files
    from cotspec.passes.options import DEFAULT

    startup.load()
    with text_files.unsaved(json.load(sys.stdin)):
        return check.run(arguments[:1], output="json", options=DEFAULT)


if __name__ == "__main__":
    from cotspec.cli import main

    main(check)
