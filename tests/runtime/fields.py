"""All fields that a task is told anything by, as dotted names, and running a task with some of them changed."""

from __future__ import annotations

import contextlib
import io
import json
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, Literal, Union, get_args, get_origin

from conftest import lay_out, recorded, settings

from cotspec.runtime.__main__ import main
from cotspec.runtime.engine import Completion
from cotspec.runtime.requests import line_of
from cotspec.runtime.scratch import folder_of
from cotspec.runtime.task import load
from cotspec.spec import payload
from cotspec.spec.base import Part
from cotspec.trainers import TRAINERS

#: Settings of a library that a body passes on by name: the fields of these are fields of the body.
PASSED = {f"{each.name}.trainer": each.passed for each in TRAINERS.values()}


def names() -> list[str]:
    """`sft.optim.lr`, `rows.mask.share.first`, `gate.checkpoint.best.metric`, `run.gpus` and all others.

    A part that is one of several has its tag in the name. A model reference is one field of each body that has one
    (`teach.model`); its own fields are under `model`. So is a form (`traces.format.form`), of whose segments the fields
    are under `segment`. A tag is no field: it says which fields there are.
    """
    found = [name for kind in _parts(payload.AnyBody) for name in _fields(kind, _tag(kind))]
    found += [name for kind in _parts(payload.AskedRef) for name in _fields(kind, f"model.{_tag(kind)}")]
    found += _fields(payload.SegmentFormat, "segment")
    return found + list(_fields(payload.RunSettings, "run"))


def _fields(kind: type[Part], at: str) -> Iterator[str]:
    for name, info in kind.model_fields.items():
        here, parts = f"{at}.{name}", _parts(info.annotation)
        if here in PASSED:
            yield from _fields(PASSED[here], here)
        elif set(_parts(payload.ModelRef)) <= set(parts) or parts == [payload.SegmentFormat]:
            yield here
        elif parts:
            for part in parts:
                yield from _fields(part, here if len(parts) == 1 else f"{here}.{_tag(part)}")
        elif not (get_origin(info.annotation) is Literal and len(get_args(info.annotation)) == 1):
            yield here


def _parts(annotation: Any) -> list[type[Part]]:
    """The types of a field that have fields of their own."""
    if get_origin(annotation) in (Annotated, Union, UnionType, tuple):
        return [part for inner in get_args(annotation) for part in _parts(inner)]
    return [annotation] if isinstance(annotation, type) and issubclass(annotation, Part) else []


def _tag(kind: type[Part]) -> str:
    return str(kind.model_fields["kind"].default)


def value_of(body: Any, name: str) -> Any:
    """The value of a field of a body (or of RunSettings) by its name in it; of several parts, the first's."""
    for step in name.split("."):
        body = body[0] if isinstance(body, tuple) else body
        body = body[step] if isinstance(body, Mapping) else getattr(body, step)
    return body


def changed(body: Any, name: str, value: Any) -> Any:
    """A copy of a body with another value there."""
    if isinstance(body, tuple):
        return (changed(body[0], name, value), *body[1:])
    first, _, rest = name.partition(".")
    return body.model_copy(update={first: changed(getattr(body, first), rest, value) if rest else value})


# --- running ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Ran:
    """A task that was run in this process."""

    folder: Path
    code: int
    out: str
    err: str

    def read(self, file: str) -> Any:
        """A JSON file of the result, or a list of the records of a file of lines."""
        assert self.code == 0, self.err
        text = (self.folder / "out" / file).read_text(encoding="utf-8")
        return [json.loads(line) for line in text.splitlines()] if file.endswith(".jsonl") else json.loads(text)


Said = Mapping[str, list[tuple[str, str]]]
"""File of an unfinished generation → (key of a request, what the model had said to it)."""


class Workshop:
    """A project in which tasks are run, each of them once."""

    def __init__(self, root: Path) -> None:
        self.root = root
        self._ran: dict[str, Ran] = {}

    def run(self, body: payload.Body, inputs: Mapping[str, Path], said: Said | None = None, **changes: Any) -> Ran:
        """Run a task whose generation had come as far as `said` when it was stopped."""
        key = repr((body, sorted(inputs.items()), said, sorted(changes.items())))
        if key not in self._ran:
            folder = lay_out(self.root, f"t{len(self._ran)}", body, inputs, **changes)
            recorded(folder)
            self._resume(folder, said or {})
            out, err = io.StringIO(), io.StringIO()
            with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
                code = main([str(folder / "payload.json"), str(folder / "run.json")])
            self._ran[key] = Ran(folder=folder, code=code, out=out.getvalue(), err=err.getvalue())
        return self._ran[key]

    def _resume(self, folder: Path, said: Said) -> None:
        for file, answers in said.items():
            task = load(folder / "payload.json", folder / "run.json")
            scratch = folder_of(task)
            scratch.mkdir(parents=True, exist_ok=True)
            said_so = [(key, Completion(text=text, tokens=9, truncated=False)) for key, text in answers]
            (scratch / file).write_bytes(b"".join(line_of(at, *each) for at, each in enumerate(said_so)))


# --- what is held against a field -------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True)
class Effect:
    """A field that shows in what a task leaves: with `value` it is `want`, and without it something else."""

    name: str
    value: Any
    see: Callable[[Ran], Any]
    want: Any
    base: Any = None
    """The body it is changed in, where the table has another one for its kind."""
    reads: str = ""
    """What the task reads, where a table has several."""


def assert_seen(
    effect: Effect, shop: Workshop, base: Any, inputs: Mapping[str, Path], said: Said | None = None
) -> None:
    """Run the task with the field and without it, and look."""
    root, _, name = effect.name.partition(".")
    if root == "run":
        plain, ran = value_of(settings(), name), shop.run(base, inputs, said, **{name: effect.value})
    else:
        parts = {"model": f"model.{name.partition('.')[2]}", "segment": f"format.form.{name}"}
        name = parts.get(root) or _untagged(base, name)
        plain, ran = value_of(base, name), shop.run(changed(base, name, effect.value), inputs, said)
    assert effect.value != plain, "the value is the one the body has anyway"
    seen = effect.see(ran)
    said_so = f"{seen!r} and not {effect.want!r} ({ran.err.strip()[-300:]})"
    assert seen == effect.want, f"{effect.name} = {effect.value!r}: {said_so}"
    assert effect.see(shop.run(base, inputs, said)) != effect.want, f"`{root}` does the same without it"


def _untagged(body: Any, name: str) -> str:
    """A name as attributes: `source.file.question` without the tag of the part that is one of several."""
    body = body[0] if isinstance(body, tuple) else body
    first, _, rest = name.partition(".")
    if rest and first == getattr(body, "kind", None):
        return _untagged(body, rest)
    return f"{first}.{_untagged(getattr(body, first), rest)}" if rest else first
