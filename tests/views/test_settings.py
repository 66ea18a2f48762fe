"""settings.yaml: what decides results, and where it came from, in words that no comment of a spec moves."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from cotspec.compiler import compile_specs
from cotspec.diagnostics import Sink

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
CHILD = "extends: base.yaml\nname: child\nseed: 7\nvariants: {wide: {stages.second.train.group: 8}}\n"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs/base.yaml").write_text(BASE)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def built(child: str = CHILD, *, name: str = "child", path: str = "specs/child.yaml") -> str:
    Path(path).write_text(child)
    sink = Sink()
    files = compile_specs({"specs/child.yaml": Path(path)}, sink).files
    assert files, sink.findings
    return files[f"generated/reports/{name}/settings.yaml"]


def note(text: str, key: str) -> str:
    """What stands behind the first value of a key."""
    (line, *_) = (line for line in text.splitlines() if line.strip().startswith(f"{key}:"))
    return line.partition("  # ")[2]


def test_behind_a_value_stands_a_default_a_variant_or_another_file_and_the_spec_is_named_once() -> None:
    text = built(name="child--wide")
    assert "# child--wide: a value stands in specs/child.yaml, unless" in text
    assert note(text, "seed") == ""
    assert note(text, "lr") == "specs/base.yaml"
    assert note(text, "beta") == "default"
    assert note(text, "group") == "variant wide"


def test_the_file_is_plain_data_without_what_decides_no_result() -> None:
    whole = yaml.safe_load(built())
    assert whole["stages"]["second"]["train"]["by"] == "grpo"
    assert "template" not in whole["models"]["base"], "a default that is empty says nothing"
    assert not {"name", "about", "resources", "allow", "variants", "extends"} & whole.keys()


def test_comments_resources_and_the_folder_it_is_built_in_change_nothing(
    project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = built()
    assert built(f"# a comment\n\n{CHILD}about: other words\nresources: {{train: {{gpus: 0}}}}\n") == first
    monkeypatch.chdir(project / "specs")
    assert built(path="child.yaml") == first
