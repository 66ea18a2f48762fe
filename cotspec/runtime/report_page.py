"""report.html: all that a report knows, on one page. What is read and counted is the modules' beside this one; how it
looks is in cotspec/page/templates/report.html.jinja.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cotspec.page import charts, html
from cotspec.page.browser import OF_A_BLOCK, Browser, Choice
from cotspec.page.figures import number, percent, power
from cotspec.runtime import lines, report_answers, report_counts, report_curves, report_method, report_texts
from cotspec.runtime.contamination import Contamination
from cotspec.runtime.evaluate import Metrics
from cotspec.runtime.records import SampledGroup
from cotspec.runtime.report_answers import Answers, Change, Shown
from cotspec.runtime.report_method import Made
from cotspec.runtime.report_stages import Trained
from cotspec.runtime.report_suites import Suite
from cotspec.runtime.report_tables import Table
from cotspec.runtime.task import Task
from cotspec.runtime.train import samples
from cotspec.spec.artifact_names import SETTINGS
from cotspec.spec.payload import ReportBody, ReportTable

if TYPE_CHECKING:
    from markupsafe import Markup

MOST_SETTINGS: Final = 60_000
"""Characters of the settings that are shown."""


@dataclass(frozen=True, kw_only=True)
class Row:
    """A model of a table."""

    number: int
    name: str
    metrics: Metrics
    tokens: tuple[float, float] | None
    formatted: tuple[float, float] | None
    change: Change | None
    """From the first row."""


@dataclass(frozen=True, kw_only=True)
class Set:
    """A set of the evaluation."""

    name: str
    asked: str
    notes: Sequence[str]
    rows: Sequence[Row]
    plane: Markup
    answers: Sequence[Answers]
    """Of the rows whose answers are there."""
    changes: Sequence[Change]
    sides: tuple[str, str]
    """What changes are called."""
    browser: Browser
    shown: Sequence[Shown]
    pages: Sequence[Sequence[Shown]]
    """Other questions, in blocks that are opened one by one."""
    left_out: int
    """Questions without their texts."""


@dataclass(frozen=True, kw_only=True)
class Stage:
    """A stage of training."""

    name: str
    notes: Sequence[str]
    told: Sequence[tuple[str, str]]
    charts: Sequence[report_curves.Chart]
    steps: int
    groups: Sequence[report_texts.Group]
    kept: int
    """Groups in samples.jsonl."""
    browser: Browser
    gates: Sequence[str]
    """Conditions of the gates of its reward."""


def logs(task: Task) -> dict[str, report_curves.Log]:
    """The log of every stage of the experiment, by name."""
    return {part.split("/")[1]: report_curves.read(task.input(role)) for role, part in _of(task, "log.jsonl")}


def page(
    task: Task,
    body: ReportBody,
    tables: Sequence[Table],
    stages: Sequence[Trained],
    logs: Mapping[str, report_curves.Log],
    seen: Contamination | None,
    suites: Sequence[Suite] = (),
) -> str:
    """The page as HTML."""
    made = report_method.tasks(task)
    # Stages that no row descends from and whose texts were learnt from: nothing but their log is known of them.
    stages = [*stages, *(Trained(name=name, metrics={}) for name in logs if name not in body.stages)]
    sampled = _sampled(task, stages)
    sets = [
        _set(task, number, given, table) for number, (given, table) in enumerate(zip(body.tables, tables, strict=True))
    ]
    trained = [
        _stage(number, each, made, logs.get(each.name, []), sampled.get(each.name, []))
        for number, each in enumerate(stages)
    ]
    values: dict[str, object] = {
        "title": body.name,
        "about": body.about,
        "sets": sets,
        "suites": suites,
        "stages": trained,
        "gates": list(_gates(task, stages)),
        "flows": list(_flows(task, stages)),
        "contamination": seen.lines() if seen is not None else None,
        "sources": _sources(task, sampled),
        "taught": report_texts.of_questions(_traces(task), {each.question for one in sets for each in one.shown}),
        "settings": _settings(task),
        "tasks": made,
        "numbers": {each.id: at for at, each in enumerate(made, 1)},
        "kernel": sorted({part: version for each in made for part, version in each.kernel.items()}.items()),
        "kinds": report_answers.KINDS,
        "limits": _limits(),
    }
    rules = [
        rule
        for browser in (*(each.browser for each in sets), *(each.browser for each in trained))
        for rule in browser.rules()
    ]
    return html.render("report.html.jinja", values | {"sections": _sections(values)}, rules=rules)


def _sections(values: Mapping[str, Any]) -> list[tuple[str, str]]:
    named = [
        ("accuracy", "Accuracy", True),
        ("suites", "Suites", values["suites"]),
        ("training", "Training", values["stages"]),
        ("gates", "Gates", values["gates"]),
        ("rows", "Rows", values["flows"]),
        ("answers", "Answers", any(each.shown for each in values["sets"])),
        ("completions", "Completions", any(each.groups for each in values["stages"])),
        ("teacher", "Teacher", values["sources"]),
        ("contamination", "Contamination", values["contamination"] is not None),
        ("settings", "Settings", values["settings"]),
        ("method", "Method", values["tasks"]),
    ]
    return [(anchor, name) for anchor, name, there in named if there]


def _limits() -> dict[str, int]:
    return {
        "questions": report_answers.MOST_QUESTIONS,
        "kind": report_answers.OF_A_KIND,
        "texts": report_answers.MOST_TEXTS,
        "groups": report_texts.MOST_GROUPS,
        "completions": report_texts.MOST_COMPLETIONS,
        "at_once": report_texts.AT_ONCE,
        "page": OF_A_BLOCK,
        "records": report_texts.MOST_RECORDS,
        "trace": report_texts.LONGEST_TRACE,
        "text": report_texts.LONGEST_TEXT,
        "settings": MOST_SETTINGS,
    }


def _of(task: Task, file: str) -> Iterator[tuple[str, str]]:
    """The inputs that are such a file: role, and part of the task."""
    for role in task.payload.inputs:
        part, _, name = role.rpartition("/")
        if part and name == file:
            yield role, part


def _settings(task: Task) -> str:
    """Every setting that decides results, with its origin; "" where a build of before did not say."""
    role = f"spec/{SETTINGS}"
    return lines.read_text(task.input(role)) if task.has(role) else ""


# --- sets -------------------------------------------------------------------------------------------------------------


def _set(task: Task, number: int, given: ReportTable, table: Table) -> Set:
    answers = [
        report_answers.read(label, task.input(role)) for label in given.labels if task.has(role := given.answers(label))
    ]
    changes = report_answers.changes(answers)
    rows = list(_rows(table, {each.label: each for each in answers}))
    wanted = list(report_answers.choices(answers, changes, table.first.samples))
    ids = report_answers.chosen(answers, wanted)
    places = {id: at for at, id in enumerate(ids)}
    pages = report_answers.pages(answers, places)
    filters = [
        Choice(
            group=each.group,
            name=each.name,
            whole=len(each.questions),
            items=frozenset(places[id] for id in each.questions if id in places),
        )
        for each in wanted
    ]
    return Set(
        name=table.name,
        asked=table.asked,
        notes=table.notes(),
        rows=rows,
        plane=_plane(rows, table),
        answers=answers,
        changes=changes,
        sides=report_answers.sides(table.first.samples),
        browser=Browser(name=f"s{number}", items=len(ids), choices=tuple(filters)),
        shown=report_answers.shown(answers, ids),
        pages=pages,
        left_out=len(report_answers.order(answers)) - len(ids) - sum(map(len, pages)),
    )


def _rows(table: Table, answers: Mapping[str, Answers]) -> Iterator[Row]:
    first = answers.get(next(iter(table.rows)))
    for at, (name, metrics) in enumerate(table.rows.items(), 1):
        own = answers.get(name)
        changed = None if own is None or first is None or own is first else report_answers.change(first, own)
        yield Row(
            number=at,
            name=name,
            metrics=metrics,
            tokens=None if own is None else own.tokens,
            formatted=None if own is None or not own.by_question else own.formatted,
            change=changed,
        )


def _plane(rows: Sequence[Row], table: Table) -> Markup:
    marks = [
        charts.Mark(
            number=row.number,
            name=f"{row.name}: {percent(row.metrics.accuracy)} at {row.metrics.tokens:.1f} tokens",
            x=row.metrics.tokens,
            y=row.metrics.accuracy,
            x_range=row.tokens,
            y_range=(row.metrics.accuracy_low, row.metrics.accuracy_high),
        )
        for row in rows
    ]
    counted = "accuracy" if table.first.samples == 1 else f"avg@{table.first.samples}"
    return charts.plane(marks, title=f"{counted} and tokens of each model", x="mean tokens of an answer", y=counted)


# --- stages -----------------------------------------------------------------------------------------------------------


def _sampled(task: Task, stages: Sequence[Trained]) -> dict[str, list[SampledGroup]]:
    """What stages kept of their completions, by name."""
    by_stage = {}
    for name in (stage.name for stage in stages):
        role = f"stages/{name}/train/{samples.FILE}"
        if task.has(role):
            by_stage[name] = report_texts.groups(task.input(role))
    return by_stage


def _stage(
    number: int, trained: Trained, made: list[Made], log: report_curves.Log, kept: Sequence[SampledGroup]
) -> Stage:
    groups = report_texts.shown(kept)
    settings = report_method.stage_settings(made, trained.name)
    reward = settings.get("reward")
    listed = reward.get("gates", []) if isinstance(reward, dict) else []
    gates = [str(each.get("unless", "")) for each in listed if isinstance(each, dict)]
    return Stage(
        name=trained.name,
        notes=trained.notes,
        told=list(_told(trained, settings)),
        charts=report_curves.of(log, gates),
        steps=len(log),
        groups=groups,
        kept=len(kept),
        browser=_groups(number, groups),
        gates=gates,
    )


def _groups(number: int, groups: Sequence[report_texts.Group]) -> Browser:
    some = {
        "all right": [each.right == len(each.sampled.completions) for each in groups],
        "some right": [0 < each.right < len(each.sampled.completions) for each in groups],
        "none right": [not each.right for each in groups],
        "rewards all equal": [not each.signal for each in groups],
        "imitated": [each.sampled.imitated for each in groups],
    }
    members = {name: frozenset(at for at, holds in enumerate(each) if holds) for name, each in some.items()}
    choices = (
        Choice(group="groups", name=name, whole=len(items), items=items) for name, items in members.items() if items
    )
    return Browser(name=f"g{number}", items=len(groups), choices=tuple(choices))


def _told(trained: Trained, settings: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What stands above the curves of a stage."""
    if "kind" in settings:
        yield "trained by", str(settings["kind"])
    for name, shown in (("steps", "optimizer steps"), ("rows_used", "rows trained on")):
        if name in trained.metrics:
            yield shown, number(trained.metrics[name])
    optim = settings.get("optim")
    if isinstance(optim, dict):
        yield "learning rate", f"{power(str(optim.get('lr')))}, {optim.get('schedule')}"
    for name in ("global_batch", "group", "beta", "max_length", "seed"):
        if name in settings:
            yield name.replace("_", " "), str(settings[name])


