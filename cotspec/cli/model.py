"""`cotspec model SPEC[@VARIANT][:STAGE]`: the folder of the model that a stage has trained."""

from __future__ import annotations

import os
from pathlib import Path

from cotspec.cli import project
from cotspec.cli.selection import SpecError, model_of_work_tree
from cotspec.cli.trained import model_of, stage_of


def run(text: str, stage: str) -> int:
    """Return the exit code: 1 when the spec has errors. Raises ProblemError."""
    root = project.find_root(Path.cwd())
    try:
        side, stage = model_of_work_tree(root, text, stage)
    except SpecError:
        return 1
    print(os.path.relpath(root / model_of(root, side, stage_of(side, stage)).folder))
    return 0
