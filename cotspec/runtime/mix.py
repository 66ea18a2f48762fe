"""Task `mix`: the rows of several sources → rows.jsonl, counts.json."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cotspec.cot.mixing import mixed
from cotspec.runtime import lines
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task
from cotspec.spec.payload import MixBody

_Row = dict[str, Any]


def run(task: Task, _work: Path, result: Path) -> None:
    """Put them in order, epoch by epoch; a row keeps all but its number."""
    body = task.body(MixBody)
    sources = [_epochs(task.input(f"rows_{at}")) for at in range(1, len(body.parts) + 1)]
    used: Counter[int] = Counter()
    with (result / "rows.jsonl").open("wb") as file:
        for number, (source, row) in enumerate(_rows(body, sources)):
            used[source] += 1
            file.write(json.dumps(row | {"row": number}, ensure_ascii=False).encode() + b"\n")
    there = [sum(map(len, source)) for source in sources]
    if missing := [at + 1 for at in range(len(sources)) if not used[at]]:
        sizes = ", ".join(map(str, there))
        message = f"of sources of {sizes} rows the mix takes none of number {missing[0]}"
        raise TaskError(f"{message}: see `share`, `run`, and what each of them filters")
    lines.write_json(result / "counts.json", {"rows": there, "used": [used[at] for at in range(len(sources))]})
    shares = (f"{used[at]} of {count}" for at, count in enumerate(there))
    say(f"{sum(used.values())} rows: {', '.join(shares)}")


def _epochs(path: Path) -> list[list[_Row]]:
    """The rows of a source by epoch."""
    epochs: list[list[_Row]] = []
    for row in lines.iterate(path, _Row):
        while len(epochs) <= row["epoch"]:
            epochs.append([])
        epochs[row["epoch"]].append(row)
    return epochs


def _rows(body: MixBody, sources: list[list[list[_Row]]]) -> Iterator[tuple[int, _Row]]:
    for epoch in range(max(map(len, sources), default=0)):
        rows = [source[epoch] if epoch < len(source) else [] for source in sources]
        for source, at in mixed([len(each) for each in rows], body.parts, body.order, seed=body.seed, epoch=epoch):
            yield source, rows[source][at]
