"""Pydantic's errors → findings in the spec's own words, one per mistake. Knows the shape of a spec; not YAML.

Pydantic reports an error of a union once per member and names its members; here a union is explained by the one member
that was meant.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from cotspec.diagnostics import Diagnostic, Span
from cotspec.diagnostics.source import Path, SourceMap
from cotspec.diagnostics.suggest import alike, did_you_mean, listed, near
from cotspec.front import phrases, shape
from cotspec.front.nodes import Data
from cotspec.front.unknown import Around, Meant, meant


def explain(error: ValidationError, root: type[BaseModel], data: Data, source: SourceMap) -> Iterator[Diagnostic]:
    """One finding per mistake, in the order pydantic found them."""
    return _Explainer(source).explain(error.errors(include_url=False), _Place((), root, data))


@dataclass(frozen=True, slots=True)
class _Place:
    """A place in the data: where, what may stand there, what does, and the groups around it, nearest first."""

    path: Path
    form: shape.Form
    data: Data
    above: tuple[tuple[str, type[BaseModel]], ...] = ()
    kind: str = ""
    """Value of the tag, where there is one (`grpo`)."""

    def enter(self, key: str | int) -> _Place:
        """The place under `key`."""
        group = self.group
        above = ((phrases.name(self.path), group), *self.above) if group else self.above
        return _Place((*self.path, key), shape.step(self.form, key), _get(self.data, key), above)

    def narrow(self, value: str | int) -> _Place:
        """The same place as the member whose tag has this value."""
        return _Place(self.path, shape.tagged(self.form, value), self.data, self.above, str(value))

    @property
    def group(self) -> type[BaseModel] | None:
        """The model that describes the settings here, when there is just one."""
        found = shape.models(self.form)
        return found[0] if len(found) == 1 else None


def _get(data: Data, key: str | int) -> Data:
    if isinstance(data, dict) and isinstance(key, str):
        return data.get(key)
    if isinstance(data, list) and isinstance(key, int) and key < len(data):
        return data[key]
    return None


class _Explainer:
    def __init__(self, source: SourceMap) -> None:
        self.source = source

    def explain(self, errors: Iterable[ErrorDetails], root: _Place) -> Iterator[Diagnostic]:
        """Findings for errors whose locations count from `root`."""
        walked = [(*self._walk(root, error), error) for error in errors]
        found = [(place, end, error) for place, end, error in walked if not _echo(place, error)]
        guesses = {
            (place.path, str(end)): self._guess(place, str(end))
            for place, end, error in found
            if error["type"] == "extra_forbidden"
        }
        meant_keys = {(path, s) for (path, _), guess in guesses.items() for s in guess.suggestions[:1]}
        unions: set[Path] = set()
        for place, end, error in found:
            if end == _UNION:
                if place.path not in unions:
                    unions.add(place.path)
                    yield from self._union(place)
            elif error["type"] == "extra_forbidden":
                yield self._unknown(place, str(end), guesses[place.path, str(end)])
            elif error["type"] != "missing" or (place.path, str(end)) not in meant_keys:
                yield self._one(place, end, error)

    def _walk(self, place: _Place, error: ErrorDetails) -> tuple[_Place, str | None]:
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

    def _one(self, place: _Place, end: str | None, error: ErrorDetails) -> Diagnostic:
        kind, context = error["type"], error.get("ctx", {})
        if end == _KEY:
            return self._bad_name(place)
        if kind == "missing" and end is not None:
            return self._missing(place, end)
        if kind.startswith("union_tag"):
            return self._tag(place)
        if kind == "literal_error":
            return self._choice(place, shape.choices(place.form))
        problem = phrases.limit(kind, context, place.data) or phrases.pattern(kind, place.path, place.data)
        if kind == "missing":
            problem = f"wants {shape.describe(place.form).removeprefix('a list of ')}, not {phrases.got(place.data)}"
        if problem:
            return self._finding("wrong-value", f"{phrases.label(place.path)} {problem}", place)
        return self._type(place)

    # --- one kind of mistake each --------------------------------------------------------------------------------

    def _unknown(self, place: _Place, key: str, guess: Meant) -> Diagnostic:
        of, kind = phrases.name(place.path), f" ({place.kind})" if place.kind else ""
        return Diagnostic(
            rule="unknown-key",
            message=f"{of}{kind} has no setting `{phrases.cut(key)}`",
            span=self.source.key((*place.path, key)),
            help=guess.help,
            suggestions=guess.suggestions,
        )

    def _guess(self, place: _Place, key: str) -> Meant:
        group = place.group
        if group is None or not isinstance(place.data, dict):
            return Meant(help="leave it out")
        return meant(key, Around(here=group, given=place.data, above=place.above))

    def _missing(self, place: _Place, key: str) -> Diagnostic:
        group = place.group
        about = shape.meaning(group, key) if group else None
        words = " ".join((about or shape.describe(shape.step(place.form, key))).split()).rstrip(".")
        return self._needs(place, key, f"`{key}`: {words}")

    def _needs(self, place: _Place, key: str, advice: str) -> Diagnostic:
        message = f"{phrases.name(place.path)} needs `{key}`"
        return Diagnostic(rule="missing-key", message=message, span=self.source.key(place.path), help=advice)

    def _tag(self, place: _Place) -> Diagnostic:
        key, values = shape.tag(place.form) or "", shape.tags(place.form)
        if not isinstance(place.data, dict):
            return self._type(place)
        if key in place.data:
            return self._choice(_Place((*place.path, key), None, place.data[key]), values)
        near_keys = [given for given in place.data if alike(given, key)]
        if near_keys:
            return self._unknown(place, near_keys[0], Meant(help=did_you_mean((key,)), suggestions=(key,)))
        return self._needs(place, key, f"`{key}` is {phrases.either_values(values)}")

    def _choice(self, place: _Place, values: tuple[object, ...]) -> Diagnostic:
        written = [shape.written(value) for value in values]
        close = near(place.data, written) if isinstance(place.data, str) else ()
        message = f"{phrases.label(place.path)} must be {phrases.either_values(values)}, not {phrases.got(place.data)}"
        advice = did_you_mean(close) if close or place.form is None else phrases.advice(place.form, place.data)
        return self._finding("wrong-value", message, place, advice, close)

    def _bad_name(self, place: _Place) -> Diagnostic:
        message = f"`{phrases.cut(str(place.path[-1]))}` {phrases.NOT_A_NAME}"
        return Diagnostic(rule="wrong-value", message=message, span=self.source.key(place.path))

    def _type(self, place: _Place) -> Diagnostic:
        message = f"{phrases.label(place.path)} wants {shape.describe(place.form)}, got {phrases.got(place.data)}"
        return self._finding("wrong-type", message, place, phrases.advice(place.form, place.data))

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
            chosen = _best(shape.models(place.form), place.data)
            if chosen is None:
                yield self._keys(place)
                return
            errors = _errors(chosen, place.data)
            yield from self.explain(errors, _Place(place.path, chosen, place.data, place.above))
            return
        literals = tuple(value for member in shape.members(place.form) for value in shape.choices(member))
        if literals and isinstance(place.data, str):
            yield self._literal_union(place, literals)
            return
        for member in shape.members(place.form):
            one = _Place(place.path, member, place.data, place.above)
            for error in _errors(member, place.data):
                if not error["type"].endswith(("_type", "literal_error")):
                    yield self._one(one, None, error)
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
        return self._finding("wrong-type", message, place)


_UNION, _KEY = "[union]", "[key]"


def _echo(place: _Place, error: ErrorDetails) -> bool:
    """Whether an error only repeats another: pydantic does not count the items of a list that are wrong themselves."""
    least = error.get("ctx", {}).get("min_length", 0)
    return error["type"] == "too_short" and isinstance(place.data, list | dict) and len(place.data) >= least


def _errors(form: shape.Form, data: Data) -> list[ErrorDetails]:
    """What keeps `data` from being of this form."""
    model = isinstance(form, type) and issubclass(form, BaseModel)
    adapter: TypeAdapter[Any] = TypeAdapter(form, config=None if model else ConfigDict(strict=True))  # type: ignore[arg-type]
    try:
        adapter.validate_json(json.dumps(data), by_alias=True, by_name=False)
    except ValidationError as error:
        return error.errors(include_url=False)
    return []


def _best(groups: tuple[type[BaseModel], ...], data: Mapping[str, Data]) -> type[BaseModel] | None:
    """The group whose keys the given ones are most like; None when none is, or two are."""
    if len(groups) == 1:
        return groups[0]
    scores = [sum(any(alike(key, own) for own in shape.keys(group)) for key in data) for group in groups]
    best = max(scores, default=0)
    return groups[scores.index(best)] if best and scores.count(best) == 1 else None
