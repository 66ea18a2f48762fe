"""docs/cookbook/: each page is a project; its files are written and its commands run, in their order."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sysconfig
from pathlib import Path

import pytest

from cotspec.builtin.digest import MODELS

ROOT = Path(__file__).parents[2]
PAGES = sorted(path for path in (ROOT / "docs/cookbook").glob("*.md") if path.name != "index.md")
BLOCK = re.compile(r"^(?:<!-- file: (\S+) -->\n)?```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RUNS = re.compile(
    r"^(?:cotspec init(?: .*)?|dvc repro|cotspec results|cotspec run|cotspec (?:model|export) .*)$", re.MULTILINE
)
"""Commands that set up DVC, train, or show what was trained."""
TRAINED = ("own-traces", "own-grpo")


def blocks(page: Path) -> list[tuple[str, str, str]]:
    """Name of its file, language and text of each block."""
    return [(name, language, text) for name, language, text in BLOCK.findall(page.read_text(encoding="utf-8"))]


def follow(page: Path, folder: Path, *, whole: bool) -> str:
    """Do what a page says in a new project; what it printed."""
    project, disk = folder / "project", folder / "disk"
    project.mkdir()
    shutil.copytree(MODELS / "tiny-student", disk / "models/student")
    (disk / "hf/hub/models--Qwen--Qwen3-8B").mkdir(parents=True)
    subprocess.run(["git", "init", "-q", project], check=True)
    printed = ""
    for name, language, text in blocks(page):
        here = text.replace("/mnt/", f"{disk}/")
        if name:
            (project / name).parent.mkdir(parents=True, exist_ok=True)
            (project / name).write_text(here, encoding="utf-8")
            continue
        assert language == "bash", f"a block of {page.name} is neither a file nor commands"
        printed += shell(here if whole else RUNS.sub("", here), project)
    return printed


def shell(commands: str, folder: Path) -> str:
    scripts = sysconfig.get_path("scripts")
    done = subprocess.run(
        ["bash", "-e", "-o", "pipefail", "-c", commands],
        cwd=folder,
        env=os.environ | {"PATH": f"{scripts}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": str(ROOT)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    assert "error[" not in done.stdout, done.stdout
    return done.stdout


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_every_block_of_a_page_does_what_it_says(page: Path, tmp_path: Path) -> None:
    if page.stem == "data-formats":
        pytest.importorskip("pyarrow", reason="the page writes Parquet with pyarrow, of the `train` extra")
    warnings = set(re.findall(r"warning\[([\w-]+)\]", follow(page, tmp_path, whole=False)))
    assert warnings <= {"unpinned-revision"}, warnings


@pytest.mark.slow
@pytest.mark.parametrize("name", TRAINED)
def test_a_page_that_trains_comes_to_its_table(name: str, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="the training stack (cotspec[train]) is not installed")
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    follow(ROOT / "docs/cookbook" / f"{name}.md", tmp_path, whole=True)
    assert list((tmp_path / "project").glob("generated/reports/*/out/report.json"))
    if name == "own-traces":
        assert (tmp_path / "project/handed-on/own-1/README.md").is_file()


def test_the_index_names_every_page() -> None:
    index = (ROOT / "docs/cookbook/index.md").read_text(encoding="utf-8")
    assert {f"{page.stem}.md" for page in PAGES} == set(re.findall(r"\]\(([\w-]+\.md)\)", index))
