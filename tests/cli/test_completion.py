"""What bash completes: a real bash, which asks the real command."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import typer

from cotspec.cli.app import app
from cotspec.cli.complete import members

SPEC = "variants:\n  wide: {stages.structure.train.lr: 1e-3}\n  wild: {seed: 7}\n  narrow: {seed: 8}\n"
ASK = """
eval "$(_COTSPEC_COMPLETE=source_bash cotspec)"
COMP_WORDS=("$@"); COMP_CWORD=$(( $# - 1 ))
_cotspec_completion cotspec
printf '%s\\n' "${COMPREPLY[@]}"
"""
TRIED = (
    ("cotspec expl", ["explain"]),
    ("cotspec plan specs/o", ["specs/one.yaml"]),
    ("cotspec plan sp", ["specs/"]),
    ("cotspec show specs/one.yaml @ w", ["wide", "wild"]),
    ("cotspec show specs/one.yaml @", ["narrow", "wide", "wild"]),
    ("cotspec run specs/one.yaml @ wide specs/one.yaml @ n", ["narrow"]),
    ("cotspec diff specs/one.yaml specs/one.yaml @ wid", ["wide"]),
    ("cotspec show specs/no.yaml @ w", [""]),
    ("cotspec diff HEAD : specs/one.yaml @ wi specs/one.yaml", ["specs/one.yaml"]),
    ("cotspec diff specs/one.yaml HEAD~1 : specs/one.yaml @ wi", ["wide", "wild"]),
    ("cotspec compare specs/one.yaml @ wide : st", ["structure", "student"]),
    ("cotspec compare specs/one.yaml @: st", ["structure", "student"]),
    ("cotspec compare specs/one.yaml @ : st", ["structure", "student"]),
    ("cotspec compare bridge-tiny : st", ["structure", "student"]),
    ("cotspec chat bridge-tiny--wide : st", ["structure", "student"]),
    ("cotspec results bri", ["bridge-tiny", "bridge-tiny--narrow", "bridge-tiny--wide", "bridge-tiny--wild"]),
    ("cotspec results bridge-tiny--n", ["bridge-tiny--narrow"]),
    ("cotspec plan bridge-tiny @ n", ["narrow"]),
)
"""Words as bash cuts them, at `@` too, and what it may put in place of the last one."""


@pytest.mark.skipif(shutil.which("bash") is None, reason="bash is not installed")
def test_bash_completes_commands_specs_and_variants(project: Path) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(f"{spec.read_text(encoding='utf-8')}{SPEC}", encoding="utf-8")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    for words, wanted in TRIED:
        command = ["bash", "--norc", "-c", ASK, "bash", *words.split()]
        done = subprocess.run(command, env=os.environ | {"PATH": path}, capture_output=True, text=True, check=True)
        assert (sorted(done.stdout.splitlines()), done.stderr) == (wanted, ""), words


def test_every_command_that_takes_a_spec_completes_its_variants_and_build_takes_none(project: Path) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(f"{spec.read_text(encoding='utf-8')}{SPEC}", encoding="utf-8")
    group = typer.main.get_group(app)
    completed = {}
    for name, command in group.commands.items():
        context = typer.Context(command)
        given = [each for each in command.params if each.name in ("spec", "specs", "old", "new", "models")]
        for each in given:
            found = [one.value for one in each.shell_complete(context, "specs/one.yaml@na")]
            completed[f"{name} {each.name}"] = found == ["specs/one.yaml@narrow"]
    assert {name.split()[0] for name, right in completed.items() if right} == {
        "cancel", "chat", "check", "compare", "diff", "export", "lock", "model", "plan", "preview", "results", "run",
        "show", "status", "submit", "targets",
    }  # fmt: skip
    named = [f"specs/one.yaml@{variant}" for variant in ("", "wide", "wild", "narrow")]
    assert members("specs/one.yaml@") == named, "the spec alone is one of them"
    assert [name for name, right in completed.items() if not right] == ["build specs"]
