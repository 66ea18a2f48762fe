"""The tables of a report: a set of the evaluation, and a row for each model that answered it. Knows no files."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import chain
from typing import Final

from cotspec.cot import signal
from cotspec.runtime.evaluate import Metrics

HEADINGS: Final = ("", "accuracy", "95 % interval", "change", "tokens", "change", "well-formed")


@dataclass(frozen=True, kw_only=True)
class Table:
    """One set. The first row is what the others are compared with."""

    name: str
    """"" where there is one set."""
    rows: Mapping[str, Metrics]
    """By label."""
    files: Mapping[str, str]
    """Path of each row's metrics.json, relative to the task's folder."""

    @property
    def first(self) -> Metrics:
        """What the rows are compared with."""
        return next(iter(self.rows.values()))

    @property
    def ungradable(self) -> bool:
        """Whether any row has ungradable answers: then all rows say how many."""
        return any(metrics.ungradable for metrics in self.rows.values())

    @property
    def asked(self) -> str:
        """How much was asked."""
        answers = f", {self.first.samples} answers to each" if self.first.samples > 1 else ""
        return f"{self.first.n} problems{answers}"

    @property
    def counted(self) -> str:
        """What the first figure of a row is."""
        n = self.first.samples
        if not self.first.pass_at:
            return "accuracy"
        mean, some = f"avg@{n}: mean accuracy of the answers", f"pass@{n}: share of problems with a right one"
        return f"{mean}; {some}; both clustered by problem,"

    def records(self) -> list[dict[str, object]]:
        """Its rows as JSON data."""
        named = {"set": self.name} if self.name else {}
        return [
            {**named, "label": label, **metrics.record(), "metrics": self.files[label]}
            for label, metrics in self.rows.items()
        ]

    def notes(self) -> list[str]:
        """What a reader of its rows should know."""
        cut = ((label, signal.cut_answers(row.truncated, row.n * row.samples)) for label, row in self.rows.items())
        if not self.name:
            return [f"{label}: {note}: raise `evaluate.sampling.max_new_tokens`" for label, note in cut if note]
        where = "raise it in the `sampling` of the set, or in `evaluate.sampling` where the set has none"
        return [f"{label} on {self.name}: {note}: {where}" for label, note in cut if note]

    def headings(self) -> tuple[str, ...]:
        """The columns there are."""
        n = self.first.samples
        several = ("", f"avg@{n}", *HEADINGS[2:], f"pass@{n}", "95 % interval") if self.first.pass_at else HEADINGS
        return (*several, "ungradable") if self.ungradable else several

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as text, in the order of the headings."""
        return [self._cells(label, metrics) for label, metrics in self.rows.items()]

    def _cells(self, label: str, m: Metrics) -> tuple[str, ...]:
        base = self.first
        same = m is base
        cells = (
            label,
            f"{100 * m.accuracy:.1f} %",
            _range(m.accuracy_low, m.accuracy_high),
            "" if same else f"{100 * (m.accuracy - base.accuracy):+.1f} points",
            f"{m.tokens:.1f}",
            "" if same or not base.tokens else f"{100 * (m.tokens / base.tokens - 1):+.1f} %",
            f"{100 * m.formatted:.1f} %",
            *(_passed(m) if base.pass_at else ()),
        )
        return (*cells, str(m.ungradable)) if self.ungradable else cells


def _passed(m: Metrics) -> tuple[str, str]:
    if not m.pass_at:
        return ("", "")
    last = m.pass_at[-1]
    return (f"{100 * last.share:.1f} %", _range(last.low, last.high))


def _range(low: float, high: float) -> str:
    return f"{100 * low:.1f} – {100 * high:.1f} %"


def text(title: str, tables: Sequence[Table]) -> str:
    """The tables as aligned text."""
    return "\n".join(chain.from_iterable(_text(title, table) for table in tables))


def _text(title: str, table: Table) -> list[str]:
    rows = [table.headings(), *table.cells()]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    told = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    rule = "─" * len(told[0])
    head = " · ".join(filter(None, (title, table.name, table.asked)))
    return ["", head, rule, told[0], rule, *told[1:], rule]


def markdown(tables: Sequence[Table]) -> str:
    """The tables as a part of a page, each under its name."""
    return "".join(_markdown(table) for table in tables)


def _markdown(table: Table) -> str:
    head, rule = " | ".join(table.headings()), " | ".join(["---"] + ["---:"] * (len(table.headings()) - 1))
    rows = "\n".join(f"| {' | '.join(cells)} |" for cells in table.cells())
    notes = "".join(f"- {note}\n" for note in table.notes())
    counted = "; ungradable answers could not be compared with the gold answer and count as wrong"
    return (
        f"{f'## {table.name}{chr(10)}{chr(10)}' if table.name else ''}| {head} |\n| {rule} |\n{rows}\n\n"
        f"{table.asked}; {table.counted} with Wilson's 95 % interval; tokens: mean number generated, with the end "
        f"of sequence; changes are against the first row; well-formed answers have a step and an answer "
        f"line{counted if table.ungradable else ''}.\n\n{notes}{chr(10) if notes else ''}"
    )
