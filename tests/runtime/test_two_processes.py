"""Two processes train what one trains: the same weights, log, metrics and samples, to rounding, and the same bytes when
they are stopped and go on."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

import bodies
import pytest
import small
from conftest import contents, environment, lay_out, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

import test_judges
from test_splits_and_stops import OPTIM, ROWS, distill, dpo, following, given, grpo, orpo, same_results, sft, trained

from cotspec.runtime.__main__ import main
from cotspec.spec.payload import DistillBody, GrpoBody, Lora, ProbabilitiesBody, Ramp, Reward, RewardTerm, TrainBody

ENOUGH = Reward(
    gates=(), let=(), terms=(RewardTerm(name="enough", value="1 if words >= 4 else 0", weight=Ramp(first=1, last=1)),)
)
"""Completions often earn the same."""
AGREES = Reward(gates=(), let=(), terms=(RewardTerm(name="agrees", value="votes", weight=Ramp(first=1, last=1)),))


def often_equal(**changes: object) -> GrpoBody:
    sampled = bodies.SAMPLED.model_copy(update={"n": 4, "max_new_tokens": 8, "top_p": 1.0})
    return grpo(**({"reward": ENOUGH, "group": 4, "sampling": sampled, "iterations": 1} | changes))


CARRIED = {"optimizer": "carried", "keeps_optimizer": True}
BEGUN, VOTED = "grpo of answers that are begun", "grpo by votes"
STORED = "distill of stored probabilities"
BODIES: dict[str, TrainBody] = {
    "sft": sft(),
    "sft with the optimizer of the stage before": sft().model_copy(update=CARRIED),
    "sft of an adapter": sft().model_copy(update={"lora": Lora(r=4, alpha=8.0, dropout=0.0, targets=("q_proj",))}),
    "dpo": dpo(),
    "orpo": orpo(),
    "distill": distill(),
    "distill of rows": given(top_k=5),
    "distill of a teacher that follows": following(),
    STORED: given(top_k=5, precompute=True),
    "grpo": grpo(group=8, scale_rewards="batch"),
    "grpo that draws again": often_equal(redraws=2, equal_groups="skip"),
    "grpo that imitates": often_equal(all_failed="imitate", loss="grpo", equal_groups="skip"),
    BEGUN: grpo(group=8, loss="grpo", loss_on=("answer",)),
    VOTED: grpo(group=8, reward=AGREES),
    "grpo with a judge": test_judges.body(optim=OPTIM, group=8),
}
"""The last batch of sft is not full; a group of eight lies in both processes. The judge draws, and leaves some open."""
COUNTED = {"grpo that draws again": "prompts_redrawn", "grpo that imitates": "prompts_imitated"} | {
    "grpo with a judge": "unjudged/liked"
}
"""What happened there."""
STOPPED = {"sft": 2, "grpo": 2, "distill": 1, "distill of a teacher that follows": 2, "grpo with a judge": 1} | {
    "sft with the optimizer of the stage before": 1
}
"""After which step."""
Folders = dict[str, Path]


class Given(NamedTuple):
    """What stages read besides rows."""

    model: Path
    teacher: Path
    carried: Path
    """A model with the optimizer that left it."""
    stored: Path
    """The teacher's probabilities."""


@pytest.fixture(scope="module")
def inputs(tmp_path_factory: pytest.TempPathFactory, small_model: Path, small_teacher: Path) -> Given:
    """The two that are made first are tasks of one process."""
    root, here = tmp_path_factory.mktemp("given"), Path.cwd()
    first = sft().model_copy(update={"keeps_optimizer": True})
    rows = {kind: write_lines(root / f"{kind}.jsonl", small.ROWS[kind](ROWS[kind])) for kind in ("sft", "distill")}
    scored = ProbabilitiesBody(model=bodies.MODEL, top_k=5, precision="fp32")
    left = lay_out(root, "left", first, {"rows": rows["sft"], "model": small_model}, per_device_batch=8)
    stored = lay_out(root, "stored", scored, {"rows": rows["distill"], "model": small_teacher})
    for folder in (left, stored):
        os.chdir(folder)
        assert main(["payload.json", "run.json"]) == 0
    os.chdir(here)
    return Given(small_model, small_teacher, left / "out/model", stored / "out")


def lay(root: Path, name: str, body: TrainBody, inputs: Given, **settings: int) -> Path:
    """A stage of the small model, as other tests of splits have it."""
    model, teacher = inputs.carried if body.optimizer == "carried" else inputs.model, inputs.teacher
    judges = {judge.role: teacher for judge in body.judges} if isinstance(body, GrpoBody) else {}
    made = test_judges.rows() if judges else small.ROWS[body.kind](ROWS[body.kind])
    if isinstance(body, DistillBody) and body.follow:
        # Of a row where it reads what the student reads a gradient is rounding alone, of which Adam makes whole steps.
        made = [row | {"context": f"{row['target']}\n{row['prompt']}"} for row in made]
    if name in (BEGUN, VOTED):
        made = [row | {"begin": row["demonstration"].rpartition("Answer:")[0] + "Answer:"} for row in made]
    files = {"rows": write_lines(root / f"{name}.jsonl", made), "model": model} | judges
    files |= {"teacher": teacher} if isinstance(body, DistillBody) else {}
    files |= {"probabilities": inputs.stored} if name == STORED else {}
    return lay_out(root, name, body, files, **settings)


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory, inputs: Given) -> Folders:
    """All of them, trained by two processes; those of STOPPED once more, in a project of their own."""
    first, second = tmp_path_factory.mktemp("whole"), tmp_path_factory.mktemp("stopped")
    two = {"processes": 2, "per_device_batch": 2, "accumulation": 2, "save_steps": 1}
    found = {name: lay(first, name, body, inputs, **two) for name, body in BODIES.items()}
    for name, step in STOPPED.items():
        folder = lay(second, name, BODIES[name], inputs, **two)
        (folder / "stop").write_text(str(step))
        found[f"{name}, stopped"] = folder
    launch = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node=2"]
    go = str(Path(__file__).with_name("in_one_go.py"))
    done = subprocess.run(
        [*launch, go, *map(str, found.values())], env=environment(), capture_output=True, text=True, timeout=500
    )
    trained((done.returncode, done.stdout, done.stderr))
    assert done.stdout.count("training: resuming after step") == len(STOPPED)
    return found


@pytest.mark.slow  # two more processes that import TRL
@pytest.mark.parametrize("name", BODIES)
def test_two_processes_train_what_one_trains(
    both: Folders,
    name: str,
    tmp_path: Path,
    inputs: Given,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    alone = lay(tmp_path, name, BODIES[name], inputs, per_device_batch=8)
    monkeypatch.chdir(alone)
    code = main(["payload.json", "run.json"])
    trained((code, *capsys.readouterr()))
    assert any(step["grad_norm"] > 0 for step in small.log(alone))
    same_results(alone, both[name])
    if counted := COUNTED.get(name):
        assert small.metrics(alone)[counted] > 0
    samples = [folder / "out/samples.jsonl" for folder in (alone, both[name])]
    assert [path.exists() for path in samples] == [isinstance(BODIES[name], GrpoBody)] * 2
    if samples[0].exists():
        assert samples[0].read_text() == samples[1].read_text()


@pytest.mark.slow  # see above
@pytest.mark.parametrize("name", STOPPED)
def test_two_processes_that_were_stopped_leave_the_bytes_of_two_that_were_not(both: Folders, name: str) -> None:
    assert contents(both[f"{name}, stopped"] / "out") == contents(both[name] / "out")
