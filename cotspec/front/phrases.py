"""Words of the messages: how a value, a place and a limit are called. Knows plain data and the shape of a spec."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping

from pydantic import BaseModel

from cotspec.builtin import registry
from cotspec.diagnostics.source_map import Path
from cotspec.diagnostics.suggest import alike, either, near
from cotspec.front import shape
from cotspec.front.foreign import VALUES
from cotspec.front.nodes import Data
from cotspec.spec import experiment
from cotspec.spec.base import ARGUMENT, NAME, TEXT_NAME

_LONGEST = 40
_LONGEST_PATH = 80
_DOTTED = re.compile(r"[\w-]+(?:\.[\w-]+)+", re.ASCII)
_NAMED = frozenset({"stages", "models", "data", "terms", "let"})
_NOT_BOOL = {"yes": "true", "on": "true", "y": "true", "no": "false", "off": "false", "n": "false"}

NOT_AN_ARGUMENT = "is not the name of an argument or a variable: letters, digits and `_`, at most 63"
NOT_A_TEXT = (
    "is not the name of a text: a lower-case letter, then letters and digits, single `_` between them, at most 63"
)
NOT_A_NAME = "is not a name: a lower-case letter, then letters and digits, single `-` or `_` between them, at most 63"


def cut(text: str) -> str:
    """A user's text, fit to stand in a sentence."""
    line = "".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text)
    return line if len(line) <= _LONGEST else f"{line[: _LONGEST - 1]}…"


def nested(written: str, known: Iterable[str], value: str) -> str:
    """What to do about a dotted path to `value` in a group that reads none; empty where a key is no path into it."""
    if not _DOTTED.fullmatch(written) or len(written) > _LONGEST_PATH or written.split(".")[0] not in known:
        return ""
    first, *rest = written.split(".")
    inner = "".join(f"{{{word}: " for word in rest)
    return f"dotted paths are for `variants`: here write `{first}: {inner}{value}{'}' * len(rest)}`"


def got(data: Data) -> str:
    """What was found."""
    match data:
        case None:
            return "nothing"
        case bool():
            return f"`{shape.written(data)}`"
        case int() | float():
            return f"the number {cut(str(data))}"
        case str():
            return f"the text `{cut(data)}`" if data else "an empty text"
        case list():
            return f"a list of {len(data)}" if data else "an empty list"
        case dict():
            return "a group of settings" if data else "an empty group"


def label(path: Path) -> str:
    """A value as a person would call it: `lr`, `of[1]`, `stages.compress`."""
    if not path:
        return "a spec"
    last = path[-1]
    if isinstance(last, int):
        return f"`{path[-2]}[{last}]`" if len(path) > 1 else f"`[{last}]`"
    return f"`{path[-2]}.{last}`" if len(path) > 1 and path[-2] in _NAMED else f"`{cut(last)}`"


def name(path: Path) -> str:
    """A group as a person would call it; the whole spec is `the spec`."""
    return label(path) if path else "the spec"


def either_values(values: Iterable[object]) -> str:
    """`a`, `b` or `c`."""
    return either(shape.written(value) for value in values)


def limit(kind: str, context: Mapping[str, object], data: Data) -> str:
    """How a value breaks a bound; empty when that is not what is wrong."""
    match kind:
        case "greater_than_equal":
            return f"is {_value(data)}; it must be at least {_value(context['ge'])}"
        case "greater_than":
            return f"is {_value(data)}; it must be above {_value(context['gt'])}"
        case "less_than_equal":
            return f"is {_value(data)}; it must be at most {_value(context['le'])}"
        case "less_than":
            return f"is {_value(data)}; it must be below {_value(context['lt'])}"
        case "string_too_short":
            return "must not be empty"
        case "string_too_long":
            return f"has {len(data) if isinstance(data, str) else 0} characters; the most is {context['max_length']}"
        case "too_short":
            return f"needs {_items(context['min_length'])} or more, not {got(data)}"
        case "too_long":
            return f"wants {_items(context['max_length'])}, not {got(data)}"
        case _:
            return ""


def pattern(kind: str, context: Mapping[str, object], data: Data) -> str:
    """How a text breaks its pattern; empty when that is not what is wrong."""
    if kind != "string_pattern_mismatch":
        return ""
    return f"is {got(data)}, which {NOT_A_NAME}" if context["pattern"] == NAME else f"cannot be {got(data)}"


