"""What goes wrong between a build and the disk."""

from __future__ import annotations


class WorkspaceError(RuntimeError):
    """The project is in a state in which nothing may be written; the message says what to do."""
