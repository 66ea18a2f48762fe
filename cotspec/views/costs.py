"""Estimates as a person and a program read them. Knows amounts; not how they were found."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence

from cotspec.estimate import Amount, Comparison, Cost

_UNITS = ("B", "KiB", "MiB", "GiB", "TiB")
_GENERATIONS = ("teach", "text", "gather", "mine", "pairs")
"""The kinds of task that a generation becomes."""
_TOLD_APART = 1.1
"""A bound that is no further than this from what is expected says nothing more."""


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
    """Time and peak memory of a task, on one line; what is unknown is `?`. Of one that asks a server the tokens that
    it writes, and what they cost."""
    if cost.server is None:
        return f"{_told(cost.seconds, duration)}, {_told(cost.memory, size)}"
    money = _money(cost.tokens, cost.server.price)
    paid = f" for {_told(money, _price)}" if cost.server.price else ""
    return f"{_told(cost.seconds, duration)}, {_told(cost.tokens, _count)} tokens{paid}"


def totals(costs: Sequence[Cost]) -> Iterator[str]:
    """What all that runs takes together, a line each."""
    for device in sorted({cost.device for cost in costs}):
        some = [cost for cost in costs if cost.device == device]
        hours = (_times(cost.seconds, cost.devices) for cost in some)
        yield f"time    {_sum(hours, duration)} on {device}"
        yield f"memory  {_largest((cost.memory for cost in some), size)} at most at a time on {device}"
    yield f"disk    {_sum((cost.disk for cost in costs), size)}"
    texts = _sum((cost.tokens for cost in costs if cost.kind in _GENERATIONS), _count)
    yield f"tokens  {texts} written for `generate`, {_sum((cost.tokens for cost in costs), _count)} in all"
    yield from _servers(costs)


def _servers(costs: Sequence[Cost]) -> Iterator[str]:
    """What is asked of each server, in tokens that it writes and their price; what prompts cost comes on top."""
    asked = [(cost.server, cost.tokens) for cost in costs if cost.server is not None]
    asked += [judge for cost in costs for judge in cost.judges]
    for server in sorted({server for server, _ in asked}):
        tokens = [tokens for other, tokens in asked if other == server]
        paid = f", {_sum((_money(each, server.price) for each in tokens), _price)} and prompts" if server.price else ""
        budget = [f"{server.budget_tokens:,} tokens"] if server.budget_tokens else []
        budget += [f"{server.budget_cost:g}"] if server.budget_cost else []
        left = f"; of a budget of {' and '.join(budget)} for all runs" if budget else "; without a budget"
        yield f"server  {server.model}: {_sum(tokens, _count)} tokens written{paid}{left}"


def _money(tokens: Amount, price: float) -> Amount:
    """What tokens cost, at a price for a million."""
    value, most = (None if each is None else each * price / 1e6 for each in (tokens.value, tokens.most))
    return tokens._replace(value=value, most=most)


def _price(value: float) -> str:
    return f"{value:,.2f}"


def formulas(cost: Cost) -> Iterator[str]:
    """Each amount with how it was found."""
    named = (("time", cost.seconds), ("memory", cost.memory), ("disk", cost.disk), ("tokens", cost.tokens))
    yield from (f"{name}: {amount.text}" for name, amount in named if amount.text)


def compared(comparisons: Sequence[Comparison]) -> Iterator[str]:
    """How far off the estimates of measured tasks were."""
    if comparisons:
        told = f"time by {_middle([one.error for one in comparisons])}"
        memory = [error for one in comparisons if (error := one.memory_error) is not None]
        told += f", memory by {_middle(memory)}" if memory else ""
        yield f"checked against {len(comparisons)} measured runs, off (median): {told}"


def _middle(errors: Sequence[float]) -> str:
    """The median of how far off some estimates were, whatever the direction."""
    return f"{100 * sorted(map(abs, errors))[len(errors) // 2]:.0f} %"


def _told(amount: Amount, how: Callable[[float], str]) -> str:
    if amount.value is None:
        return "?"
    bounded = amount.most is not None and amount.most > _TOLD_APART * amount.value
    return how(amount.value) + (f" (≤ {how(amount.most or 0)})" if bounded else "")


def _times(amount: Amount, factor: int) -> Amount:
    value, most = (None if each is None else each * factor for each in (amount.value, amount.most))
    return amount._replace(value=value, most=most)


def _sum(amounts: Iterable[Amount], how: Callable[[float], str]) -> str:
    return _together(list(amounts), sum, how)


def _largest(amounts: Iterable[Amount], how: Callable[[float], str]) -> str:
    return _together(list(amounts), lambda values: max(values, default=0.0), how)


def _together(amounts: list[Amount], add: Callable[[list[float]], float], how: Callable[[float], str]) -> str:
    """The sum of what is known, and how many parts are not known."""
    known = [amount for amount in amounts if amount.value is not None]
    value = add([amount.value or 0.0 for amount in known])
    most = add([amount.value or 0.0 if amount.most is None else amount.most for amount in known])
    unknown = len(amounts) - len(known)
    told = _told(Amount(value, most, ""), how)
    return f"{told} and {unknown} of {len(amounts)} tasks unknown" if unknown else told


def _count(value: float) -> str:
    return f"{value:,.0f}"


# --- for programs -----------------------------------------------------------------------------------------------------


def record(cost: Cost) -> dict[str, object]:
    """As JSON data: seconds, bytes and tokens, expected and at most, and how they were found."""
    judges = [server._asdict() | {"tokens": tokens._asdict()} for server, tokens in cost.judges]
    return {
        "device": cost.device,
        "devices": cost.devices,
        "measured_seconds": cost.measured,
        "seconds": cost.seconds._asdict(),
        "memory_bytes": cost.memory._asdict(),
        "disk_bytes": cost.disk._asdict(),
        "tokens": cost.tokens._asdict(),
        **({} if cost.server is None else {"server": cost.server._asdict()}),
        **({"judges": judges} if judges else {}),
    }


def total_record(costs: Sequence[Cost]) -> dict[str, object]:
    """As JSON data: sums of what is known, and how many tasks are not."""
    amounts = {"seconds": [cost.seconds for cost in costs], "disk_bytes": [cost.disk for cost in costs]}
    return {
        name: {
            "value": sum(amount.value or 0.0 for amount in some),
            "unknown": sum(amount.value is None for amount in some),
        }
        for name, some in amounts.items()
    }
