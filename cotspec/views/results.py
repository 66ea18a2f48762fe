"""What experiments have come to: state, accuracy with its interval, tokens, and how far from their base.

Knows metrics as an evaluation writes them; not where they lie. Which experiment is whose base is said by the caller.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from cotspec.cot.stats import paired_difference
from cotspec.views.diff import escaped, table

State = Literal["done", "running", "interrupted", "failed gate", "unfinished merge", "part", "never"]


@dataclass(frozen=True, kw_only=True, slots=True)
class Measured:
    """One evaluation."""

    n: int
    accuracy: float
    low: float
    high: float
    tokens: float
    formatted: float
    right: Mapping[int, float]
    """By problem, the share of its answers that are right."""
    samples: int = 1
    """Answers to each problem; accuracy is then their mean, avg@n."""
    passed: tuple[float, float, float] | None = None
    """pass@n with its interval, where there are several."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One set of the evaluation of one experiment."""

    name: str
    variant: str
    """"" is the spec itself, the base of its variants."""
    base: str
    """Name of the experiment it is compared with."""
    state: State
    done: int
    total: int
    """Tasks."""
    set: str = ""
    """Which set of its evaluation; "" where there is one."""
    model: str = ""
    """Which of its models is measured: the last that answers the set."""
    first: Measured | None = None
    """The evaluation of the first model, the untrained student."""
    last: Measured | None = None
    notes: tuple[str, ...] = ()
    """What its finished stages say of themselves, each with the stage's name."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Accuracy of one against another, on the problems both answered."""

    n: int
    points: float
    low: float
    high: float


def difference(new: Measured | None, old: Measured | None) -> Difference | None:
    """None when either is not there, or they share no problem."""
    if new is None or old is None:
        return None
    both = sorted(new.right.keys() & old.right.keys())
    if not both:
        return None
    share, low, high = paired_difference([new.right[key] - old.right[key] for key in both])
    return Difference(n=len(both), points=share, low=low, high=high)


HEAD = (
    "experiment", "set", "state", "tasks", "model", "accuracy", "accuracy_low", "accuracy_high", "tokens", "formatted",
    "n", "base", "accuracy_change", "change_low", "change_high", "tokens_change", "student_change",
    "samples", "pass_at_n", "pass_low", "pass_high",
)  # fmt: skip
"""Columns of the CSV form and keys of the JSON form."""


def records(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Plain data, one record a set of an experiment; what is not known is None."""
    by_name = {(outcome.name, outcome.set): outcome for outcome in outcomes}
    return [_record(outcome, by_name.get((outcome.base, outcome.set))) for outcome in outcomes]


def _record(outcome: Outcome, base: Outcome | None) -> dict[str, object]:
    last, other = outcome.last, None if base is None or base is outcome else base.last
    change, gain = difference(last, other), difference(last, outcome.first)
    tokens = None if last is None or other is None or not other.tokens else last.tokens / other.tokens - 1
    values: tuple[object, ...] = (
        outcome.name, outcome.set or None, outcome.state, f"{outcome.done}/{outcome.total}", outcome.model or None,
        last and last.accuracy, last and last.low, last and last.high, last and last.tokens, last and last.formatted,
        last and last.n, outcome.base if other is not None else None,
        change and change.points, change and change.low, change and change.high, tokens, gain and gain.points,
        last and last.samples, *((last and last.passed) or (None, None, None)),
    )  # fmt: skip
    return dict(zip(HEAD, values, strict=True))


# --- printing ---------------------------------------------------------------------------------------------------------


_SHOWN = (
    "experiment", "set", "state", "model", "accuracy", "95 %", "pass@n", "tokens", "to base", "95 %", "tokens",
    "to student",
)  # fmt: skip
_OPTIONAL = ("set", "pass@n")


def cells(outcomes: Sequence[Outcome]) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """Head and rows for people. A column of what some evaluations have (_OPTIONAL) is there where one has it."""
    rows = [_cells(record) for record in records(outcomes)]
    kept = [at for at, head in enumerate(_SHOWN) if head not in _OPTIONAL or any(row[at] for row in rows)]
    head, *rows = [tuple(row[at] for at in kept) for row in (_SHOWN, *rows)]
    return head, rows


def _cells(record: Mapping[str, object]) -> tuple[str, ...]:
    done = str(record["state"]) if record["state"] == "done" else f"{record['state']} {record['tasks']}"
    return (
        str(record["experiment"]),
        str(record["set"] or ""),
        done,
        str(record["model"] or ""),
        _percent(record["accuracy"]),
        _range(record["accuracy_low"], record["accuracy_high"], signed=False),
        "" if record["pass_at_n"] is None else f"{_percent(record['pass_at_n'])} (n = {record['samples']})",
        "" if record["tokens"] is None else f"{record['tokens']:.1f}",
        _points(record["accuracy_change"]),
        _range(record["change_low"], record["change_high"], signed=True),
        "" if not isinstance(record["tokens_change"], float) else f"{100 * record['tokens_change']:+.1f} %",
        _points(record["student_change"]),
    )


def _percent(value: object) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, float) else ""


def _points(value: object) -> str:
    return f"{100 * value:+.1f}" if isinstance(value, float) else ""


def _range(low: object, high: object, *, signed: bool) -> str:
    if not isinstance(low, float) or not isinstance(high, float):
        return ""
    return f"{100 * low:+.1f} – {100 * high:+.1f}" if signed else f"{100 * low:.1f} – {100 * high:.1f}"


def text(outcomes: Sequence[Outcome]) -> str:
    """Aligned columns for a terminal."""
    head, rows = cells(outcomes)
    widths = [max(map(len, column)) for column in zip(head, *rows, strict=True)]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)) for row in (head, *rows)]
    return "".join(f"{line.rstrip()}\n" for line in lines)


def markdown(outcomes: Sequence[Outcome]) -> str:
    """A Markdown table."""
    head, rows = cells(outcomes)
    return table(head, ([escaped(cell) for cell in row] for row in rows)) + "\n"


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """Comma-separated values with full precision."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records(outcomes))
    return out.getvalue()
