"""What `cotspec check` may load: half of a cold check is importing, so what it does not need stays out.

Not timed (`tests/bench/test_check_speed.py` is). A module that shows up here is imported where it is used, not in a
module's head.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]

UNNEEDED = {
    "jinja2": "prompts that only insert their names need no template engine",
    "typer": "`cotspec check PATH…` has no option to parse",
    "tomllib": "pyproject.toml is read when no spec is named",
    "difflib": "words are compared when one is misspelt",
    "cotspec.back.registry": "nothing is emitted",
    "cotspec.workspace": "nothing is written",
    "cotspec.front.messages": "the words for mistakes are for specs that have one",
    "cotspec.front.expand": "neither spec has variants",
    "cotspec.cot.rows": "the kernel reads traces, and there are none before the first run",
    "cotspec.cot.units": "as above",
    "cotspec.cot.answers": "as above",
    "cotspec.diagnostics.sarif": "findings are printed in one way",
}

CHECK = f"""
import atexit, sys
from cotspec.cli import main
atexit.register(lambda: print([name for name in {tuple(UNNEEDED)!r} if name in sys.modules], file=sys.stderr))
main()
"""


@pytest.mark.parametrize("spec", ["bridge-gsm8k", "bridge-tiny"])
def test_a_check_loads_only_what_it_needs(spec: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")  # away from the results of earlier runs
    done = subprocess.run(
        [sys.executable, "-c", CHECK, "check", f"specs/{spec}.yaml"],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        check=True,
    )
    assert done.stderr == "[]\n", "import it where it is used, or say here why it is needed"


def test_a_check_does_not_build_every_validator() -> None:
    """Parts of a spec are validated by the whole's validator; theirs are built when somebody asks one of them."""
    code = "from cotspec.spec.experiment import Stage\nprint(Stage.__pydantic_complete__)"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
