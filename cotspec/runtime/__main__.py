"""`python -m cotspec.runtime payload.json run.json`: run one task. Owns dispatch, exit codes and what a failure shows.

Imports a kind's module only when it is asked for, so that tasks without a model never load torch.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib
import json
import logging
import os
import resource
import signal
import sys
import time
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Final, Protocol

from cotspec.runtime import interrupts, launcher

if __name__ == "__main__":
    interrupts.begin()  # what follows takes a moment to import

from cotspec.cot.answers import AnswerError
from cotspec.cot.prompting import PromptError
from cotspec.cot.units import UnitError
from cotspec.runtime import full_disk, kept, local, provenance, scratch
from cotspec.runtime.errors import StoppedError, TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task, load, rank
from cotspec.spec.payload import (
    STOPPED_FILE,
    Body,
    EndpointModel,
    GateBody,
    GenerateBody,
    ProbabilitiesBody,
    RewardedBody,
    TrainBody,
)

BUG: Final = 3
_PR_SET_PDEATHSIG: Final = 1


class Runner(Protocol):
    """What a kind's module offers."""

    def run(self, task: Task, work: Path, result: Path, /) -> None:
        """Do the task: keep what a rerun can use in `work`, leave what becomes out/ in `result`."""


def runner_of(body: Body) -> Runner:
    """The module of a task's kind: it has the kind's name, and all training tasks share one."""
    name = "train.run" if isinstance(body, TrainBody) else body.kind
    module: Runner = importlib.import_module(f"cotspec.runtime.{name}")
    return module


def execute(task: Task) -> None:
    """Run a loaded task: lock its scratch, work there, move the result into out/, clean up.

    The result is kept in the scratch until DVC has recorded it: a kill or a full disk in between costs no training.
    """
    started = time.monotonic()
    folder = scratch.folder_of(task)
    if rank() == 0:
        kept.sweep(task.root)
    with scratch.locked(folder) as work:
        if kept.whole(work) and task.payload.task.kind != "preflight":  # that asks anew: of this machine, too
            if rank() == 0:
                say("the result of an earlier run, which DVC had not recorded, is whole and is taken")
                kept.publish(work, task.out)
            return
        if _loads_torch(task):
            say("loading torch and transformers")
        result = scratch.fresh(work / "result") if rank() == 0 else work / "result"
        try:
            runner_of(task.payload.task).run(task, work, result)
        except StoppedError as stop:
            if rank() == 0:
                (work / STOPPED_FILE).write_text(str(stop), encoding="utf-8")  # `plan` and `status` tell
            raise
        if rank() != 0:
            return
        if scratch.folder_of(task) != folder:
            raise TaskError("an input changed while the task ran, so its result is of neither: run it again")
        kept.keep(work, result)
        kept.publish(work, task.out)
    used, places = "torch" in sys.modules, local.places(task)
    provenance.write(task.folder, torch_used=used, endpoint=_served(task), places=places)
    took: dict[str, object] = {"seconds": round(time.monotonic() - started, 1), **_held(task)}
    # a build of another spec takes the files of a task away, and estimates go on to compare with it
    took |= {
        name: json.loads((task.folder / f"{name}.json").read_text(encoding="utf-8")) for name in ("payload", "run")
    }
    (task.folder / "last-run.json").write_text(json.dumps(took) + "\n", encoding="utf-8")


def _held(task: Task) -> dict[str, int]:
    """`memory`: the most bytes that this process held, of its GPU where it used one. vLLM's are another process's."""
    if task.settings.engine == "vllm":
        return {}
    torch = sys.modules.get("torch")
    if torch is not None and torch.cuda.is_initialized():
        return {"memory": int(torch.cuda.max_memory_reserved())}
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return {"memory": peak if sys.platform == "darwin" else peak * 1024}


