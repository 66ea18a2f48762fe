"""Small specs as plans, without the front end."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import yaml

from cotspec.builtin import digest
from cotspec.ir.lower import ExperimentSource, lower
from cotspec.passes.seal import Sealed, seal
from cotspec.spec.experiment import Experiment

SPECS = Path(__file__).parent / "specs"
DIGESTS = digest.manifest()
PROMPTS = {f"prompts/{path.name}": path.read_text(encoding="utf-8") for path in (SPECS / "prompts").iterdir()}
"""Of the builtin models, as a build reads them."""


Run = Callable[..., tuple[int, str, str]]
"""Arguments of a command → exit code, stdout, stderr (the fixture `run`)."""


def cotspec(*arguments: str, folder: Path | None = None, **environment: str) -> subprocess.CompletedProcess[str]:
    """`cotspec ARGUMENTS…` in a process of its own, as CI and editors start it."""
    return subprocess.run(
        [sys.executable, "-m", "cotspec", *arguments],
        cwd=folder,
        env=os.environ | environment,
        capture_output=True,
        encoding="utf-8",
        check=False,
    )


def spec_data(name: str) -> dict[str, Any]:
    """A spec of tests/specs as plain data (they hold nothing on which YAML 1.1 and 1.2 differ)."""
    data: dict[str, Any] = yaml.safe_load((SPECS / f"{name}.yaml").read_text(encoding="utf-8"))
    return data


def experiment(data: dict[str, Any]) -> Experiment:
    return Experiment.model_validate_json(json.dumps(data))


def source(data: dict[str, Any], *, folder: str = "specs", prompts: Mapping[str, str] = PROMPTS) -> ExperimentSource:
    given = experiment(data)
    return ExperimentSource(name=given.name, experiment=given, folder=folder, prompts=prompts)


def sealed(*data: dict[str, Any], folder: str = "specs", prompts: Mapping[str, str] = PROMPTS) -> Sealed:
    """The plan of some specs."""
    return seal(lower([source(one, folder=folder, prompts=prompts) for one in data], DIGESTS))


def ids(data: dict[str, Any], *, prompts: Mapping[str, str] = PROMPTS) -> dict[str, str]:
    """Id by label of every task but the report (which carries names and is never shared)."""
    return {str(label): task.id for task in sealed(data, prompts=prompts).plan.tasks for label in task.labels}


@contextmanager
def small_disk(folder: Path, kilobytes: int) -> Iterator[Callable[[int], None]]:
    """A disk of that size in `folder`; the function makes it another size."""
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(folder)]
    if subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("a file system cannot be mounted here")

    def resize(kilobytes: int) -> None:
        subprocess.run(["mount", "-o", f"remount,size={kilobytes}k", str(folder)], check=True)

    try:
        yield resize
    finally:
        subprocess.run(["umount", "-l", str(folder)], check=True)
