"""The pages of docs/ build into a site without a broken link."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]


def test_the_site_builds_and_no_link_is_broken(tmp_path: Path) -> None:
    pytest.importorskip("material", reason="mkdocs-material (cotspec[dev]) is not installed")
    command = [sys.executable, "-m", "mkdocs", "build", "--strict", "--quiet", "--site-dir", str(tmp_path / "site")]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    pages = {path.relative_to(tmp_path / "site").with_suffix(".md").as_posix() for path in tmp_path.rglob("*.html")}
    written = {path.relative_to(ROOT / "docs").as_posix() for path in (ROOT / "docs").rglob("*.md")}
    assert {page.replace("README", "index") for page in written} <= pages


def test_the_list_of_decisions_says_what_the_pages_say() -> None:
    rows, numbers = [], []
    for page in sorted((ROOT / "docs/decisions").glob("0*.md")):
        text = page.read_text(encoding="utf-8")
        number, title = re.match(r"# (\d+)\. (.+)", text).groups()  # type: ignore[union-attr]
        other = re.search(r"^\*?Overturned by \[(\d+)\]", text, re.MULTILINE)
        rows.append(f"| [{number}]({page.name}) | {title}{f' (overturned by {other[1]})' if other else ''} |")
        numbers.append(int(number))
    contents = (ROOT / "docs/decisions/README.md").read_text(encoding="utf-8")
    assert re.findall(r"^\| \[.*$", contents, re.MULTILINE) == rows
    (unused,) = re.findall(r"never used: (.+)\.$", contents, re.MULTILINE)
    assert sorted([*numbers, *map(int, unused.split(", "))]) == list(range(1, numbers[-1] + 1))