# --- rows and texts ---------------------------------------------------------------------------------------------------


def _gates(task: Task, stages: Sequence[Trained]) -> Iterator[report_counts.Gate]:
    """What decided over each stage that had to pass something."""
    for stage in stages:
        role = f"stages/{stage.name}/gate/gate.json"
        if task.has(role):
            yield report_counts.gate(stage.name, task.input(role))


def _flows(task: Task, stages: Sequence[Trained]) -> Iterator[report_counts.Flow]:
    """Questions, texts, pairs; then the rows of each stage, and which of them it trained on."""
    counts = [(part, task.input(role)) for role, part in _of(task, "counts.json")]
    for kind in ("data/", "kept/", "pairs/"):
        yield from (flow for part, path in counts if part.startswith(kind) for flow in report_counts.flow(part, path))
    for stage in stages:
        own = [each for each in counts if each[0].startswith(f"stages/{stage.name}/")]
        yield from (flow for part, path in own for flow in report_counts.flow(part, path))
        yield from report_counts.trained(stage.name, stage.metrics)


def _traces(task: Task) -> dict[str, Path]:
    """The files of traces, by generation."""
    return {part.partition("/")[2]: task.input(role) for role, part in _of(task, "traces.jsonl")}


def _sources(task: Task, sampled: Mapping[str, Sequence[SampledGroup]]) -> list[report_texts.Source]:
    """Generations with texts to look at."""
    told = [report_texts.traces(f"Traces of {name}", path, sampled) for name, path in _traces(task).items()]
    failed = [(part.partition("/")[2], role) for role, part in _of(task, "failures.jsonl")]
    return told + [report_texts.failures(f"Failures of {name}", task.input(role), name) for name, role in failed]
