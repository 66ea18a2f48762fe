"""`python -m cotspec.runtime.vllm_server payload.json run.json -- command…`: run a command beside a vLLM server of the
task's model, on GPUs of the server's own.

TRL says how the server is started. It gets the last of the GPUs that can be seen, the command the others, and where
the server is. The command begins when the server is healthy, and both end together: neither outlives the other, and
what a kill leaves of them is ended by the supervisor (`cotspec.runtime.supervise`) that this runs under. Where a server
of one's own runs already, `vllm_server_base_url` of the spec or `COTSPEC_VLLM_URL` names it and none is started.
"""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Final, NoReturn

from cotspec.cot import model_config
from cotspec.runtime import fitting, local, models
from cotspec.runtime.endpoints import places
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.supervise import bound
from cotspec.runtime.task import Task, load
from cotspec.spec.payload import TrainBody

URL: Final = "COTSPEC_VLLM_URL"
GROUP_PORT: Final = "COTSPEC_VLLM_GROUP_PORT"
"""Where the trainer hands its weights over."""
WAIT: Final = "COTSPEC_VLLM_WAIT"
"""Seconds a server has to become healthy, in place of `vllm_server_timeout`."""
_POLL: Final = 0.5
_GRACE: Final = 20.0
_SHOWN: Final = 15
"""Lines of the log of a server that ended."""
_VISIBLE: Final = "CUDA_VISIBLE_DEVICES"
_DTYPE: Final = {"fp32": "float32", "bf16": "bfloat16", "fp16": "float16"}
"""That of the training computation; vLLM would take fp16 for float32 weights."""


def main(arguments: Sequence[str]) -> int:
    """Return the exit code of the command, or 2 for a server that cannot be had."""
    if len(arguments) < 4 or arguments[2] != "--":
        print("usage: python -m cotspec.runtime.vllm_server payload.json run.json -- command…", file=sys.stderr)
        return TaskError.exit_code
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, _stop)
    try:
        task = load(Path(arguments[0]), Path(arguments[1]))
        local.set_cache(task.root)
        return _run(task, arguments[3:])
    except TaskError as error:
        print(f"cotspec: {error}", file=sys.stderr)
        return error.exit_code


def _run(task: Task, command: Sequence[str]) -> int:
    most = patience(task)
    if url := running(task):
        say(f"vLLM: the server at {url} is used")
        _await(url, most)
        environment = os.environ | {URL: url}
        done = subprocess.run(command, check=False, env=environment, preexec_fn=_tied())  # noqa: S603 - what this is for
        return _exit_code(done.returncode)
    training, own = _shared_out(task)
    free = iter(_free_ports(2))
    port, group = (asked or next(free) for asked in (task.settings.vllm_port, task.settings.vllm_group_port))
    url = f"http://127.0.0.1:{port}"
    log = task.root / ".cotspec" / "logs" / f"{task.payload.id}.vllm.log"
    say(f"vLLM: starting its server on {len(own)} of {len(own) + len(training)} GPUs (its log: {log.name})")
    with _started(arguments(task, port), own, log) as server:
        _await(url, most, server, log)
        environment = os.environ | {_VISIBLE: ",".join(training), URL: url, GROUP_PORT: str(group)}
        trainer = subprocess.Popen(command, env=environment, preexec_fn=_tied())  # noqa: S603 - what this is for
        return _beside(server, log, trainer)


def running(task: Task) -> str:
    """The address of a server that runs already: as the environment says, else as the spec does and
    `cotspec.local.yaml` agrees; "" where one is to be started. Raises TaskError where nobody agreed."""
    if url := os.environ.get(URL):
        return url
    url = task.settings.vllm_server
    return places.named(task.root, url=url, model="vLLM").url if url else ""


def arguments(task: Task, port: int) -> list[str]:
    """The command line of the server, as TRL makes it. Raises TaskError for what cannot be served."""
    models.require("vllm", {"for": "`vllm_gpus`", "get": "pip install vllm, or remove it from `resources.train`"})
    from trl.scripts.vllm_serve import ScriptArguments, build_command

    body, settings = task.body(TrainBody), task.settings
    origin = models.source(task, body.start)
    heads = model_config.heads(models.load_config(origin).to_dict())
    if heads % settings.vllm_gpus:
        raise TaskError(f"{heads} attention heads cannot be split over `vllm_gpus` {settings.vllm_gpus}: set another")
    command: list[str] = build_command(
        ScriptArguments(
            model=origin.location,
            host="127.0.0.1",
            port=port,
            tensor_parallel_size=settings.vllm_gpus,
            gpu_memory_utilization=settings.vllm_memory,
            dtype=_DTYPE[body.precision],
            max_model_len=fitting.length(origin, body.max_length),
            trust_remote_code=origin.trust_remote_code,
            log_level="warning",
        )
    )
    return command


