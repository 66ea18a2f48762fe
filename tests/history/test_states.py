"""Every state that an earlier run can leave a task in, against what real DVC does with it."""

from __future__ import annotations

import shutil
import subprocess
from contextlib import chdir
from pathlib import Path

import pytest

from cotspec.back import places
from cotspec.cli import plan, status
from cotspec.compiler import Built
from cotspec.history.locks import Cache, lock
from tests.history.projects import BASE, FROM_FILE, build, dvc, questions, ran, stand, stand_in

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def empty(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project with git and DVC in it, made once: `dvc init` takes 3 s."""
    pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
    root = tmp_path_factory.mktemp("empty")
    (root / "specs").mkdir()
    with chdir(root):
        git("init", "-q", "-b", "main")
        git("config", "user.email", "a@b")
        git("config", "user.name", "a")
        dvc("init", "-q")
    return root


@pytest.fixture
def project(empty: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    shutil.copytree(empty, tmp_path / "project")
    monkeypatch.chdir(tmp_path / "project")
    return tmp_path / "project"


def git(*arguments: str, expected: int = 0) -> None:
    done = subprocess.run(["git", *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == expected, done.stdout + done.stderr


class Chain:
    """Data of the project's own file, the teacher's rollouts of it, and traces of those."""

    def __init__(self, built: Built, length: int = 3) -> None:
        assert built.plan is not None
        self.built = built
        traces = next(task for task in built.plan.tasks if task.id.startswith("traces-"))
        (teach,) = (read.task for read in traces.reads.values() if read.task)
        by_id = {task.id: task for task in built.plan.tasks}
        (data,) = (read.task for read in by_id[teach].reads.values() if read.task)
        self.ids = (data, teach, traces.id)[:length]

    @property
    def states(self) -> list[str]:
        found = stand(self.built)
        return [found[id].state for id in self.ids]

    def agree(self, *states: str, options: tuple[str, ...] = ()) -> None:
        """What is said is `states`, and is what DVC does."""
        assert self.states == list(states)
        targets = [places.target(places.stage_folder(id)) for id in self.ids]
        to_run = {target for target, state in zip(targets, states, strict=True) if state == "run"}
        assert ran(dvc("repro", *options, targets[-1])) == to_run

    def objects(self, at: int) -> list[Path]:
        """The files of the result of a task in the cache."""
        cache, recorded = Cache(Path.cwd()), lock(Path.cwd(), places.stage_folder(self.ids[at]), self.ids[at])
        assert recorded is not None
        kept = cache.result(recorded.out)
        assert kept is not None
        return [cache.file(digest) for digest in kept.files.values()]

    def folder(self, at: int) -> Path:
        return Path(places.stage_folder(self.ids[at]))


def test_changed_missing_and_uncommitted_results_are_told_as_dvc_takes_them(project: Path) -> None:
    questions(1)
    built = build(FROM_FILE)
    stand_in(built)
    chain = Chain(built, 2)
    chain.agree("run", "run")

    shutil.rmtree(chain.folder(0) / "out")
    (chain.folder(1) / "out/rollouts.jsonl").write_text("edited")
    chain.agree("reuse", "reuse")  # the cache has both, and DVC checks them out

    chain.objects(1)[0].unlink()
    chain.agree("reuse", "run")

    questions(2)
    chain.agree("run", "run", options=("--no-commit",))
    chain.agree("run", "run")  # in out/ as the locks say, and not in the cache


def test_a_lock_with_the_marks_of_a_merge_is_an_unfinished_merge_until_it_is_removed(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions(1)
    built = build(FROM_FILE)
    stand_in(built)
    chain = Chain(built, 1)
    git("add", "-A")
    git("commit", "-qm", "built")
    for branch, first in (("other", 2), ("mine", 3)):
        git("checkout", "-q", "-b", branch, "main")
        questions(first)
        chain.agree("run")
        git("add", "-A")
        git("commit", "-qm", branch)
    git("merge", "-q", "other", expected=1)
    git("checkout", "--ours", "specs/mine.jsonl")
    assert "<<<<<<<" in (chain.folder(0) / "dvc.lock").read_text()

    assert chain.states == ["unfinished merge"]
    assert "possible merge" in dvc("repro", expected=255)
    capsys.readouterr()
    assert plan.run([], against=None, output="text", whole=False, formulas=False) == 2
    told = capsys.readouterr().out
    assert "unfinished merge  data train" in told
    assert "1 unfinished merge" in told
    assert status.run([], output="text") == 0
    assert "example  unfinished merge  0 of" in capsys.readouterr().out

    (chain.folder(0) / "dvc.lock").unlink()
    chain.agree("reuse")  # from the run cache


def test_marks_of_a_merge_in_the_lock_of_the_root_are_warned_of(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    build()
    Path("dvc.lock").write_text("schema: '2.0'\n<<<<<<< HEAD\n=======\n>>>>>>> other\n")
    assert status.run([], output="text") == 0
    assert "dvc.lock has the marks of an unfinished merge" in capsys.readouterr().err
    assert "possible merge" in dvc("repro", expected=255)


def test_a_gate_that_did_not_pass_is_a_failed_gate_until_something_changes(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    last = "    reward: {terms: {solved: {value: 1 if correct else 0}}}\n"
    gated = BASE.replace(last, last + "    advance: {require: {train.formatted: '>= 0.9'}, otherwise: stop}\n")
    built = build(gated)
    stand_in(built, but="gate")
    assert built.plan is not None
    gate = next(task.id for task in built.plan.tasks if task.id.startswith("gate-"))
    dvc("repro", places.target(places.stage_folder(gate)), expected=255)

    standing = stand(built)[gate]
    assert standing.state == "failed gate"
    assert "train.formatted >= 0.9 does not hold: it is 0.5" in standing.reason
    capsys.readouterr()
    assert plan.run([], against=None, output="text", whole=False, formulas=False) == 2
    told = capsys.readouterr().out
    assert "failed gate  way out of stage second" in told
    assert standing.reason in told
    assert status.run([], output="text") == 0
    assert "example  failed gate" in capsys.readouterr().out

    lower = build(gated.replace(">= 0.9", ">= 0.4"))
    assert "failed gate" not in {each.state for each in stand(lower).values()}
