"""Estimates as a person and a program read them. Knows amounts; not how they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterator

from cotspec.passes.cost import Amount, Comparison, Cost, Sum, Total

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_MARKS = {"about": "", "at most": "≤ ", "at least": "≥ "}


def duration(seconds: float) -> str:
    """`40 s`, `12 min`, `3.5 h`."""
    if seconds < 100:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 6000 else f"{seconds / 3600:.1f} h"


def size(count: float) -> str:
    """Bytes in binary units."""
    unit = 0
    while count >= 1024 and unit + 1 < len(_UNITS):
        count, unit = count / 1024, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count:.0f} B"


def short(cost: Cost) -> str:
    """Time and peak memory of a task, on one line; what is unknown is `?`."""
    time = "?" if cost.seconds.value is None else f"{_MARKS[cost.seconds.limit]}{duration(cost.seconds.value)}"
    memory = "?" if cost.memory.value is None else f"{_MARKS[cost.memory.limit]}{size(cost.memory.value)}"
    return f"{time}, {memory}"


def totals(total: Total) -> Iterator[str]:
    """What all that runs takes together, a line each."""
    for device, hours in total.hours.items():
        yield f"time    {_told(hours, lambda value: duration(value * 3600))} on {device}"
    for device, peak in total.memory.items():
        yield f"memory  {_told(peak, size)} at most at a time on {device}"
    yield f"disk    {_told(total.disk, size)}, and {_told(total.scratch, size)} while it runs"
    teacher, every = (_told(tokens, _count) for tokens in (total.teacher_tokens, total.generated_tokens))
    yield f"tokens  {teacher} by the teacher, {every} in all"


def _count(value: float) -> str:
    return f"{value:,.0f}"


def _told(sum: Sum, how: Callable[[float], str]) -> str:
    note = f" ({sum.note})" if sum.note else ""
    return f"{_MARKS[sum.limit]}{how(sum.value)}{note}"


def formulas(cost: Cost) -> Iterator[str]:
    """Each amount with its formula and where its inputs come from."""
    named = (("time", cost.seconds), ("memory", cost.memory), ("disk", cost.disk), ("tokens", cost.tokens))
    for name, amount in named:
        if amount.formula or amount.source:
            yield f"{name}: {amount.formula}; {amount.source}"


def compared(comparisons: list[Comparison]) -> Iterator[str]:
    """How far off the estimates of measured tasks were."""
    if not comparisons:
        return
    errors = sorted(abs(one.scaled_error) for one in comparisons if one.scaled_error is not None)
    plain = sorted(abs(one.error) for one in comparisons)
    line = f"checked against {len(comparisons)} measured runs: off by {100 * _middle(plain):.0f} % (median) by formula"
    if errors:
        line += f", by {100 * _middle(errors):.0f} % scaled by the other runs of the kind"
    yield line


def _middle(values: list[float]) -> float:
    return values[len(values) // 2]


# --- for programs -----------------------------------------------------------------------------------------------------


def record(cost: Cost) -> dict[str, object]:
    """As JSON data: seconds, bytes and tokens with formula and source."""
    return {
        "device": cost.device,
        "devices": cost.devices,
        "measured_seconds": cost.measured,
        "seconds": _amount(cost.seconds),
        "memory_bytes": _amount(cost.memory),
        "disk_bytes": _amount(cost.disk),
        "tokens": _amount(cost.tokens),
    }


def _amount(amount: Amount) -> dict[str, object]:
    return {"value": amount.value, "limit": amount.limit, "formula": amount.formula, "source": amount.source}


def total_record(total: Total) -> dict[str, object]:
    """As JSON data."""
    return {
        "seconds": _sum(total.seconds),
        "hours": {device: _sum(hours) for device, hours in total.hours.items()},
        "memory_bytes": {device: _sum(peak) for device, peak in total.memory.items()},
        "disk_bytes": _sum(total.disk),
        "scratch_bytes": _sum(total.scratch),
        "teacher_tokens": _sum(total.teacher_tokens),
        "generated_tokens": _sum(total.generated_tokens),
    }


def _sum(sum: Sum) -> dict[str, object]:
    return {"value": sum.value, "limit": sum.limit, "parts": sum.parts, "unknown": sum.unknown}
