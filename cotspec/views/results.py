"""What experiments have come to: state, accuracy with its interval, tokens, and how far from their base.

Knows metrics as an evaluation writes them; not where they lie. Which experiment is whose base is said by the caller.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from operator import itemgetter
from typing import NamedTuple

from cotspec.cot import signal
from cotspec.cot.stats import paired_difference
from cotspec.views import seeds
from cotspec.views.aligned import aligned, wrapped
from cotspec.views.diff import escaped, table
from cotspec.views.outcomes import Figure, Measured, Outcome
from cotspec.views.paint import STATES, Paint, change, painter


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """Accuracy of one against another, on the problems both answered."""

    n: int
    points: float
    low: float
    high: float


def difference(new: Measured | None, old: Measured | None) -> Difference | None:
    """How far a measurement is from another, paired by problem. None when either is missing, or they share no
    problem."""
    if new is None or old is None:
        return None
    both = sorted(new.right.keys() & old.right.keys())
    if not both:
        return None
    share, low, high = paired_difference([new.right[key] - old.right[key] for key in both])
    return Difference(n=len(both), points=share, low=low, high=high)


HEAD = (
    "experiment", "set", "state", "tasks", "model", "accuracy", "accuracy_low", "accuracy_high", "tokens", "formatted",
    "truncated", "n", "base", "accuracy_change", "change_low", "change_high", "tokens_change", "student_change",
    "samples", "pass_at_n", "pass_low", "pass_high", "seed", "seeds", "seeds_measured", "seeds_paired", "accuracy_sd",
    "tokens_sd", "student_low", "student_high", "suite", "suite_task", "figure", "value", "stderr", "value_change",
)  # fmt: skip
"""Columns of the CSV form and keys of the JSON form."""


def records(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    """Plain data: a record for each set of an experiment, then one for each set over seeds, where there are several
    (with `seeds`, and no `seed`), then one for each figure of a suite (with `suite`). What is not known is None."""
    return [*_single(outcomes), *_over_seeds(outcomes), *_of_suites(outcomes)]


def _single(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    by_name = {(outcome.name, outcome.set): outcome for outcome in outcomes}
    return [_record(outcome, by_name.get((outcome.base, outcome.set))) for outcome in outcomes]


def _over_seeds(outcomes: Sequence[Outcome]) -> list[dict[str, object]]:
    return [dict.fromkeys(HEAD) | seeds.record(group) for group in seeds.groups(outcomes)]


def _of_suites(outcomes: Sequence[Outcome]) -> Iterator[dict[str, object]]:
    every = {(each.name, *_key(figure)): figure.value for each in outcomes for figure in each.figures}
    for each in outcomes:
        for figure in each.figures:
            base = every.get((each.base, *_key(figure))) if each.base != each.name else None
            yield dict.fromkeys(HEAD) | {
                "experiment": each.name,
                "state": each.state,
                "tasks": f"{each.done}/{each.total}",
                "model": figure.model,
                "n": figure.n,
                "base": None if base is None else each.base,
                "suite": figure.suite,
                "suite_task": figure.task,
                "figure": figure.name,
                "value": figure.value,
                "stderr": figure.error,
                "value_change": None if base is None else figure.value - base,
            }


def _key(figure: Figure) -> tuple[str, str, str]:
    return figure.suite, figure.task, figure.name


def _record(outcome: Outcome, base: Outcome | None) -> dict[str, object]:
    last, other = outcome.last, None if base is None or base is outcome else base.last
    change, gain = difference(last, other), difference(last, outcome.student)
    tokens = None if last is None or other is None or not other.tokens else last.tokens / other.tokens - 1
    values: tuple[object, ...] = (
        outcome.name, outcome.set or None, outcome.state, f"{outcome.done}/{outcome.total}", outcome.model or None,
        last and last.accuracy, last and last.low, last and last.high, last and last.tokens, last and last.formatted,
        last and last.truncated, last and last.n, outcome.base if other is not None else None,
        change and change.points, change and change.low, change and change.high, tokens, gain and gain.points,
        last and last.samples, *((last and last.passed) or (None, None, None)), outcome.seed,
    )  # fmt: skip
    return dict.fromkeys(HEAD) | dict(zip(HEAD[: len(values)], values, strict=True))


# --- printing ---------------------------------------------------------------------------------------------------------


_SHOWN = (
    "experiment", "set", "state", "model", "accuracy", "95 %", "pass@n", "tokens", "to base", "95 %", "tokens",
    "to student",
)  # fmt: skip
_SEEDS_SHOWN = (
    "over seeds", "set", "seeds", "model", "accuracy", "sd", "95 %", "tokens", "sd", "to base", "95 %", "tokens",
    "to student", "95 %",
)  # fmt: skip
_SUITES_SHOWN = ("suites", "suite", "model", "task", "figure", "n", "value", "to base")
_OPTIONAL = ("set", "pass@n")
_CHANGES = ("to base", "to student")
_OF_SEEDS = """Means over seeds; sd: standard deviation of the seeds. Intervals hold for other seeds and other problems.
Changes are paired by seed and by problem; one is significant at 5 % where its interval leaves out 0.
"""


class Table(NamedTuple):
    """A table for people."""

    rows: Sequence[tuple[str, ...]]
    """The head first."""
    below: str = ""


def tables(outcomes: Sequence[Outcome]) -> list[Table]:
    """Every experiment, and over their seeds those that there are several of."""
    single = [_SHOWN, *(_cells(record) for record in _single(outcomes))]
    several = [_SEEDS_SHOWN, *(_seed_cells(record) for record in _over_seeds(outcomes))]
    own = Table(_shown(single), "".join(f"{note}\n" for note in cut(outcomes)))
    return [own, Table(_shown(several), _OF_SEEDS)] if len(several) > 1 else [own]


def cut(outcomes: Sequence[Outcome]) -> list[str]:
    """Rows with many answers that were cut at the limit: their accuracy is that of the limit, too. One sentence for all
    that have the same limit, of the row with the most."""
    by_limit: dict[str, list[tuple[float, Outcome, Measured]]] = {}
    for each in outcomes:
        if each.last is not None and each.last.truncated > signal.MANY:
            by_limit.setdefault(each.limit, []).append((each.last.truncated, each, each.last))
    return [_cut(limit, *max(rows, key=itemgetter(0))[1:], len(rows) - 1) for limit, rows in by_limit.items()]


def _cut(limit: str, outcome: Outcome, last: Measured, others: int) -> str:
    name = f"{outcome.name}:{outcome.model}" + (f" on {outcome.set}" if outcome.set else "")
    more = f" (and some in {others} more row{'' if others == 1 else 's'})" if others else ""
    return f"{name}: {signal.cut_answers(last.truncated, last.n * last.samples)}{more}: {limit}"


_OF_SUITES = """Figures of lm-eval, as it gives them, ± their standard errors; changes are not paired.
"""


def suites(outcomes: Sequence[Outcome]) -> Table | None:
    """What lm-eval has measured; None where it has not."""
    rows = list(map(_suite_cells, _of_suites(outcomes)))
    return Table([_SUITES_SHOWN, *rows], _OF_SUITES) if rows else None


def _suite_cells(record: Mapping[str, object]) -> tuple[str, ...]:
    value, error, change = (record[key] for key in ("value", "stderr", "value_change"))
    return (
        *(str(record[key]) for key in ("experiment", "suite", "model", "suite_task", "figure", "n")),
        f"{value:.4f}" + (f" ± {error:.4f}" if isinstance(error, float) else ""),
        f"{change:+.4f}" if isinstance(change, float) else "",
    )


def _shown(rows: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Without the columns of what only some evaluations have (_OPTIONAL), where none has it."""
    head, *below = rows
    kept = [at for at, name in enumerate(head) if name not in _OPTIONAL or any(row[at] for row in below)]
    return [tuple(row[at] for at in kept) for row in rows]


