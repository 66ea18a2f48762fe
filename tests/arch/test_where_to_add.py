"""The steps under "Where to add" in docs/architecture.md are all it takes: they are done in a copy of the project, and
what the suite asks of a mask unit, a measure, a trainer and a scheduler holds there."""

from __future__ import annotations

import filecmp
import json
import os
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

pytest.importorskip("trl", reason="a trainer is tried by training")

ROOT = Path(__file__).parents[2]
PARTS = ("cotspec", "docs", "specs", "tests", "pyproject.toml", "mkdocs.yml", "README.md")


@dataclass(frozen=True, kw_only=True)
class Addition:
    """One thing that is added, by the row of the table."""

    row: str
    """First cell of the row."""
    name: str
    edits: dict[str, tuple[tuple[str, str], ...]]
    """File → texts in it, and what stands there instead; a new file has none."""


TRAINER = '''"""Echo: SFT under another name."""

from types import MappingProxyType
from typing import ClassVar, Literal

from cotspec.spec.base import Count
from cotspec.spec.payload_parts import TrainBody
from cotspec.spec.trainer import PassedOn
from cotspec.spec.training import Train
from cotspec.trainers.trainer import SUPERVISED, Trainer


class EchoTrainer(PassedOn):
    """Settings of TRL's `SFTConfig` that are passed on."""


class Echo(Train):
    """Echo."""

    by: Literal["echo"]
    """The trainer."""
    global_batch: Count = 32
    """Rows per optimizer step."""
    loud: bool = False
    """Says so at the end."""
    trainer: EchoTrainer | None = None
    """Further settings of TRL's trainer, passed on as they are."""


class EchoBody(TrainBody):
    """inputs: rows, model, gate → model/, metrics.json."""

    uses: ClassVar[tuple[str, ...]] = ("echo",)
    kind: Literal["echo"] = "echo"
    loud: bool


class _Echo(Trainer):
    name = "echo"
    settings = Echo
    passed = EchoTrainer
    body = EchoBody
    config = "SFTConfig"
    trl = MappingProxyType({})
    rows = "sft"
    metrics = ("loss", "loudness")
    rates = SUPERVISED
    reads = frozenset({"loss"})


ECHO = _Echo()
'''
TRAINING = '''"""Echo with TRL's SFTTrainer."""

from cotspec.runtime.trainers import sft


class _Echo(sft._Sft):
    def metrics(self, log, body):
        return super().metrics(log, body) | {"train.loudness": 1.0 if body.loud else 0.0}


ALGORITHM = _Echo()
'''
SCHEDULER = '''"""PBS: a batch script."""

from typing import ClassVar

from cotspec.back.jobs.base import Job, JobFile
from cotspec.spec.base import Count


class Pbs(JobFile):
    """A batch script for each task that uses a GPU."""

    FILE: ClassVar[str] = "job.pbs"

    ncpus: Count = 4
    """CPU cores."""

    def text(self, job: Job) -> str:
        """job.pbs."""
        select = f"#PBS -l select=1:ncpus={self.ncpus}:ngpus={job.gpus}"
        return f"#!/usr/bin/env bash\\n#PBS -N {job.id}\\n{select}\\nexec bash launch.sh\\n"
'''
COMMAS = """\
        "commas": Measure(
            int, "commas", lambda it: it.trace.text.count(","), typical=(0, 2, 9), at_most="words"
        ),
"""
ADDITIONS = (
    Addition(
        row="mask unit",
        name="clause",
        edits={
            "cotspec/cot/units.py": (
                (
                    '        "sentence": sentences,\n',
                    '        "sentence": sentences,\n'
                    '        "clause": lambda text: [m.span() for m in re.finditer("[^,]+", text)],\n',
                ),
            ),
            "cotspec/spec/mask.py": (('Literal["step", "sentence",', 'Literal["step", "clause", "sentence",'),),
        },
    ),
    Addition(
        row="reward measure",
        name="commas",
        edits={
            "cotspec/cot/expr/reference.py": (('    "correct": True,\n', '    "correct": True,\n    "commas": 2,\n'),),
            "cotspec/cot/measures.py": (('        "tokens": Measure(\n', COMMAS + '        "tokens": Measure(\n'),),
        },
    ),
    Addition(
        row="trainer",
        name="echo",
        edits={
            "cotspec/trainers/echo.py": (("", TRAINER),),
            "cotspec/trainers/__init__.py": (
                ("import DPO\n", "import DPO\nfrom cotspec.trainers.echo import ECHO\n"),
                ("for each in (SFT, ", "for each in (ECHO, SFT, "),
            ),
            "cotspec/runtime/trainers/echo.py": (("", TRAINING),),
            "cotspec/cot/versions.py": (('        "grpo": 2,\n', '        "grpo": 2,\n        "echo": 1,\n'),),
        },
    ),
    Addition(
        row="back end for a scheduler, with settings in a spec",
        name="pbs",
        edits={
            "cotspec/back/jobs/pbs.py": (("", SCHEDULER),),
            "cotspec/back/jobs/registry.py": (
                ("import JobFile\n", "import JobFile\nfrom cotspec.back.jobs.pbs import Pbs\n"),
                ('        "slurm": Slurm,\n', '        "slurm": Slurm,\n        "pbs": Pbs,\n'),
            ),
        },
    ),
)
SPEC = """\
cotspec: 2
name: added
models: {student: {builtin: tiny-student}, teacher: {builtin: tiny-teacher}}
data:
  train: {builtin: chains, split: train, size: 40}
  test: {builtin: chains, split: test, size: 8}
generate: {teach: {by: teacher, over: train, sampling: {temperature: 0.7, max_new_tokens: 180}}}
stages:
  one:
    start: student
    train: {by: echo, lr: 1e-4, loud: true, global_batch: 4, max_length: 512}
    rows: {from: teach}
    task: complete
    mask: {unit: clause, count: 1}
    loss: [answer]
    advance: {require: {train.loudness: ">= 1"}}
  two:
    start: one
    train: {by: grpo, lr: 1e-5, group: 4, max_length: 512, sampling: {max_new_tokens: 180}}
    rows: {from: teach}
    task: solve
    reward: {terms: {few: {value: -0.1 * commas}}}
evaluate: {data: test, of: [student, two], sampling: {temperature: 0, max_new_tokens: 180}}
resources: {train: {gpus: 1, per_device_batch: 4}, pbs: {ncpus: 2}}
"""


