"""Task `report`: the evaluations of an experiment → report.json, report.md, report.html, and in table.txt the tables
that a run ends with.

It prints no table itself: a `dvc repro` of everything ends with those of all experiments, and one is read once."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from pathlib import Path

from cotspec.runtime import (
    contamination,
    lines,
    report_page,
    report_stages,
    report_suites,
    report_tables,
    report_tracked,
)
from cotspec.runtime.evaluate import Metrics
from cotspec.runtime.progress import say
from cotspec.runtime.report_tables import Table
from cotspec.runtime.task import Task
from cotspec.spec.payload import TABLE_FILE, ReportBody, ReportTable


def run(task: Task, _work: Path, result: Path) -> None:
    """Write the report, and print where it is, what each row came to, and what is to be known of it."""
    body = task.body(ReportBody)
    tables = [_table(task, table) for table in body.tables]
    stages = report_stages.read({name: task.input(f"stage.{name}") for name in body.stages})
    record: dict[str, object] = {
        "name": body.name,
        "about": body.about,
        "rows": [row for table in tables for row in table.records()],
        "stages": [stage.record() for stage in stages],
    }
    suites = report_suites.read(task, body)
    record |= {"suites": report_suites.records(suites)} if suites else {}
    seen = contamination.reported(task)
    record |= {} if seen is None else {"contamination": asdict(seen)}
    lines.write_json(result / "report.json", record)
    page, logs = (
        _markdown(body, tables, report_suites.markdown(suites), report_stages.markdown(stages)),
        report_page.logs(task),
    )
    (result / "report.md").write_text(page + contamination.section(seen), encoding="utf-8")
    (result / "report.html").write_text(
        report_page.page(task, body, tables, stages, logs, seen, suites), encoding="utf-8"
    )
    report_tracked.write(result, tables, logs)
    shown = "\n".join((report_tables.text(body.name, tables), *report_suites.text(suites)))
    notes = (
        *(note for table in tables for note in table.notes()),
        *report_stages.told(stages),
        *(() if seen is None else seen.lines()),
    )
    (result / TABLE_FILE).write_text("\n".join((shown, *notes)) + "\n", encoding="utf-8")
    place = task.out.relative_to(task.root)
    say(f"\n{place}/report.html shows the run in a browser; its table is in report.md and {TABLE_FILE} beside it")
    say("rows, each with its answers in predictions.jsonl beside its metrics:")
    for given, table in zip(body.tables, tables, strict=True):
        for label, row in table.rows.items():
            came_to = f"accuracy {100 * row.accuracy:.1f} %, {row.tokens:.1f} tokens"
            say(f"  {_called(table.name, label)}: {came_to} ({_shown(task, given.role(label))})")
    for note in notes:
        say(note)


def _table(task: Task, given: ReportTable) -> Table:
    return Table(
        name=given.name,
        rows={label: lines.only(_metrics(task, given.role(label)), Metrics) for label in given.labels},
        files={label: task.payload.inputs[given.role(label)].path for label in given.labels},
    )


def _metrics(task: Task, role: str) -> Path:
    path = task.input(role)
    return path / "metrics.json" if path.is_dir() else path


def _shown(task: Task, role: str) -> str:
    path = _metrics(task, role)
    return str(path.relative_to(task.root)) if path.is_relative_to(task.root) else path.name


def _called(table: str, label: str) -> str:
    return f"{label} on {table}" if table else label


def _markdown(body: ReportBody, tables: Sequence[Table], *sections: str) -> str:
    about = f"{body.about}\n\n" if body.about else ""
    where = "".join(f"{line}\n" for line in _links(tables))
    return f"# {body.name}\n\n{about}{report_tables.markdown(tables)}{''.join(sections)}{where}"


def _links(tables: Sequence[Table]) -> Iterator[str]:
    """The input paths are relative to the task's folder; the page is one level deeper, in out/."""
    for table in tables:
        yield from (f"- {_called(table.name, label)}: [{path}](../{path})" for label, path in table.files.items())
