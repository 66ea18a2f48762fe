"""What a person may write in cotspec.local.yaml: where this machine keeps models, data and caches. Never shared, never
part of an identity, never in a generated file: the compiler checks it, the runtime reads it when a task runs.
"""

from __future__ import annotations

from typing import Final

from cotspec.spec.base import Part, Text

LOCAL_FILE: Final = "cotspec.local.yaml"


class Local(Part):
    """The file `cotspec.local.yaml` in the project's folder: what only this machine knows. It is not shared (git
    ignores it), and no result depends on it."""

    models: dict[Text, Text] = {}
    """Folder of a `hub` model, by its id: loaded from there, never over the network."""
    data: dict[Text, Text] = {}
    """Folder of a `hub` data set, by its id: loaded from there, never over the network."""
    cache: Text | None = None
    """Where downloads are kept (`HF_HOME`)."""
