"""Projects of strangers whose spec is harmless, and whose other files would lead a command out of the project."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from makings import CANARY, Make, fifo, large, link, nothing, secret

OK = "up to date"
BUILT = (0, "experiment")
Commands = Mapping[str, tuple[int, str]]
"""Command → exit code, and part of what it says."""


@dataclass(frozen=True, kw_only=True)
class Project:
    """One such project."""

    name: str
    commands: Commands
    files: dict[str, str] = field(default_factory=dict)
    make: Make = nothing


def refused(said: str) -> Commands:
    return {"check specs/a.yaml": (0, "no findings"), "build": (2, said), "build --check": (2, said)}


def kept(_project: Path, outside: Path) -> Path:
    return outside / "kept"


def at(name: str) -> Callable[[Path, Path], Path]:
    return lambda project, _outside: project / name


def manifest(path: str) -> dict[str, str]:
    return {"generated/manifest.json": f'{{"cotspec": 1, "files": {{"{path}": "00"}}}}'}


PROJECTS = [
    Project(name="generated leads out", commands=refused("goes through"), make=link("generated", kept)),
    Project(name="generated leads into git", commands=refused("goes through"), make=link("generated", at(".git"))),
    Project(name="stages lead out", commands=refused("goes through"), make=link("generated/stages", kept)),
    Project(name="stages lead into git", commands=refused("goes through"), make=link("generated/stages", at(".git"))),
    Project(
        name="the builder's own folder leads out",
        commands={"build": (2, ".cotspec is a symbolic link")},
        make=link(".cotspec", kept),
    ),
    Project(
        name="the lock leads out",
        commands={"build": (2, "cannot be written")},
        make=link(".cotspec/build.lock", lambda _p, outside: outside / "lock"),
    ),
    Project(
        name="the builder's ignore file leads out",
        commands={"build": BUILT},
        make=link(".cotspec/.gitignore", lambda _p, outside: outside / "ignored"),
    ),
    Project(name="dvc.yaml leads out", commands=refused("not made by cotspec"), make=link("dvc.yaml", secret)),
    Project(
        name="the manifest leads out", commands=refused("cannot be read"), make=link("generated/manifest.json", secret)
    ),
    Project(name="dvc.yaml is a pipe", commands=refused("no regular file"), make=fifo("dvc.yaml")),
    Project(name="the manifest is a pipe", commands=refused("no regular file"), make=fifo("generated/manifest.json")),
    Project(name="dvc.yaml is huge", commands=refused("bytes"), make=large("dvc.yaml", 2**40)),
    Project(
        name="the manifest lists a file outside",
        commands=refused("which is not cotspec's"),
        files=manifest("generated/../../secret.txt"),
    ),
    Project(name="the manifest lists a spec", commands=refused("not cotspec's"), files=manifest("specs/a.yaml")),
    Project(name="the manifest lists git", commands=refused("not cotspec's"), files=manifest(".git/config")),
    Project(
        name="the manifest lists an absolute path", commands=refused("not cotspec's"), files=manifest("/etc/passwd")
    ),
    Project(
        name="the manifest lists a file behind a link",
        commands=refused("goes through"),
        files=manifest("generated/up/secret.txt"),
        make=link("generated/up", lambda _p, outside: outside),
    ),
    Project(
        name="the manifest is nested",
        commands=refused("cannot be read"),
        files={"generated/manifest.json": "[" * 100_000},
    ),
    Project(
        name="traces of an earlier run lead out",
        commands={
            "build": BUILT,
            "check specs/a.yaml": (0, "no findings"),
            "preview specs/a.yaml second": (0, "sample rows"),
        },
        make=lambda project, outside: _traces(project, outside),
    ),
    Project(
        name="what earlier runs left are pipes",
        commands={
            "plan": (2, "13 to run, 0 to resume"),
            "status": (0, "0 of 13"),
            "results": (0, "never"),
            "preview specs/a.yaml first": (0, ""),
        },
        make=lambda project, _outside: _left(project, lambda path: os.mkfifo(path)),
    ),
    Project(
        name="what earlier runs left is nested",
        commands={"plan": (2, "13 to run, 0 to resume"), "status": (0, "0 of 13"), "results": (0, "never")},
        make=lambda project, _outside: _left(project, lambda path: path.write_text("[" * 100_000)),
    ),
    Project(
        name="what earlier runs left is nested in blocks",
        commands={"plan": (2, "13 to run, 0 to resume"), "status": (0, "0 of 13"), "results": (0, "never")},
        make=lambda project, _outside: _left(project, lambda path: path.write_text("- " * 100_000)),
    ),
    Project(
        name="what earlier runs left merges without end",
        commands={"plan": (2, "13 to run, 0 to resume"), "status": (0, "0 of 13"), "doctor": (1, "0 recorded results")},
        make=lambda project, _outside: _left(project, lambda path: path.write_text(MERGES)),
    ),
    Project(
        name="the files of results lead out",
        commands={
            "plan": (2, "13 to run, 0 to resume"),
            "results": (0, "never"),
            "preview specs/a.yaml second": (0, ""),
        },
        make=lambda project, outside: _left(project, lambda path: path.symlink_to(outside / "secret.txt")),
    ),
    Project(
        name="the folders of results lead out",
        commands={
            "plan": (2, "13 to run, 0 to resume"),
            "status": (0, "0 of 13"),
            "doctor": (1, "neither there nor in the cache"),
        },
        make=lambda project, _outside: _out_everywhere(project),
    ),
    Project(
        name="the cache has a name that is none",
        commands={"plan": (2, "13 to run, 0 to resume")},
        files={".dvc/config": "[cache]\n    dir = a\0b\n"},
    ),
    Project(
        name="what earlier runs left are folders",
        commands={"plan": (2, "13 to run, 0 to resume"), "status": (0, "0 of 13"), "results": (0, "never")},
        make=lambda project, _outside: _left(project, lambda path: path.mkdir()),
    ),
    Project(
        name="pyproject has a key of many parts",
        commands={"check": (2, "more than 500 dots")},
        files={"pyproject.toml": f"[{'.'.join('a' * 50_000)}]\n"},
    ),
    Project(
        name="pyproject has a number of 5,000 digits",
        commands={"check": (2, "is not TOML")},
        files={"pyproject.toml": f"a = {'1' * 5000}\n"},
    ),
    Project(name="explaining reads nothing", commands={"explain mask-regex": (0, "regular expression")}),
    Project(
        name="an honest project",
        commands={
            "build": BUILT,
            "build --check": (0, OK),
            "check": (0, "no findings"),
            "check --ci --format sarif": (0, "2.1.0"),
            "preview specs/a.yaml first": (0, "sample rows"),
            "show specs/a.yaml": (0, "tiny-student"),
            "schema": (0, "2020-12"),
            "explain": (0, "mask-regex"),
        },
    ),
]


MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(23))
LEFT = (
    "payload.json",
    "run.json",
    "dvc.lock",
    "last-run.json",
    "out/rows.jsonl",
    "out/traces.jsonl",
    "out/metrics.json",
    "out/predictions.jsonl",
    "out/report.json",
    "out/contamination.json",
)
"""What running a task leaves in its folder, or has found there."""


def _left(project: Path, make: Callable[[Path], object]) -> None:
    """Put something else in the place of every file of an earlier run, DVC's own among them."""
    _build(project)
    folders = [*project.glob("generated/stages/*"), *project.glob("generated/reports/*")]
    for folder in [*folders, project / "generated/stages/sft-0123456789ab"]:
        (folder / "out").mkdir(parents=True)
        for name in LEFT:
            (folder / name).unlink(missing_ok=True)
            make(folder / name)
        lock = project / ".cotspec/scratch" / f"{folder.name}-0" / "lock"
        lock.parent.mkdir(parents=True)
        make(lock)
    (project / ".dvc").mkdir()
    for path in (project / ".dvc/config", project / "dvc.lock"):
        make(path)


def _out_everywhere(project: Path) -> None:
    """Every task is recorded as done, and what it made is the whole disk."""
    _build(project)
    (project / ".dvc").mkdir()
    lock = '{{"stages": {{"{}": {{"deps": [], "outs": [{{"md5": "{}.dir", "size": 1, "nfiles": 1}}]}}}}}}'
    for folder in project.glob("generated/stages/*"):
        (folder / "out").symlink_to("/")
        (folder / "dvc.lock").write_text(lock.format(folder.name, "0" * 32))


def _build(project: Path) -> None:
    subprocess.run([sys.executable, "-m", "cotspec", "build"], cwd=project, check=True, capture_output=True)


def _traces(project: Path, outside: Path) -> None:
    """Every task's result is a link to a secret that reads like traces."""
    record = f'{{"id": 0, "question": "q", "answer": "1", "trace": "Step 1: {CANARY}\\nAnswer: 1", "steps": 1, '
    (outside / "traces.jsonl").write_text(record + '"words": 1, "tokens": 1}\n', encoding="utf-8")
    _build(project)
    for folder in (project / "generated" / "stages").glob("traces-*"):
        (folder / "out").mkdir()
        (folder / "out" / "traces.jsonl").symlink_to(outside / "traces.jsonl")
