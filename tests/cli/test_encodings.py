"""Whatever the terminal's encoding and the project's path, commands say what they have to say."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
NAMED = BASE.replace("name: example", 'name: example\nabout: "é 😀"') + "variants: {faster: {seed: 2}}\n"
ENCODINGS = {
    "ascii": {"PYTHONIOENCODING": "ascii"},
    "latin-1": {"PYTHONIOENCODING": "latin-1:strict"},
    "posix": {"LC_ALL": "POSIX", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"},
}


def run(folder: str, command: str, **environment: str) -> bytes:
    arguments = [sys.executable, "-m", "cotspec", *command.split()]
    done = subprocess.run(arguments, cwd=folder, env=os.environ | environment, capture_output=True, timeout=120)
    assert done.returncode in (0, 1, 2), (command, done.stderr)
    assert b"Traceback" not in done.stderr
    return done.stdout


@pytest.mark.parametrize("encoding", ENCODINGS)
def test_no_encoding_and_no_path_keeps_a_command_from_its_answer(encoding: str, tmp_path: Path) -> None:
    folder = os.fsdecode(os.fsencode(tmp_path) + b"/\xff\xfe x")
    os.makedirs(f"{folder}/specs")
    os.mkdir(f"{folder}/.git")
    Path(folder, "specs/a.yaml").write_text(NAMED, encoding="utf-8")
    Path(folder, "specs/bad.yaml").write_text(NAMED.replace("shuffle", "shüffle😀"), encoding="utf-8")
    environment = ENCODINGS[encoding]
    assert b"unknown-key" in run(folder, "check specs/bad.yaml", **environment)
    assert b"1 experiment" in run(folder, "build specs/a.yaml", **environment)
    assert b"to run" in run(folder, "plan specs/a.yaml", **environment)
    settings = json.loads(run(folder, "show specs/a.yaml --format json", **environment).decode("utf-8"))
    assert "é 😀" in [setting["value"] for setting in settings]
    assert json.loads(run(folder, "preview specs/a.yaml first --format json", **environment).decode("utf-8"))


def test_a_response_that_is_not_utf8_is_refused(tmp_path: Path) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/a.yaml").write_text(BASE)
    command = [sys.executable, "-m", "cotspec", "preview", "specs/a.yaml", "second", "--response", b"\xff"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, timeout=120)
    assert (done.returncode, b"is not UTF-8" in done.stderr) == (2, True), done.stderr
