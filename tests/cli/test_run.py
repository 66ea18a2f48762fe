"""What `cotspec run` refuses before anything starts. That it runs, and what comes out: tests/e2e, test_parallel.py."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cotspec.back.places import UNFINISHED
from tests.cli.helpers import files
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


@pytest.mark.parametrize("command", [("run",), ("build", "--check")])
def test_nothing_runs_on_a_build_that_did_not_end_until_the_next_finishes_it(
    project: Path, run: Run, command: tuple[str, ...]
) -> None:
    assert run("build")[0] == 0
    built = files(project)
    (project / UNFINISHED).write_text(json.dumps({"put": [], "drop": ["generated/.gitignore"], "prune": []}))
    code, out, err = run(*command)
    assert (code, out) == (2, "")
    assert err.endswith("run `cotspec build`, which finishes it\n")
    assert run("build")[0] == 0
    assert files(project) == built
    assert run("build", "--check")[0] == 0
