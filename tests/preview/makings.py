"""Records, files and plans for the tests of previews."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from cotspec.builtin.problems import generate
from cotspec.cot.measures import words
from cotspec.cot.records import TraceRecord
from cotspec.ir.plan import Plan
from tests.support import sealed, spec_data

LEAKING = (
    "Thinking…\nHm.\n\nStep 1: We take 5 + 3 = 8.\nStep 2: So it is.\n"
    "Step 3: As said, we take 5 + 3 = 8. Then on.\nAnswer: 8"
)
"""A hidden first step is told once more in the third: the leak guard hides more."""


def plan(
    changes: Mapping[str, Any] | None = None, *, stage: str = "structure", spec: Mapping[str, Any] | None = None
) -> Plan:
    """The plan of the small spec with some settings of a stage changed, and some of the whole."""
    data = spec_data("small") | dict(spec or {})
    data["stages"][stage] |= changes or {}
    return sealed(data).plan


def records(count: int) -> list[TraceRecord]:
    """Traces of builtin problems, with a number of tokens."""
    made = generate(split="train", size=count, seed=5, steps=(1, 5))
    return [
        TraceRecord(
            id=id,
            question=one.question,
            answer=one.answer,
            trace=one.trace,
            steps=one.steps,
            words=words(one.trace),
            tokens=len(one.trace) // 3,
        )
        for id, one in enumerate(made)
    ]


def write(path: Path, lines: Iterable[Mapping[str, Any]]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(line) + "\n" for line in lines), encoding="utf-8")
    return path
