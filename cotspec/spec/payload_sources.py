"""Where models and questions come from, as payloads name them (part of cotspec.spec.payload, which re-exports it).

`chat` puts prompts through the tokenizer's chat template, after a `system` turn ("" is none) and with the arguments
`template`.
"""

from typing import Annotated, Literal

from pydantic import Field

from cotspec.spec.base import Part

Arguments = dict[str, bool | int | float | str]
"""Arguments of a chat template by name."""
Columns = str | tuple[str, ...]
"""A column, or several whose texts are one."""


class HubModel(Part):
    """Weights from the model hub."""

    kind: Literal["hub"] = "hub"
    id: str
    revision: str
    chat: bool
    trust_remote_code: bool
    system: str = ""
    template: Arguments = {}


class BuiltinModel(Part):
    """Weights that come with cotspec; `digest` is the sha256 of its files (cotspec/builtin/manifest.json)."""

    kind: Literal["builtin"] = "builtin"
    name: str
    digest: str
    chat: bool
    system: str = ""
    template: Arguments = {}


class InputModel(Part):
    """Weights in the folder `inputs["model"]`, of a teacher `inputs["teacher"]`: an earlier stage's, or a local one.

    With an input `gate` or `teacher_gate` beside it, that file names which of the stage's checkpoints goes on.
    `trust_remote_code` is that of the hub model a chain of stages began with: a model is saved with its code.
    """

    kind: Literal["input"] = "input"
    chat: bool
    trust_remote_code: bool
    system: str = ""
    template: Arguments = {}


class EndpointModel(Part):
    """A model behind a server, by the name that the server knows.

    `url` is who serves it, as a spec writes it; "" is known to a machine alone (cotspec.local.yaml). With `chat` it is
    asked by messages, and `template` goes to the server's own chat template. `request` are further fields of every
    request.
    """

    kind: Literal["endpoint"] = "endpoint"
    name: str
    url: str = ""
    served: str = ""
    chat: bool
    system: str = ""
    template: Arguments = {}
    request: Arguments = {}


class FirstWeights(Part):
    """The weights a training task starts from, asked as they are there."""

    kind: Literal["self"] = "self"


ModelRef = Annotated[HubModel | BuiltinModel | InputModel, Field(discriminator="kind")]
"""Weights."""
AskedRef = Annotated[HubModel | BuiltinModel | InputModel | EndpointModel, Field(discriminator="kind")]
"""Whoever can write texts."""


class HubData(Part):
    """Questions from the data hub."""

    kind: Literal["hub"] = "hub"
    id: str
    config: str
    split: str
    revision: str
    question: Columns
    answer: str
    """Column of the gold answers; "" has none."""
    answer_after: str
    trace: Columns = ""
    """Column of a text for each question; "" has none."""
    answer_boxed: bool = False
    """The answer is what the last `\\boxed{…}` of its column holds."""
    max_bad_rows: float = 0.0
    """Share of the rows that may be bad and are left out; more are an error."""


class BuiltinData(Part):
    """Questions from a seeded generator."""

    kind: Literal["builtin"] = "builtin"
    name: str
    split: str
    size: int
    seed: int
    steps: tuple[int, int]
    trace: str = ""
    """`trace` for its worked solutions; "" has no texts."""


class FileData(Part):
    """Questions from the data file `inputs["file"]`, or the folder of shards; what it is, its name says."""

    kind: Literal["file"] = "file"
    question: Columns
    answer: str
    """Column of the gold answers; "" has none."""
    answer_after: str
    trace: Columns = ""
    """Column of a text for each question; "" has none."""
    answer_boxed: bool = False
    """The answer is what the last `\\boxed{…}` of its column holds."""
    max_bad_rows: float = 0.0
    """Share of the rows that may be bad and are left out; more are an error."""


class Table(Part):
    """A data file of Parquet, or a folder of such files, which a check cannot read: what its task reads of it."""

    path: str
    """As it counts from the project."""
    source: FileData
    end: int
    """Rows after it are nobody's business; -1 is no end."""
    asked: tuple[str, ...]
    first: int = 0
    """Nor are rows before it."""
