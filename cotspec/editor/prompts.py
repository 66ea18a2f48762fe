"""What a prompt file may show, by the specs that name it. For showing only; the rules are
`cotspec.passes.check.prompt_variable` and `judges`."""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Iterator
from pathlib import Path as File
from typing import Final

from cotspec.cot.template import FILTERS, JUDGED, VARIABLES
from cotspec.diagnostics import Span
from cotspec.diagnostics.source_map import SourceMap
from cotspec.editor import names
from cotspec.editor.completing import Candidate, Offer
from cotspec.editor.names import Name, code
from cotspec.editor.view import View
from cotspec.front.paths import folder_of
from cotspec.ir import generations
from cotspec.passes.check import prompt_variable
from cotspec.passes.check.context import Context
from cotspec.spec.named_files import prompt_paths

_WORD: Final = re.compile(r"[A-Za-z_]\w*")
_OPENS: Final = ("{{", "{%")
_CLOSES: Final = ("}}", "%}")
_USUAL: Final = {"question": "the question of a row", "trace": "the trace that the task shows"}
_OF_JUDGE: Final = {"response": "the whole completion that is judged", "answer": "the gold answer"}


def files(view: View) -> frozenset[File]:
    """The prompt files that a spec names."""
    return frozenset(_file(view, written) for _, written in prompt_paths(view.spec))


def _file(view: View, written: str) -> File:
    return File(os.path.abspath(folder_of(view.file) / written))


def shown(file: File, views: Iterable[View]) -> dict[str, Name]:
    """What a prompt file may show, in any of the specs that name it."""
    return {each.name: each for view in views for each in _shown(file, view)}


def _shown(file: File, view: View) -> Iterator[Name]:
    texts = {each.name: each for group in ("data", "generate") for each in names.defined(view.whole, group)}
    nowhere = SourceMap({(): Span("", 1, 1, 1, 1)}, {}, {})
    for prompt in prompt_variable.prompts(Context(view.spec, nowhere, {})):
        if _file(view, prompt.written) == file:
            known = VARIABLES - {"trace"} if prompt.task == "solve" else VARIABLES
            yield from (Name(name, _USUAL[name]) for name in sorted(known))
            yield from (texts[name] for name in prompt.texts if name not in prompt.told and name in texts)
    for stage in view.spec.stages.values():
        for judge in stage.judges.values():
            if _file(view, judge.prompt) == file:
                yield Name("question", _USUAL["question"])
                yield from (Name(name, _OF_JUDGE[name]) for name in sorted(JUDGED))
                yield from (texts[name] for name in generations.asked_texts(view.spec, stage) if name in texts)


def offer(known: dict[str, Name], before: str, line: str, column: int) -> Offer | None:
    """What may be written in a prompt: `before` is all its text up to the cursor, which is at `column` of `line`."""
    if not _in_tag(before):
        return None
    start = column - len(_ends(line[:column]))
    if line[:start].rstrip().endswith("|"):
        return Offer(start, column, [Candidate(name, "function", name, "filter") for name in FILTERS])
    about = ((each, code(each.about) if each.about else "") for each in known.values())
    return Offer(start, column, [Candidate(each.name, "name", each.name, each.what, text) for each, text in about])


def word(before: str, line: str, column: int) -> str:
    """The name that the cursor is on, inside a tag; "" for any other text."""
    on = (each.group() for each in _WORD.finditer(line) if each.start() <= column <= each.end())
    return next(on, "") if _in_tag(before) else ""


def _in_tag(before: str) -> bool:
    return max(map(before.rfind, _OPENS)) > max(map(before.rfind, _CLOSES))


def _ends(text: str) -> str:
    """The name that a text ends with."""
    found = re.search(r"[A-Za-z_]\w*\Z", text[-100:])
    return found.group() if found else ""
