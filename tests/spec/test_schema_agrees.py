"""What the JSON Schema refuses, `check` refuses, and the other way round: an editor and CI say the same of a spec.

Shipped specs are mutated in every way a person or a generator could get their shape wrong. `check` is its phase about
keys, types and values; what ties two places together (a name that must exist) no schema can say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Collection, Iterator
from copy import deepcopy
from pathlib import Path
from typing import Any

import jsonschema
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema.protocols import Validator

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.front import nodes, yaml_source
from cotspec.front.load import load, validate
from cotspec.spec.schema import schema

ROOT = Path(__file__).parents[2]
SPECS = [*sorted((ROOT / "specs").glob("*.yaml")), *sorted((ROOT / "tests/specs").glob("*.yaml"))]
SHAPE = {"unknown-key", "missing-key", "wrong-type", "wrong-value", "first-language"}
Route = tuple[str | int, ...]


def _pattern(_: Validator, pattern: str, instance: object, __: Any) -> Iterator[jsonschema.ValidationError]:
    """To ECMA 262, and so to an editor, `$` is the end of a text; Python's also stands before a newline at the end."""
    if isinstance(instance, str) and not re.search(re.sub(r"\$$", r"\\Z", pattern), instance):
        yield jsonschema.ValidationError(f"{instance!r} does not match {pattern!r}")


Ecma = jsonschema.validators.extend(jsonschema.Draft202012Validator, {"pattern": _pattern})
SCHEMA = Ecma(json.loads(schema()))


def data_of(spec: Path) -> Any:
    document = yaml_source.parse(spec.read_text(encoding="utf-8"), spec.name, Sink())
    assert document is not None
    return document.data


WHOLE = {spec.stem: data for spec in SPECS if "extends" not in (data := data_of(spec))}
CORPUS = list(WHOLE.values())


def routes(data: Any, at: Route = ()) -> Iterator[Route]:
    """Every place in the data."""
    yield at
    parts = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    for key, value in parts:
        yield from routes(value, (*at, key))


def get(data: Any, route: Route) -> Any:
    for key in route:
        data = data[key]
    return data


PLACES = [(data, route) for data in CORPUS for route in routes(data)]
KEYS = sorted({str(route[-1]) for _, route in PLACES if route} | {"by", "from", "at", "path", "every", "pick"})
VALUES = st.one_of(
    st.sampled_from(
        [None, True, False, "", 0, 1, 2, -1, 0.5, 1.0, 2.0, 1.5, -0.0, 1e-9, [], {}, [0], [0, 1], [1, 2, 3]]
    ),
    st.sampled_from(
        ["sft", "grpo", "teach", "failures", "final", "step", "a", "A", "a\n", "a-b", "x" * 64, "١:٠٠", " "]
    ),
    st.integers(-(2**70), 2**70),
    st.floats(allow_nan=False, allow_infinity=False),
    st.text("ab1-_ \n\N{COMBINING ACUTE ACCENT}😀", max_size=70),
    st.sampled_from(PLACES).map(lambda place: get(*place)),
).map(deepcopy)
NAMES = st.one_of(
    st.sampled_from(KEYS), st.sampled_from(["", "a", "Bad", "a b", "a\n", "y" * 64, "lr "]), st.text(max_size=3)
)


KINDS = {"train", "rows", "checkpoint", "share", "answer", "unit", "weight", "pick"}
"""What stands there is one of several kinds of group, and the other file may say which."""


@st.composite
def changes(draw: st.DrawFn) -> tuple[Any, Any]:
    """A spec, and what a spec that extends it says: part of the same, with mistakes."""
    base = deepcopy(draw(st.sampled_from(CORPUS)))
    base.pop("variants", None)
    data = thinned(draw, base)
    for _ in range(draw(st.integers(0, 2))):
        data = mutate(draw, data, KINDS)
    return base, data


def thinned(draw: st.DrawFn, data: Any) -> Any:
    """Part of the settings; what says which of several kinds a group is stays with it."""
    if not isinstance(data, dict):
        return deepcopy(data)
    kept = {key: value for key, value in data.items() if key in ("by", "from") or draw(st.integers(0, 2))}
    return {key: thinned(draw, value) for key, value in kept.items()}


@st.composite
def mutated(draw: st.DrawFn, *, times: int = 3) -> Any:
    """A spec, changed in some places."""
    data = deepcopy(draw(st.sampled_from(CORPUS)))
    for _ in range(draw(st.integers(0, times))):
        data = mutate(draw, data)
    return data


