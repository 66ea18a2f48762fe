"""counts.json and gate.json of the tasks behind a report: what became of problems, texts and rows, and what gates said.

Knows what each kind of task counts. A number that a file does not have is not told.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cotspec.cot import signal
from cotspec.page.charts import BarPart, bar
from cotspec.page.figures import number, share
from cotspec.runtime import lines

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_BAD: Final = 10
"""Kinds of bad rows that are shown, by the first of each."""
MOST_LEAKS: Final = 10
"""Rows with a leak that are named."""


@dataclass(frozen=True)
class Item:
    """A part of a flow in words."""

    name: str
    said: str
    look: str
    """`kept`, `lost` or `other`; "" for what is no part of the bar."""


@dataclass(frozen=True, kw_only=True)
class Flow:
    """What became of things: a bar, and its parts in words."""

    name: str
    bar: Markup
    parts: tuple[Item, ...]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A way out of a stage, as gate.json has it."""

    stage: str
    checkpoint: str
    step: str
    reason: str
    passed: bool | None
    checks: tuple[Mapping[str, Any], ...]


def flow(part: str, path: Path) -> list[Flow]:
    """What a counts.json says; `part` is the task's, like `kept/teach`."""
    record = lines.read_json(path)
    kind, _, rest = part.partition("/")
    match kind, rest.rpartition("/")[2]:
        case "data", name:
            return [_data(name, record)]
        case "kept", name:
            return [_mined(name, record) if "failures" in record else _traces(name, record)]
        case "pairs", name:
            return [_counted(f"pairs of {name}", record)]
        case "stages", "pairs":
            return [_counted(f"pairs of stage {rest.partition('/')[0]}", record)]
        case "stages", last:
            stage = rest.partition("/")[0]
            if isinstance(record.get("rows"), list):
                return [_mixed(stage, record)]
            return [_rows(stage if last == "rows" else f"{stage}, source {last}", record)]
    return []


def trained(stage: str, metrics: Mapping[str, float]) -> list[Flow]:
    """What a stage trained on of its rows."""
    known = [
        *_part("trained on", metrics.get("rows_used"), "kept"),
        *_part("too long", metrics.get("rows_too_long"), "lost"),
        *_part("nothing supervised", metrics.get("rows_nothing_supervised"), "lost"),
        *_part("fill no batch", metrics.get("rows_beyond_last_batch"), "other"),
    ]
    if "rows" not in metrics or not known:
        return []
    return [
        _flow(f"rows of {stage}: training", known, metrics["rows"], *_item("optimizer steps", metrics.get("steps")))
    ]


def gate(stage: str, path: Path) -> Gate:
    """What a gate decided."""
    record = lines.read_json(path)
    return Gate(
        stage=stage,
        checkpoint=str(record.get("checkpoint", "")),
        step=number(_number(record.get("step"))),
        reason=str(record.get("reason", "")),
        passed=record["passed"] if isinstance(record.get("passed"), bool) else None,
        checks=tuple(_check(each) for each in _list(record.get("checks")) if isinstance(each, dict)),
    )


def _check(each: Mapping[str, Any]) -> Mapping[str, Any]:
    wanted = f"{each.get('op', '')} {number(_number(each.get('value')))}"
    return {
        "metric": str(each.get("metric", "")),
        "wanted": wanted,
        "measured": number(_number(each.get("measured"))),
        "passed": each.get("passed") is True,
        "problem": str(each.get("problem", "")),
    }


def _data(name: str, record: Mapping[str, Any]) -> Flow:
    whole, bad = _number(record.get("problems")), _number(record.get("gold_answers_nothing_can_equal")) or 0
    left_out = _number(record.get("bad_rows")) or 0
    parts = [] if whole is None else _part("read", whole - bad, "kept")
    parts += [*_part("no answer can equal the gold one", bad, "lost"), *_part("bad rows, left out", left_out, "lost")]
    first = (Item("left out:", str(each), "") for each in _list(record.get("first_bad_rows"))[:MOST_BAD])
    return _flow(f"questions of {name}", parts, None if whole is None else whole + left_out, *first)


