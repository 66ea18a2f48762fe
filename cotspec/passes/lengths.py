"""How long the rows of a stage are in tokens, from the traces of an earlier run. Knows no rule.

Rows are made as the task makes them: the prompt with its template, and what it shows of the trace. For a builtin
student they are counted as its trainer counts; for another one, whose tokenizer is not read here, the teacher's own
number of tokens for the trace says how many characters a token has.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from cotspec.history import traces
from cotspec.ir import bodies, defaults, generations
from cotspec.passes import ancestry
from cotspec.passes.check.context import Context
from cotspec.spec.experiment import Stage, Taught
from cotspec.spec.payload import RowsBody
from cotspec.trainers import trainer_of

if TYPE_CHECKING:
    from cotspec.cot.records import TraceRecord
    from cotspec.cot.rows import Attempt

END: Final = 1
"""The end-of-sequence token, which every target has."""


class Lengths(NamedTuple):
    """Tokens of the rows that were looked at, one number a row."""

    prompts: Sequence[float]
    wholes: Sequence[float]
    """Prompt, trace and end: a row of sft."""
    contexts: Sequence[float]
    """What a teacher reads in place of the prompt; as the prompts where it reads those."""
    exact: bool
    """Counted as the trainer counts."""

    @property
    def told(self) -> str:
        """Whose tokens were counted, as a finding says it."""
        return "in the student's tokens" if self.exact else "in the teacher's tokens"


def lengths(context: Context, name: str, stage: Stage, room: int) -> Lengths | None:
    """The rows of one epoch; None without an earlier run, or where all surely fit into `room`."""
    records, body = traces.sample(context.traces(stage)), rows_body(context, stage)
    if body is None or (not body.context and all(_most(record, body) <= room for record in records)):
        return None
    from cotspec.cot.rows import Dropped, attempts
    from cotspec.cot.units import UnitError

    student = context.experiment.models.get(ancestry.first_model(context.experiment, name))
    model = None if student is None else student.builtin
    try:
        rows = [_counted(attempt, model) for attempt in attempts(body, records) if not isinstance(attempt.row, Dropped)]
    except (UnitError, ValueError):
        return None  # a rule of its own says so
    prompts, wholes, contexts = zip(*rows, strict=True) if rows else ((), (), ())
    return Lengths(prompts=prompts, wholes=wholes, contexts=contexts, exact=model is not None)


def _counted(attempt: Attempt, model: str | None) -> tuple[float, float, float]:
    """Tokens of the prompt, of the prompt with its target, and of what a teacher reads in place of the prompt."""
    from cotspec.cot.records import TaughtRow
    from cotspec.cot.rows import Dropped

    prompt = "" if isinstance(attempt.row, Dropped) else attempt.row.prompt + attempt.begin
    context = attempt.row.context if isinstance(attempt.row, TaughtRow) else ""
    if model is not None:
        from cotspec.builtin import tokens

        of_prompt = tokens.count(model, prompt)
        whole = of_prompt + tokens.count(model, attempt.trace.text.rstrip()) + END
        return of_prompt, whole, tokens.count(model, context) if context else of_prompt
    of_trace = traces.tokens(attempt.record)
    a_character = of_trace / max(1, len(attempt.record.trace))
    about_prompt = len(prompt) * a_character
    return about_prompt, about_prompt + of_trace, len(context or prompt) * a_character


def _most(record: TraceRecord, body: RowsBody) -> int:
    """More tokens than its row can have: a token is a byte or more, and what is hidden leaves a placeholder each."""
    shown = len(record.trace.encode()) + len(body.mask.placeholder.encode()) * (record.trace.count(" ") + 1)
    asked = len(body.prompt.encode()) + len(record.question.encode())
    return asked + (0 if body.task == "solve" else shown) + len(record.trace.encode()) + END


def rows_body(context: Context, stage: Stage) -> RowsBody | None:
    """What makes the rows of one epoch, over traces that are sliced already; None when its prompt cannot be read, or of
    several sources."""
    from cotspec.cot.prompting import default_prompt

    spec, source = context.experiment, stage.sources[0]
    prompt = default_prompt(stage.task) if stage.prompt is None else context.files.get(stage.prompt)
    if prompt is None or len(stage.sources) > 1:
        return None
    texts = generations.chain(spec, generations.traces_of(spec, source)[0])
    return RowsBody.model_construct(
        by=trainer_of(stage.train).row_kind(stage.train),
        begin=stage.begin,
        task=stage.task,
        format=bodies.trace_format(context.experiment.trace),
        prompt=bodies.prompt(prompt, texts),
        mask=bodies.mask(stage.mask),
        shuffle=stage.shuffle,
        loss_on=bodies.loss_on(stage, bodies.trace_format(context.experiment.trace)),
        epochs=1,
        slice=defaults.WHOLE,
        seed=context.experiment.seed,
        context=bodies.prompt(_context(context, stage), texts),
    )


def _context(context: Context, stage: Stage) -> str:
    """What a teacher reads in place of the prompt; "" where it reads that, or its file cannot be read."""
    file = stage.train.context if isinstance(stage.train, Taught) else None
    return "" if file is None else context.files.get(file, "")
