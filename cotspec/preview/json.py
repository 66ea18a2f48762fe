"""A preview for programs: one JSON object, its keys stable. Spans are [start, end) in characters of the text beside
them; what is not known is null, and `unknown` says why."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import asdict

from cotspec.cot.rows import Dropped
from cotspec.cot.segment import Trace
from cotspec.cot.units import Span
from cotspec.preview.asked import Asked
from cotspec.preview.content import Preview, covered, ends
from cotspec.preview.record_source import RecordSource
from cotspec.preview.score import Scored
from cotspec.spec.payload import AskedRef, FirstWeights, TaughtBody

VERSION = 1
"""Rises when a key changes its meaning or goes; new keys may come at any time."""
_CONTROLS = re.compile("[\x7f-\x9f\u2028\u2029]")


def render(preview: Preview) -> str:
    """The object, indented; nothing in it can steer a terminal."""
    return _written(_preview(preview))


def of_prompt(asked: Asked) -> str:
    """The same of what a model is asked for a text."""
    text, sampling = asked.text, asked.text.writer.sampling
    return _written(
        {
            "version": VERSION,
            "spec": asked.spec,
            "experiment": text.experiment,
            "text": text.name,
            "by": text.by,
            "source": _source(asked.source),
            "number": asked.number,
            "prompts": asked.total,
            "records": [{"id": one.id, "question": one.question, "answer": one.answer} for one in asked.records],
            "texts": [{"name": name, "text": written, **_drawn(done)} for name, written, done in asked.read],
            "prompt": asked.prompt,
            "chat": _chat(text.writer.model),
            "samples": text.writer.samples,
            "sampling": sampling.model_dump(mode="json", exclude={"n"}),
            **_drawn(text.done),
        }
    )


def _written(value: dict[str, object]) -> str:
    text = json.dumps(value, indent=2, ensure_ascii=False, allow_nan=False)
    return _CONTROLS.sub(lambda match: f"\\u{ord(match.group()):04x}", text) + "\n"


def _preview(preview: Preview) -> dict[str, object]:
    stage, source, record = preview.stage, preview.source, preview.record
    return {
        "version": VERSION,
        "spec": preview.spec,
        "experiment": stage.experiment,
        "stage": stage.name,
        "by": stage.train.kind,
        "task": stage.rows.task,
        "source": _source(source),
        "row": _row(preview),
        "question": record.question,
        "answer": record.answer,
        "teacher": {
            "steps": record.steps,
            "words": record.words,
            "tokens": record.tokens if preview.counted else None,
        },
        "texts": [{"name": name, "text": text, **_drawn(drawn)} for name, text, drawn in preview.texts],
        "trace": _trace(preview),
        "prompt": preview.prompt,
        "begin": preview.begin or None,
        "chat": _chat(preview.stage.train.start),
        "teacher_reads": _teacher(preview),
        "target": _target(preview),
        "pair": None if preview.pair is None else {"chosen": preview.pair.chosen, "rejected": preview.pair.rejected},
        **({"judges": judges} if (judges := _judges(preview)) else {}),
        "reward": None if preview.scored is None else _reward(preview.scored),
    }


def _source(source: RecordSource) -> dict[str, object]:
    return {
        "kind": source.kind,
        "file": source.file or None,
        "records": len(source.records),
        "about": source.about,
        "advice": [" ".join(line.split()) for line in source.advice],
    }


def _chat(model: AskedRef) -> dict[str, object] | None:
    return {"system": model.system or None, "template": model.template} if model.chat else None


def _teacher(preview: Preview) -> dict[str, object] | None:
    """What a teacher is asked, whose probabilities are learnt."""
    train = preview.stage.train
    if not isinstance(train, TaughtBody):
        return None
    asked = train.start if isinstance(train.teacher, FirstWeights) else train.teacher
    return {"prompt": preview.context or preview.prompt, "chat": _chat(asked)}


def _judges(preview: Preview) -> list[dict[str, object]]:
    """What judges read of the response."""
    return [{"name": one.name, "prompt": prompt, "chat": _chat(one.model)} for one, prompt in preview.judges]


def _row(preview: Preview) -> dict[str, object]:
    attempt, dropped = preview.picked.attempt, preview.picked.dropped
    return {
        "row": None if isinstance(attempt.row, Dropped) else attempt.row.row,
        "id": attempt.record.id,
        "epoch": attempt.epoch,
        "place": attempt.place,
        "places": attempt.total,
        "progress": attempt.progress,
        "dropped": None if dropped is None else {"reason": dropped.reason, "leak": dropped.leak or None},
        "dropped_before": [
            {"id": one.record.id, "epoch": one.epoch, "reason": one.row.reason, "leak": one.row.leak or None}
            for one in preview.picked.before
            if isinstance(one.row, Dropped)
        ],
    }


def _trace(preview: Preview) -> dict[str, object]:
    trace, view = preview.picked.attempt.trace, preview.picked.view
    return {
        "text": trace.text,
        "segments": _segments(trace),
        "shown": None if view is None else view.shown,
        "units": preview.units,
        "masked": 0 if view is None else view.masked,
        "hidden": [] if view is None else _spans(view.hidden),
        "hidden_by_mask": [] if view is None else _spans(view.chosen),
        "hidden_to_close_leaks": _spans(preview.picked.hidden_to_close_leaks),
        "leaks_closed": [] if view is None else [{"kind": leak.kind, "text": leak.text} for leak in view.leaks_closed],
        **_drawn(preview.drawn),
    }


def _drawn(told: Sequence[str]) -> dict[str, object]:
    """What was done while a text was drawn, where anything was."""
    return {"drawn": list(told)} if told else {}


def _target(preview: Preview) -> dict[str, object] | None:
    row = preview.target
    if row is None:
        return None
    return {
        "text": row.target,
        "supervise": _spans(row.supervise),
        "supervises_end": ends(row),
        "characters": len(row.target),
        "supervised_characters": covered(row.supervise),
    }


def _reward(scored: Scored) -> dict[str, object]:
    parts = scored.breakdown
    return {
        "response": {
            "whose": scored.response.whose,
            "text": scored.response.text,
            "segments": _segments(scored.trace),
            "answer": scored.answer,
            **({"supervise": _spans(scored.carried)} if scored.carried else {}),
            "after_stop": scored.left_out or None,
        },
        "progress": scored.progress,
        "measures": {**scored.measures, **dict.fromkeys(scored.unknown)},
        "unknown": dict(scored.unknown),
        "gates": [
            {
                "unless": trial.gate.unless,
                "reward": trial.gate.reward,
                "outcome": trial.outcome,
                "problem": trial.problem or None,
            }
            for trial in parts.gates
        ],
        "let": [{"name": let.binding.name, "value": let.binding.value, "result": let.value} for let in parts.lets],
        "terms": [
            {
                "name": trial.term.name,
                "value": trial.term.value,
                "result": trial.value,
                "weight": trial.weight,
                "product": trial.product,
                "counts": parts.score.gate is None and trial.product is not None,
                "problem": trial.problem or None,
            }
            for trial in parts.terms
        ],
        "gate": parts.score.gate,
        "total": parts.score.total,
        "problem": parts.score.problem or None,
    }


def _segments(trace: Trace) -> list[dict[str, object]]:
    return [
        asdict(segment) | ({"label": trace.label(segment) or None} if trace.form else {}) for segment in trace.segments
    ]


def _spans(spans: Iterable[Span]) -> list[list[int]]:
    return [list(span) for span in spans]
