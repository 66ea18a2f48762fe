"""What a model is asked for a text, for people. Decides nothing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from cotspec.cot.segment import segment
from cotspec.files.visible import visible
from cotspec.ir import defaults
from cotspec.preview import text, wording
from cotspec.preview.asked import Asked
from cotspec.preview.canvas import Canvas, Row, Run, lines
from cotspec.preview.reward_text import named
from cotspec.spec.payload import MineBody, TracesBody

_EQUAL: Final = {"text": "words", "calculations": "calculations"}


def render(asked: Asked, canvas: Canvas) -> str:
    """The whole page."""
    sections = [_head(asked, canvas)]
    if len(asked.records) == 1:
        sections.append(text.question(asked.records[0], canvas))
    sections += [*_read(asked, canvas), _prompt(asked, canvas), _drawn(asked, canvas), _kept(asked, canvas)]
    return "\n".join("".join(f"{line}\n" for line in section) for section in sections if section)


def _head(asked: Asked, canvas: Canvas) -> list[str]:
    facts = f"{asked.text.experiment}, text {asked.text.name}: written by {visible(asked.text.by)}"
    first, *more = (str(record.id) for record in asked.records)
    of = f"records {first} to {more[-1]}" if more else f"record {first}"
    place = f"prompt {asked.number}: {of}, place {asked.number + 1:,} of {asked.total:,}"
    return [*text.about(asked.source, canvas), "", canvas.line(Run(facts, "title")), canvas.line(Run(place))]


def _read(asked: Asked, canvas: Canvas) -> Iterator[list[str]]:
    """The texts that the prompt may show."""
    for name, written, done in asked.read:
        shown = text.segments(segment(written, asked.text.rows.format), [], canvas)
        yield [*text.titled(name, wording.size(written), canvas), *text.sentences(done, canvas), *shown]


def _prompt(asked: Asked, canvas: Canvas) -> list[str]:
    prompt = asked.prompt
    rows = [Row(runs) for runs in lines(prompt, start=0, end=len(prompt), marks=(), style="plain")]
    shown = [*text.titled("Prompt", wording.size(prompt), canvas), *canvas.block(rows)]
    if not prompt.endswith("\n"):
        shown.append(canvas.line(Run("   no line break at the end of the prompt", "dim")))
    return shown + text.chat(asked.text.writer.model, canvas)


def _drawn(asked: Asked, canvas: Canvas) -> list[str]:
    """How its texts are drawn."""
    writer, sampling = asked.text.writer, asked.text.writer.sampling
    how = [f"temperature {sampling.temperature:g}" if sampling.temperature else "the likeliest tokens"]
    how += [f"top_p {sampling.top_p:g}"] if sampling.temperature and sampling.top_p < 1 else []
    how += [f"top_k {sampling.top_k:g}"] if sampling.temperature and sampling.top_k else []
    how += [f"at most {sampling.max_new_tokens:,} tokens"]
    how += [f"ended {stop}"] if (stop := wording.stop(sampling.stop)) else []
    told = f"{wording.count(writer.samples, 'text')}; {', '.join(how)}"
    return [*text.titled("Drawn", told, canvas), *text.sentences(asked.text.done, canvas)]


def _kept(asked: Asked, canvas: Canvas) -> list[str]:
    """Which of its texts go on."""
    match asked.text.writer, asked.text.kept:
        case MineBody(keep=keep), _:
            told = "the record, where every try is wrong" if keep == "all_wrong" else "the record, where a try is wrong"
        case _, TracesBody() as body:
            several = _several(body) if asked.text.writer.samples > 1 else []
            best = [f"of all of them the {body.best_n:,} with the highest `{body.best_by}`"] if body.best_by else []
            told = named("; ".join([_filter(body), *several, *best]), (asked.text.name, *asked.text.texts))
        case _:
            return []
    return list(text.titled("Goes on", told, canvas))


def _filter(body: TracesBody) -> str:
    """What is asked of a text."""
    asked = ["was not cut at the token limit"]
    asked += ["is right"] if body.answer == "correct" else []
    most = body.at_most if body.at_most < defaults.NO_LIMIT else None
    asked += [f"has at least {wording.count(body.at_least, 'step')}"] if body.at_least > 1 else []
    asked += [f"has at most {wording.count(most, 'step')}"] if most is not None else []
    asked += [f"meets `{body.where}`"] if body.where else []
    return f"a text that {' and '.join(asked)}"


def _several(body: TracesBody) -> list[str]:
    """Which of several texts of a record."""
    once = [f"of texts of one record with equal {_EQUAL[body.distinct]} one"] if body.distinct else []
    kind = {"mixed": "shortest or the longest"}.get(body.pick.kind, body.pick.kind)
    which = (
        "all" if kind == "all" else f"the {kind} one" if body.most == 1 else f"at most {body.most} of them, the {kind}"
    )
    return [*once, f"of several {which}"]
