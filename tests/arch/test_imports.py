"""Checking and building specs must not load the training stack: a laptop without it can do both."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tests.support import SPECS

HEAVY = (
    "torch",
    "transformers",
    "trl",
    "datasets",
    "accelerate",
    "peft",
    "vllm",
    "dvc",
    "numpy",
    "math_verify",
    "huggingface_hub",
    "httpx2",
)
ROOT = Path(__file__).parents[2]

BUILD = f"""
import sys
from pathlib import Path
from cotspec import cli, compiler, workspace
from cotspec.diagnostics import Sink
sink = Sink()
built = compiler.compile_specs({{"specs/small.yaml": Path({str(SPECS / "small.yaml")!r})}}, sink)
assert built.plan is not None, sink.findings
assert not workspace.check(Path(sys.argv[1]), built.files).clean
print([name for name in {HEAVY!r} if name in sys.modules])
"""
PREVIEW = f"""
import sys
from cotspec import cli
sys.argv = ["cotspec", "preview", "specs/bridge-gsm8k.yaml", "compress", "--try", "teacher"]
try:
    cli.main()
except SystemExit as stop:
    assert not stop.code
print([name for name in {HEAVY!r} if name in sys.modules])
"""


def test_building_a_spec_loads_no_training_stack(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-c", BUILD, str(tmp_path)], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (0, "[]\n"), done.stderr


def test_previewing_a_row_and_its_reward_loads_no_training_stack() -> None:
    done = subprocess.run([sys.executable, "-c", PREVIEW], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.stdout.startswith(("sample rows", "real rows")), done.stderr
    assert done.stdout.endswith("\n[]\n")


@pytest.mark.parametrize("module", ["cotspec", "cotspec.cli", "cotspec.spec.experiment", "cotspec.runtime"])
def test_importing_a_package_runs_nothing_heavy(module: str) -> None:
    code = f"import sys, {module}\nprint([name for name in {HEAVY!r} if name in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"
