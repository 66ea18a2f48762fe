"""`python -m cotspec.cli` is `cotspec`."""

from __future__ import annotations

from cotspec.cli import console

console()
