"""Training on several machines."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, rows: {from: teach}, task: solve, train: {by: sft, lr: 1e-5}"

RULE = Rule(
    slug="several-machines",
    claim="What trains on several machines at once is started on them by SLURM.",
    why="With `nodes` above 1 a process has to run on each machine and to know the others. The job of SLURM does that; "
    "nothing else that is emitted does.",
    failing=f"stages: {{first: {{{_STAGE}}}}}\nresources: {{train: {{gpus: 1, nodes: 2}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}}}}}\nresources: {{train: {{gpus: 1, nodes: 2}}, slurm: {{}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage."""
    if "slurm" in context.experiment.resources.jobs():
        return
    for _, name, _ in context.stages():
        nodes = context.resources(name).nodes
        if nodes > 1:
            own = ("resources", "stages", name, "nodes")
            place = own if own in context.source.values else ("resources", "train", "nodes")
            message = f"stage `{name}` trains on {nodes} machines, and nothing starts it there"
            yield finding(RULE, context.source.value(place), message, "write `slurm: {}` under `resources`, too")
