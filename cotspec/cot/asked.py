"""What a model is asked for a text: a generation's prompt over one record, or over several that are gathered."""

from __future__ import annotations

from collections.abc import Sequence

from cotspec.cot.conditions import OWN
from cotspec.cot.prompting import render
from cotspec.cot.records import TraceRecord, named


def over(prompt: str, record: TraceRecord) -> str:
    """The prompt of a record, whose texts it may show. Raises prompting.PromptError."""
    return render(prompt, question=record.question, trace="", texts=named(record))


def gathered(prompt: str, group: Sequence[TraceRecord]) -> str:
    """The prompt of several records, each as its question and its text, with a number. Raises prompting.PromptError."""
    told = [
        f"Problem {number}: {record.question.strip()}\n\nSolution {number}:\n{record.trace.strip()}"
        for number, record in enumerate(group, 1)
    ]
    return render(prompt, question="", trace="", texts={OWN: "\n\n".join(told)})