def mutate(draw: st.DrawFn, data: Any, but: Collection[str] = ()) -> Any:
    route = draw(st.sampled_from([route for route in routes(data) if not set(route) & set(but)]))
    if not route:
        return draw(VALUES) if draw(st.integers(0, 20)) == 0 else data
    above, key = get(data, route[:-1]), route[-1]
    match draw(st.sampled_from(["value", "value", "drop", "rename", "add", "inside", "wrap"])):
        case "drop":
            del above[key]
        case "rename" if isinstance(above, dict):
            above[draw(NAMES)] = above.pop(key)
        case "add" if isinstance(above, dict):
            above[draw(NAMES)] = draw(VALUES)
        case "add":
            above.append(draw(VALUES))
        case "inside" if isinstance(above[key], dict):
            above[key][draw(NAMES)] = draw(VALUES)
        case "wrap":
            above[key] = [above[key]]
        case _:
            above[key] = draw(VALUES)
    return data


def node(data: Any) -> nodes.Node:
    """Data as YAML nodes; the place does not matter."""
    nowhere = Span("spec.yaml", 1, 1, 1, 1)
    match data:
        case dict():
            entries = tuple(nodes.Entry(key, nowhere, node(value)) for key, value in data.items())
            return nodes.MappingNode(nowhere, entries)
        case list():
            return nodes.SequenceNode(nowhere, tuple(map(node, data)))
        case _:
            return nodes.ScalarNode(nowhere, data)


def refused(data: Any) -> list[Diagnostic]:
    sink = Sink()
    experiment = validate(nodes.document(node(data), {"spec.yaml": ""}), sink)
    assert (experiment is None) == bool(sink.findings)
    assert {finding.rule for finding in sink.findings} <= SHAPE
    return sink.findings


@pytest.mark.parametrize("data", CORPUS, ids=WHOLE)
def test_both_accept_the_specs(data: Any) -> None:
    assert not refused(data)
    SCHEMA.validate(data)


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
)
@given(mutated())
def test_the_schema_and_check_refuse_the_same_whole_specs(data: Any) -> None:
    if isinstance(data, dict):
        data.pop("extends", None)
    errors = [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(data)]
    findings = [finding.message for finding in refused(data)]
    assert bool(errors) == bool(findings), f"schema: {errors}; check: {findings}"


def test_a_spec_that_extends_another_needs_nothing_else() -> None:
    SCHEMA.validate({"extends": "base.yaml"})
    SCHEMA.validate({"extends": "base.yaml", "stages": {"first": {"train": {"lr": 1e-4}, "mask": {}}}})


@pytest.mark.parametrize("data", CORPUS, ids=WHOLE)
def test_an_editor_lets_every_key_be_removed(data: Any) -> None:
    """It takes `!remove` for an empty text."""
    for route in routes(data):
        if route and not any(isinstance(key, int) for key in route):
            change: Any = ""
            for key in reversed(route):
                change = {key: change}
            assert SCHEMA.is_valid({"extends": "base.yaml", **change}), route


@pytest.mark.parametrize("name", ['""', "null", "3", "[]", "{}", "!remove"])
def test_both_want_a_file_to_extend(name: str, tmp_path: Path) -> None:
    assert not SCHEMA.is_valid({"extends": json.loads(name.replace("!remove", '""'))})
    (tmp_path / "spec.yaml").write_text(f"extends: {name}\n", encoding="utf-8")
    sink = Sink()
    load(tmp_path / "spec.yaml", sink)
    assert {finding.rule for finding in sink.findings} == {"wrong-type"}


def written(data: Any) -> str:
    """Data as YAML, with `!remove` for an empty text: an editor cannot tell them apart, and most keys take no text."""
    match data:
        case dict():
            return "{" + ", ".join(f"{json.dumps(key)}: {written(value)} " for key, value in data.items()) + "}"
        case "":
            return "!remove"
        case _:
            return json.dumps(data, ensure_ascii=False)


def extending(data: Any, base: Any, folder: Path) -> list[Diagnostic]:
    """What the front end says about a file that extends another."""
    (folder / "base.yaml").write_text(json.dumps(base, ensure_ascii=False), encoding="utf-8")
    (folder / "spec.yaml").write_text(written(data), encoding="utf-8")
    sink = Sink()
    load(folder / "spec.yaml", sink)
    return [finding for finding in sink.findings if finding.severity == "error"]


@settings(max_examples=100, deadline=None, suppress_health_check=[*HealthCheck])
@given(changes())
def test_the_schema_and_check_refuse_the_same_changes(tmp_path: Path, both: tuple[Any, Any]) -> None:
    """But for what the other file decides: whether a setting is there, and which kind of group it belongs to."""
    base, data = both
    data = {**data, "extends": "base.yaml"} if isinstance(data, dict) else data
    errors = [f"{error.json_path}: {error.message}" for error in SCHEMA.iter_errors(data)]
    findings = extending(data, base, tmp_path)
    assert findings or not errors, f"schema: {errors}; check: nothing"
    own = (f for f in findings if f.span.file.endswith("spec.yaml"))
    decidable = [finding.message for finding in own if finding.rule in SHAPE - {"missing-key"}]
    if findings and not decidable:
        return  # the files cannot be put together, or something is not there: keys and values were not looked at
    assert bool(errors) == bool(decidable), f"schema: {errors}; check: {decidable}"
