"""Shared makings of the kernel's tests: formats, rules, bodies, traces drawn by Hypothesis, and the real traces."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st

from cotspec.cot.records import TraceRecord
from cotspec.cot.segment import Trace, segment
from cotspec.spec import payload

FORMAT = payload.TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
QUICK = settings(deadline=None, max_examples=50)
"""A busy machine is no failure."""
REAL = Path(__file__).parents[2] / "../shared/data/bridge/traces-200.jsonl"


def mask(**changes: object) -> payload.Mask:
    """A rule that hides nothing but for `changes`; `share` may be one number."""
    share = changes.pop("share", 0.0)
    ramp = share if isinstance(share, payload.Ramp) else payload.Ramp(first=share, last=share)
    base = {"unit": "step", "select": "random", "rows": 1.0, "count": 0, "at_least": 0, "leave": 0}
    return payload.Mask(**{**base, "placeholder": "[MASKED]", "share": ramp, **changes})


def body(**changes: object) -> payload.RowsBody:
    """A `complete` body for sft without a mask, but for `changes`."""
    base = {
        "by": "sft",
        "task": "complete",
        "format": FORMAT,
        "prompt": "{{ question }}\n----\n{{ trace }}",
        "mask": mask(rows=0.0),
        "shuffle": False,
        "loss_on": ("thinking", "step", "answer"),
        "epochs": 1,
        "slice": payload.Range(first=0, end=-1),
        "seed": 42,
    }
    return payload.RowsBody(**{**base, **changes})


def text_of(steps: list[str], *, thinking: str = "Let us see.", answer: str = "20") -> str:
    lines = [f"Step {number}: {step}" for number, step in enumerate(steps, 1)]
    return "\n".join([f"Thinking…\n{thinking}\n", *lines, f"Answer: {answer}"])


def trace_of(steps: list[str], **parts: str) -> Trace:
    return segment(text_of(steps, **parts), FORMAT)


def record_of(steps: list[str], *, id: int = 0, **parts: str) -> TraceRecord:
    return TraceRecord(
        id=id, question="How many?", answer="20", trace=text_of(steps, **parts), steps=len(steps), words=9, tokens=30
    )


def real_records() -> list[TraceRecord]:
    if not REAL.exists():
        pytest.skip("needs the released BRIDGE traces (shared/data), which are not part of the repository")
    lines = [json.loads(line) for line in REAL.read_text(encoding="utf-8").splitlines()]
    return [
        TraceRecord(
            id=index,
            question=line["question"],
            answer=line["gold_answer"],
            trace=line["teacher_cot"],
            steps=4,
            words=len(line["teacher_cot"].split()),
            tokens=500,
        )
        for index, line in enumerate(lines)
    ]


PHRASES = ("We add 5.", "5 + 3 = 8.", "So 8.", "Take 2", "8", "the answer is 20", "\\boxed{20}", "now\nthen", "Ann has")
"""Few, so that drawn steps often repeat one another and announce answers."""
step_texts = st.lists(st.sampled_from(PHRASES), min_size=1, max_size=3).map(" ".join)
step_lists = st.lists(step_texts, min_size=1, max_size=7)
masks = st.builds(
    lambda unit, select, percent, **whole: mask(unit=unit, select=select, share=percent / 100, **whole),
    unit=st.sampled_from(["step", "sentence", "number", "equation", r"regex:\w+ "]),
    select=st.sampled_from(["random", "scattered", "consecutive", "first", "last", "inner", "all"]),
    percent=st.integers(0, 100),
    count=st.integers(0, 4),
    at_least=st.integers(0, 4),
    leave=st.integers(0, 4),
)
