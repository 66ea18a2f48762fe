"""A resolved spec says where each value came from and builds the same tasks as what it was made of."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.compiler import check_specs
from cotspec.diagnostics import Sink
from cotspec.driver import Unit
from cotspec.front import yaml_source
from cotspec.views import resolved

ROOT = Path(__file__).parents[2]
BASE = (ROOT / "tests" / "passes" / "base.yaml").read_text(encoding="utf-8")


def units(file: Path) -> list[Unit]:
    sink = Sink()
    checked = check_specs({f"specs/{file.name}": file}, sink)
    assert checked is not None, sink.findings
    return list(checked.units)


def ids(file: Path, name: str) -> set[str]:
    checked = check_specs({f"specs/{file.name}": file}, Sink())
    assert checked is not None
    return {task.id for task in checked.sealed.plan.tasks if name in {label.experiment for label in task.labels}}


@pytest.mark.parametrize("spec", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda path: path.stem)
def test_every_shipped_spec_and_variant_builds_the_same_tasks_from_its_resolved_form(
    spec: Path, tmp_path: Path
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs" / "prompts").symlink_to(tmp_path / "prompts")
    (tmp_path / "prompts").mkdir()
    for prompt in (spec.parent / "prompts").iterdir():
        (tmp_path / "prompts" / prompt.name).write_bytes(prompt.read_bytes())
    family = units(spec)
    for unit in family:
        file = tmp_path / "specs" / "resolved.yaml"
        file.write_text(resolved.yaml(unit.loaded, family[0].loaded), encoding="utf-8")
        assert ids(file, unit.loaded.experiment.name) == ids(spec, unit.name)


def test_each_value_says_the_file_and_line_or_the_variant_or_that_it_is_a_default(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("base.yaml").write_text(BASE)
    Path("child.yaml").write_text(
        "extends: base.yaml\nname: child\nseed: 7\nvariants: {wide: {stages.second.train.group: 8}}\n"
    )
    spec, wide = units(Path("child.yaml"))
    notes = {one.path: resolved.where(one, "wide") for one in resolved.settings(wide.loaded, spec.loaded)}
    assert notes["seed",] == "child.yaml:3"
    assert notes["stages", "second", "train", "lr"] == "base.yaml:20"
    assert notes["stages", "second", "train", "group"] == "child.yaml:4 (variant wide)"
    assert notes["stages", "second", "train", "beta"] == "default"


def test_a_default_that_means_nothing_where_it_stands_is_left_out(tmp_path: Path) -> None:
    (tmp_path / "spec.yaml").write_text(BASE)
    (spec,) = units(tmp_path / "spec.yaml")
    paths = {one.path for one in resolved.settings(spec.loaded)}
    assert ("data", "train", "question") not in paths
    assert ("generate", "teach", "sampling", "n") in paths
    assert ("evaluate", "sampling", "n") in paths
    assert ("stages", "second", "train", "sampling", "max_new_tokens") in paths
    assert ("stages", "second", "train", "sampling", "n") not in paths


def test_a_shared_setting_that_every_set_of_an_evaluation_replaces_is_left_out(tmp_path: Path) -> None:
    text = BASE.replace("evaluate: {data: test, of:", "evaluate: {sets: {test: {data: test, sampling: {n: 2}}}, of:")
    (tmp_path / "spec.yaml").write_text(text)
    (spec,) = units(tmp_path / "spec.yaml")
    paths = {one.path[:-1] for one in resolved.settings(spec.loaded)}
    assert ("evaluate", "sets", "test", "sampling") in paths
    assert ("evaluate", "sampling") not in paths


VALUES = st.recursive(
    st.booleans()
    | st.integers()
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text("ab1:#-{}[], e.\n'\"é", max_size=8),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text("ab1 :", min_size=1, max_size=4), inner, max_size=3)
    ),
    max_leaves=5,
)


@given(VALUES)
def test_a_value_is_written_so_that_it_is_read_back(value: object) -> None:
    sink = Sink()
    document = yaml_source.parse(f"a: {resolved.flow(value)}\n", "a.yaml", sink)  # type: ignore[arg-type]
    assert document is not None, sink.findings
    assert document.data == {"a": value}
