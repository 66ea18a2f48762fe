"""The schedulers that a spec may ask for, by their key under `resources`. A new one is a module with a JobFile and a
line here: the language, its schema and reference, the rules and what is emitted all take it from this table."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cotspec.back.jobs.base import JobFile
from cotspec.back.jobs.skypilot import SkyPilot
from cotspec.back.jobs.slurm import Slurm

JOBS: Final[Mapping[str, type[JobFile]]] = MappingProxyType(
    {
        "slurm": Slurm,
        "skypilot": SkyPilot,
    }
)
