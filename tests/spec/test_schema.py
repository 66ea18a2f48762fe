"""docs/spec.schema.json is the schema of what a spec may hold, and the shipped specs fit it."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from cotspec.diagnostics import Sink
from cotspec.front import yaml_source
from cotspec.spec.examples import EXAMPLES
from cotspec.spec.schema import local_schema, schema

ROOT = Path(__file__).parents[2]
SHIPPED = sorted((ROOT / "specs").glob("*.yaml"))


def plain(spec: Path) -> object:
    document = yaml_source.parse(spec.read_text(encoding="utf-8"), spec.name, Sink())
    assert document is not None
    return json.loads(json.dumps(document.data))


def test_schema_file_is_current() -> None:
    page = (ROOT / "docs" / "spec.schema.json").read_text(encoding="utf-8")
    assert page == schema(), "run `cotspec schema > docs/spec.schema.json`"


def test_schema_is_valid_draft_2020_12_and_describes_every_key() -> None:
    whole = json.loads(schema())
    jsonschema.Draft202012Validator.check_schema(whole)
    for name, part in whole["$defs"].items():
        assert part["description"], name
        for key, value in part.get("properties", {}).items():
            assert value["description"], f"{name}.{key}"
            rich = value.get("markdownDescription", value["description"])
            assert "`" not in value["description"] or "`" in rich, f"{name}.{key}"


def test_defaults_and_examples_are_what_the_key_takes() -> None:
    whole = json.loads(schema())
    seen = 0
    for name, part in whole["$defs"].items():
        for key, value in part.get("properties", {}).items():
            validator = jsonschema.Draft202012Validator({"$defs": whole["$defs"], **value})
            for given in (*value.get("examples", ()), *([value["default"]] if "default" in value else [])):
                assert validator.is_valid(given), f"{name}.{key}: {given}"
                seen += 1
    assert seen > 100


def test_every_example_belongs_to_a_key() -> None:
    for model, name in EXAMPLES:
        assert name in model.model_fields, f"{model.__name__}.{name}"


@pytest.mark.parametrize("spec", SHIPPED, ids=lambda path: path.stem)
def test_shipped_spec_fits_the_schema_and_points_an_editor_to_it(spec: Path) -> None:
    jsonschema.Draft202012Validator(json.loads(schema())).validate(plain(spec))
    first = spec.read_text(encoding="utf-8").splitlines()[0]
    assert (spec.parent / first.partition("$schema=")[2]).resolve() == (ROOT / "docs" / "spec.schema.json").resolve()


def test_schema_refuses_a_misspelt_key_at_any_depth() -> None:
    data = json.loads(json.dumps(plain(ROOT / "specs/bridge-tiny.yaml")))
    data["stages"]["structure"]["train"]["learnign_rate"] = 1e-5
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft202012Validator(json.loads(schema())).validate(data)


def test_the_schema_of_the_local_file_takes_what_check_takes_and_describes_every_key() -> None:
    whole = json.loads(local_schema())
    jsonschema.Draft202012Validator.check_schema(whole)
    parts = [whole, *whole["$defs"].values()]
    assert all(part["description"] and key["description"] for part in parts for key in part["properties"].values())
    right = {"models": {"a/b": "~/x"}, "endpoints": {"http://lab/v1": {"key": "KEY"}}, "device": "H200"}
    jsonschema.validate(right, whole)
    for wrong in ({"modles": {}}, {"models": {"a/b": 1}}, {"device": "H900"}, {"lm_eval": {}}):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(wrong, whole)
