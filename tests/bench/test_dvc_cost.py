"""What DVC itself takes for a pipeline of cotspec's, in seconds of processor time: the work of tasks is not counted.

The trees are real builds of a sweep; each task's launch.sh is replaced by one that writes the files other tasks read.
`pytest tests/bench/test_dvc_cost.py -s` prints the figures. Some minutes; needs cotspec[train].
"""

from __future__ import annotations

import itertools
import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from tests.bench.test_check_speed import COTSPEC, ENVIRONMENT, variants

pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")

FIRST_RUN_OF_500 = 60.0
"""Seconds."""
ONE_OF_1000 = 1.0
"""Seconds."""
DVC = """
import json, resource, sys
from dvc.cli import main
code = main(sys.argv[1:])
own = resource.getrusage(resource.RUSAGE_SELF)
sys.stderr.write("\\n" + json.dumps({"code": code, "seconds": own.ru_utime + own.ru_stime}))
"""


def dvc(folder: Path, *arguments: str) -> float:
    """Seconds of processor time that DVC's own process takes; of what it starts, none."""
    environment = ENVIRONMENT | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(folder / ".site")}
    done = subprocess.run(
        [sys.executable, "-c", DVC, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=True
    )
    told = json.loads(done.stderr.splitlines()[-1])
    assert told["code"] == 0, done.stderr[-2000:]
    return float(told["seconds"])


def tasks(folder: Path) -> list[Path]:
    return sorted(path for kind in ("stages", "reports") for path in (folder / "generated" / kind).iterdir())


def built(parent: Path, *, at_least: int) -> Path:
    """A project with at least so many tasks."""
    for count in itertools.count(10, 10):
        folder = variants(parent / f"of-{count}", count)
        subprocess.run([COTSPEC, "build"], cwd=folder, env=ENVIRONMENT, check=True, capture_output=True)
        if len(tasks(folder)) >= at_least:
            return folder
    raise AssertionError("unreachable")


def trivial(folder: Path) -> None:
    """Make each task do next to nothing."""
    subprocess.run(["git", "init", "-q", folder], check=True)
    subprocess.run([sys.executable, "-m", "dvc", "init", "-q"], cwd=folder, env=ENVIRONMENT, check=True)
    wanted: dict[Path, set[str]] = {task: set() for task in tasks(folder)}
    for path in (folder / "dvc.yaml", *folder.glob("generated/*/*/dvc.yaml")):
        for stage in yaml.safe_load(path.read_text(encoding="utf-8"))["stages"].values():
            for read in stage["deps"]:
                file = Path(os.path.normpath(path.parent / read))
                parts = file.relative_to(folder).parts
                if "out" in parts:
                    producer = folder.joinpath(*parts[: parts.index("out")])
                    wanted.setdefault(producer, set()).add(file.relative_to(producer).as_posix())
    for task, files in wanted.items():
        lines = ["set -e", f"cd {shlex.quote(str(task))}", "mkdir -p out", f"echo {task.name} > out/some"]
        for file in sorted(files - {"out"}):
            # A dependency without an ending is a folder: a model.
            target = file if Path(file).suffix else f"{file}/some"
            lines.append(f"mkdir -p {Path(target).parent}; echo {task.name} > {target}")
        (task / "launch.sh").write_text("\n".join(lines) + "\n", encoding="utf-8")


def test_a_first_run_of_500_trivial_tasks_takes_at_most_60_s_of_dvcs_own_time(tmp_path: Path) -> None:
    folder = built(tmp_path, at_least=500)
    trivial(folder)
    count = len(tasks(folder))
    first, second = dvc(folder, "repro"), dvc(folder, "repro")
    assert len(list(folder.glob("generated/*/*/dvc.lock"))) == count
    print(f"\n{count} tasks: first run {first:.1f} s ({first / count * 1e3:.0f} ms each), nothing to do {second:.1f} s")
    assert first * 500 / count <= FIRST_RUN_OF_500


def test_one_task_of_1000_is_brought_up_to_date_in_at_most_a_second_of_dvcs_own_time(tmp_path: Path) -> None:
    folder = built(tmp_path, at_least=1000)
    trivial(folder)
    count = len(tasks(folder))
    first = dvc(folder, "repro")
    one = next(iter(sorted(folder.glob("generated/stages/grpo-*"))))
    seconds = []
    for turn in range(5):
        payload = one / "payload.json"
        payload.write_text(payload.read_text(encoding="utf-8") + " " * turn + "\n", encoding="utf-8")
        before = (one / "dvc.lock").read_bytes()
        seconds.append(dvc(folder, "repro", "-s", f"{one.relative_to(folder)}/dvc.yaml"))
        assert (one / "dvc.lock").read_bytes() != before
    print(
        f"\n{count} tasks: first run {first:.1f} s ({first / count * 1e3:.0f} ms each); one of them {sorted(seconds)} s"
    )
    assert sorted(seconds)[len(seconds) // 2] <= ONE_OF_1000
