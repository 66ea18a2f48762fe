"""Pydantic's errors → findings in the spec's own words, one per mistake. Knows the shape of a spec; not YAML.

Pydantic reports an error of a union once per member and names its members; here a union is explained by the one member
that was meant.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.diagnostics.suggest import did_you_mean, listed, near
from cotspec.front import phrases, shape, unknown_keys
from cotspec.front.groups import closest
from cotspec.front.nodes import Data


def explain(
    error: ValidationError,
    root: type[BaseModel],
    data: Data,
    source: SourceMap,
    said: Collection[Path] = (),
    whole: str = "the spec",
) -> Iterator[Diagnostic]:
    """One finding per mistake; none only where all are in what was `said` to be wrong already. `whole` is what a person
    calls all of the data."""
    several = len({span.file for span in source.keys.values()}) > 1
    where = (lambda path: source.key(path).file) if several else None
    strays, errors = unknown_keys.find(root, data, where), error.errors(include_url=False)
    strays.leave(said)
    place = _Place((), root, data)
    findings = [_unknown(stray, source, whole) for stray in strays.strays]
    findings += _Explainer(source, strays).explain(errors, place)
    return iter(findings) if findings or said else _Explainer(source, unknown_keys.UnknownKeys()).explain(errors, place)


def _unknown(stray: unknown_keys.UnknownKey, source: SourceMap, whole: str) -> Diagnostic:
    path = stray.group.path
    of, key = phrases.name(path) if path else whole, phrases.cut(stray.key)
    kind = f" ({stray.group.kind})" if stray.group.kind else ""
    message = f"{of}{kind} has no setting `{key}`"
    if stray.setting:
        message = f"{of} holds named entries, and `{key}` is a setting"
    elif stray.known:
        message = f"this is not the `{key}` of {of}"
    return Diagnostic(
        rule="unknown-key",
        message=message,
        span=source.key(stray.path),
        help=stray.meant.help,
        suggestions=stray.meant.suggestions,
    )


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the data: where, what may stand there, and what does."""

    path: Path
    form: shape.Form
    data: Data
    of: type[BaseModel] | None = None
    """The group whose setting this is."""

    def enter(self, key: str | int) -> _Place:
        """The place under `key`."""
        return _Place((*self.path, key), shape.step(self.form, key), _get(self.data, key), self.group)

    def narrow(self, value: str | int) -> _Place:
        """The same place as the member whose tag has this value."""
        return _Place(self.path, shape.tagged(self.form, value), self.data)

    @property
    def group(self) -> type[BaseModel] | None:
        """The model that describes the settings here, when there is just one."""
        models = shape.models(self.form)
        return models[0] if len(models) == 1 else None

    def about(self) -> str:
        """What this setting says about itself."""
        key = str(self.path[-1])
        meaning = shape.meaning(self.of, key) if self.of else None
        return f"`{key}`: {' '.join(meaning.split()).rstrip('.')}" if meaning else ""


def _get(data: Data, key: str | int) -> Data:
    if isinstance(data, dict) and isinstance(key, str):
        return data.get(key)
    if isinstance(data, list) and isinstance(key, int) and key < len(data):
        return data[key]
    return None