def _seed_cells(record: Mapping[str, object]) -> tuple[str, ...]:
    count, measured, paired = (record[key] for key in ("seeds", "seeds_measured", "seeds_paired"))
    change = _points(record["accuracy_change"])
    return (
        str(record["experiment"]),
        str(record["set"] or ""),
        str(count) if measured == count else f"{measured} of {count}",
        str(record["model"] or ""),
        _percent(record["accuracy"]),
        _number(record["accuracy_sd"], 100),
        _range(record["accuracy_low"], record["accuracy_high"], signed=False),
        _number(record["tokens"]),
        _number(record["tokens_sd"]),
        f"{change} ({paired} seeds)" if change and paired != measured else change,
        _range(record["change_low"], record["change_high"], signed=True),
        _relative(record["tokens_change"]),
        _points(record["student_change"]),
        _range(record["student_low"], record["student_high"], signed=True),
    )


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
        _number(record["tokens"]),
        _points(record["accuracy_change"]),
        _range(record["change_low"], record["change_high"], signed=True),
        _relative(record["tokens_change"]),
        _points(record["student_change"]),
    )


def _percent(value: object) -> str:
    return f"{100 * value:.1f} %" if isinstance(value, float) else ""


def _number(value: object, times: int = 1) -> str:
    return f"{times * value:.1f}" if isinstance(value, float) else ""