def steps(row: str) -> tuple[set[str], list[list[str]]]:
    """The files that a row of the table names, and its commands with the file each is written to."""
    page = (ROOT / "docs/architecture.md").read_text(encoding="utf-8")
    (cell,) = re.findall(rf"^\| {re.escape(row)} \| (.*) \|$", page, re.MULTILINE)
    cell = cell.partition(". Rows of a new kind")[0]
    commands = [code.split(" > ") for code in re.findall(r"`([^`]*)`", cell) if " > " in code]
    files = {path for path in re.findall(r"`([\w/<>.]+\.\w+)`", cell) if not path.startswith("tests/")}
    return {f"cotspec/{path}" for path in files}, commands


@pytest.fixture(scope="module")
def copy(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The project with all four additions."""
    root = tmp_path_factory.mktemp("added")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, root / part, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(ROOT / part, root / part)
    commands: list[list[str]] = []
    for addition in ADDITIONS:
        for path, changes in addition.edits.items():
            file = root / path
            text = file.read_text(encoding="utf-8") if file.exists() else ""
            for old, new in changes:
                assert old in text, f"{path} has no {old!r} any more"
                text = text.replace(old, new, 1)
            file.write_text(text, encoding="utf-8")
        commands += steps(addition.row)[1]
    for command, target in {tuple(each): None for each in commands}:
        words = ["-m", "cotspec", *command.split()[1:]] if command.startswith("cotspec ") else command.split()[1:]
        made = run(root, words, check=True).stdout
        (root / target).write_text(made, encoding="utf-8")
    return root


def run(
    root: Path, words: list[str], *, check: bool = False, cwd: Path | None = None
) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"PYTHONPATH": str(root)}
    return subprocess.run(
        [sys.executable, *words], cwd=cwd or root, env=environment, capture_output=True, text=True, check=check
    )


@pytest.mark.parametrize("addition", ADDITIONS, ids=lambda each: each.row)
def test_the_row_names_each_file_that_is_edited_and_no_other(addition: Addition) -> None:
    named = {path.replace("<name>", addition.name) for path in steps(addition.row)[0]}
    assert named == set(addition.edits)


def test_nothing_else_was_touched(copy: Path) -> None:
    told = {path for addition in ADDITIONS for path in addition.edits}
    told |= {target for addition in ADDITIONS for _, target in steps(addition.row)[1]}
    files = {path.relative_to(copy).as_posix() for path in copy.rglob("*") if path.is_file() and path.suffix != ".pyc"}
    changed = {name for name in files if not ((ROOT / name).exists() and filecmp.cmp(copy / name, ROOT / name, False))}
    assert {name for name in changed if name.split("/")[0] in PARTS} == told


def test_the_suites_checks_on_what_was_added_pass(copy: Path) -> None:
    asked = [
        "tests/spec/test_reference.py",
        "tests/spec/test_schema.py::test_schema_file_is_current",
        "tests/arch/test_walls.py",
        "tests/cot/test_expr_reference.py",
        "tests/runtime/test_settings_table.py",
    ]
    done = run(copy, ["-m", "pytest", "-q", "-p", "no:cacheprovider", *asked])
    assert done.returncode == 0, done.stdout[-3000:]


def test_what_was_added_is_checked_built_and_trains(copy: Path) -> None:
    project = copy / "project"
    project.mkdir()
    (project / "spec.yaml").write_text(SPEC, encoding="utf-8")
    (project / ".git").mkdir()
    told = run(copy, ["-m", "cotspec", "check", "spec.yaml"], cwd=project)
    assert "error" not in told.stdout + told.stderr
    assert run(copy, ["-m", "cotspec", "build", "spec.yaml"], cwd=project).returncode == 0
    (job,) = project.glob("generated/stages/echo-*/job.pbs")
    assert "select=1:ncpus=2:ngpus=1" in job.read_text(encoding="utf-8")
    misspelt = SPEC.replace("by: echo", "by: ecko").replace("unit: clause", "unit: clauze").replace("commas}", "comas}")
    (project / "spec.yaml").write_text(misspelt, encoding="utf-8")
    told = run(copy, ["-m", "cotspec", "check", "spec.yaml"], cwd=project)
    assert all(f"`{name}`" in told.stdout + told.stderr for name in ("echo", "clause"))
    trained(copy, project, job.parent)


def trained(copy: Path, project: Path, stage: Path) -> None:
    """The stage, on rows that are written here and without its GPU."""
    payload = json.loads((stage / "payload.json").read_text(encoding="utf-8"))
    rows = (stage / payload["inputs"]["rows"]["path"]).resolve()
    rows.parent.mkdir(parents=True)
    row = {"epoch": 0, "prompt": "Q\n", "target": "Step 1: 2.\nAnswer: 2", "supervise": [[11, 20]]}
    rows.write_text("".join(json.dumps({"row": k, "id": k, **row}) + "\n" for k in range(8)), encoding="utf-8")
    settings = json.loads((stage / "run.json").read_text(encoding="utf-8")) | {"gpus": 0}
    (stage / "run.json").write_text(json.dumps(settings), encoding="utf-8")
    done = run(copy, ["-m", "cotspec.runtime", "payload.json", "run.json"], cwd=stage)
    assert done.returncode == 0, done.stderr
    metrics = json.loads((stage / "out/metrics.json").read_text(encoding="utf-8"))
    assert (metrics["steps"], metrics["train.loudness"]) == (2, 1.0)
