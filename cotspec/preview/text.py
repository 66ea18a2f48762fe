"""A preview for people: source, trace, prompt, target, reward, each a section with its legend. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from types import MappingProxyType
from typing import Final

from cotspec.cot.leak import Leak
from cotspec.cot.records import TraceRecord
from cotspec.cot.rows import Dropped, View
from cotspec.cot.segment import Segment, Trace
from cotspec.cot.segment import segment as cut
from cotspec.files.visible import visible
from cotspec.preview import reward_text, wording
from cotspec.preview.canvas import Canvas, Mark, Row, Run, Style, lines
from cotspec.preview.content import Preview, covered, ends
from cotspec.preview.record_source import RecordSource
from cotspec.spec.payload import AskedRef, EndpointModel, FirstWeights, RewardedBody, TaughtBody

_GAP: Final = 3
"""Blank lines that are shown as they are; of more only their number is."""
_LONG: Final = 8
"""Lines of thinking that are shown whole."""
_HEAD: Final = 5
_TAIL: Final = 2
_STYLES: Final[Mapping[str, Style]] = MappingProxyType({"preamble": "preamble", "thinking": "thinking", "step": "step"})
"""Of the segments that are no answer; those of one's own are shown as one."""
_LOSSY: Final = (Run("+ carries loss", "loss"), Run("   "), Run("· does not", "no-loss"), Run("   ~ only «this»"))
_NAMED: Final = 3
"""Dropped rows that are named."""


def render(preview: Preview, canvas: Canvas) -> str:
    """The whole page."""
    sections = [
        _head(preview, canvas),
        question(preview.record, canvas),
        _texts(preview, canvas),
        _trace(preview, canvas),
    ]
    if preview.picked.dropped is not None:
        sections.append(_dropped(preview.picked.dropped, canvas))
    elif preview.prompt is not None:
        sections += [
            _prompt(preview, preview.prompt, canvas),
            _begin(preview, canvas),
            _teacher(preview, canvas),
            _target(preview, canvas),
        ]
        if isinstance(preview.stage.train, RewardedBody):
            sections += [_response(preview, canvas), *_judges(preview, canvas)]
            sections += [reward_text.section(preview, preview.stage.train, canvas)]
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections if section)


def title(name: str, facts: str, canvas: Canvas) -> str:
    """The first line of a section."""
    return canvas.line(Run(name, "title"), Run(f"   {facts}" if facts else "", "dim"))


# --- sections ---------------------------------------------------------------------------------------------------------


def _head(preview: Preview, canvas: Canvas) -> list[str]:
    source, attempt, stage = preview.source, preview.picked.attempt, preview.stage
    facts = f"{stage.experiment}, stage {stage.name}: {stage.train.kind}, task {stage.rows.task}"
    place = wording.place(attempt, source.body.epochs)
    shown = [*about(source, canvas), "", canvas.line(Run(facts, "title")), canvas.line(Run(place))]
    if preview.picked.before:
        shown += canvas.paragraph([Run(wording.before(preview.picked.before, most=_NAMED), "careful")], indent=0)
    return shown


def about(source: RecordSource, canvas: Canvas) -> list[str]:
    """What the records are, and how to see real ones."""
    style: Style = "good" if source.kind in ("real", "given") else "careful"
    advice = [canvas.line(Run(f"  {visible(line)}", "dim")) for line in source.advice]
    return [canvas.line(Run(visible(source.about), style)), *advice]


def question(record: TraceRecord, canvas: Canvas) -> list[str]:
    """The question of a record, with its gold answer."""
    rows = [Row(runs) for runs in lines(record.question, start=0, end=len(record.question), marks=(), style="plain")]
    gold = Row([Run(visible(record.answer))], label="gold")
    return [title("Question", "", canvas), *canvas.block([*rows, gold])]


def _texts(preview: Preview, canvas: Canvas) -> list[str]:
    """The texts of the record that are not the one its row is made of."""
    shown: list[str] = []
    for name, text, drawn in preview.texts:
        shown += [
            *titled(name, wording.size(text), canvas),
            *sentences(drawn, canvas),
            *segments(cut(text, preview.source.body.format), [], canvas),
        ]
    return shown


def _trace(preview: Preview, canvas: Canvas) -> list[str]:
    if not preview.record.trace:
        return []  # a question alone
    trace, view = preview.picked.attempt.trace, preview.picked.view
    chosen = () if view is None else view.chosen
    marks = [Mark(*span, "hidden", "⟦", "⟧") for span in chosen]
    marks += [Mark(*span, "leak", "⟪", "⟫") for span in preview.picked.hidden_to_close_leaks]
    rule = wording.hidden(preview.source.body, view, units=preview.units, progress=preview.picked.attempt.progress)
    facts = f"{wording.count(len(trace.steps), 'step')}; {rule}"
    shown = [
        *titled("Trace", facts, canvas),
        *sentences(preview.drawn, canvas),
        *segments(trace, sorted(marks), canvas),
    ]
    if chosen:
        shown.append(_legend(canvas, Run("⟦hidden by the mask⟧", "hidden")))
    if preview.picked.hidden_to_close_leaks:
        shown.append(_legend(canvas, Run("⟪hidden as well, or it would tell what is asked for⟫", "leak")))
    return shown + _closed(view, canvas)