def _relative(value: object) -> str:
    return f"{100 * value:+.1f} %" if isinstance(value, float) else ""


def _points(value: object) -> str:
    return f"{100 * value:+.1f}" if isinstance(value, float) else ""


def _range(low: object, high: object, *, signed: bool) -> str:
    if not isinstance(low, float) or not isinstance(high, float):
        return ""
    return f"{100 * low:+.1f} to {100 * high:+.1f}" if signed else f"{100 * low:.1f} – {100 * high:.1f}"


def text(outcomes: Sequence[Outcome], *, colour: bool = False, width: int | None = None) -> str:
    """Aligned columns for a terminal, which has so many columns; folded where that are too few."""
    paint = painter(colour)
    return "\n".join(_text(each, paint, width) for each in _every(outcomes))


def _text(table: Table, paint: Paint, width: int | None) -> str:
    below = f"{wrapped(table.below, width)}\n" if table.below else ""
    return aligned(table.rows, _styles, paint, width, second=_CHANGES[0]) + below


def _every(outcomes: Sequence[Outcome]) -> list[Table]:
    return [*tables(outcomes), *filter(None, (suites(outcomes),))]


def _styles(head: Sequence[str], row: Sequence[str]) -> list[str]:
    """By column: states, and changes whose interval leaves out 0."""
    styles = [""] * len(row)
    for at, (name, cell) in enumerate(zip(head, row, strict=True)):
        if name == "state":
            styles[at] = STATES.get(cell.rstrip("0123456789/ "), "")
        if name == "95 %" and head[at - 1] in _CHANGES:
            styles[at - 1] = styles[at] = change(cell)
    return styles


def markdown(outcomes: Sequence[Outcome]) -> str:
    """Markdown tables."""
    return "\n".join(_as_markdown(*each.rows) + (each.below and f"\n{each.below}") for each in _every(outcomes))


def _as_markdown(head: tuple[str, ...], *rows: tuple[str, ...]) -> str:
    return table(head, ([escaped(cell) for cell in row] for row in rows)) + "\n"


def as_csv(outcomes: Sequence[Outcome]) -> str:
    """Comma-separated values with full precision."""
    out = io.StringIO()
    writer = csv.DictWriter(out, HEAD, lineterminator="\n")
    writer.writeheader()
    writer.writerows(records(outcomes))
    return out.getvalue()
