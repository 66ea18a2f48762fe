"""What docs/ci.md and docs/editors.md say is what this repository has."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import yaml

from cotspec.cli import init

ROOT = Path(__file__).parents[1]


def snippet(name: str, page: str = "ci") -> str:
    text = (ROOT / f"docs/{page}.md").read_text(encoding="utf-8")
    return re.search(rf"<!-- snippet: {name} -->\n```yaml\n(.*?)```", text, re.DOTALL)[1]  # type: ignore[index]


def loaded(file: str) -> Any:
    return yaml.safe_load((ROOT / file).read_text(encoding="utf-8"))


def test_the_workflow_gives_the_action_inputs_it_has() -> None:
    (step,) = [
        each for each in yaml.safe_load(snippet("workflow"))["jobs"]["specs"]["steps"] if "cotspec" in each["uses"]
    ]
    assert step["with"]
    assert step["with"].keys() <= loaded("action.yml")["inputs"].keys()


def test_the_list_of_inputs_is_whole() -> None:
    text = (ROOT / "docs/ci.md").read_text(encoding="utf-8")
    listed = re.search(r"^Inputs: (.*?\.)$", text, re.MULTILINE)
    assert listed
    assert set(re.findall(r"`([a-z-]+)`", listed[1])) == loaded("action.yml")["inputs"].keys()


def test_the_hooks_are_those_of_the_manifest() -> None:
    (repository,) = yaml.safe_load(snippet("pre-commit"))["repos"]
    assert repository["hooks"] == [{"id": hook["id"]} for hook in loaded(".pre-commit-hooks.yaml")]


def test_the_modeline_is_that_of_the_starter() -> None:
    assert init.starter().startswith(snippet("modeline", "editors"))
