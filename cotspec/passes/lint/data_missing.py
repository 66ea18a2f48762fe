"""Data files that are not there."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.passes.check.context import Context, finding

_TRAIN = "$ sed -i 's/test: {.*50}/test: {file: %s}/' specs/a.yaml\n"
_REST = """$ printf '{"question": "3 + 4?", "answer": "7"}\\n' > specs/problems.jsonl
$ cotspec check specs/a.yaml
"""

RULE = Rule(
    slug="data-missing",
    claim="A data file is where the spec says, or DVC can fetch it.",
    why="The task that reads it would stop. Where a `.dvc` file stands for it, or for a folder above it, this is only "
    "a note: `dvc pull` brings the file, and its rows are checked then. Allow it for a file that is made later.",
    failing=_TRAIN % "problem.jsonl" + _REST,
    passing=_TRAIN % "problems.jsonl" + _REST,
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every data set that is a file."""
    for name, data in context.experiment.data.items():
        file = context.read_data(data)
        if file is None or file.reading is not None or file.fault or file.later or data.file is None:
            continue
        span = context.source.value(("data", name, "file"))
        folder, _, last = data.file.rpartition("/")
        if file.kept:
            message = f"`{data.file}` is not here yet, so its rows are not checked"
            yield finding(RULE, span, message, f"`dvc pull {file.kept}` brings it", severity="note")
            continue
        close = tuple(f"{folder}/{other}" if folder else other for other in near(last, file.neighbours))
        if file.from_root:
            close = (file.from_root,)
        advice = did_you_mean(close) or "write it there, or name a file that is there"
        advice += " Paths count from the folder of the spec" if file.from_root else ""
        yield finding(RULE, span, f"there is no file `{data.file}`", advice, suggestions=close)
