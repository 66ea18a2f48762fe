"""Two experiments compared, as text, JSON or Markdown. Knows changes; not how they were found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from cotspec.diagnostics import Span
from cotspec.front.nodes import Data
from cotspec.views.changes import Change, TaskChange
from cotspec.views.resolved import flow

_LONGEST = 60


@dataclass(frozen=True, kw_only=True, slots=True)
class Difference:
    """What differs between two experiments."""

    old: str
    """What a person called it."""
    new: str
    settings: Sequence[Change]
    tasks: Sequence[TaskChange]

    @property
    def same(self) -> bool:
        """Whether both compute the same."""
        return all(task.state == "same" for task in self.tasks)


def value(given: Data) -> str:
    """A value on one line."""
    text = "nothing" if given is None else flow(given)
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 1]}…"


def place(span: Span | None, given: Data) -> str:
    """`specs/a.yaml:3`, or `default`."""
    return f"{span.file}:{span.line}" if span else ("default" if given is not None else "")


def told(change: Change) -> str:
    """`stages.compress.train.lr: 1e-5 → 1e-4 (specs/a.yaml:3)`."""
    if change.text:
        return f"{change.name}: the text of {change.new}"
    where = place(change.new_span, change.new) or place(change.old_span, change.old)
    return f"{change.name}: {value(change.old)} → {value(change.new)} ({where})"


def why(task: TaskChange) -> Iterator[str]:
    """Why a task is another one, one reason each."""
    yield from (told(change) for change in task.causes)
    yield from (f"part `{name}` of the kernel is another version" for name in task.kernel)
    if task.upstream and not (task.causes or task.kernel):
        yield "follows " + ", ".join(task.upstream)


# --- text -------------------------------------------------------------------------------------------------------------


def text(difference: Difference) -> str:
    """For a terminal."""
    lines = [f"{difference.old} → {difference.new}", "", "settings"]
    lines += [f"  {line}" for line in _settings(difference)] or ["  no difference"]
    lines += ["", "tasks"]
    lines += [f"  {line}" for line in _tasks(difference.tasks)]
    return "\n".join(lines) + "\n"


def _settings(difference: Difference) -> Iterator[str]:
    matters = {change.path for task in difference.tasks for change in task.causes}
    for change in difference.settings:
        note = "" if change.path in matters or not _certain(difference) else "   changes no task"
        yield told(change) + note


def _certain(difference: Difference) -> bool:
    """Whether every task that is another one can say why: else a setting may matter together with another, or be one of
    those that bring a task in or take it away."""
    told = (task.causes or task.kernel or task.upstream for task in difference.tasks if task.state == "changed")
    return all(told) and not any(task.state in ("new", "gone") for task in difference.tasks)


def _tasks(tasks: Sequence[TaskChange]) -> Iterator[str]:
    same = [_called(task) for task in tasks if task.state == "same"]
    if same:
        yield f"{len(same)} the same: {', '.join(same)}"
    width = max((len(_called(task)) for task in tasks if task.state != "same"), default=0)
    for task in tasks:
        name = _called(task)
        match task.state:
            case "same":
                continue
            case "changed":
                yield f"changed  {name:<{width}}  {task.old} → {task.new}"
                yield from (f"         {'':<{width}}  {reason}" for reason in why(task))
            case "new":
                yield f"new      {name:<{width}}  {task.new}"
            case "gone":
                yield f"gone     {name:<{width}}  {task.old}"


def _called(task: TaskChange) -> str:
    return f"{task.part} (also {', '.join(task.also)})" if task.also else task.part


# --- for programs and pull requests -----------------------------------------------------------------------------------


def record(difference: Difference) -> dict[str, object]:
    """As JSON data."""
    return {
        "old": difference.old,
        "new": difference.new,
        "same": difference.same,
        "settings": [change_record(change) for change in difference.settings],
        "tasks": [
            {
                "part": task.part,
                "also": list(task.also),
                "state": task.state,
                "old": task.old,
                "new": task.new,
                "causes": [change.name for change in task.causes],
                "kernel": list(task.kernel),
                "upstream": list(task.upstream),
            }
            for task in difference.tasks
        ],
    }


def change_record(change: Change) -> dict[str, object]:
    """One setting as JSON data."""
    return {
        "path": change.name,
        "old": change.old,
        "new": change.new,
        "text": change.text,
        "old_place": place(change.old_span, change.old),
        "new_place": place(change.new_span, change.new),
    }


def markdown(difference: Difference) -> str:
    """For a comment on a pull request."""
    changes = [
        (f"`{c.name}`", _code("file text" if c.text else value(c.old)), _code("changed" if c.text else value(c.new)))
        for c in difference.settings
    ]
    tasks = [
        (escaped(_called(task)), task.state, "<br>".join(escaped(reason) for reason in why(task)))
        for task in difference.tasks
        if task.state != "same"
    ]
    same = sum(task.state == "same" for task in difference.tasks)
    parts = [f"**{escaped(difference.old)} → {escaped(difference.new)}**: {same} tasks the same, {len(tasks)} not"]
    parts += [table(("setting", "old", "new"), changes)] if changes else []
    parts += [table(("task", "", "why"), tasks)] if tasks else []
    return "\n\n".join(parts) + "\n"


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A Markdown table; cells are Markdown already."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _code(text: str) -> str:
    return f"`{escaped(text)}`"


def escaped(text: str) -> str:
    """Text for a cell of a Markdown table."""
    return text.replace("|", "\\|").replace("\n", " ")
