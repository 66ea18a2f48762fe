"""Where a spec names files of its project. Knows a spec's shape; not what is done with the files."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics.source_map import Path
from cotspec.spec.experiment import Experiment, Mix, Taught

ANY: Final = "*"
NAMES_A_FILE: Final = (
    ("models", ANY, "path"),
    ("data", ANY, "file"),
    ("generate", ANY, "prompt"),
    ("stages", ANY, "prompt"),
    ("stages", ANY, "rows", "mix", ANY, "prompt"),
    ("stages", ANY, "train", "context"),
    ("stages", ANY, "judges", ANY, "prompt"),
    ("evaluate", "prompt"),
    ("evaluate", "sets", ANY, "prompt"),
)
"""Settings that hold a path relative to the folder of the spec."""


def prompt_paths(experiment: Experiment) -> Iterator[tuple[Path, str]]:
    """Every place that names a prompt file, with what it names."""
    named: list[tuple[Path, str | None]] = [
        (("generate", name, "prompt"), each.prompt) for name, each in experiment.generate.items()
    ]
    for name, stage in experiment.stages.items():
        named.append((("stages", name, "prompt"), stage.prompt))
        if isinstance(stage.rows, Mix):
            mixed = enumerate(stage.rows.mix)
            named += [(("stages", name, "rows", "mix", at, "prompt"), source.prompt) for at, source in mixed]
        if isinstance(stage.train, Taught):
            named.append((("stages", name, "train", "context"), stage.train.context))
        named += [(("stages", name, "judges", judge, "prompt"), each.prompt) for judge, each in stage.judges.items()]
    named.append((("evaluate", "prompt"), experiment.evaluate.prompt))
    for name, asked in (experiment.evaluate.sets or {}).items():
        named.append((("evaluate", "sets", name, "prompt"), asked.prompt))
    return ((path, written) for path, written in named if written is not None)


def content_paths(experiment: Experiment) -> Iterator[tuple[Path, str]]:
    """Every place that names a data file or a model folder."""
    for name, model in experiment.models.items():
        if model.path is not None:
            yield ("models", name, "path"), model.path
    for name, data in experiment.data.items():
        if data.file is not None:
            yield ("data", name, "file"), data.file


def text_names(experiment: Experiment) -> frozenset[str]:
    """The texts that a prompt can insert, as far as their names can stand in one."""
    columns = (name for name, data in experiment.data.items() if data.trace is not None and name.isidentifier())
    return frozenset((*experiment.generate, *columns))
