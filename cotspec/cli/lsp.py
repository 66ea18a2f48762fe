"""`cotspec lsp`: what an editor starts."""

from __future__ import annotations

import gc

from cotspec.cli.errors import ProblemError


def run() -> int:
    """Serve one editor until it ends. Raises ProblemError."""
    gc.set_threshold(700, 10, 10)  # unlike other commands it stays, and an editor sends it much (`startup.begin`)
    try:
        from cotspec.editor import server
    except ModuleNotFoundError as error:
        if (error.name or "").partition(".")[0] == "cotspec":
            raise
        raise ProblemError(f"`cotspec lsp` needs {error.name}: pip install 'cotspec[editor]'") from error
    server.serve()
    return 0
