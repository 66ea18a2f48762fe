"""Experiments on a real SLURM: what is sent, what is recorded, and what becomes of failures, kills and two users.

Each part is one run of one project, looked at on its way: jobs are expensive. `pytest -m long tests/slurm` runs them;
they need root and Debian's packages (tests/slurm/cluster.py).
"""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

import pytest

from tests.slurm.cluster import Cluster, missing, until

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
pytestmark = [pytest.mark.long, pytest.mark.skipif(bool(missing()), reason=missing())]

SPEC: Final = """\
cotspec: 2
name: small
models: {student: {builtin: tiny-student}, teacher: {builtin: tiny-teacher}}
data:
  train: {builtin: chains, split: train, size: 24}
  test: {builtin: chains, split: test, size: 8}
generate: {teach: {by: teacher, over: train, sampling: {max_new_tokens: 160}, keep: {where: teach.correct}}}
stages:
  learn:
    start: student
    train: {by: sft, epochs: 20, lr: 1e-3, global_batch: 4, max_length: 512}
    rows: {from: teach}
    task: solve
evaluate: {data: test, sampling: {max_new_tokens: 160}, of: [student, learn]}
resources:
  train: {gpus: 0, nodes: 2, per_device_batch: 2, save_steps: 2}
  generate: {gpus: 0, batch: 32}
  slurm: {partition: gpu, cpu: {partition: cpu, cpus_per_task: 1, mem: 1G, time: "0:30:00"}}
allow:
  - {rule: contamination, reason: builtin problems are drawn at random}
"""
TASK: Final = """\
import json, pathlib, sys, time
root = pathlib.Path(__file__).parent
kind = json.loads(pathlib.Path("payload.json").read_text())["task"]["kind"]
print("at work", flush=True)
while kind == "sft" and (root / "slow").exists():
    time.sleep(0.1)
if kind == "sft" and (root / "bad").exists():
    sys.exit("no luck today")
out = pathlib.Path("out")
(out / "model").mkdir(parents=True)
(out / "model" / "config.json").write_text(kind)
known = dict.fromkeys(["n", "accuracy", "accuracy_low", "accuracy_high", "tokens", "formatted"], 1)
passed = {"passed": True}
for name in ["problems.jsonl", "rollouts.jsonl", "traces.jsonl", "rows.jsonl", "log.jsonl", "predictions.jsonl"]:
    (out / name).write_text("")
for name, value in {"contamination": {}, "counts": {}, "metrics": known, "passed": passed, "report": {}}.items():
    (out / f"{name}.json").write_text(json.dumps(value) + chr(10))
"""
"""Stands in for the runtime: SLURM, DVC and cotspec are real, and a task takes no time, waits or fails."""
OTHER: Final = "nobody"
"""A user besides root that every machine has."""


@cache
def python_for(user: str) -> str:
    """An interpreter of this version that a user may start, and that finds what is imported here: that of a test, and
    its checkout, are often in root's own folder."""
    asked = "import sys, cotspec, dvc; print(sys.version_info[:2])"
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(filter(None, sys.path))}
    for python in (sys.executable, "/usr/bin/python3"):
        try:
            done = subprocess.run(
                [python, "-c", asked],
                user=user,
                extra_groups=[],
                env=environment,
                cwd="/",
                capture_output=True,
                text=True,
                check=False,
            )
        except OSError:
            continue
        if done.stdout.strip() == str(sys.version_info[:2]):
            return python
    pytest.skip(f"{user} can start no Python {sys.version_info[0]}.{sys.version_info[1]} here that finds cotspec")


