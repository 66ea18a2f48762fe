"""A small project on disk, real DVC in it, and tasks that stand in for the real ones."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import sysconfig
from pathlib import Path

from cotspec import workspace
from cotspec.back import places
from cotspec.compiler import Built, compile_specs
from cotspec.diagnostics import Sink
from cotspec.history import results

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
FROM_FILE = BASE.replace("{builtin: chains, split: train, size: 200}", "{file: mine.jsonl}")
SCRIPTS = Path(sysconfig.get_path("scripts"))


def questions(first: int) -> None:
    """The data file of FROM_FILE."""
    lines = (json.dumps({"question": f"{n} + 1?", "answer": str(n + 1)}) + "\n" for n in range(first, first + 50))
    Path("specs/mine.jsonl").write_text("".join(lines))


def build(text: str = BASE) -> Built:
    Path("specs/one.yaml").write_text(text)
    sink = Sink()
    built = compile_specs({"specs/one.yaml": Path("specs/one.yaml")}, sink)
    assert built.plan is not None, sink.findings
    workspace.write(Path.cwd(), built.files)
    return built


def stand(built: Built) -> dict[str, results.Standing]:
    assert built.plan is not None
    return results.standings(Path.cwd(), built.plan)


TASK = """
import hashlib, json, pathlib, sys
payload = json.loads(pathlib.Path("payload.json").read_text())
out = pathlib.Path("out")
if payload["task"]["kind"] == "preflight":
    out.mkdir()
    (out / "passed.json").write_text('{"passed": true}\\n')
    sys.exit()
total = hashlib.sha256(json.dumps(payload["task"]).encode())
for role, read in sorted(payload["inputs"].items()):
    path = pathlib.Path(read["path"])
    for file in sorted(p for p in [path, *path.rglob("*")] if p.is_file()):
        total.update(file.read_bytes())
lines = ["problems", "rollouts", "traces", "rows", "failures"]
names = [*(f"{name}.jsonl" for name in [*lines, "log", "samples"]), "gate.json", "contamination.json", "counts.json"]
(out / "model").mkdir(parents=True)
for name in [*names, "model/a.txt", "model/b/c.txt", "é ü.txt"]:
    (out / name).parent.mkdir(exist_ok=True)
    (out / name).write_text(name + total.hexdigest())
shares = dict.fromkeys(["accuracy", "accuracy_low", "accuracy_high", "formatted"], 0.5)
known = {"n": 4, "tokens": 9.5, **shares, "rows": 200, "rows_too_long": 12, "of": total.hexdigest()}
known |= {"steps": 4, "train.formatted": 0.5}
(out / "metrics.json").write_text(json.dumps(known))
(out / "predictions.jsonl").write_text(json.dumps({"id": 0, "correct": True, "of": total.hexdigest()}))
"""
"""Stands in for the runtime: DVC sees files that depend on the payload and the inputs, as it does with the real one."""


def dvc(*arguments: str, expected: int = 0) -> str:
    environment = os.environ | {"DVC_NO_ANALYTICS": "1", "DVC_SITE_CACHE_DIR": str(Path.cwd() / ".cotspec" / "dvc")}
    command = [str(SCRIPTS / "dvc"), *arguments]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == expected, done.stdout + done.stderr
    return done.stdout + done.stderr


def stand_in(built: Built, *, but: str = "-") -> None:
    """Every launch.sh runs TASK in its folder; that of the kind `but` stays what it is."""
    Path("task.py").write_text(TASK)
    for path in built.files:
        if path.endswith("launch.sh") and f"/{but}-" not in path:
            Path(path).write_text(f'cd "$(dirname "$0")" && {sys.executable} {Path.cwd() / "task.py"}\n')


def ran(output: str) -> set[str]:
    """The dvc.yaml files whose stages DVC really ran, but for the preflight's; the root's does no work."""
    lines = [line.split("'")[1] for line in output.splitlines() if line.startswith("Running stage ")]
    return {line.split(":")[0] for line in lines} - {places.ALL, places.target(places.PREFLIGHT)}
