"""Hostile specs and projects through the real command line: each gets its finding, and nothing else is touched.

All commands run in one process of their own, under an audit hook that sees every file that is opened, every folder that
is listed, every process and every socket.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from corpus import CASES
from makings import BASE, CANARY, MARK, SPEC, Case
from projects import PROJECTS, Project

HERE = Path(__file__).parent
HUB = "/hub-cache-of-nobody"
#: What `plan` asks git: nothing of it looks at the work tree, fetches, or runs a hook or filter.
ASKING_GIT = re.compile(
    r"subprocess\.Popen \('git', \['git', '-C', '[^']*', '(rev-parse|ls-tree|cat-file)'.*\]\)|os\.posix_spawn .*git.*"
)
BY_NAME = {case.name: case for case in CASES}


@dataclass
class Run:
    """What one command did in one scratch project."""

    exit: int
    said: str
    events: list[tuple[str, str]]
    seconds: float

    def places(self, *kinds: str) -> set[str]:
        return {place for kind, place in self.events if kind in kinds}


@dataclass
class Scratch:
    """A project in a folder of its own, with a secret beside it."""

    project: Path
    outside: Path
    runs: dict[str, Run] = field(default_factory=dict)
    after: dict[str, dict[str, str]] = field(default_factory=dict)


def lay(folder: Path, spec: str, files: Mapping[str, str]) -> Scratch:
    project, outside = folder / "home" / "project", folder / "home"
    (project / "specs").mkdir(parents=True)
    (project / ".git").mkdir()
    (outside / "secret.txt").write_text(f"{CANARY}\n{{{{ question }}}}\n", encoding="utf-8")
    (outside / "secret.yaml").write_text(f"about: {CANARY}\n", encoding="utf-8")
    (outside / "kept").mkdir()
    for name, text in {SPEC: spec, ".git/config": f"# {CANARY}\n", **files}.items():
        if text or name != SPEC:
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(text, encoding="utf-8")
    return Scratch(project=project, outside=outside)


def snapshot(folder: Path) -> dict[str, str]:
    """Every path below a folder: the text of files, the target of links, the kind of all else."""
    found = {}
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder).as_posix()
        if path.is_symlink():
            found[name] = f"-> {os.readlink(path)}"
        elif path.is_file():
            found[name] = path.read_text(encoding="utf-8", errors="replace") if path.stat().st_size < 10**7 else "large"
        else:
            found[name] = "folder" if path.is_dir() else "special"
    return found


def audited(jobs: list[dict[str, Any]]) -> tuple[list[str], list[Run]]:
    done = subprocess.run(
        [sys.executable, str(HERE / "audited.py")],
        input=json.dumps(jobs),
        capture_output=True,
        text=True,
        timeout=600,
        env=os.environ
        | {"PYTHONPATH": str(HERE.parents[1]), "COTSPEC_DEBUG": "", "NO_COLOR": "1", "HF_HUB_CACHE": HUB},
    )
    assert done.returncode == 0, done.stderr
    answer = json.loads(done.stdout)
    runs = [Run(**{**run, "events": [(kind, place) for kind, place in run["events"]]}) for run in answer["done"]]
    return answer["python"], runs


@dataclass
class World:
    """All that was run."""

    python: list[str]
    cases: dict[str, Scratch]
    projects: dict[str, Scratch]
    before: dict[str, dict[str, str]]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> World:
    cases, projects, jobs, keys = {}, {}, [], []
    before = {}
    for number, case in enumerate(CASES):
        scratch = lay(tmp_path_factory.mktemp(f"case{number}"), case.spec.replace(MARK, ""), unmarked(case))
        case.make(scratch.project, scratch.outside)
        cases[case.name] = scratch
        before[case.name] = snapshot(scratch.outside)
        for command in ("check", "check --format github", "build", "plan", "status", "show"):
            arguments = (
                [*command.split()] if case.exit == 2 and "pyproject.toml" in before_names(before[case.name]) else []
            )
            jobs.append({"folder": str(scratch.project), "arguments": arguments or [*command.split(), SPEC]})
            keys.append((scratch, command))
    for number, project in enumerate(PROJECTS):
        scratch = lay(tmp_path_factory.mktemp(f"project{number}"), BASE, project.files)
        project.make(scratch.project, scratch.outside)
        projects[project.name] = scratch
        before[project.name] = snapshot(scratch.outside)
        for command in project.commands:
            jobs.append({"folder": str(scratch.project), "arguments": command.split()})
            keys.append((scratch, command))
    python, runs = audited(jobs)
    for (scratch, command), run in zip(keys, runs, strict=True):
        scratch.runs[command] = run
    return World(python=python, cases=cases, projects=projects, before=before)


def before_names(names: Mapping[str, str]) -> set[str]:
    return {name.removeprefix("project/") for name in names}


def unmarked(case: Case) -> dict[str, str]:
    return {name: text.replace(MARK, "") for name, text in case.files.items()}


def marked(case: Case) -> str:
    """`file:line:column` of the mark, or "" where there is none."""
    for name, text in {SPEC: case.spec, **case.files}.items():
        if MARK in text:
            before = text[: text.index(MARK)]
            return f"{name}:{before.count(chr(10)) + 1}:{len(before) - before.rfind(chr(10))}"
    return ""


def findings(said: str) -> Iterator[tuple[str, str]]:
    return iter(re.findall(r"^error\[([\w-]+)\] (\S+)", said, re.MULTILINE))


@pytest.mark.parametrize("name", BY_NAME)
def test_an_attack_gets_its_finding_at_its_place(name: str, world: World) -> None:
    case, run = BY_NAME[name], world.cases[name].runs["check"]
    assert run.exit == (case.exit if case.slug or case.said else 0), run.said
    found = list(findings(run.said))
    if case.slug:
        assert case.slug in {slug for slug, _ in found}, run.said
        if place := marked(case):
            assert (case.slug, place) in found
    assert case.said in run.said


@pytest.mark.parametrize("name", BY_NAME)
def test_what_is_refused_is_not_built_and_says_the_same(name: str, world: World) -> None:
    scratch = world.cases[name]
    check, build = scratch.runs["check"], scratch.runs["build"]
    assert check.exit == build.exit
    assert list(findings(check.said)) == list(findings(build.said))
    written = snapshot(scratch.outside).keys() - world.before[name].keys()
    if check.exit:
        assert written == set()
    else:
        assert {place.removeprefix("project/").split("/")[0] for place in written} == {
            "dvc.yaml",
            "generated",
            ".cotspec",
        }


def every(world: World) -> Iterator[tuple[str, str, Scratch, Run]]:
    for name, scratch in {**world.cases, **world.projects}.items():
        for command, run in scratch.runs.items():
            yield name, command, scratch, run


def test_nothing_hangs_or_fails_and_no_traceback_is_shown(world: World) -> None:
    bad = [(n, c, r.exit, r.said[-300:]) for n, c, _, r in every(world) if r.exit not in (0, 1, 2)]
    assert bad == []
    assert [(n, c, r.seconds) for n, c, _, r in every(world) if r.seconds > 20] == []
    assert [(n, c) for n, c, _, r in every(world) if "Traceback" in r.said or "bug in cotspec" in r.said] == []


def test_nothing_that_a_terminal_acts_on_is_printed(world: World) -> None:
    assert [(n, c) for n, c, _, r in every(world) if not r.said.replace("\n", "").isprintable()] == []


def test_no_program_is_started_and_no_socket_opened(world: World) -> None:
    seen = [(name, command, place) for name, command, _, run in every(world) for place in run.places("watched")]
    assert [one for one in seen if not (one[1] == "plan" and ASKING_GIT.fullmatch(one[2]))] == []
    tree = [place for _, command, _, run in every(world) if command == "build" for place in run.places("write")]
    assert any(place.endswith("/project/dvc.yaml") for place in tree)


def test_nothing_outside_of_the_project_is_read(world: World) -> None:
    """But for the small files of models that a spec names, each in its own folder of the hub's cache."""
    allowed = [*world.python, "/dev/null"]
    strange = {
        (name, command, place)
        for name, command, scratch, run in every(world)
        for place in run.places("read", "list")
        if not re.match(rf"{re.escape(HUB)}/models--[^/]+/(?:refs|snapshots)/", place)
        and not any(Path(place).is_relative_to(folder) for folder in (*allowed, scratch.project))
    }
    assert strange == set()