class _Explainer:
    def __init__(self, source: SourceMap, strays: unknown_keys.UnknownKeys) -> None:
        self.source = source
        self.strays = strays

    def explain(self, errors: Iterable[ErrorDetails], root: _Place) -> Iterator[Diagnostic]:
        """Findings for errors whose locations count from `root`."""
        unions: set[Path] = set()
        walked = [(*_walk(root, error), error) for error in errors]
        misnamed = {place.path for place, end, _ in walked if end == _KEY}
        missing: dict[Path, tuple[_Place, list[str]]] = {}
        for place, end, error in walked:
            if self._said(place, end, error) or (end is None and place.path in misnamed):
                continue
            if error["type"] == "missing" and end is not None and end != _UNION:
                missing.setdefault(place.path, (place, []))[1].append(end)
                continue
            if end != _UNION:
                yield from self._one(place, end, error)
            elif place.path not in unions:
                unions.add(place.path)
                yield from self._union(place)
        yield from (self._missing(place, keys) for place, keys in missing.values())

    def _said(self, place: _Place, end: str | None, error: ErrorDetails) -> bool:
        """Whether an error only repeats another finding."""
        path = place.path if end is None or end in (_UNION, _KEY) else (*place.path, end)
        if self.strays.said(path):
            return True
        if error["type"] == "missing":  # a spec that fails to extend another lacks all that the other has
            return path in self.strays.given or (path[:-1] == () and ("extends",) in self.strays.given)
        return error["type"] == "too_short" and (_echo(place, error) or self.strays.fills(place.path))

    def _one(self, place: _Place, end: str | None, error: ErrorDetails) -> Iterator[Diagnostic]:
        kind, context = error["type"], error.get("ctx", {})
        if end == _KEY:
            yield self._bad_name(place, kind, context)
        elif kind.startswith("union_tag"):
            yield from self._tag(place)
        elif kind == "literal_error":
            yield self._choice(place, shape.choices(place.form))
        else:
            yield self._value(place, kind, context)

    # --- one kind of mistake each --------------------------------------------------------------------------------

    def _value(self, place: _Place, kind: str, context: Mapping[str, object]) -> Diagnostic:
        problem = phrases.limit(kind, context, place.data) or phrases.pattern(kind, context, place.data)
        if kind == "missing":
            problem = f"wants {shape.describe(place.form).removeprefix('a list of ')}, not {phrases.got(place.data)}"
        if problem:
            message = f"{phrases.label(place.path)} {problem}"
            about = place.about() if kind == "string_pattern_mismatch" else ""
            advice = phrases.comma(place.path, place.data) or about
            return self._finding("wrong-value", message, place, advice)
        return self._type(place)

    def _missing(self, place: _Place, keys: Sequence[str]) -> Diagnostic:
        key = keys[0]
        if len(keys) > 1:
            return self._needs(place, keys, f"add {listed(f'{key}: …' for key in keys)}")
        advice = place.enter(key).about() or f"`{key}`: {shape.describe(shape.step(place.form, key))}"
        return self._needs(place, keys, advice)

    def _needs(self, place: _Place, keys: Sequence[str], advice: str) -> Diagnostic:
        message = f"{phrases.name(place.path)} needs {listed(keys)}"
        return Diagnostic(rule="missing-key", message=message, span=self.source.key(place.path), help=advice)

    def _tag(self, place: _Place) -> Iterator[Diagnostic]:
        """A group whose kind is not known: its tag is misspelt, moved, missing or has no such value."""
        key, values = shape.tag(place.form) or "", shape.tags(place.form)
        home = (*place.path, key)
        if not isinstance(place.data, dict):
            yield self._type(place)
        elif key in place.data:
            yield self._choice(_Place(home, None, place.data[key]), values)
        elif home not in self.strays.given:
            yield self._needs(place, (key,), f"`{key}` is {phrases.either_values(values)}")
        for stray in self.strays.strays:
            if stray.meant.home == home and stray.path[:-1] == place.path and isinstance(place.data, dict):
                rest = {name: value for name, value in place.data.items() if name != stray.key}
                value = place.data[stray.key]
                yield from self._as(_Place(place.path, shape.tagged(place.form, value), {**rest, key: value}))

    def _as(self, place: _Place) -> Iterator[Diagnostic]:
        """The findings of a group when its kind is known."""
        if place.form is not None:
            yield from self.explain(_errors(place.form, place.data), place)

    def _choice(self, place: _Place, values: tuple[object, ...]) -> Diagnostic:
        written = [shape.written(value) for value in values]
        known = phrases.of_others(place.path, place.data)
        close = near(place.data, written) if isinstance(place.data, str) and not known else ()
        message = f"{phrases.label(place.path)} must be {phrases.either_values(values)}, not {phrases.got(place.data)}"
        advice = (
            did_you_mean(close) if close or place.form is None else phrases.advice(place.path, place.form, place.data)
        )
        return self._finding("wrong-value", message, place, advice, close)

    def _bad_name(self, place: _Place, kind: str, context: Mapping[str, object]) -> Diagnostic:
        written = str(place.path[-1])
        message = f"`{phrases.cut(written)}` {phrases.key(kind, context, written)}"
        return Diagnostic(rule="wrong-value", message=message, span=self.source.key(place.path))

    def _type(self, place: _Place) -> Diagnostic:
        message = f"{phrases.label(place.path)} wants {shape.describe(place.form)}, got {phrases.got(place.data)}"
        advice = (
            self.strays.others.get(place.path)
            or self._comment(place)
            or phrases.advice(place.path, place.form, place.data)
        )
        return self._finding("wrong-type", message, place, advice)

    def _comment(self, place: _Place) -> str:
        """What to do about a value that a `#` turned into a comment."""
        key = self.source.keys.get(place.path)
        if place.data is not None or key is None or key.file not in self.source.texts:
            return ""
        rest = self.source.texts[key.file].split("\n")[key.line - 1][key.end_column - 1 :]
        return "what follows a # is a comment: put a text with a # in quotes" if re.match(r": +#\S", rest) else ""

    def _finding(
        self, rule: str, message: str, place: _Place, advice: str = "", suggestions: tuple[str, ...] = ()
    ) -> Diagnostic:
        span = self._span(place)
        return Diagnostic(rule=rule, message=message, span=span, help=advice, suggestions=suggestions)

    def _span(self, place: _Place) -> Span:
        return self.source.key(place.path) if place.data is None else self.source.value(place.path)

    # --- unions --------------------------------------------------------------------------------------------------

    def _union(self, place: _Place) -> Iterator[Diagnostic]:
        """The findings of the member that was meant."""
        if isinstance(place.data, dict):
            chosen = closest(shape.models(place.form), place.data) or shape.map_of(place.form)
            if chosen is not None:
                yield from self._as(_Place(place.path, chosen, place.data))
            elif not self.strays.fills(place.path):
                yield self._keys(place)
            return
        literals = shape.options(place.form)
        if isinstance(place.data, str) and any(isinstance(each, str) for each in literals):
            yield self._literal_union(place, literals)
            return
        for member in shape.members(place.form):
            for error in _errors(member, place.data):
                if not error["type"].endswith(("_type", "literal_error")):
                    yield from self._one(_Place(place.path, member, place.data), None, error)
                    return
        yield self._type(place)

    def _literal_union(self, place: _Place, values: tuple[object, ...]) -> Diagnostic:
        close = near(str(place.data), map(str, values))
        message = f"{phrases.label(place.path)} must be {shape.describe(place.form)}, not {phrases.got(place.data)}"
        return self._finding("wrong-value", message, place, did_you_mean(close), close)

    def _keys(self, place: _Place) -> Diagnostic:
        """A group that is like none of those it could be."""
        given = listed(place.data) if isinstance(place.data, Mapping) and place.data else "nothing"
        message = f"{phrases.label(place.path)} wants {shape.describe(place.form)}, got a group with {given}"
        key = self._too_much(place)
        if not key:
            return self._finding("wrong-type", message, place)
        there = self._lists(place, key)
        advice = f"it belongs in the items of `{there[0]}`" if there else "give the keys of one of them"
        advice += f"; a spec takes back what another gave it with `{key}: !remove `"
        span = self.source.key((*place.path, key))
        return Diagnostic(rule="wrong-type", message=message, span=span, help=advice)

    def _lists(self, place: _Place, key: str) -> list[str]:
        """The lists in a group whose items have such a key."""
        given = place.data.items() if isinstance(place.data, dict) else ()
        forms = ((name, shape.step(place.form, name)) for name, value in given if isinstance(value, list))
        items = ((name, shape.step(form, 0)) for name, form in forms if form is not None)
        return [name for name, item in items if any(key in shape.keys(model) for model in shape.models(item))]

    def _too_much(self, place: _Place) -> str:
        """The first key that another group would have, where keys of several are given, as when a spec changes which of
        them it is; of two such, the one that comes later."""
        keys = list(place.data) if isinstance(place.data, Mapping) else []
        owns = (shape.keys(model) for model in shape.models(place.form))
        rests = [[key for key in keys if key not in own] for own in owns if any(key in own for key in keys)]
        fewest = min(map(len, rests), default=0)
        return max((rest[0] for rest in rests if len(rest) == fewest), key=keys.index) if fewest else ""


