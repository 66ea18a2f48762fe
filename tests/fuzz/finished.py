"""A project whose every task has run, as far as files tell: what the tasks and DVC would have left is made up here.

Locks are written with cotspec's own idea of DVC's hashes, which tests/history compares with the real ones: a project
that looks finished lets a command read all of its files.
"""

from __future__ import annotations

import json
import os
import shutil
import struct
from pathlib import Path

import yaml

from cotspec import workspace
from cotspec.back import payloads, places
from cotspec.builtin.digest import MODELS
from cotspec.compiler import compile_specs
from cotspec.diagnostics import Sink
from cotspec.history import locks
from cotspec.ir.plan import Plan, Task
from cotspec.spec.payload import GPUS_FILE, PASSED, STOPPED_FILE

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
SPEC = (
    BASE.replace("base: {builtin: tiny-student}", "base: {path: ../model}")
    .replace("valid: {builtin: chains, split: valid, size: 50}", "valid: {file: ../valid.jsonl, slice: [0, 20]}")
    .replace("train: {by: sft, lr: 1e-4}", "train: {by: sft, lr: 1e-4}\n    mask: {unit: step, share: 0.5}", 1)
    + "variants:\n  faster: {stages.second.train.lr: 2e-5}\n"
)
TRACE = "Step 1: 2 + 3 = 5\nStep 2: 5 * 4 = 20\nAnswer: 20"
_PROBLEM = {"question": "What is (2 + 3) * 4?", "answer": "20"}
_RECORD = _PROBLEM | {"trace": TRACE, "steps": 2, "words": 12, "tokens": 30, "thinking": ""}
_NUMBERS = {"n": 20, "accuracy": 0.5, "accuracy_low": 0.3, "accuracy_high": 0.7, "tokens": 40.5, "formatted": 0.9}
_TRAINED = {"rows": 20, "rows_too_long": 1, "rows_beyond_last_batch": 3, "steps": 10, "steps_without_signal": 1}
_COMPLETION = {
    "text": TRACE,
    "characters": len(TRACE),
    "tokens": 30,
    "truncated": False,
    "grade": "right",
    "reward": 1.0,
}
_COMPLETION |= {"terms": {"correct": 1.0}, "gate": 0, "problem": "", "advantage": 0.5, "in_loss": True}
_GROUP = {"step": 1, "prompt": "What is?", "begin": "", "answer": "20", "imitated": False}
_FIGURE = {"value": 0.5, "stderr": 0.1}
_OVERLAP = {"examples": [[1, 2, 0.9]]}
LINES = {
    "problems.jsonl": _PROBLEM,
    "rollouts.jsonl": _PROBLEM | {"texts": [TRACE], "tokens": [30]},
    "traces.jsonl": _RECORD,
    "failures.jsonl": _RECORD,
    "rows.jsonl": {"prompt": "What is?", "target": TRACE, "supervise": [[0, 10]]},
    "predictions.jsonl": _PROBLEM | {"text": TRACE, "tokens": 30, "correct": True, "formatted": True},
    "samples.jsonl": _GROUP | {"completions": [_COMPLETION], "others": 0},
    "log.jsonl": {"loss": 0.5, "step": 1},
}
WHOLE = {
    "counts.json": {"traces": 20, "problems": 20},
    "contamination.json": {"sets": {"taught": _OVERLAP}, "pairs": {"tested.taught": _OVERLAP}},
    "report.json": {"name": "example"},
    "gate.json": {"checkpoint": "model"},
    "suite.json": {"tasks": {name: {"n": 4, "metrics": {"acc": _FIGURE}} for name in ("arc_easy", "part_of_it")}},
}
KINDS = {
    "preflight": ("passed.json",),
    "data": ("problems.jsonl", "counts.json"),
    "contamination": ("contamination.json",),
    "teach": ("rollouts.jsonl",),
    "traces": ("traces.jsonl", "counts.json"),
    "rows": ("rows.jsonl", "counts.json"),
    "sft": ("metrics.json", "log.jsonl", "model/config.json"),
    "grpo": ("metrics.json", "log.jsonl", "samples.jsonl", "model/config.json"),
    "mine": ("failures.jsonl", "counts.json"),
    "evaluate": ("predictions.jsonl", "metrics.json"),
    "gate": ("gate.json",),
    "suite": ("suite.json",),
    "report": ("report.json",),
}


def text_of(name: str, kind: str) -> str:
    if name == "passed.json":
        return PASSED
    if name in LINES:
        return "".join(json.dumps({"id": number} | LINES[name]) + "\n" for number in range(20))
    if name == "metrics.json":
        return json.dumps(_NUMBERS if kind == "evaluate" else _TRAINED)
    return json.dumps(WHOLE.get(name, {"model_type": "llama"}))


