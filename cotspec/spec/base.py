"""The base of every pydantic model in cotspec, and the scalar types they share. Knows nothing of files or positions."""

from __future__ import annotations

from functools import cache
from typing import Annotated, Any, ClassVar, Final, Literal, Self, cast, get_args, get_origin

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, GetCoreSchemaHandler
from pydantic_core import CoreSchema


class Part(BaseModel):
    """Frozen, strict, closed: an unknown key, a wrong type or an infinity is an error, never a guess.

    Validate JSON text (`model_validate_json`), not Python objects: in strict JSON mode a list may become a tuple and an
    integer a float, and nothing else is converted.

    A key that may be left out (`X | None = None`) takes no null: `mask:` with its settings commented out is a mistake,
    and would otherwise mean a run without a mask.

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

    @classmethod
    def __get_pydantic_core_schema__(cls, source: Any, handler: GetCoreSchemaHandler) -> CoreSchema:
        """The schema pydantic makes, in which None is what a key is when it is left out, and no value."""
        schema = handler(source)
        model = cast("dict[str, Any]", handler.resolve_ref_schema(schema))
        for field in model.get("schema", {}).get("fields", {}).values():
            optional = field["schema"]
            if optional["type"] == "default" and optional["schema"]["type"] == "nullable":
                optional["schema"] = optional["schema"]["schema"]
        return schema

    def __deepcopy__(self, memo: dict[int, Any] | None = None) -> Self:
        """Itself, since it is frozen: pydantic copies a default anew for every model that takes it."""
        return self

    written: ClassVar[tuple[str, ...]] = ()
    """Fields that are written first, in this order; DVC compares payload.json byte by byte, so a class that takes some
    of its fields from a base keeps the order it had before."""

    def said(self) -> dict[str, Any]:
        """Field → value, without the fields at their *neutral* value: the default the class declares.

        A neutral value means what a task did before the field existed, so a field that a release adds changes neither
        payload.json nor any id (docs/decisions/0020). A tag (`kind: Literal["sft"] = "sft"`) is always there.
        """
        neutral, values = _neutral(type(self)), vars(self)
        if self.written:
            values = {name: values[name] for name in self.written} | values
        return {name: value for name, value in values.items() if name not in neutral or value != neutral[name]}


@cache
def _neutral(part: type[Part]) -> dict[str, Any]:
    """The neutral value of each field that has one."""
    fields = part.model_fields.items()
    return {name: f.get_default() for name, f in fields if not (f.is_required() or _is_tag(f.annotation))}


def _is_tag(annotation: Any) -> bool:
    return get_origin(annotation) is Literal and len(get_args(annotation)) == 1


def _whole(value: object) -> object:
    """2.0 is a whole number, as it is for JSON Schema, whatever YAML 1.2 calls it."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _bool(value: object) -> object:
    return value if isinstance(value, bool) else None


def _no_bool(value: object) -> object:
    return None if isinstance(value, bool) else value


NAME: Final = r"^[a-z][a-z0-9]*(?:[-_][a-z0-9]+)*$"
TEXT_NAME: Final = r"^[a-z][a-z0-9]*(?:_[a-z0-9]+)*$"
ARGUMENT: Final = r"^[A-Za-z_][A-Za-z0-9_]*$"
#: A name a person gives to a model, data set, stage or metric. Safe in a shell, in YAML, in DVC and as a file name.
Name = Annotated[str, Field(pattern=NAME, max_length=63)]
#: The name of a text: a name that expressions and prompts can say, so without `-`.
TextName = Annotated[str, Field(pattern=TEXT_NAME, max_length=63)]
#: Text that names something elsewhere: empty, it would name nothing.
Text = Annotated[str, Field(min_length=1)]
#: The name of a keyword argument, or of a variable of the environment.
Argument = Annotated[str, Field(pattern=ARGUMENT, max_length=63)]
#: A word that a segment may end with, and that expressions can say.
Label = Annotated[str, Field(pattern=r"^[A-Za-z](?:[A-Za-z0-9_]*[A-Za-z0-9])?$", max_length=63)]
Share = Annotated[float, Field(ge=0.0, le=1.0)]
Positive = Annotated[float, Field(gt=0.0)]
NotNegative = Annotated[float, Field(ge=0.0)]
#: Of a running mean, or of what is spread over others.
Decay = Annotated[float, Field(ge=0.0, lt=1.0)]
#: For an integer; it stands last, as pydantic tells the schema of limits it meets before.
Exact = BeforeValidator(_whole)
Two = Literal[2]
#: For pydantic `true` is among the literals when 1 is, and the other way round.
Yes = Annotated[Literal[True], BeforeValidator(_bool)]
No = Annotated[Literal[False], BeforeValidator(_bool)]
Count = Annotated[int, Field(ge=1), Exact]
Whole = Annotated[int, Field(ge=0), Exact]
Seed = Annotated[int, Field(ge=0, lt=2**32), Exact]
Slice = tuple[Whole, Whole]
