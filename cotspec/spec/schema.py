"""The JSON Schema of a spec, and of cotspec.local.yaml (draft 2020-12), made from their classes. Pure; writes nothing.

Editors that use yaml-language-server complete and hover with it from the first line of a spec. A file with `extends`
says only what it changes, so it has a schema of its own (`cotspec.spec.extends_schema`).
"""

from __future__ import annotations

import json
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import DictSchema, ModelSchema, NullableSchema, TaggedUnionSchema, WithDefaultSchema

from cotspec.spec.examples import EXAMPLES
from cotspec.spec.experiment import Experiment
from cotspec.spec.extends_schema import changes
from cotspec.spec.key_docs import meanings
from cotspec.spec.local import LOCAL_FILE, Local
from cotspec.spec.reference import default_in_words

DRAFT: Final = "https://json-schema.org/draft/2020-12/schema"
TITLE: Final = "cotspec experiment"
Schema = dict[str, Any]


def schema() -> str:
    """The schema as text, the same bytes on every machine."""
    whole = Experiment.model_json_schema(by_alias=True, schema_generator=_Described)
    parts = whole.pop("$defs")
    parts["Experiment"] = whole
    root = {
        "$schema": DRAFT,
        "title": TITLE,
        "description": whole["description"],
        "type": "object",
        "if": {"required": ["extends"]},
        "then": {"$ref": "#/$defs/ExperimentChanges"},
        "else": {"$ref": "#/$defs/Experiment"},
        "$defs": dict(sorted((parts | changes(parts)).items())),
    }
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


def local_schema() -> str:
    """The schema of cotspec.local.yaml as text."""
    whole = Local.model_json_schema(by_alias=True, schema_generator=_Described)
    root = {"$schema": DRAFT, **whole, "title": LOCAL_FILE}
    return json.dumps(root, indent=2, ensure_ascii=False) + "\n"


class _Described(GenerateJsonSchema):
    """What pydantic says about the classes, with a meaning, a default and examples for every key."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """The schema of one class; its properties stand under the keys a person writes."""
        whole = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for name, field in model.model_fields.items():
            key = field.alias or name
            described = _described(model, name)
            whole["properties"][key] = described | {
                what: value for what, value in whole["properties"][key].items() if what not in ("title", "description")
            }
        about = " ".join(whole.get("description", "").split())
        return {**whole, **_texts(about, about)}

    def dict_schema(self, schema: DictSchema) -> JsonSchemaValue:
        """Named entries: a key that is no name is refused (pydantic would not look at its value at all)."""
        whole = super().dict_schema(schema)
        patterns = whole.pop("patternProperties", {})
        for pattern, value in patterns.items():
            whole["propertyNames"] = {"pattern": pattern, **whole.get("propertyNames", {})}
            whole["additionalProperties"] = value
        return whole

    def tagged_union_schema(self, schema: TaggedUnionSchema) -> JsonSchemaValue:
        """The members are groups, which an editor wants to know before it has read them."""
        return {"type": "object", **super().tagged_union_schema(schema)}

    def nullable_schema(self, schema: NullableSchema) -> JsonSchemaValue:
        """Nothing is null (`cotspec.spec.base`)."""
        raise TypeError(f"a key that may be null: {schema}")

    def default_schema(self, schema: WithDefaultSchema) -> JsonSchemaValue:
        """Without the None of a key that has no default, at any depth."""
        whole = super().default_schema(schema)
        if "default" in whole:
            whole["default"] = _without_nulls(whole["default"])
        return {key: value for key, value in whole.items() if key != "default" or value is not None}


def _described(model: type[BaseModel], name: str) -> Schema:
    """What stands first in the schema of a key; `markdownDescription` is what an editor shows."""
    field = model.model_fields[name]
    meaning = " ".join(meanings(model)[name].split())
    default = "" if field.is_required() else default_in_words(field)
    rich = f"{meaning}\n\nDefault: {default}" if default not in ("", "–") else meaning
    examples = EXAMPLES.get((model, name), ())
    return {**_texts(meaning, rich), **({"examples": list(examples)} if examples else {})}


def _texts(plain: str, rich: str) -> Schema:
    """An editor takes `description` for plain text and shows its backticks."""
    return {"description": plain, **({"markdownDescription": rich} if rich != plain or "`" in rich else {})}


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(part) for key, part in value.items() if part is not None}
    return value
