"""Task `report`: the evaluations of an experiment → report.json, report.md, and the table a run ends with."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from cotspec.runtime import contamination, lines, report_stages
from cotspec.runtime.evaluate import Metrics
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task
from cotspec.spec.payload import ReportBody

HEADINGS = ("", "accuracy", "95 % interval", "change", "tokens", "change", "well-formed")


@dataclass(frozen=True, kw_only=True)
class Line:
    """One row of the table: a model and what was measured; the first row is what the others are compared with."""

    label: str
    metrics: Metrics
    first: Metrics
    ungradable: bool
    """Whether any row of the table has ungradable answers: then all rows say how many."""

    def headings(self) -> tuple[str, ...]:
        """The columns there are."""
        return (*HEADINGS, "ungradable") if self.ungradable else HEADINGS

    def cells(self) -> tuple[str, ...]:
        """The row as text, in the order of HEADINGS."""
        m, base = self.metrics, self.first
        same = m is base
        found = (
            self.label,
            f"{100 * m.accuracy:.1f} %",
            f"{100 * m.accuracy_low:.1f} – {100 * m.accuracy_high:.1f} %",
            "" if same else f"{100 * (m.accuracy - base.accuracy):+.1f} points",
            f"{m.tokens:.1f}",
            "" if same or not base.tokens else f"{100 * (m.tokens / base.tokens - 1):+.1f} %",
            f"{100 * m.formatted:.1f} %",
        )
        return (*found, str(m.ungradable)) if self.ungradable else found


def run(task: Task, _work: Path, result: Path) -> None:
    """Write the report and print it."""
    body = task.body(ReportBody)
    files = {label: task.payload.inputs[f"evaluate.{label}"].path for label in body.labels}
    measured = [lines.only(_metrics(task, label), Metrics) for label in body.labels]
    ungradable = any(m.ungradable for m in measured)
    table = [
        Line(label=label, metrics=m, first=measured[0], ungradable=ungradable)
        for label, m in zip(body.labels, measured, strict=True)
    ]
    stages = report_stages.read({name: task.input(f"stage.{name}") for name in body.stages})
    record: dict[str, object] = {
        "name": body.name,
        "about": body.about,
        "rows": [{"label": line.label, **asdict(line.metrics), "metrics": files[line.label]} for line in table],
        "stages": [stage.record() for stage in stages],
    }
    seen = contamination.reported(task)
    record |= {} if seen is None else {"contamination": asdict(seen)}
    lines.write_json(result / "report.json", record)
    page = _markdown(body, table, files, report_stages.markdown(stages)) + contamination.section(seen)
    (result / "report.md").write_text(page, encoding="utf-8")
    say(_text(body, table))
    for line in (*report_stages.told(stages), *(() if seen is None else seen.lines())):
        say(line)
    place = task.out.relative_to(task.root)
    say(f"\n{place}/report.md and report.json hold this table; each row's answers are in predictions.jsonl beside:")
    for label in body.labels:
        say(f"  {label}: {_shown(task, label)}")


def _metrics(task: Task, label: str) -> Path:
    path = task.input(f"evaluate.{label}")
    return path / "metrics.json" if path.is_dir() else path


def _shown(task: Task, label: str) -> str:
    path = _metrics(task, label)
    return str(path.relative_to(task.root)) if path.is_relative_to(task.root) else path.name


def _text(body: ReportBody, table: list[Line]) -> str:
    """The table as aligned text."""
    rows = [table[0].headings(), *(line.cells() for line in table)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    told = [
        "  ".join(cell.ljust(width) if column == 0 else cell.rjust(width) for column, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    ]
    rule = "─" * len(told[0])
    title = f"{body.name} · {table[0].metrics.n} problems"
    return "\n".join(["", title, rule, told[0], rule, *told[1:], rule])


def _markdown(body: ReportBody, table: list[Line], files: dict[str, str], training: str) -> str:
    head = " | ".join(table[0].headings())
    rule = " | ".join(["---"] + ["---:"] * (len(table[0].headings()) - 1))
    rows = "\n".join(f"| {' | '.join(line.cells())} |" for line in table)
    about = f"{body.about}\n\n" if body.about else ""
    where = "\n".join(f"- {label}: [{path}]({_link(path)})" for label, path in files.items())
    n = table[0].metrics.n
    counted = "; ungradable answers could not be compared with the gold answer and count as wrong"
    note = counted if table[0].ungradable else ""
    return (
        f"# {body.name}\n\n{about}| {head} |\n| {rule} |\n{rows}\n\n"
        f"{n} problems; accuracy with Wilson's 95 % interval; tokens: mean number generated, with the end "
        f"of sequence; changes are against the first row; well-formed answers have a step and an answer line{note}.\n\n"
        f"{training}"
        f"{where}\n"
    )


def _link(path: str) -> str:
    """The input paths are relative to the task's folder; the page is one level deeper, in out/."""
    return f"../{path}"
