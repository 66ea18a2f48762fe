"""What a person is told when a command cannot do its work: a ProblemError (theirs to solve) or a bug (ours)."""

from __future__ import annotations

import os
from collections.abc import Sequence


class ProblemError(Exception):
    """Usage or environment: the message says what is wrong and what to do. Exit code 2."""


def bug_report(error: Exception, arguments: Sequence[str]) -> str:
    """Write the traceback to a file of its own; return the message that names it."""
    import platform  # here: most runs have no bug, and these take as long as a small check
    import tempfile
    import traceback

    text = f"{' '.join(arguments)}\n{platform.platform()} Python {platform.python_version()}\n\n"
    text += "".join(traceback.format_exception(error))
    message = f"cotspec: this is a bug in cotspec ({type(error).__name__}: {error})"
    try:
        descriptor, path = tempfile.mkstemp(prefix="cotspec-bug-", suffix=".txt", text=True)
        with os.fdopen(descriptor, "w", encoding="utf-8") as file:
            file.write(text)
    except OSError:
        return f"{message}; run again with COTSPEC_DEBUG=1 to see where"
    return f"{message}; please report it with the file {path}"
