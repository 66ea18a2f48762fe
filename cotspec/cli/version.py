"""Which cotspec this is."""

from __future__ import annotations

from importlib import metadata


def version() -> str:
    """The installed version; a source tree that is not installed says so."""
    try:
        return metadata.version("cotspec")
    except metadata.PackageNotFoundError:
        return "(not installed)"
