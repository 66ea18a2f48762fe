"""What lm-eval has measured, as a report shows it: a table for each suite, a row for each figure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from cotspec.runtime import lines, suite
from cotspec.runtime.task import Task
from cotspec.spec.payload import ReportBody


@dataclass(frozen=True, kw_only=True)
class Suite:
    """One suite."""

    name: str
    records: Mapping[str, Mapping[str, Any]]
    """By model, what its task wrote."""

    @property
    def head(self) -> tuple[str, ...]:
        """The columns."""
        return ("task", "figure", "questions", *self.records)

    @property
    def cells(self) -> list[tuple[str, ...]]:
        """A row for each figure of each task."""
        every = {
            (name, metric): f"{each['n']:,}"
            for record in self.records.values()
            for name, each in record["tasks"].items()
            for metric in each["metrics"]
        }
        return [
            (name, metric, n, *(_cell(each, name, metric) for each in self.records.values()))
            for (name, metric), n in every.items()
        ]

    @property
    def told(self) -> str:
        """Which lm-eval measured."""
        versions = ", ".join(sorted({str(each["lm_eval"]) for each in self.records.values()}))
        return f"lm-eval {versions}; figures ± their standard errors, as it gives them"


def _cell(record: Mapping[str, Any], name: str, metric: str) -> str:
    value = record["tasks"].get(name, {}).get("metrics", {}).get(metric)
    return "" if value is None else suite.shown(value)


def read(task: Task, body: ReportBody) -> list[Suite]:
    """The suites of a report."""
    return [
        Suite(name=each.name, records={label: lines.read_json(task.input(each.role(label))) for label in each.labels})
        for each in body.suites
    ]


def records(suites: Sequence[Suite]) -> list[dict[str, object]]:
    """As JSON data."""
    return [{"suite": each.name, "label": label, **record} for each in suites for label, record in each.records.items()]


def markdown(suites: Sequence[Suite]) -> str:
    """A part of a page."""
    return "".join(
        f"## {each.name} (lm-eval)\n\n| {' | '.join(each.head)} |\n|{' --- |' * len(each.head)}\n"
        + "".join(f"| {' | '.join(cell.replace('|', '/') for cell in row)} |\n" for row in each.cells)
        + f"\n{each.told}.\n\n"
        for each in suites
    )


def text(suites: Sequence[Suite]) -> list[str]:
    """For a terminal."""
    shown = []
    for each in suites:
        rows = [each.head, *each.cells]
        widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
        shown += ["", f"{each.name}: {each.told}"]
        shown += [
            "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
        ]
    return shown