@dataclass(frozen=True)
class Project:
    """A project of its own, for commands as a person types them on a machine of the cluster."""

    root: Path
    cluster: Cluster

    def command(self, *words: str, cwd: Path | None = None, user: str | None = None) -> subprocess.Popen[str]:
        environment = self.cluster.environment | {"DVC_NO_ANALYTICS": "1", "OMP_NUM_THREADS": "1"}
        environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
        if user is not None:
            environment["HOME"] = str(self.root)
        return subprocess.Popen(
            [sys.executable if user is None else python_for(user), "-m", *words],
            cwd=cwd or self.root,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            user=user,
            group=None if user is None else "nogroup",
            extra_groups=None if user is None else [],
        )

    def run(self, *words: str, code: int = 0, cwd: Path | None = None) -> str:
        command = self.command(*words, cwd=cwd)
        said, _ = command.communicate(timeout=600)
        assert command.returncode == code, said
        return said

    def queue(self) -> dict[str, tuple[str, str]]:
        """Id and state of each job, by task."""
        lines = self.cluster.ask("squeue", "-h", "-o", "%j|%i|%T", check=False).splitlines()
        return {name: (id, state) for name, id, state in (line.split("|") for line in lines)}

    def ended(self, *, seconds: float = 900) -> None:
        until(lambda: not self.queue(), "an empty queue", seconds=seconds)

    def id(self, kind: str) -> str:
        (folder,) = self.root.glob(f"generated/stages/{kind}-*")
        return folder.name

    def log(self, kind: str) -> str:
        file = self.root / f".cotspec/logs/slurm-{self.id(kind)}.log"
        return file.read_text() if file.exists() else ""


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Cluster]:
    folder = tmp_path_factory.mktemp("slurm")
    for each in (folder, *folder.parents[:2]):
        each.chmod(0o755)  # also for the other user
    with Cluster(folder) as running:
        yield running


@pytest.fixture(autouse=True)
def nothing_left(cluster: Cluster) -> Iterator[None]:
    """A test that failed leaves no jobs to the next."""
    yield
    cluster.clear()


def project(root: Path, cluster: Cluster) -> Project:
    """As `cotspec init` sets it up, without git: another user works in it, too."""
    (root / "specs").mkdir(parents=True)
    (root / "specs/small.yaml").write_text(SPEC)
    made = Project(root, cluster)
    made.run("dvc", "init", "-q", "--no-scm")
    (root / ".dvc/config").write_text("[core]\n    no_scm = true\n    site_cache_dir = .cotspec/dvc\n")
    made.run("cotspec", "build")
    return made


def test_an_experiment_goes_through_pre_emption_and_a_dead_controller(tmp_path: Path, cluster: Cluster) -> None:
    """The real runtime, its training on two machines; the jobs are sent from a folder inside the project."""
    own = project(tmp_path / "own", cluster)
    said = own.run("cotspec", "submit", "slurm", cwd=own.root / "specs")
    assert said.endswith("10 of 10 tasks sent, 0 were in the queue, 0 are up to date\n")
    assert own.run("cotspec", "submit", "slurm").startswith("0 of 10 tasks sent, ")
    assert "wait for them, or `cotspec cancel`" in own.run("cotspec", "run", code=2)
    until(lambda: own.log("teach"), "the teacher", seconds=300)

    cluster.kill_controller()
    assert "Unable to contact slurm controller" in own.run("cotspec", "status")
    cluster.start_controller()
    job = own.queue()[own.id("sft")][0]
    status = own.run("cotspec", "status")
    assert any(f"{state}: stage learn: job {job} of root" in status for state in ("queued", "running")), status

    scratch = own.root / ".cotspec/scratch"
    until(lambda: list(scratch.glob("sft-*/trainer/*/complete")), "a checkpoint", seconds=600)
    cluster.ask("sbatch", "--partition=urgent", "--nodes=2", "--exclusive", "--output=/dev/null", "--wrap=sleep 1")
    until(lambda: own.queue()[own.id("sft")][1] == "PENDING", "a job that is put back")
    own.ended()
    log = own.log("sft")
    assert "PREEMPTION" in log
    assert "training: resuming after step " in log.partition("PREEMPTION")[2]

    assert own.run("cotspec", "status") == "small  done         10 of 10 tasks\n"
    own.run("cotspec", "plan")
    assert "Running stage" not in own.run("dvc", "repro", "generated/reports/small/dvc.yaml")
    assert json.loads(next(own.root.glob("generated/reports/small/out/report.json")).read_text())
    assert own.run("cotspec", "submit", "slurm").endswith(
        "0 of 10 tasks sent, 0 were in the queue, 10 are up to date\n"
    )
    print(f"\n--- the log of the stage that was pre-empted\n{log}")
    apart = apart_from_one_process(own, tmp_path / "alone")
    assert apart < 1e-4, f"a tenth of the learning rate: the weights are apart by {apart:.1e}"


