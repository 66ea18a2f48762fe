"""What a person may write in cotspec.local.yaml: where this machine keeps models, data and caches. Never shared, never
part of an identity, never in a generated file: the compiler checks it, the runtime reads it when a task runs.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final, Literal

from cotspec.spec.base import Argument, Part, Text
from cotspec.spec.endpoints import Address, same

LOCAL_FILE: Final = "cotspec.local.yaml"
GGUF: Final = (
    "a GGUF file holds weights to run a model with, and training wants whole ones: transformers writes a folder of "
    "them (docs/cookbook/own-model.md)"
)
"""What is said of a model that lies there as a GGUF file."""
ELSEWHERE: Final = (
    "for a model that lies elsewhere write `hub: lab/name`, an id of your choosing, and into cotspec.local.yaml "
    "`models: {{lab/name: {}}}`, with its folder as seen from there"
)
"""How a model's folder outside of the project is named."""
DATA_ELSEWHERE: Final = (
    "for data that lie elsewhere write `hub: lab/name, split: train`, an id of your choosing, and into "
    "cotspec.local.yaml `data: {lab/name: FOLDER}`, which holds their files"
)
"""How data outside of the project are named."""
Gpu = Literal["A100-80G", "A100-40G", "H100", "H200", "L40S", "RTX-4090"]
"""GPUs that a plan can be estimated for (cotspec.estimate.hardware)."""


class LocalEndpoint(Part):
    """A server that prompts, and its key where it wants one, may be sent to from this machine."""

    url: Address | None = None
    """Where it is: in place of the address that specs write, or where they write none."""
    key: Argument | None = None
    """Name of the variable of the environment that holds its key, and never the key itself; without one no key is
    sent."""


class LmEval(Part):
    """Where this machine has lm-eval, which `evaluate.suites` run with."""

    python: Text
    """The interpreter of an environment with it: `~/lm-eval/bin/python`."""
    tasks: Text | None = None
    """A folder with tasks of one's own, in lm-eval's form (`--include_path`). They may run code, so look at them
    before."""


class Local(Part):
    """The file `cotspec.local.yaml` in the project's folder: what only this machine knows. It is not shared (git
    ignores it), nor part of an identity. Paths are absolute, begin with `~/`, or count from the project's folder."""

    models: dict[Text, Text] = {}
    """Folder of a `hub` model, by its id: it has the files of the pinned revision and is used in their place. A cache
    of the hub's client will do, too (`~/.cache/huggingface/hub`, or a `models--owner--name` anywhere)."""
    data: dict[Text, Text] = {}
    """Folder of a `hub` data set, by its id: it has the files of the pinned revision and is used in their place."""
    endpoints: dict[Text, LocalEndpoint] = {}
    """Servers that texts may be sent to, by the `url` that specs write for an `endpoint`, or by its `model` where they
    write none. No other is asked anything, whatever a spec says."""
    cache: Text | None = None
    """Where downloads are kept (`HF_HOME`, which goes before it when it is set)."""
    lm_eval: LmEval | None = None
    """Where lm-eval is: specs that have `evaluate.suites` need it, and none can name a program."""
    device: Gpu = "A100-80G"
    """The GPU that `cotspec plan` estimates hours and memory for."""


def agreed(local: Local, *, url: str, model: str) -> LocalEndpoint | None:
    """What the owner of this machine says of the server of a model, by the `url` of the spec ("": it has none)."""
    wanted = same(url) if url else model
    return next((given for name, given in local.endpoints.items() if (same(name) if url else name) == wanted), None)


def folder(written: str, root: Path) -> Path:
    """The folder a setting names; `root` is the project's."""
    try:
        return root / Path(written).expanduser()
    except RuntimeError:  # `~somebody` whom this machine does not know
        return root / written