def test_nothing_but_the_pipeline_is_written(world: World) -> None:
    for name, command, scratch, run in every(world):
        own = [scratch.project / part for part in ("dvc.yaml", "dvc.yaml.cotspec-tmp", "generated", ".cotspec")]
        mine = [Path(place) for place in run.places("write") if not is_python(place, world)]
        assert [place for place in mine if not any(place.is_relative_to(part) for part in own)] == [], (name, command)
        if command.startswith("check") or "--check" in command:
            assert mine == [], (name, command)


def is_python(place: str, world: World) -> bool:
    """Compiled modules are Python's own."""
    return "__pycache__" in place and any(Path(place).is_relative_to(folder) for folder in world.python)


def test_no_secret_is_shown_or_copied(world: World) -> None:
    for name, command, scratch, run in every(world):
        assert CANARY not in run.said, (name, command)
        now, before = snapshot(scratch.outside), world.before[name]
        assert {
            place: text for place, text in before.items() if now.get(place) != text and "project/" not in place
        } == {}
        fresh = {place: text for place, text in now.items() if before.get(place) != text}
        assert [place for place, text in fresh.items() if CANARY in text] == [], name
        assert not any("hacked" in place for place in now), name


@pytest.mark.parametrize("project", PROJECTS, ids=lambda project: project.name)
def test_a_project_that_would_lead_the_builder_astray(project: Project, world: World) -> None:
    scratch = world.projects[project.name]
    for command, (code, said) in project.commands.items():
        run = scratch.runs[command]
        assert (run.exit, said in run.said) == (code, True), run.said


def test_there_are_enough_of_them() -> None:
    assert len(CASES) >= 50
    assert len(BY_NAME) == len(CASES)
