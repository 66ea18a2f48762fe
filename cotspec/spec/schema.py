"""The JSON Schema of a spec (draft 2020-12), made from the spec's classes. Pure; writes nothing.

Editors that use yaml-language-server complete and hover with it from the first line of a spec.
"""

from __future__ import annotations

import json

from cotspec.spec.experiment import Experiment

DRAFT = "https://json-schema.org/draft/2020-12/schema"


def schema() -> str:
    """The schema as text, the same bytes on every machine."""
    body = Experiment.model_json_schema(by_alias=True)
    head = {"$schema": DRAFT, "title": "cotspec experiment"}
    return json.dumps(head | {key: value for key, value in body.items() if key != "title"}, indent=2) + "\n"
