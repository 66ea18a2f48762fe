"""The JSON Schema of a spec (draft 2020-12), made from the spec's classes. Pure; writes nothing.

Editors that use yaml-language-server complete and hover with it from the first line of a spec.
"""

from __future__ import annotations

import json

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core.core_schema import ModelSchema

from cotspec.spec.experiment import Experiment
from cotspec.spec.meaning import meanings

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> str:
    """The schema as text, the same bytes on every machine."""
    body = Experiment.model_json_schema(by_alias=True, schema_generator=_Described)
    head = {"$schema": DRAFT, "title": "cotspec experiment"}
    return json.dumps(head | {key: value for key, value in body.items() if key != "title"}, indent=2) + "\n"


class _Described(GenerateJsonSchema):
    """Every key with its meaning."""

    def model_schema(self, schema: ModelSchema) -> JsonSchemaValue:
        """The schema of one class; its properties stand under the keys a person writes."""
        whole = super().model_schema(schema)
        model: type[BaseModel] = schema["cls"]
        for name, text in meanings(model).items():
            whole["properties"][model.model_fields[name].alias or name]["description"] = text
        return whole