def _traces(name: str, record: Mapping[str, Any]) -> Flow:
    dropped = [BarPart(_said(why), count, "lost") for why, count in _counts(record.get("dropped"))]
    thoughts = [Item(f"thoughts ended with {kind}:", f"{n:,}", "") for kind, n in _counts(record.get("thoughts"))]
    parts = [*_part("kept", record.get("traces"), "kept"), *dropped]
    ties = _item("left out, though as good as the last of the best:", record.get("as_good_left_out"))
    votes = [item for what, count in _counts(record.get("votes")) for item in _item(f"{_said(what)}:", count)]
    return _flow(f"texts of {name}: filter", parts, record.get("rollouts"), *ties, *votes, *thoughts)


def _mined(name: str, record: Mapping[str, Any]) -> Flow:
    asked, failed = _number(record.get("questions")), _number(record.get("failures"))
    solved = None if asked is None or failed is None else asked - failed
    parts = [*_part("failed, and go on", failed, "kept"), *_part("go no further", solved, "other")]
    tries = record.get("attempts")
    return _flow(
        f"failures of {name}",
        parts,
        asked,
        *_of("right tries:", record.get("correct_attempts"), tries),
        *_of("ungradable tries:", record.get("ungradable_attempts"), tries),
        *(Item(f"questions with {n} right tries:", f"{count:,}", "") for n, count in _counts(record.get("by_correct"))),
    )


def _rows(name: str, record: Mapping[str, Any]) -> Flow:
    dropped, written = _object(record.get("dropped")), record.get("rows")
    named = {"no_steps": "no steps", "nothing_supervised": "nothing carries loss", "leak_rows": "leak the answer"}
    lost = [part for key, said in named.items() for part in _part(said, dropped.get(key), "lost")]
    parts = [*_part("written", written, "kept"), *lost]
    sealed = _object(record.get("sealed"))
    leaks = list(_object(record.get("leaks")).items())[:MOST_LEAKS]
    return _flow(
        f"rows of {name}",
        parts,
        sum(part.size for part in parts),
        *_item("from records:", record.get("records")),
        *_item("records that do not meet the condition:", record.get("condition_not_met")),
        *_of("masked:", record.get("masked_rows"), written),
        *_of("of their units hidden:", record.get("hidden_units"), record.get("units")),
        *_of("more hidden to close a leak:", sealed.get("rows"), written),
        *(Item(f"leaks closed ({kind}):", f"{n:,}", "") for kind, n in _counts(sealed) if kind != "rows" and n),
        *(Item(f"leak in record {id}:", str(leak), "") for id, leak in leaks),
    )


def _mixed(stage: str, record: Mapping[str, Any]) -> Flow:
    used = [part for at, n in enumerate(_list(record.get("used")), 1) for part in _part(f"source {at}", n, "kept")]
    there = [each for at, n in enumerate(_list(record.get("rows")), 1) for each in _item(f"rows of source {at}:", n)]
    return _flow(f"rows of {stage}: mix", used, sum(part.size for part in used), *there)


def _counted(name: str, record: Mapping[str, Any]) -> Flow:
    return _flow(name, [], None, *(Item(f"{_said(key)}:", f"{count:,}", "") for key, count in _counts(record)))


def _flow(name: str, parts: list[BarPart], whole: object, *more: Item) -> Flow:
    there, all_ = [part for part in parts if part.size > 0 or part.look == "kept"], _number(whole)
    said = (
        Item(f"{part.name}:", f"{part.size:,}" if all_ is None else share(part.size, int(all_)), part.look)
        for part in there
    )
    return Flow(name=name, bar=bar(there, title=name), parts=(*said, *more))


def _part(name: str, count: object, look: str) -> list[BarPart]:
    """Nothing where the count is not known."""
    known = _number(count)
    return [] if known is None else [BarPart(name, int(known), look)]


def _item(name: str, count: object) -> list[Item]:
    known = _number(count)
    return [] if known is None else [Item(name, number(known), "")]


def _of(name: str, part: object, whole: object) -> list[Item]:
    """A share, where both are known and there is something it is of."""
    a, b = _number(part), _number(whole)
    return [Item(name, share(int(a), int(b)), "")] if a is not None and b else []


def _said(key: str) -> str:
    return key.replace("_", " ")


def _number(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and not isinstance(value, bool) else None


def _object(value: object) -> Mapping[str, Any]:
    return value if isinstance(value, dict) else {}


def _list(value: object) -> list[Any]:
    return value if isinstance(value, list) else []


def _counts(value: object) -> Iterator[tuple[str, int]]:
    numbers = signal.numbers(value)
    return ((name, int(count)) for name, count in numbers.items())