def sentences(told: Sequence[str], canvas: Canvas) -> list[str]:
    """Sentences below a section's first line."""
    return [shown for line in told for shown in canvas.paragraph([Run(visible(line), "dim")], indent=3)]


def _closed(view: View | None, canvas: Canvas) -> list[str]:
    leaks: Sequence[Leak] = () if view is None else view.leaks_closed
    told = [Run(f"leak guard: {visible(wording.leak(leak))}", "careful") for leak in leaks]
    return [line for run in told for line in canvas.paragraph([run], indent=3)]


def _dropped(dropped: Dropped, canvas: Canvas) -> list[str]:
    why = wording.dropped(dropped)
    return [canvas.line(Run("Dropped", "bad")), *canvas.paragraph([Run(visible(why))])]


def _prompt(preview: Preview, prompt: str, canvas: Canvas) -> list[str]:
    placeholder = preview.source.body.mask.placeholder
    marks, at = [], prompt.find(placeholder) if preview.picked.view and preview.picked.view.hidden else -1
    while at >= 0:
        marks.append(Mark(at, at + len(placeholder), "hidden", "", ""))
        at = prompt.find(placeholder, at + len(placeholder))
    rows = [Row(runs) for runs in lines(prompt, start=0, end=len(prompt), marks=marks, style="plain")]
    shown = [*titled("Prompt", wording.size(prompt), canvas), *canvas.block(rows)]
    if not prompt.endswith("\n"):
        shown.append(_legend(canvas, Run("no line break at the end of the prompt", "dim")))
    return shown + chat(preview.stage.train.start, canvas)


def _begin(preview: Preview, canvas: Canvas) -> list[str]:
    text = preview.begin
    if not text:
        return []
    facts = (
        f"the teacher's first {wording.count(preview.source.body.begin, 'step')}, without loss; {wording.size(text)}"
    )
    rows = [Row(runs) for runs in lines(text, start=0, end=len(text), marks=(), style="plain")]
    return [*titled("The answer begins", facts, canvas), *canvas.block(rows)]


def chat(model: AskedRef, canvas: Canvas) -> list[str]:
    """What a chat model gets besides the prompt."""
    if not model.chat:
        return []
    whose = "server" if isinstance(model, EndpointModel) else "tokenizer"
    told = [f"the model gets it as a user's message, in its {whose}'s chat template"]
    if model.system:
        told.append(f"system turn: {visible(model.system)}")
    if model.template:
        told.append(f"arguments of the template: {wording.arguments(model.template)}")
    return [line for one in told for line in canvas.paragraph([Run(one, "dim")], indent=3)]


def _teacher(preview: Preview, canvas: Canvas) -> list[str]:
    """What a teacher is asked, whose probabilities are learnt."""
    train, context = preview.stage.train, preview.context
    if not isinstance(train, TaughtBody):
        return []
    asked = train.start if isinstance(train.teacher, FirstWeights) else train.teacher
    follows = f"; its weights follow the student's by {train.follow:g} in each step" if train.follow else ""
    if context is None:
        return [title("Teacher", f"reads the same prompt{follows}", canvas), *chat(asked, canvas)]
    rows = [Row(runs) for runs in lines(context, start=0, end=len(context), marks=(), style="plain")]
    facts = f"reads in place of the prompt; {wording.size(context)}{follows}"
    return [*titled("Teacher", facts, canvas), *canvas.block(rows), *chat(asked, canvas)]


def _target(preview: Preview, canvas: Canvas) -> list[str]:
    row, train = preview.target, preview.stage.train
    if row is None:
        return _pair(preview, canvas)
    trace = preview.picked.attempt.trace
    lost, all_ = covered(row.supervise), len(row.target)
    facts = f"loss on {lost:,} of {all_:,} characters ({lost / all_:.0%})"
    facts += " and on the end of the text" if ends(row) else ", not on the end of the text"
    marks = [Mark(*span, "loss", "«", "»") for span in row.supervise]
    limit = f"a row of more than {train.max_length:,} tokens is left out of training; nobody counts tokens here"
    return [
        *titled("Target", facts, canvas),
        *segments(trace, marks, canvas, end=all_, loss=True),
        _legend(canvas, *_LOSSY),
        _legend(canvas, Run(limit, "dim")),
    ]