def apart_from_one_process(own: Project, root: Path) -> float:
    """How far the weights of the stage are from those of the same task, trained by one process on this machine."""
    import numpy
    from safetensors.numpy import load_file

    shutil.copytree(own.root, root, ignore=shutil.ignore_patterns("scratch", "cache"))
    spec = root / "specs/small.yaml"
    spec.write_text(spec.read_text().replace("nodes: 2, ", ""))
    alone, stage = Project(root, own.cluster), own.id("sft")
    alone.run("cotspec", "build")
    shutil.rmtree(root / "generated/stages" / stage / "out")
    environment = os.environ | {"COTSPEC_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, sys.path))
    done = subprocess.run(
        ["bash", root / "generated/stages" / stage / "launch.sh"], env=environment, capture_output=True, text=True
    )
    assert "trained 120 steps" in done.stdout, done.stdout + done.stderr
    many, one = (
        load_file(each / "generated/stages" / stage / "out/model/model.safetensors") for each in (own.root, root)
    )
    assert many.keys() == one.keys()
    return max(float(numpy.abs(many[name] - one[name]).max()) for name in many)


def test_what_slurm_would_never_run_is_told_before_anything_is_sent(tmp_path: Path, cluster: Cluster) -> None:
    """Four GPUs of machines that have two; two wait for machines that are down."""
    own = project(tmp_path / "own", cluster)
    spec = own.root / "specs/small.yaml"
    text = spec.read_text().replace("partition: gpu,", "partition: gpu, cpus_per_task: 1, mem: 1G,")
    spec.write_text(text.replace("gpus: 0, nodes: 2, per_device_batch: 2", "gpus: 4, per_device_batch: 1"))
    own.run("cotspec", "build")
    said = own.run("cotspec", "submit", "slurm", code=2)
    assert "stage learn of small can never run, so nothing was sent: `sbatch` says: " in said
    assert "Requested node configuration is not available" in said
    assert not own.queue()

    text = text.replace("gpus: 0, nodes: 2,", "gpus: 2,") + "variants: {other: {stages.learn.train.lr: 2e-3}}\n"
    spec.write_text(text)
    own.run("cotspec", "build")
    nodes = ("scontrol", "update", "nodename=n1,n2")
    cluster.ask(*nodes, "state=drain", "reason=mended")
    try:
        assert "13 of 13 tasks sent" in own.run("cotspec", "submit", "slurm")
        assert len(own.queue()) == 13, "the job that asked is taken back"
        said = own.run("cotspec", "cancel", "small--other")
        assert said.count(" stays, since other experiments wait for it") == 7
        assert "\n3 jobs cancelled" in said
        spec.write_text(text.replace("epochs: 20", "epochs: 21").partition("variants:")[0])
        own.run("cotspec", "build")
        told = "note: SLURM has 4 jobs of the project of none of these experiments: "
        said = own.run("cotspec", "submit", "slurm")
        assert told in said
        assert said.startswith("asking all models"), "beside the result for which jobs wait"
        assert told in own.run("cotspec", "status")
        assert "\n14 jobs cancelled; " in own.run("cotspec", "cancel")
    finally:
        cluster.ask(*nodes, "state=resume")


def stand_in(root: Path) -> None:
    """Every launch.sh runs TASK in its folder."""
    (root / "task.py").write_text(TASK)
    for script in root.glob("generated/**/launch.sh"):
        script.write_text(f'cd "$(dirname "$0")" && exec "$COTSPEC_PYTHON" {root / "task.py"}\n')


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory, cluster: Cluster) -> Project:
    """A project of two users, whose tasks are stand-ins; both sent it at once, and its stage failed."""
    before = os.umask(0)
    try:
        folder = tmp_path_factory.mktemp("shared")
        for each in (folder, *folder.parents[:2]):
            each.chmod(0o777)
        made = project(folder / "ours", cluster)
        stand_in(made.root)
        (made.root / "bad").touch()
        senders = [made.command("cotspec", "submit", "slurm", user=user) for user in (None, OTHER)]
        said = [sender.communicate(timeout=600)[0] for sender in senders]
        assert [sender.returncode for sender in senders] == [0, 0], "\n".join(said)
        assert sorted(line.split(" of ")[0] for text in said for line in text.splitlines() if " sent, " in line) == [
            "0",
            "10",
        ], said
        made.ended()
        return made
    finally:
        os.umask(before)


