"""docs/endpoints.md: its spec, with and without the word of the machine's owner that stands beside it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from tests.support import Run

PAGE = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text(encoding="utf-8")
SPEC, AGREED, NEAR = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "served.yaml").write_text(SPEC, encoding="utf-8")
    return tmp_path


def test_the_spec_of_the_page_is_without_mistakes_where_its_owner_agrees(project: Path, run: Run) -> None:
    (project / "cotspec.local.yaml").write_text(AGREED, encoding="utf-8")
    code, out, err = run("check", "--ci", "served.yaml", folder=project)
    assert (code, "no findings" in out) == (0, True), out + err


def test_without_that_word_it_says_what_to_write(project: Path, run: Run) -> None:
    code, out, _ = run("check", "served.yaml", folder=project)
    assert code == 1
    assert re.findall(r"\[([\w-]+)\] (\S+)", out) == [("endpoint-consent", "served.yaml:7:21")]
    assert 'endpoints: {"https://api.deepseek.com/v1": {key: DEEPSEEK_API_KEY}}' in out


def test_a_word_without_the_key_that_the_spec_needs_is_not_enough(project: Path, run: Run) -> None:
    (project / "cotspec.local.yaml").write_text('endpoints: {"https://API.deepseek.com:443/v1/": {}}', encoding="utf-8")
    code, out, _ = run("check", "served.yaml", folder=project)
    assert (code, "the key in DEEPSEEK_API_KEY" in out) == (1, True)


@pytest.mark.parametrize("command", ["check", "build"])
def test_who_runs_nothing_can_do_without(command: str, project: Path, run: Run) -> None:
    assert run(command, "--allow-endpoints", "served.yaml", folder=project)[0] == 0


def test_a_plan_asks_for_no_consent_and_knows_no_time(project: Path, run: Run) -> None:
    code, out, err = run("plan", "served.yaml", "--format", "json", folder=project)
    assert code == 2, err
    costs = {task["id"].rpartition("-")[0]: task["estimate"] for task in json.loads(out)["tasks"]}
    assert costs["teach"]["seconds"]["value"] is None
    assert "before it has" in costs["teach"]["seconds"]["text"]
    assert "at 2.19 a million they cost" in costs["teach"]["tokens"]["text"]
    shown = run("plan", "served.yaml", folder=project)[1]
    print(shown)
    (row,) = (line for line in shown.splitlines() if " teach-" in line)
    assert re.search(r"  \?, [\d,]+( \(≤ [\d,]+\))? tokens for [\d.]+", row)
    (server,) = (line for line in shown.splitlines() if line.startswith("server"))
    assert re.fullmatch(
        r"server  deepseek-reasoner: .* tokens written, .* and prompts; of a budget of .* for all runs", server
    )


def test_a_server_without_an_address_is_where_this_machine_says(project: Path, run: Run) -> None:
    near = SPEC.replace(
        '{url: "https://api.deepseek.com/v1", model: deepseek-reasoner, key: DEEPSEEK_API_KEY}',
        "{model: Qwen/Qwen3-32B, served: fp8}",
    )
    (project / "served.yaml").write_text(near, encoding="utf-8")
    code, out, _ = run("check", "served.yaml", folder=project)
    assert (code, "nothing says where `Qwen/Qwen3-32B` is served" in out) == (1, True)
    (project / "cotspec.local.yaml").write_text(NEAR, encoding="utf-8")
    assert run("check", "served.yaml", folder=project)[0] == 0