def _pair(preview: Preview, canvas: Canvas) -> list[str]:
    """The two answers that are compared."""
    row, shown = preview.pair, []
    format = preview.source.body.format
    for name, text in () if row is None else (("Chosen", row.chosen), ("Rejected", row.rejected)):
        facts = wording.size(text) if text else "none yet: answers are written when the model has tried the questions"
        shown += [*titled(name, facts, canvas), *segments(cut(text, format), [], canvas)]
    return shown


def _response(preview: Preview, canvas: Canvas) -> list[str]:
    scored = preview.scored
    if scored is None:
        return []
    whose = {"teacher": "the teacher's own trace", "given": "yours", "model": "what it wrote"}[scored.response.whose]
    facts = f"{whose}; {wording.count(len(scored.trace.steps), 'step')}, {wording.size(scored.response.text)}"
    marks = [Mark(*span, "loss", "«", "»") for span in scored.carried]
    lossy = bool(preview.stage.train.loss_on) if isinstance(preview.stage.train, RewardedBody) else False
    shown = [*titled("Response", facts, canvas), *segments(scored.trace, marks, canvas, loss=lossy)]
    if lossy:
        shown.append(_legend(canvas, *_LOSSY))
    if scored.left_out:
        told = f"it stops here: {wording.size(scored.left_out)} after its stop are neither seen nor rewarded"
        shown += canvas.paragraph([Run(told, "careful")], indent=3)
    return shown


def _judges(preview: Preview, canvas: Canvas) -> Iterator[list[str]]:
    """What each judge reads."""
    for judge, prompt in preview.judges:
        rows = [Row(runs) for runs in lines(prompt, start=0, end=len(prompt), marks=(), style="plain")]
        facts = f"writes at most {judge.sampling.max_new_tokens:,} tokens; reads {wording.size(prompt)}"
        yield [*titled(f"Judge {judge.name}", facts, canvas), *canvas.block(rows), *chat(judge.model, canvas)]


# --- traces -----------------------------------------------------------------------------------------------------------


def segments(
    trace: Trace, marks: Sequence[Mark], canvas: Canvas, *, end: int | None = None, loss: bool = False
) -> Iterator[str]:
    """A trace segment by segment, each labelled at its first line; long thoughts are cut short."""
    stop = len(trace.text) if end is None else end
    for segment in trace.segments:
        if segment.start >= stop:
            continue
        label, style = _label(trace, segment), _STYLES.get(segment.kind, "answer")
        last = min(segment.end, stop)
        base: Style = "no-loss" if loss else style
        texts = lines(trace.text, start=segment.start, end=last, marks=marks, style=base)
        rows = [_lossy(runs) if loss else Row(runs) for runs in texts]
        rows[0] = replace(rows[0], label=label, style="title" if segment.kind == "step" else style)
        yield from _short(segment, list(canvas.block(_without_gaps(rows))), canvas)


def _without_gaps(rows: Sequence[Row]) -> Iterator[Row]:
    """Of many blank lines, which a model that fails may write to its limit, how many there are."""
    for blank, some in groupby(rows, lambda row: not any(run.text.strip() for run in row.runs)):
        together = list(some)
        if blank and len(together) > _GAP:
            yield replace(together[0], runs=[Run(f"… {len(together)} blank lines", "dim")], sign=" ")
        else:
            yield from together


def _label(trace: Trace, segment: Segment) -> str:
    """What stands beside a segment: its number, or its name and the label that it ends with."""
    if segment.kind == "step":
        return f"step {segment.number}"
    return " ".join(filter(None, (segment.kind, trace.label(segment))))


def _lossy(runs: Sequence[Run]) -> Row:
    """A line of a target, with a sign in the margin; the marks inside it stay only where it is mixed."""
    told = [run for run in runs if run.text.strip()]
    if told and all(run.style == "loss" for run in told):
        return Row([Run(run.text[1:-1] if run.style == "loss" else run.text, run.style) for run in runs], sign="+")
    return Row(runs, sign="~" if any(run.style == "loss" for run in told) else "·" if told else " ")


def _short(segment: Segment, shown: list[str], canvas: Canvas) -> list[str]:
    if canvas.whole or len(shown) <= _LONG or segment.kind not in ("thinking", "preamble"):
        return shown
    left = len(shown) - _HEAD - _TAIL
    note = canvas.block([Row([Run(f"… {left} more lines; --full shows them", "dim")])])
    return [*shown[:_HEAD], *note, *shown[-_TAIL:]]


def titled(name: str, facts: str, canvas: Canvas) -> Iterator[str]:
    """A section's first line; facts that do not fit beside its name go below it."""
    if len(name) + len(facts) + 3 <= canvas.width:
        yield title(name, facts, canvas)
        return
    yield title(name, "", canvas)
    yield from canvas.paragraph([Run(facts, "dim")], indent=3)


def _legend(canvas: Canvas, *runs: Run) -> str:
    return canvas.line(Run("   "), *runs)
