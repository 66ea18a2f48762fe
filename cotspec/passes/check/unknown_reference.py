"""Names that refer to nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.origins import Link
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.ir import generations
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context, finding, misnamed
from cotspec.spec.evaluation import sets_of
from cotspec.spec.resources import Resources
from cotspec.spec.training import SELF

RULE = Rule(
    slug="unknown-reference",
    claim="A name that is used is given to something.",
    why="References are names; a misspelt one would leave a stage without a model or an evaluation without data.",
    failing="evaluate: {data: tset, of: [base]}\n",
    passing="evaluate: {data: test, of: [base, second]}\n",
)


_GROUPS: Final = ("models", "data", "generate", "stages")
"""Where names are given."""


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every reference, in the order of the spec."""
    spec = context.experiment
    models, stages, data, texts = tuple(spec.models), tuple(spec.stages), tuple(spec.data), tuple(spec.generate)
    uses: list[tuple[Path, str, str, tuple[str, ...]]] = []
    for name, each in spec.generate.items():
        uses.append((("generate", name, "by"), each.by, "model or stage", (*models, *stages)))
        for where, other in each.others.items():
            uses.append((("generate", name, *where), other, "model or stage", (*models, *stages)))
        uses.append((("generate", name, "over"), each.over, "data set or generation", (*data, *texts)))
    for path, _, stage in context.stages():
        for key, name in ancestry.used(stage):
            itself = (SELF,) if key[-1] == "teacher" else ()
            uses.append(((*path, *key), name, "model or stage", (*models, *stages, *itself)))
    for path, _, _, source in context.sources():
        uses.append(((*path, "from"), source.from_, "generation or data set", (*texts, *data)))
        chain = generations.chain(spec, source.from_)
        if source.target is not None and chain and generations.data_of(spec, source.from_):
            uses.append(((*path, "target"), source.target, f"text of `{source.from_}`", chain))
    uses += [(evaluated.at("data"), evaluated.data, "data set", data) for evaluated in sets_of(spec.evaluate)]
    for i, name in enumerate(spec.evaluate.of):
        uses.append((("evaluate", "of", i), name, "model or stage", (*models, *stages)))
    for path, name, what, known in uses:
        if name not in known:
            message = f"there is no {what} `{name}`"
            wrong = misnamed(RULE, context.source.value(path), message, name, known)
            yield wrong._replace(related=_removed(context, name))
    for name in spec.resources.stages:
        if name not in stages:
            span = context.source.key(("resources", "stages", name))
            message = f"there is no stage `{name}`"
            if name in Resources.model_fields:
                yield finding(RULE, span, message, "it belongs in `resources`")
            else:
                yield misnamed(RULE, span, message, name, stages)._replace(related=_removed(context, name))


def _removed(context: Context, name: str) -> tuple[Link, ...]:
    """Where what had the name was taken out."""
    paths = (path for group in _GROUPS for path in ((group,), (group, name)))
    return tuple((span, "is removed here") for path in paths if (span := context.source.removed.get(path)))
