"""The command line. `main` owns the exit codes: 0 clean, 1 findings or drift, 2 usage or environment, 3 bug, 130 ^C.

Nothing heavy is imported here or in the command modules' heads: `cotspec --version` answers at once.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Callable, Sequence
from typing import NoReturn


def console() -> None:
    """The entry point `cotspec`: a process of its own, which ends as soon as the command has."""
    from cotspec.cli import startup

    startup.pipes()
    try:
        main()
    except SystemExit as stop:
        if not isinstance(stop.code, int):
            raise
        startup.leave(stop.code)


def main(work: Callable[[Sequence[str]], int] | None = None) -> NoReturn:
    """Run the command line, or other `work` on its arguments, and exit with its code."""
    from cotspec.cli import startup

    startup.begin()
    try:
        from cotspec.cli.errors import ProblemError, bug_report

        code = (work or _run)(sys.argv[1:])
    except KeyboardInterrupt:  # first: the names below may not be there yet
        sys.exit(130)
    except ProblemError as problem:
        print(f"cotspec: {problem}", file=sys.stderr)
        sys.exit(2)
    except Exception as error:  # the one place where a bug becomes a message
        if os.environ.get("COTSPEC_DEBUG") == "1":
            raise
        if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EIO):
            print(f"cotspec: cannot write {error.filename or 'what it made'}: {error.strerror}", file=sys.stderr)
            sys.exit(2)
        print(bug_report(error, sys.argv), file=sys.stderr)
        sys.exit(3)
    sys.exit(code)


def _run(arguments: Sequence[str]) -> int:
    """Run the command that is named; return the exit code."""
    from cotspec.cli import startup

    startup.load()
    command, words = arguments[:1], arguments[1:]
    if command == ["check"] and not any(word.startswith("-") for word in words):
        # What hooks and people call most, and nothing to parse: Typer, which takes as long as the check, is not needed.
        from cotspec.cli import check

        return check.plain(words)
    from cotspec.cli.app import app

    if os.environ.get("_COTSPEC_COMPLETE") == "complete_bash":
        from cotspec.cli import complete

        complete.in_bash(app)
        return 0

    app()  # exits by itself
    return 0
