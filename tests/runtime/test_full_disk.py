"""A disk that fills up while a task writes: one sentence that names the folder, nothing half-published, and the same
bytes once there is room. With real small disks (tmpfs), where this process may mount one."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from cotspec import workspace
from cotspec.back.registry import emit
from cotspec.spec.payload import BuiltinData, DataBody, EvaluateBody, Range
from cotspec.workspace import WorkspaceError
from tests.runtime import bodies
from tests.runtime.conftest import QUESTIONS, SOLVE, Run, contents, environment, lay_out, write_lines
from tests.support import sealed, small_disk, spec_data

CHAINS = DataBody(
    source=BuiltinData(name="chains", split="train", size=600, seed=0, steps=(2, 3)), slice=Range(first=0, end=-1)
)
SENTENCE = re.compile(
    r"cotspec: (?P<folder>/\S+) cannot be written: its disk, or what you may use of it, is full \([\d,]+ MB free\)\. "
    r"Make room and run the same command again: it goes on from what is whole\n"
)


def test_a_checkpoint_that_does_not_fit_is_told_and_training_goes_on_once_there_is_room(
    tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    """Disks that are full at the first checkpoint's weights, in its optimizer, and at the third checkpoint."""
    rows = write_lines(tmp_path / "rows.jsonl", bodies.sft_rows(24))
    inputs = {"rows": rows, "model": tiny_model}
    whole = lay_out(tmp_path / "whole", "sft-a", bodies.sft(), inputs, save_steps=1)
    assert run_here(whole)[0] == 0
    for kilobytes in (240, 420, 960):
        with small_disk(tmp_path / str(kilobytes), kilobytes) as resize:
            folder = lay_out(tmp_path / str(kilobytes), "sft-a", bodies.sft(), inputs, save_steps=1)
            told(run_here(folder), tmp_path / str(kilobytes))
            assert not (folder / "out").exists()
            resize(10_000)
            code, out, err = run_here(folder)
            assert (code, err) == (0, "")
            assert ("resuming after step 2" in out) == (kilobytes == 960)
            assert contents(folder / "out") == contents(whole / "out")


def test_a_result_that_does_not_fit_is_told_and_never_half_published(tmp_path: Path, run_here: Run) -> None:
    whole = lay_out(tmp_path / "whole", "data-a", CHAINS)
    assert run_here(whole)[0] == 0
    with small_disk(tmp_path / "small", 60) as resize:
        folder = lay_out(tmp_path / "small", "data-a", CHAINS)
        told(run_here(folder), tmp_path / "small")
        assert not (folder / "out").exists()
        resize(10_000)
        assert run_here(folder)[0] == 0
        assert contents(folder / "out") == contents(whole / "out")


def test_batches_that_do_not_fit_are_told_and_those_before_are_kept(
    tmp_path: Path, tiny_model: Path, run_here: Run
) -> None:
    records = [{"id": i, "question": f"{QUESTIONS[i % 12][0]} {i}", "answer": "1"} for i in range(240)]
    inputs = {"problems": write_lines(tmp_path / "problems.jsonl", records), "model": tiny_model}
    body = EvaluateBody(model=bodies.MODEL, prompt=SOLVE, sampling=bodies.SAMPLED, format=bodies.FORMAT, seed=1)
    whole = lay_out(tmp_path / "whole", "evaluate-a", body, inputs, generate_batch=16)
    assert run_here(whole)[0] == 0
    with small_disk(tmp_path / "small", 28) as resize:
        folder = lay_out(tmp_path / "small", "evaluate-a", body, inputs, generate_batch=16)
        told(run_here(folder), tmp_path / "small")
        resize(10_000)
        code, out, err = run_here(folder)
        assert (code, err) == (0, "")
        assert "resuming at" in out
        assert contents(folder / "out") == contents(whole / "out")


def test_a_build_that_does_not_fit_is_told_and_finished_once_there_is_room(tmp_path: Path) -> None:
    files = emit(sealed(spec_data("small")).plan)
    with small_disk(tmp_path / "small", 100) as resize:
        with pytest.raises(
            WorkspaceError, match=r"generated/\S+ cannot be written: No space left on device; make room "
        ):
            workspace.write(tmp_path / "small", files)
        assert not (tmp_path / "small/dvc.yaml").exists(), "the root comes last"
        resize(10_000)
        assert workspace.write(tmp_path / "small", files).edited == ()
        assert workspace.check(tmp_path / "small", files).clean


def test_a_limit_on_the_size_of_files_is_told_alike(tmp_path: Path) -> None:
    folder = lay_out(tmp_path, "data-a", CHAINS)
    command = 'ulimit -f 40; exec "$0" -m cotspec.runtime payload.json run.json'
    done = subprocess.run(
        ["bash", "-c", command, sys.executable],
        cwd=folder,
        env=environment(),
        capture_output=True,
        text=True,
        check=False,
    )
    told((done.returncode, done.stdout, done.stderr), tmp_path)
    assert not (folder / "out").exists()


def told(ended: tuple[int, str, str], root: Path) -> None:
    """The sentence and nothing else, and the folder in it is the project's."""
    code, _, err = ended
    found = SENTENCE.fullmatch(err)
    assert code == 2
    assert found, err
    assert found["folder"] == f"{root}/.cotspec/scratch"
