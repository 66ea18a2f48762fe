"""The systems of docs/methods.md: each spec builds without a finding, and the page names it and counts its lines."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from cotspec.compiler import compile_specs
from cotspec.diagnostics import Sink

ROOT = Path(__file__).parents[2]
SPECS = sorted((ROOT / "specs" / "methods").glob("*/*.yaml"))
PAGE = (ROOT / "docs" / "methods.md").read_text(encoding="utf-8")


def lines(spec: Path) -> int:
    """Lines that say something: neither empty nor a comment."""
    written = (line.strip() for line in spec.read_text(encoding="utf-8").splitlines())
    return sum(bool(line) and not line.startswith("#") for line in written)


@pytest.fixture(scope="module")
def built() -> tuple[object, list[str]]:
    sink = Sink()
    found = compile_specs({spec.relative_to(ROOT).as_posix(): spec for spec in SPECS}, sink)
    return found, [str(each) for each in sink.findings]


def test_every_spec_of_a_method_builds_and_says_why_what_is_unusual_is_right(built: tuple[object, list[str]]) -> None:
    found, findings = built
    assert found is not None, findings
    assert findings == []


@pytest.mark.parametrize("spec", SPECS, ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_the_page_names_each_spec_and_counts_its_lines(spec: Path) -> None:
    name = f"{spec.parent.name}/{spec.name}"
    assert re.search(rf"`{re.escape(name)}` \({lines(spec)}\)", PAGE), f"`{name}` ({lines(spec)})"


def test_the_page_names_no_spec_that_is_not_there() -> None:
    named = {f"{one}/{two}.yaml" for one, two in re.findall(r"`([a-z0-9-]+)/([a-z]+)\.yaml` \(\d+\)", PAGE)}
    assert named == {f"{spec.parent.name}/{spec.name}" for spec in SPECS}
