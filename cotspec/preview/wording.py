"""The sentences of a preview: what a mask did, what a leak is, why a row was dropped. Knows no layout."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import assert_never

from cotspec.cot.leak import Leak
from cotspec.cot.measures import words
from cotspec.cot.rows import Attempt, Dropped, View
from cotspec.cot.units import REGEX
from cotspec.spec.payload import Mask, RowsBody, Stop


def place(attempt: Attempt, epochs: int) -> str:
    """Which row this is."""
    row = "no row" if isinstance(attempt.row, Dropped) else f"row {attempt.row.row}"
    last = f" (of 0 to {epochs - 1})" if epochs > 1 else ""
    where = f"place {attempt.place + 1:,} of {attempt.total:,}"
    return f"{row}: record {attempt.record.id} in epoch {attempt.epoch}{last}, {where} in the run"


def before(dropped: Sequence[Attempt], *, most: int) -> str:
    """What was left out before this row."""
    told = [f"record {one.record.id} ({_reason(one)})" for one in dropped[:most]]
    more = f" and {len(dropped) - most:,} more" if len(dropped) > most else ""
    return f"dropped before it: {', '.join(told)}{more}; --id N shows one"


def hidden(body: RowsBody, view: View | None, *, units: int, progress: float) -> str:
    """What the mask does in this row, and by which numbers."""
    match body.task:
        case "solve":
            return "none of it is in the prompt"
        case "rewrite":
            return "all of it is in the prompt"
        case "complete" | "reconstruct":
            pass
        case _:
            assert_never(body.task)
    mask = body.mask
    if view is None:
        return "nothing to hide"
    if mask.rows == 0:
        return "there is no mask"
    name = _unit(mask)
    if units == 0:
        return f"it has no {name}, so the mask hides nothing"
    if view.units == 0:
        return f"this row is not masked (the mask leaves {1 - mask.rows:.0%} of the rows whole)"
    extra = sum(end - start for start, end in view.hidden) - sum(end - start for start, end in view.chosen)
    closing = f", and {extra:,} characters more to close a leak" if extra else ""
    return f"the mask hides {view.masked} of {count(view.units, name)}{closing} ({_numbers(mask, progress)})"


def stop(given: Stop) -> str:
    """What ends a response besides its end-of-sequence token; "" when nothing does."""
    told = [f"at {text!r}" for text in given.texts] + ([f"after the {given.after}'s line"] if given.after else [])
    return " or ".join(told)


def arguments(given: Mapping[str, object]) -> str:
    """Arguments of a chat template, as a spec writes them."""
    return ", ".join(f"{name}: {json.dumps(value, ensure_ascii=False)}" for name, value in given.items())


def leak(leak_: Leak) -> str:
    """A leak that was closed."""
    text = short(leak_.text)
    match leak_.kind:
        case "statement":
            return f"the steps announce an answer: {text}"
        case "answer":
            return f"the answer stands in the steps too: {text}"
        case "repeat":
            return f"what is hidden stands in the steps once more: {text}"
        case _:
            assert_never(leak_.kind)


def dropped(why: Dropped) -> str:
    """Why there is no row."""
    match why.reason:
        case "no_steps":
            return "the trace has no steps by the openers of `trace:`, so there is nothing to show with gaps"
        case "all_given":
            return "the trace has no step after those that begin the answer (`begin`)"
        case "nothing_supervised":
            return (
                "nothing of the target would carry loss: `loss` names no segment that this trace has, or none whose "
                "condition it meets"
            )
        case "leak":
            return f"the prompt would tell what is asked for, whatever is hidden; {why.leak}"
        case _:
            assert_never(why.reason)


def size(text: str) -> str:
    """How long a text is."""
    return f"{count(words(text), 'word')}, {count(len(text), 'character')}"


def count(number: int, what: str) -> str:
    """`1 step`, `2 steps`, `2 matches of …`."""
    if number == 1:
        return f"1 {what}"
    head, of, rest = what.partition(" of ")
    return f"{number:,} {head}{'es' if head.endswith('ch') else 's'}{of}{rest}"


def short(text: str, most: int = 80) -> str:
    """A text on one line, cut."""
    line = " ".join(text.split())
    return line if len(line) <= most else line[: most - 1] + "…"


def number(value: float) -> str:
    """A number as short as it can be told apart."""
    return f"{value:.6g}"


def _reason(attempt: Attempt) -> str:
    return attempt.row.reason.replace("_", " ") if isinstance(attempt.row, Dropped) else ""


def _unit(mask: Mask) -> str:
    return f"match of `{short(mask.unit.removeprefix(REGEX), 40)}`" if mask.unit.startswith(REGEX) else mask.unit


def _numbers(mask: Mask, progress: float) -> str:
    """The settings that decide how many units are hidden, with a ramped share at this place of the run."""
    parts: list[str] = [mask.select]
    if mask.select not in ("all", "inner"):
        parts += [f"count {mask.count}"] if mask.count else []
        parts += [_share(mask, progress)] if mask.share.first or mask.share.last else []
        parts += [f"at least {mask.at_least}"] if mask.at_least else []
    parts += [f"leave {mask.leave}"] if mask.leave else []
    return ", ".join(parts)


def _share(mask: Mask, progress: float) -> str:
    first, last = mask.share.first, mask.share.last
    if first == last:
        return f"share {first:g}"
    return f"share {first:g} → {last:g}, here {first + (last - first) * progress:.3g}"
