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
    "importlib.metadata": "it reads all installed packages; pydantic wants it for plugins (cotspec.cli.startup)",
    "tomllib": "pyproject.toml is read when no spec is named",
    "difflib": "words are compared when one is misspelt",
    "cotspec.back.registry": "nothing is emitted",
    "cotspec.workspace": "nothing is written",
    "cotspec.front.messages": "the words for mistakes are for specs that have one",
    "cotspec.front.variants": "neither spec has variants",
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


YAML = """
import sys
from cotspec.cli import startup
startup.begin()
startup.load_yaml()
import re, yaml
print(type(re.compile("a")) is re.Pattern)
print(yaml.load("a: [1.5, 2026-11-24 10:00:00, 0x1f, yes, ~, 1_000, .inf, text]", Loader=yaml.SafeLoader))
try:
    yaml.load("a: \\x01", Loader=yaml.SafeLoader)
except yaml.reader.ReaderError as error:
    print(error.reason)
print(yaml.safe_dump({"a": "yes", "b": "1.5", "c": "plain"}), end="")
"""


def test_pyyaml_is_whole_although_its_expressions_are_compiled_late() -> None:
    late = subprocess.run([sys.executable, "-c", YAML], cwd=ROOT, capture_output=True, text=True, check=True).stdout
    usual = YAML.replace("startup.load_yaml()", "")
    assert late == subprocess.run([sys.executable, "-c", usual], cwd=ROOT, capture_output=True, text=True).stdout
    assert late.startswith("True\n{'a': [1.5, datetime.datetime(2026, 11, 24, 10, 0)")
    assert "special characters are not allowed" in late
