"""The base of every pydantic model in cotspec, and the scalar types they share. Knows nothing of files or positions."""

from __future__ import annotations

from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field


class Part(BaseModel):
    """Frozen, strict, closed: an unknown key, a wrong type or an infinity is an error, never a guess.

    Validate JSON text (`model_validate_json`), not Python objects: in strict JSON mode a list may become a tuple and an
    integer a float, and nothing else is converted.

    Defaults that are groups are made with `model_construct`, which needs no validator; a test validates them all.
    """

    model_config = ConfigDict(
        extra="forbid",
        frozen=True,
        strict=True,
        allow_inf_nan=False,
        populate_by_name=True,
        protected_namespaces=(),
        defer_build=True,  # a validator is built when it is used; one process uses a few of all classes
    )


#: A name a person gives to a model, data set, stage or metric. Safe in a shell, in YAML, in DVC and as a file name.
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$", max_length=63)]
#: Text that names something elsewhere: empty, it would name nothing.
Text = Annotated[str, Field(min_length=1)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
Count = Annotated[int, Field(ge=1)]
Whole = Annotated[int, Field(ge=0)]
Seed = Annotated[int, Field(ge=0, lt=2**32)]
Slice = tuple[Whole, Whole]
