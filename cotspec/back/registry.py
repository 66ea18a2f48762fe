"""What is emitted of every plan, by name. What a spec may ask for besides is in `jobs/registry.py`."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Protocol

from cotspec.back import accelerate, dvc, job_files, launch, payloads
from cotspec.ir.plan import Plan


class BackEnd(Protocol):
    """A pure function: the same plan gives the same files, and nothing is read or written."""

    def __call__(self, plan: Plan, /) -> dict[str, str]:
        """Return text by path, relative to the project."""
        ...


BACKENDS: Mapping[str, BackEnd] = MappingProxyType(
    {
        "dvc": dvc.emit,
        "payloads": payloads.emit,
        "launch": launch.emit,
        "accelerate": accelerate.emit,
        "jobs": job_files.emit,
    }
)


def emit(plan: Plan) -> dict[str, str]:
    """Return the files of all back ends. Raises RuntimeError when two write one path (a bug)."""
    files: dict[str, str] = {}
    for name, backend in BACKENDS.items():
        for path, text in backend(plan).items():
            if path in files:
                raise RuntimeError(f"back end `{name}` writes {path}, and so does another")
            files[path] = text
    return files