def finished(root: Path, spec: str = SPEC) -> Plan:
    """Lay the project out in an empty folder. It must be the current one."""
    (root / ".git").mkdir(parents=True)
    (root / "specs").mkdir()
    (root / "specs/a.yaml").write_text(spec, encoding="utf-8")
    shutil.copytree(MODELS / "tiny-student", root / "model")
    (root / "model/chat_template.jinja").write_text("{% for m in messages %}{{ m.content }}{% endfor %}")
    (root / "model/model.safetensors").write_bytes(weights({"x": {"dtype": "F32", "shape": [2, 3]}}))
    (root / "valid.jsonl").write_text(text_of("problems.jsonl", "data"), encoding="utf-8")
    (root / "pyproject.toml").write_text('[tool.cotspec]\nspecs = ["specs/*.yaml"]\n', encoding="utf-8")
    (root / "cotspec.local.yaml").write_text("models: {a/b: model}\ncache: cache\n", encoding="utf-8")
    (root / ".dvc").mkdir()
    (root / ".dvc/config").write_text("[core]\n    analytics = false\n[cache]\n    dir = cache\n", encoding="utf-8")
    (root / ".dvc/tmp").mkdir()
    (root / ".dvc/tmp/rwlock").write_text('{"write": {"/a": {"pid": 1, "cmd": "dvc repro"}}}', encoding="utf-8")
    plan = built(root)
    for folder, task in places.everything(plan):
        out = root / folder / places.OUT
        for name in KINDS[task.body.kind]:
            (out / name).parent.mkdir(parents=True, exist_ok=True)
            (out / name).write_text(text_of(name, task.body.kind), encoding="utf-8")
        (root / folder / "last-run.json").write_text('{"seconds": 12.5}\n')
        work = root / ".cotspec/scratch" / f"{task.id}-0123456789ab"
        (work / "trainer/checkpoint-4").mkdir(parents=True)
        for name in ("lock", "kept.json", "partial.jsonl", "trainer/checkpoint-4/complete", STOPPED_FILE):
            (work / name).write_text("123456789" if name == "lock" else "{}\n")
    lock(root, plan)
    return plan


def built(root: Path) -> Plan:
    sink = Sink()
    made = compile_specs({"specs/a.yaml": Path("specs/a.yaml")}, sink)
    assert made.plan is not None, sink.findings
    workspace.write(root, made.files)
    return made.plan


def weights(head: object, length: int | None = None) -> bytes:
    text = json.dumps(head).encode()
    return struct.pack("<Q", len(text) if length is None else length) + text + bytes(24)


def lock(root: Path, plan: Plan) -> None:
    """Record every task as done with what lies in its folder now, and put that into the cache."""
    made: dict[str, locks.Result] = {}
    for folder, task in places.everything(plan):
        made[task.id] = _lock(root, folder, task, _given(root, folder, task, made))


def _given(root: Path, folder: str, task: Task, made: dict[str, locks.Result]) -> dict[str, str]:
    """Hash by path of what a task reads."""
    given = {"payload.json": locks.text_digest(payloads.text(folder, task))}
    if folder == places.PREFLIGHT and (gpus := root / folder / GPUS_FILE).exists():
        given[GPUS_FILE] = locks.digest(gpus, (root,)) or ""
    for read in task.reads.values():
        now = made[read.task].of(read.file) if read.task else locks.digest(root / read.file, (root,))
        given[places.read_from(folder, read)] = now or ""
    return given | dict.fromkeys(places.awaited(folder, task), locks.text_digest(PASSED))


def _lock(root: Path, folder: str, task: Task, given: dict[str, str]) -> locks.Result:
    out = root / folder / places.OUT
    files = locks.files(out, (root,))
    hashes = {name: locks.digest(path, (root,)) or "" for name, path in files.items()}
    whole = locks.digest(out, (root,)) or ""
    cache = locks.Cache(root)
    for name, path in files.items():
        _put(cache.file(hashes[name]), path.read_bytes())
    listing = [{"md5": hashes[name], "relpath": name} for name in sorted(hashes)]
    _put(cache.file(whole), json.dumps(listing).encode())
    size = sum(os.path.getsize(path) for path in files.values())
    stage = {
        "cmd": "bash launch.sh",
        "deps": [{"path": path, "hash": "md5", "md5": digest, "size": 1} for path, digest in sorted(given.items())],
        "outs": [{"path": places.OUT, "hash": "md5", "md5": whole, "size": size, "nfiles": len(files)}],
    }
    text = yaml.safe_dump({"schema": "2.0", "stages": {places.stage(task): stage}}, sort_keys=False)
    (root / folder / "dvc.lock").write_text(text, encoding="utf-8")
    return locks.Result(whole, hashes)


def _put(place: Path, content: bytes) -> None:
    place.parent.mkdir(parents=True, exist_ok=True)
    place.write_bytes(content)
