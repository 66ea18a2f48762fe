"""Task `suite`: what lm-eval measures of a model's weights → suite.json.

lm-eval is a program in an environment of its own, with the versions of libraries that it wants: it is called and never
imported. Which interpreter that is says the owner of this machine (cotspec.local.yaml), since a spec may be anybody's.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Final

from cotspec.files import plain, regular
from cotspec.runtime import lines, local, models, scratch
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say, span
from cotspec.runtime.task import Task
from cotspec.spec.local import LOCAL_FILE, LmEval, folder
from cotspec.spec.payload import SuiteBody

FILE: Final = "suite.json"
_ASKS: Final = "import importlib.metadata as m; print(m.version('lm_eval'))"
_TICK: Final = 30.0
"""Seconds between signs of life."""
_LAST: Final = 3
"""Lines of what it said that an error shows."""


def run(task: Task, work: Path, result: Path) -> None:
    """Measure the model. Raises TaskError when lm-eval is not there, is another version, or fails."""
    body = task.body(SuiteBody)
    own = _own(task.root)
    python = str(folder(own.python, task.root))
    version = _version(python)
    if body.version and version != body.version:
        raise TaskError(f"the suite wants lm-eval {body.version} and {python} has {version}")
    origin = models.source(task, body.model)
    models.announce(origin)
    out = scratch.fresh(work / "lm-eval")
    log = task.root / ".cotspec" / "logs" / f"{task.payload.id}.lm-eval.log"
    say(f"lm-eval {version} on {', '.join(body.tasks)}; what it says is in {log.relative_to(task.root)}")
    _call(_command(task, body, own, python, origin, out), log)
    record = {"lm_eval": version, "tasks": _tasks(_written(out))}
    lines.write_json(result / FILE, record)
    for line in told(record):
        say(line)


def missing(root: Path) -> str:
    """Why suites cannot run on this machine; "" where they can, as far as that is seen without starting lm-eval."""
    try:
        python = folder(_own(root).python, root)
    except TaskError as error:
        return str(error)
    return "" if shutil.which(python) else f"{LOCAL_FILE} names {python} for lm-eval, which is no program"


def _own(root: Path) -> LmEval:
    own = local.read(root).lm_eval
    if own is None:
        raise TaskError(
            f"a suite needs lm-eval in an environment of its own: `python3 -m venv ~/lm-eval && ~/lm-eval/bin/pip "
            f'install "lm-eval[hf]"`, then `lm_eval: {{python: ~/lm-eval/bin/python}}` in {LOCAL_FILE}'
        )
    return own


def told(record: Mapping[str, Any]) -> list[str]:
    """The figures of a suite, a line each."""
    return [
        f"{name} ({each['n']:,} questions): {metric} {shown(value)}"
        for name, each in record["tasks"].items()
        for metric, value in each["metrics"].items()
    ]


def shown(value: Mapping[str, Any]) -> str:
    """A figure with its standard error."""
    error = value["stderr"]
    return f"{value['value']:.4f}" + ("" if error is None else f" ± {error:.4f}")


def _version(python: str) -> str:
    try:
        done = subprocess.run([python, "-c", _ASKS], capture_output=True, text=True, check=False, timeout=120)  # noqa: S603 - named by the owner of this machine
    except (OSError, subprocess.TimeoutExpired) as error:
        raise TaskError(f"{LOCAL_FILE} names {python} for lm-eval, which does not start: {error}") from error
    if done.returncode:
        raise TaskError(f'{python} has no lm-eval: `{python} -m pip install "lm-eval[hf]"`')
    return done.stdout.strip()


def _command(task: Task, body: SuiteBody, own: LmEval, python: str, origin: models.ModelSource, out: Path) -> list[str]:
    for name in body.tasks:
        if Path(name).exists():  # lm-eval would read it, and run what it names
            raise TaskError(f"a suite asks for the task `{name}`, and there is a file of this name in {Path.cwd()}")
    device = models.device(task.settings.gpus)
    about = {
        "pretrained": origin.location,
        "trust_remote_code": origin.trust_remote_code,
        "dtype": "float32" if device == "cpu" else "auto",
    }
    command = [python, "-m", "lm_eval", "--model", "hf", "--model_args", json.dumps(about), "--device", device]
    command += ["--tasks", ",".join(body.tasks), "--batch_size", str(task.settings.generate_batch)]
    command += ["--output_path", str(out), "--seed", str(body.seed)]
    command += ["--num_fewshot", str(body.shots)] if body.shots >= 0 else []
    command += ["--limit", str(body.limit)] if body.limit else []
    command += ["--include_path", str(folder(own.tasks, task.root))] if own.tasks else []
    if origin.chat is not None:
        command += ["--apply_chat_template"]
        command += ["--system_instruction", origin.chat.system] if origin.chat.system else []
    return command


def _call(command: Sequence[str], log: Path) -> None:
    """Run it, with a sign of life now and then. Raises TaskError with its last words."""
    log.parent.mkdir(parents=True, exist_ok=True)
    began = time.monotonic()
    environment = {key: value for key, value in os.environ.items() if key not in ("PYTHONPATH", "PYTHONHOME")}
    with log.open("wb") as file:
        process = subprocess.Popen(command, stdout=file, stderr=subprocess.STDOUT, env=environment)  # noqa: S603
        try:
            while process.poll() is None:
                try:
                    process.wait(_TICK)
                except subprocess.TimeoutExpired:
                    say(f"lm-eval is at work, {span(time.monotonic() - began)}")
        finally:
            if process.poll() is None:
                process.kill()
                process.wait()
    if process.returncode:
        last = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()[-_LAST:]
        raise TaskError(f"lm-eval failed ({process.returncode}): {plain.sentence(' / '.join(last))}; see {log}")


def _written(out: Path) -> Mapping[str, Any]:
    """The results that it wrote."""
    files = sorted(out.rglob("results_*.json"))
    if not files:
        raise TaskError("lm-eval ended without results: see its log")
    try:
        value = plain.json_value(regular.content(files[-1], most=plain.LARGEST))
    except (OSError, plain.DataError) as error:
        raise TaskError(f"what lm-eval wrote cannot be read: {error}") from error
    return value if isinstance(value, dict) else {}


def _tasks(written: Mapping[str, Any]) -> dict[str, Any]:
    """Of each task its version, examples, questions and figures: nothing of the time, the place or the machine."""
    results, counts = written.get("results"), written.get("n-samples", {})
    if not isinstance(results, dict) or not results:
        raise TaskError("lm-eval wrote no results: see its log")
    versions, shots = written.get("versions", {}), written.get("n-shot", {})
    return {
        name: {
            "version": versions.get(name),
            "shots": shots.get(name),
            "n": int(counts.get(name, {}).get("effective", 0)) or int(each.get("sample_len", 0)),
            "metrics": _metrics(each),
        }
        for name, each in sorted(results.items())
    }


def _metrics(each: Mapping[str, Any]) -> dict[str, Any]:
    """`acc,none` and `acc_stderr,none` are one figure with its error."""
    figures = {}
    for key, value in sorted(each.items()):
        name, comma, kind = key.partition(",")
        if not comma or name.endswith("_stderr") or isinstance(value, bool) or not isinstance(value, int | float):
            continue
        error = each.get(f"{name}_stderr,{kind}")
        label = name if kind == "none" else f"{name} ({kind})"
        figures[label] = {"value": float(value), "stderr": float(error) if isinstance(error, int | float) else None}
    return figures
