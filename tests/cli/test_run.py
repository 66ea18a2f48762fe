"""What `cotspec run` refuses before anything starts. That it runs, and what comes out: tests/e2e, test_parallel.py."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support import Run

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")


def test_what_is_not_built_as_the_spec_has_it_is_not_run(project: Path, run: Run) -> None:
    assert run("build")[0] == 0
    spec = project / "specs/one.yaml"
    spec.write_text(spec.read_text(encoding="utf-8").replace("epochs: 5", "epochs: 6"), encoding="utf-8")
    code, out, err = run("run")
    assert (code, out) == (2, "")
    assert err.startswith(
        "cotspec: rows of stage structure of bridge-tiny: what is built is not what the spec says now"
    )
