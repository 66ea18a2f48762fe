"""DVC itself reads what is emitted."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cotspec import workspace
from cotspec.back.registry import emit
from tests.support import sealed, spec_data

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")

from dvc.repo import Repo
from dvc.stage import PipelineStage


@pytest.fixture
def repo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Repo]:
    """An empty DVC project; its state stays below tmp_path."""
    monkeypatch.setenv("DVC_SITE_CACHE_DIR", str(tmp_path / "site"))
    monkeypatch.setenv("DVC_NO_ANALYTICS", "1")
    (tmp_path / "project").mkdir()
    with Repo.init(str(tmp_path / "project"), no_scm=True) as project:
        yield project


def build(repo: Repo, *specs: dict[str, Any]) -> None:
    workspace.write(Path(repo.root_dir), emit(sealed(*specs).plan))


def address(stage: PipelineStage) -> str:
    return f"{stage.path_in_repo}:{stage.name}"


def test_dvc_finds_one_stage_per_task_and_no_fault_in_the_graph(repo: Repo) -> None:
    specs = [spec_data("small"), spec_data("everything")]
    build(repo, *specs)
    repo.index.check_graph()
    plan = sealed(*specs).plan
    assert sorted(map(address, repo.index.stages)) == sorted(
        [
            "dvc.yaml:all",
            "generated/preflight/dvc.yaml:preflight",
            *(f"generated/stages/{task.id}/dvc.yaml:{task.id}" for task in plan.tasks),
            "generated/reports/small/dvc.yaml:report",
            "generated/reports/everything/dvc.yaml:report",
        ]
    )


def test_every_dependency_is_made_by_a_stage_or_is_a_file_of_the_project(repo: Repo) -> None:
    build(repo, spec_data("small"), spec_data("everything"))
    root = Path(repo.root_dir)
    outs = {Path(out.fs_path) for stage in repo.index.stages for out in stage.outs}
    loose = set()
    for stage in repo.index.stages:
        for dep in stage.deps:
            path = Path(dep.fs_path)
            if not path.exists() and outs.isdisjoint((path, *path.parents)):
                loose.add(path.relative_to(root).as_posix())
    settings = {f"generated/reports/{name}/settings.yaml" for name in ("small", "everything")}  # not a back end's
    assert loose == {"specs/models/teacher", "specs/data/valid.jsonl", "specs/data/worked.jsonl"} | settings


@pytest.mark.parametrize("first", ["report", "all"])
def test_a_report_needs_every_stage_of_its_experiment_and_all_needs_every_report(repo: Repo, first: str) -> None:
    specs = [spec_data("small"), *([spec_data("everything")] if first == "all" else [])]
    build(repo, *specs)
    needed: set[str] = set()
    todo = [stage for stage in repo.index.stages if stage.name == first]
    while todo:
        stage = todo.pop()
        needed.add(address(stage))
        todo.extend(repo.index.graph.successors(stage))
    assert needed | {"dvc.yaml:all"} == set(map(address, repo.index.stages))


@pytest.mark.parametrize("name", ["a${b}.jsonl", "a b.jsonl", 'q"uote.jsonl', "no", "1e-4", "é…#.jsonl", "$x{y}.jsonl"])
def test_dvc_reads_the_name_of_a_file_as_it_is_written(repo: Repo, name: str) -> None:
    spec: dict[str, Any] = copy.deepcopy(spec_data("small"))
    spec["data"]["test"] = {"file": name}
    build(repo, spec)
    deps = {Path(dep.fs_path).name for stage in repo.index.stages for dep in stage.deps}
    assert name in deps


def test_goldens_are_no_stages_of_this_repository() -> None:
    """`dvc push`, `dvc pull` and `dvc repro -P` take every dvc.yaml below the project that is not ignored."""
    ignored = (Path(__file__).parents[2] / ".dvcignore").read_text(encoding="utf-8").splitlines()
    assert "/tests/" in ignored