def _shared_out(task: Task) -> tuple[list[str], list[str]]:
    """The GPUs to train on, and those of the server. Raises TaskError when there are too few."""
    settings = task.settings
    seen = _seen()
    if len(seen) < settings.devices:
        told = f"{settings.gpus} to train and {settings.vllm_gpus} for vLLM"
        raise TaskError(f"the task needs {settings.devices} GPUs ({told}) and {len(seen)} can be seen here")
    return seen[: settings.gpus], seen[settings.gpus : settings.devices]


def _seen() -> list[str]:
    named = os.environ.get(_VISIBLE)
    if named is not None:
        return [part.strip() for part in named.split(",") if part.strip()]
    return sorted((path.name.removeprefix("nvidia") for path in Path("/dev").glob("nvidia[0-9]*")), key=int)


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@contextmanager
def _started(command: Sequence[str], devices: Sequence[str], log: Path) -> Iterator[subprocess.Popen[bytes]]:
    """The server, which is ended whatever happens."""
    log.parent.mkdir(parents=True, exist_ok=True)
    # Weights are handed over by what vLLM calls its development mode.
    environment = os.environ | {_VISIBLE: ",".join(devices), "VLLM_SERVER_DEV_MODE": "1"}
    with log.open("wb") as file:
        server = subprocess.Popen(  # noqa: S603 - TRL's command line
            command, env=environment, stdout=file, stderr=file, preexec_fn=_tied()
        )
    try:
        yield server
    finally:
        _end(server)


def _tied() -> Callable[[], None] | None:
    """For a process that is to end when this one is killed."""
    return bound(os.getpid()) if sys.platform == "linux" else None


def _stop(number: int, _frame: FrameType | None) -> NoReturn:
    """SIGTERM, which the supervisor sends, or the kernel when the supervisor was killed, and Ctrl-C, which may come
    twice: both processes are ended."""
    for each in (signal.SIGTERM, signal.SIGINT):
        signal.signal(each, signal.SIG_IGN)
    sys.exit(128 + number)


def _end(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_GRACE)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _await(url: str, most: float, server: subprocess.Popen[bytes] | None = None, log: Path | None = None) -> None:
    """Return when the server is healthy. Raises TaskError when it ends before, or takes more than `most` seconds."""
    began = time.monotonic()
    while not _healthy(url):
        if server is not None and server.poll() is not None:
            raise TaskError(_died(server, log))
        if time.monotonic() - began > most:
            raise TaskError(
                f"vLLM's server at {url} is not healthy after {most:.0f} s "
                "(`resources.train.vllm_server_timeout` gives it longer)"
            )
        time.sleep(_POLL)
    say(f"vLLM: healthy after {time.monotonic() - began:.0f} s")


def patience(task: Task) -> float:
    """Seconds that a server has. Raises TaskError."""
    given = os.environ.get(WAIT, "")
    try:
        return float(given) if given else task.settings.vllm_timeout
    except ValueError:
        raise TaskError(f"{WAIT} is a number of seconds, not {given!r}") from None


def _healthy(url: str) -> bool:
    try:
        with urllib.request.urlopen(f"{url}/health", timeout=5) as reply:  # noqa: S310 - this machine's own word
            return bool(reply.status == 200)
    except (OSError, ValueError):
        return False


def _beside(server: subprocess.Popen[bytes], log: Path, command: subprocess.Popen[bytes]) -> int:
    """The exit code of the command; it is ended when the server ends before. Raises TaskError then."""
    try:
        while command.poll() is None:
            if server.poll() is not None:
                raise TaskError(f"{_died(server, log)}\na rerun goes on from the last checkpoint")
            time.sleep(_POLL)
    except BaseException:
        _end(command)
        raise
    return _exit_code(command.returncode)


def _exit_code(returned: int) -> int:
    """As a shell has it: 128 + the signal that ended a process."""
    return returned if returned >= 0 else 128 - returned


def _died(server: subprocess.Popen[bytes], log: Path | None) -> str:
    lines = [] if log is None else log.read_text(encoding="utf-8", errors="replace").splitlines()[-_SHOWN:]
    return "\n".join([f"vLLM's server ended with code {server.returncode}; the end of its log:", *lines])


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
