"""Where a spec names files of its project. Knows a spec's shape; not what is done with the files."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Final, Literal

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

Kind = Literal[
    "models",
    "stages",
    "data",
    "generate",
    "chain",
    "gathered",
    "segments",
    "labels",
    "metrics",
    "models here",
    "data here",
    "rules",
]
"""What a name can be one of: of a group at the top of a spec, or of a text's chain (`over`), of gathered texts, of
segments, their labels, the metrics of a trainer, what comes with cotspec, the rules that a spec may allow."""
_WRITERS: Final[tuple[Kind, ...]] = ("models", "stages")
REFERENCES: Final[Mapping[Path, tuple[Kind, ...]]] = {
    ("models", ANY, "builtin"): ("models here",),
    ("data", ANY, "builtin"): ("data here",),
    ("trace", ANY, "when"): ("labels",),
    ("generate", ANY, "by"): _WRITERS,
    ("generate", ANY, "over"): ("data", "generate"),
    ("generate", ANY, "revise"): _WRITERS,
    ("generate", ANY, "tilt", "toward"): _WRITERS,
    ("generate", ANY, "tilt", "against"): _WRITERS,
    ("stages", ANY, "start"): _WRITERS,
    ("stages", ANY, "train", "teacher"): _WRITERS,
    ("stages", ANY, "rows", "from"): ("generate", "data"),
    ("stages", ANY, "rows", "target"): ("chain",),
    ("stages", ANY, "rows", "mix", ANY, "from"): ("generate", "data"),
    ("stages", ANY, "rows", "mix", ANY, "target"): ("chain",),
    ("stages", ANY, "reads", ANY): ("gathered",),
    ("stages", ANY, "loss", ANY): ("segments",),
    ("stages", ANY, "judges", ANY, "by"): _WRITERS,
    ("stages", ANY, "advance", "checkpoint", "best"): ("metrics",),
    ("evaluate", "data"): ("data",),
    ("evaluate", "of", ANY): _WRITERS,
    ("evaluate", "sets", ANY, "data"): ("data",),
    ("evaluate", "sets", ANY, "of", ANY): _WRITERS,
    ("evaluate", "suites", ANY, "of", ANY): _WRITERS,
    ("allow", ANY, "rule"): ("rules",),
}
"""Settings that hold a name, and what it is one of. Whether it is: `cotspec.passes.check.unknown_reference` and its
neighbours; a test holds these together."""
NAMED_KEYS: Final[Mapping[Path, tuple[Kind, ...]]] = {
    ("trace",): ("segments",),
    ("stages", ANY, "loss"): ("segments",),
    ("stages", ANY, "advance", "require"): ("metrics",),
    ("resources", "stages"): ("stages",),
    ("resources", "endpoints"): ("models",),
}
"""Groups whose keys are such names."""
EXPRESSIONS: Final = (
    ("generate", ANY, "keep", "where"),
    ("generate", ANY, "keep", "best", "by"),
    ("stages", ANY, "rows", "where"),
    ("stages", ANY, "rows", "pairs", "better"),
    ("stages", ANY, "rows", "mix", ANY, "where"),
    ("stages", ANY, "loss", ANY),
    ("stages", ANY, "reward", "gates", ANY, "unless"),
    ("stages", ANY, "reward", "let", ANY),
    ("stages", ANY, "reward", "terms", ANY, "value"),
)
"""Settings that hold an expression over measures. That of a segment's loss is a value in a map, no item of a list."""


def fits(path: Path, pattern: Path) -> bool:
    """Whether a setting is one of those that a pattern means."""
    return len(path) == len(pattern) and all(known in (step, ANY) for step, known in zip(path, pattern, strict=True))


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
    for name, evaluated in (experiment.evaluate.sets or {}).items():
        named.append((("evaluate", "sets", name, "prompt"), evaluated.prompt))
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
