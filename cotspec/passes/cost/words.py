"""Numbers inside formulas and sources, as a person reads them. Knows nothing of estimates."""

from __future__ import annotations

from typing import Final

_SIZES: Final = ((1 << 40, "TiB"), (1 << 30, "GiB"), (1 << 20, "MiB"), (1 << 10, "KiB"))


def count(value: float) -> str:
    """`2,400`, `431`, `83.5`."""
    return f"{value:,.0f}" if value >= 100 or value == int(value) else f"{value:,.1f}"


def size(value: float) -> str:
    """`5.7 GiB`, `12 MiB`: two digits or more."""
    for unit, name in _SIZES:
        if value >= unit:
            return f"{value / unit:,.0f} {name}" if value >= 99.5 * unit else f"{value / unit:.2g} {name}"
    return f"{value:.0f} B"