def _loads_torch(task: Task) -> bool:
    """Whether the first thing a task does takes many seconds; accelerate's launch.sh says so itself, before it loads
    them for the first time."""
    match task.payload.task:
        case GenerateBody(model=EndpointModel()):
            return False
        case GateBody():
            return task.has("problems")
        case body:
            return isinstance(body, GenerateBody | ProbabilitiesBody)


def _served(task: Task) -> dict[str, object] | None:
    """Who answered a task that asked a server; of several judges each, by name."""
    body = task.payload.task
    judges = body.judges if isinstance(body, RewardedBody) else ()
    asked = {judge.name: judge.model for judge in judges if isinstance(judge.model, EndpointModel)}
    writer = body.model if isinstance(body, GenerateBody) and isinstance(body.model, EndpointModel) else None
    if writer is None and not asked:
        return None
    from cotspec.runtime.endpoints import spending

    if writer is not None:
        return spending.record(task.root, writer, task.payload.id)
    return {"judges": {name: spending.record(task.root, model, task.payload.id) for name, model in asked.items()}}


def main(arguments: Sequence[str]) -> int:
    """Run and return the exit code: 0, 1 (stopped by a gate), 2 (cannot be done as asked), 3 (bug), 130 (Ctrl-C)."""
    if len(arguments) != 2:
        print("usage: python -m cotspec.runtime payload.json run.json", file=sys.stderr)
        return TaskError.exit_code
    _die_with_parent()
    task: Task | None = None
    log: Path | None = None
    try:
        task = load(Path(arguments[0]), Path(arguments[1]))
        log = _log_to(task)
        local.set_cache(task.root)
        execute(task)
    except TaskError as error:
        launcher.tell(str(error))
        return error.exit_code
    except (AnswerError, PromptError, UnitError) as error:  # the kernel's words for what a spec or an install lacks
        launcher.tell(str(error))
        return TaskError.exit_code
    except KeyboardInterrupt:
        launcher.tell(launcher.INTERRUPTED)
        return interrupts.INTERRUPTED
    except Exception as error:  # noqa: BLE001 - the one place where a bug becomes a line and a log
        if full := full_disk.told(error, scratch.folder(task.root) if task else Path.cwd()):
            launcher.tell(full)
            return TaskError.exit_code
        return _bug(error, log)
    return 0


def _bug(error: Exception, log: Path | None) -> int:
    """One line for the person, the traceback for the log (and for everybody with COTSPEC_DEBUG=1)."""
    text = traceback.format_exc()
    if log is not None:
        with contextlib.suppress(OSError), log.open("a", encoding="utf-8") as file:
            file.write(text)
    if os.environ.get("COTSPEC_DEBUG") == "1" or log is None:
        sys.stderr.write(text)
    first = (str(error).strip().splitlines() or [""])[0]
    where = f"; the full log is {os.path.relpath(log)}" if log is not None else ""
    launcher.tell(f"{type(error).__name__}: {first}{where}")
    return BUG


def _log_to(task: Task) -> Path:
    """Send what libraries log and warn to a file, so that the terminal shows progress and nothing else."""
    folder = task.root / ".cotspec" / "logs"
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / (f"{task.payload.id}.log" if rank() == 0 else f"{task.payload.id}.{rank()}.log")
    handler = logging.FileHandler(path, mode="w", encoding="utf-8")
    handler.setFormatter(logging.Formatter("%(levelname)s %(name)s: %(message)s"))
    logging.getLogger().addHandler(handler)
    logging.raiseExceptions = False  # a log that cannot be written (a full disk) is no reason to fill the terminal
    logging.captureWarnings(True)
    return path


def _die_with_parent() -> None:
    """Ask the kernel for SIGTERM when the launcher dies, also by SIGKILL: no orphan goes on training.

    A launcher that died before this is known by the supervisor that died with it: one that lives ends what it adopts.
    """
    supervisor = os.environ.get("COTSPEC_SUPERVISED", "")
    if sys.platform == "linux" and supervisor:
        ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGTERM)
        if not Path("/proc", supervisor).exists():
            os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    interrupts.expect()
    sys.exit(main(sys.argv[1:]))
