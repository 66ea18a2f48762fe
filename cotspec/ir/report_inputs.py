"""What a report shows beside the figures that decide it: files of the tasks on the way to these figures.

All of them are made on that way, so the ids of what decides say what is in them (decision 46): an experiment's report
is the same task with them and without. Knows tasks and their files; not what a report makes of them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final

from cotspec.ir.plan import DraftTask, Read
from cotspec.spec import payload

_COUNTS: Final = "counts.json"
_FILES: Final[tuple[tuple[type[payload.Body], tuple[str, ...]], ...]] = (
    (payload.DataBody, (_COUNTS,)),
    (payload.TracesBody, (_COUNTS, "traces.jsonl")),
    (payload.MineBody, (_COUNTS, "failures.jsonl")),
    (payload.PairsBody, (_COUNTS,)),
    (payload.CompareBody, (_COUNTS,)),
    (payload.RowsBody, (_COUNTS,)),
    (payload.MixBody, (_COUNTS,)),
    (payload.TrainBody, ("log.jsonl",)),
    (payload.RewardedBody, ("samples.jsonl",)),
    (payload.GateBody, ("gate.json",)),
    (payload.EvaluateBody, ("predictions.jsonl",)),
)
"""What a report reads of a kind of task; of the others nothing."""


def shown(made: Mapping[str, DraftTask], decisive: Mapping[str, Read], *, within: str) -> dict[str, Read]:
    """The inputs by role, `<part>/<file>`: `stages/compress/train/log.jsonl`. `made` are the tasks of an experiment by
    name, each of which begins with `within`; `decisive` is what its report is made of."""
    waiting, behind = [read.task for read in decisive.values()], dict[str, None]()
    while waiting:
        name = waiting.pop()
        if name and name not in behind:
            behind[name] = None
            waiting += [read.task for read in made[name].reads.values()]
    return {
        f"{name.removeprefix(within)}/{file}": Read(task=name, file=file)
        for name in made
        if name in behind
        for kind, files in _FILES
        if isinstance(made[name].body, kind)
        for file in files
    }