def key(kind: str, context: Mapping[str, object], written: str) -> str:
    """How a key that a person chooses breaks its rule."""
    rule = {ARGUMENT: NOT_AN_ARGUMENT, TEXT_NAME: NOT_A_TEXT}.get(str(context.get("pattern")), NOT_A_NAME)
    return limit(kind, context, written) or rule


def comma(path: Path, data: Data) -> str:
    """What to do about two names in one item of a list."""
    many = isinstance(data, str) and len(data.split()) > 1 and path[-1:] and isinstance(path[-1], int)
    return "put a comma between two items" if many else ""


def of_others(path: Path, data: Data) -> str:
    """What to do about a value that other trainers take; "" for any other."""
    return VALUES.get((".".join(map(str, path[-2:])), str(data)), "")


def advice(path: Path, form: shape.Form, data: Data) -> str:
    """What to do about a value of the wrong type, when it shows what was meant."""
    wanted = shape.describe(form)
    if theirs := of_others(path, data):
        return theirs
    if isinstance(data, str | int | float) and not isinstance(data, bool) and (group := _as_group(form, data)):
        return f"write {group}"
    if wanted.startswith("a list") and isinstance(data, str | bool | int | float):
        return f"write [{cut(shape.written(data))}]" if wanted == "a list" else "write them in brackets: [first, last]"
    if isinstance(data, str):
        return _from_text(wanted, data)
    if data is False and "`true`" in wanted:
        return "leave it out"
    if "text" in wanted and isinstance(data, bool | int | float):
        return f'put it in quotes if it is meant as text: "{shape.written(data)}"'
    return ""


def _as_group(form: shape.Form, data: str | int | float) -> str:
    """A plain value in the group that is wanted, where only one of its settings can be meant; else nothing."""
    tag, models = shape.tag(form), shape.models(form)
    if tag is not None:
        return _group(tag, data, ", …") if data in shape.tags(form) else ""
    groups = {_in_group(model, data) for model in models} - {""}
    return groups.pop() if len(groups) == 1 else ""


def _in_group(model: type[BaseModel], data: str | int | float) -> str:
    if model in (experiment.Model, experiment.Data):
        return _source(model, data) if isinstance(data, str) else ""
    fields = shape.keys(model)
    needed = [key for key, info in fields.items() if info.is_required()]
    keys = needed or [key for key in fields if data in shape.options(shape.forms(model)[key])]
    return _group(keys[0], data) if len(keys) == 1 and shape.fits(shape.forms(model)[keys[0]], data) else ""


def _source(model: type, name: str) -> str:
    """The source that a bare name of a model or data set looks like."""
    builtins, local = (registry.MODELS, "path") if model is experiment.Model else (registry.DATA, "file")
    close = [known for known in near(name, builtins) if alike(name, known)]
    if close:
        return _group("builtin", close[0])
    if name.startswith((".", "/", "~")) or name.count("/") > 1 or name.endswith((".json", ".jsonl")):
        return _group(local, name)
    return f"{_group('hub', name)} for an id on the hub, `{{{local}: …}}` for what lies in the project"


def _group(key: str, value: str | float, more: str = "") -> str:
    text = cut(str(value))
    quoted = isinstance(value, str) and not re.fullmatch(r"[\w./-]+", value)
    return f"`{{{key}: {json.dumps(text, ensure_ascii=False) if quoted else text}{more}}}`"


def _from_text(wanted: str, text: str) -> str:
    if "true" in wanted and text.lower() in _NOT_BOOL:
        return f"YAML 1.2 has only `true` and `false`: write {_NOT_BOOL[text.lower()]}"
    if "number" not in wanted:
        return ""
    if re.fullmatch(r"[-+]?\d+(?:\.\d+)?(?:[eE][-+]?\d+)?", text):
        return "write it without quotes"
    if re.fullmatch(r"\d[\d_,' ]*\d", text):
        return f"write {re.sub(r'[^0-9]', '', text)}"
    percent = re.fullmatch(r"(\d+(?:\.\d+)?)\s*%", text)
    return f"write {float(percent[1]) / 100:g}" if percent else ""


def _value(value: object) -> str:
    return f"{value:g}" if isinstance(value, float) else str(value)


def _items(count: object) -> str:
    return "1 entry" if count == 1 else f"{count} entries"