def test_two_users_send_each_task_once_and_a_failure_holds_up_what_needs_it(shared: Project) -> None:
    logs = {file.name: file.read_text() for file in (shared.root / ".cotspec/logs").glob("slurm-*.log")}
    assert {text.count("Running stage") for text in logs.values()} == {1}
    assert len(logs) == 8, "the evaluation of what failed and the report did not run"
    status = shared.run("cotspec", "status").splitlines()
    assert status[0] == "small  failed       7 of 10 tasks"
    log = f".cotspec/logs/slurm-{shared.id('sft')}.log"
    assert [line.strip() for line in status[1:]] == [
        f"failed: stage learn: no luck today ({log})",
        "not run: evaluation of learn: it needs stage learn, which failed",
        "not run: report: it needs stage learn, which failed",
    ]
    assert not shared.queue(), "nothing waits for what will never be"


def test_what_was_killed_put_back_or_cancelled_is_sent_again_and_done(shared: Project) -> None:
    (shared.root / "bad").unlink()
    (shared.root / "slow").touch()
    assert shared.run("cotspec", "submit", "slurm").endswith(
        "3 of 10 tasks sent, 0 were in the queue, 7 are up to date\n"
    )
    task = shared.id("sft")
    until(lambda: dvc_of(task), "DVC at work", seconds=120)
    until(lambda: shared.log("sft").count("at work") == 2, "the stage at work", seconds=120)
    os.kill(dvc_of(task)[0], signal.SIGKILL)
    shared.ended()
    assert "failed: stage learn: at work" in shared.run("cotspec", "status")

    theirs(shared.root)
    assert "mended: .dvc/tmp/rwlock names process" in shared.run("cotspec", "submit", "slurm")
    until(lambda: shared.log("sft").count("at work") == 3, "the stage at work", seconds=120)

    job = shared.queue()[task][0]
    shared.cluster.ask("scontrol", "requeue", job)
    until(lambda: shared.queue()[task] == (job, "PENDING") and not dvc_of(task), "a job that is put back")
    theirs(shared.root)
    until(lambda: shared.log("sft").count("at work") == 4, "the same job at work again", seconds=120)
    assert "mended: .dvc/tmp/rwlock named a run of this task that was killed" in shared.log("sft")

    spec = shared.root / "specs/small.yaml"
    text = spec.read_text()
    spec.write_text(text.replace("epochs: 20", "epochs: 21"))
    assert f"note: {task} has a job of SLURM and is no longer asked for" in shared.run("cotspec", "build")
    spec.write_text(text)
    shared.run("cotspec", "build")
    stand_in(shared.root)

    assert "3 jobs cancelled" in shared.run("cotspec", "cancel")
    shared.ended(seconds=60)
    assert "failed: stage learn: it was cancelled (" in shared.run("cotspec", "status")
    (shared.root / "slow").unlink()
    assert sum(line.startswith("job ") for line in shared.run("cotspec", "submit", "slurm").splitlines()) == 3
    shared.ended()
    assert shared.run("cotspec", "status") == "small  done         10 of 10 tasks\n"


def theirs(root: Path) -> None:
    """What a killed DVC held stands under a number that somebody has: on another machine it may be anybody's."""
    rwlock = root / ".dvc/tmp/rwlock"
    held = json.loads(rwlock.read_text())
    assert held["write"]
    for entry in held["write"].values():
        entry["pid"] = os.getpid()
    rwlock.write_text(json.dumps(held))


def dvc_of(task: str) -> list[int]:
    """The DVC that runs a task."""
    found = []
    for folder in Path("/proc").glob("[0-9]*"):
        try:
            words = (folder / "cmdline").read_bytes().decode(errors="replace").split("\0")
        except OSError:
            continue
        if words[1:4] == ["-P", "-m", "dvc"] and task in words[-2]:
            found.append(int(folder.name))
    return found