_UNION, _KEY = "[union]", "[key]"


def _walk(place: _Place, error: ErrorDetails) -> tuple[_Place, str | None]:
    """The place of an error, and the missing or unknown key there, or a mark of ours."""
    loc, end = list(error["loc"]), None
    if error["type"] in ("missing", "extra_forbidden") or loc[-1:] == [_KEY]:
        last = loc.pop()
        end = last if isinstance(last, str) else None
    for part in loc:
        if len(shape.members(place.form)) == 1:
            place = place.enter(part)
        elif shape.tag(place.form) is None:
            return place, _UNION
        else:
            place = place.narrow(part)  # the tag's value, not a key of the data
    return place, end


def _echo(place: _Place, error: ErrorDetails) -> bool:
    """Whether an error only repeats another: pydantic does not count the items of a list that are wrong themselves."""
    least = error.get("ctx", {}).get("min_length", 0)
    return isinstance(place.data, list | dict) and len(place.data) >= least


def _errors(form: shape.Form, data: Data) -> list[ErrorDetails]:
    """What keeps `data` from being of this form."""
    model = isinstance(form, type) and issubclass(form, BaseModel)
    adapter: TypeAdapter[Any] = TypeAdapter(form, config=None if model else ConfigDict(strict=True))  # type: ignore[arg-type]
    try:
        adapter.validate_json(json.dumps(data), by_alias=True, by_name=False)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []
