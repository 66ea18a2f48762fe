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
    ("cotspec preview specs/one.yaml @ wide st", ["structure"]),
    ("cotspec preview bridge-tiny t", ["teach", "tries"]),
    ("cotspec preview specs/one.yaml @ wide : com", ["compress"]),
    ("cotspec chat bridge-tiny st", ["structure", "student"]),
    ("cotspec model bridge-tiny--wide s", ["structure"]),
    ("cotspec compare bridge-tiny student c", ["compress"]),
    ("cotspec preview specs/no.yaml st", [""]),
    ("cotspec explain mask-hides", ["mask-hides-all", "mask-hides-nothing"]),
)
"""Words as bash cuts them, at `@` too, and what it may put in place of the last one."""


FISH = """_COTSPEC_COMPLETE=source_fish cotspec | source
for words in $argv; complete -C $words; echo; end
"""
ZSH = """
import os, pty, select, sys, time
pid, side = pty.fork()
if pid == 0:
    os.execvpe("zsh", ["zsh", "-f", "-i"], os.environ | {"TERM": "dumb", "PS1": "> "})
said = b""

def until(sign, seconds=20.0):
    global said
    end = time.monotonic() + seconds
    while sign not in said and time.monotonic() < end:
        if select.select([side], [], [], 0.1)[0]:
            said += os.read(side, 65536)

until(b"> ")
begin = 'autoload -Uz compinit && compinit -u -d ' + sys.argv[1] + '; eval "$(_COTSPEC_COMPLETE=source_zsh cotspec)"'
os.write(side, begin.encode() + b"; echo rea''dy\\n")
until(b"ready\\r")
for words, wanted in zip(sys.argv[2::2], sys.argv[3::2]):
    said = b""
    os.write(side, words.encode() + b"\\t")
    until(wanted.encode())
    print(wanted.encode() in said)
    os.write(side, b"\\x15")
os.kill(pid, 9)
"""


def completed(project: Path, *command: str | Path) -> str:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environment = os.environ | {"PATH": path, "HOME": str(project)}
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=True, cwd=project).stdout


@pytest.mark.skipif(shutil.which("fish") is None, reason="fish is not installed (Debian: apt-get install fish)")
def test_fish_completes_commands_variants_and_stages(project: Path) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(f"{spec.read_text(encoding='utf-8')}{SPEC}", encoding="utf-8")
    words = (
        "cotspec expl",
        "cotspec show specs/one.yaml@n",
        "cotspec preview bridge-tiny st",
        "cotspec chat bridge-tiny:com",
    )
    (project / "ask.fish").write_text(FISH)
    said = completed(project, "fish", "--no-config", "ask.fish", *words)
    assert [each.split("\t")[0].strip() for each in said.split("\n\n")] == [
        "explain", "specs/one.yaml@narrow", "structure", "bridge-tiny:compress", ""
    ]  # fmt: skip


@pytest.mark.skipif(shutil.which("zsh") is None, reason="zsh is not installed (Debian: apt-get install zsh)")
def test_zsh_completes_commands_variants_and_stages(project: Path) -> None:
    spec = project / "specs/one.yaml"
    spec.write_text(f"{spec.read_text(encoding='utf-8')}{SPEC}", encoding="utf-8")
    tried = (
        ("cotspec expl", "explain "),
        ("cotspec show specs/one.yaml@n", "@narrow"),
        ("cotspec model bridge-tiny str", "structure "),
    )
    given = [word for each in tried for word in each]
    said = completed(project, sys.executable, "-c", ZSH, project / "dump", *given)
    assert said.split() == ["True"] * len(tried)


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
