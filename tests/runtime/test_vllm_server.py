"""A vLLM server beside training: started as TRL says, waited for, and ended whatever happens.

vLLM needs a GPU. In its place a package of that name takes the same command line and serves its health, in a real
process; what it cannot show is that weights arrive.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

import bodies
import pytest
from conftest import Stage, environment, write_lines

from cotspec.runtime import vllm_server

pytest.importorskip("trl", reason="training tests need the `train` extra")

SERVER = """
import json, os, sys, time
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

how = os.environ["HOW"]
seen = {"argv": sys.argv[1:], "gpus": os.environ["CUDA_VISIBLE_DEVICES"], "dev": os.environ["VLLM_SERVER_DEV_MODE"]}
Path(os.environ["SEEN"]).write_text(json.dumps(seen | {"pid": os.getpid()}))
if how == "ends":
    sys.exit("no kernel image is available")
if how == "sleeps":
    time.sleep(100)

class Health(BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()

HTTPServer(("127.0.0.1", int(sys.argv[sys.argv.index("--port") + 1])), Health).serve_forever()
"""
TOLD = "import json, os; print(json.dumps({k: os.environ[k] for k in os.environ if 'VLLM' in k or 'CUDA' in k}))"
WAITS = "import time; print('began', flush=True); time.sleep(100)"
SOON = 60.0


class Health(BaseHTTPRequestHandler):
    """A server that runs already."""

    def do_GET(self) -> None:
        self.send_response(200 if self.path == "/health" else 404)
        self.end_headers()


class Scene:
    """A task that trains on two GPUs beside a server on two more, and how its server behaves."""

    def __init__(self, folder: Path, root: Path) -> None:
        self.folder, self._seen, fake = folder, root / "seen.json", root / "fake"
        package = fake / "vllm/entrypoints/cli"
        package.mkdir(parents=True)
        for each in (package, package.parent, package.parent.parent):
            (each / "__init__.py").touch()
        (package / "main.py").write_text(SERVER)
        (fake / "vllm-0.29.0.dist-info").mkdir()
        (fake / "vllm-0.29.0.dist-info/METADATA").write_text("Metadata-Version: 2.1\nName: vllm\nVersion: 0.29.0\n")
        (fake / "vllm-0.29.0.dist-info/top_level.txt").write_text("vllm\n")
        self._more = {"PYTHONPATH": str(fake), "SEEN": str(self._seen), "CUDA_VISIBLE_DEVICES": "4,5,6,7"}

    def start(self, code: str, how: str = "serves", **more: str) -> subprocess.Popen[str]:
        module = [sys.executable, "-m", "cotspec.runtime.vllm_server", "payload.json", "run.json", "--"]
        supervised = [sys.executable, "-m", "cotspec.runtime.supervise", "--", *module, sys.executable, "-c", code]
        environ = environment(**(self._more | {"HOW": how} | more))
        pipe = subprocess.PIPE
        return subprocess.Popen(supervised, cwd=self.folder, env=environ, stdout=pipe, stderr=pipe, text=True)

    def run(self, code: str, how: str = "serves", **more: str) -> tuple[int, str, str]:
        process = self.start(code, how, **more)
        out, err = process.communicate(timeout=SOON)
        return process.returncode, out, err

    def settings(self, **changes: object) -> None:
        """Change run.json."""
        file = self.folder / "run.json"
        file.write_text(json.dumps(json.loads(file.read_text()) | changes))

    def agree(self, text: str) -> None:
        """What the owner of this machine says."""
        (self.folder.parents[2] / "cotspec.local.yaml").write_text(text)

    @property
    def started(self) -> bool:
        """Whether a server of its own was."""
        return self._seen.exists()

    @property
    def seen(self) -> dict[str, Any]:
        """What the server was started with."""
        return dict(json.loads(self._seen.read_text()))

    @property
    def ended(self) -> bool:
        """Whether the server is gone."""
        return not Path(f"/proc/{self.seen['pid']}").exists()


@pytest.fixture
def scene(stage: Stage, tmp_path: Path, tiny_model: Path) -> Scene:
    rows = write_lines(tmp_path / "rows.jsonl", bodies.grpo_rows(2))
    run = {"gpus": 2, "processes": 2, "vllm_gpus": 2, "vllm_memory": 0.9, "engine": "vllm"}
    return Scene(stage("grpo", bodies.grpo(), {"rows": rows, "model": tiny_model}, **run), tmp_path)


@pytest.mark.slow  # processes that import transformers
def test_training_is_told_where_the_server_is_and_has_the_other_gpus(scene: Scene, tiny_model: Path) -> None:
    code, out, err = scene.run(TOLD)
    assert code == 0, err
    told = json.loads(out.splitlines()[-1])
    argv = scene.seen["argv"]
    given = dict(zip(argv[2::2], argv[3::2], strict=False))
    assert argv[:2] == ["serve", str(tiny_model)]
    assert told["COTSPEC_VLLM_URL"] == f"http://127.0.0.1:{given['--port']}"
    assert told["COTSPEC_VLLM_GROUP_PORT"] not in ("", given["--port"])
    assert (told["CUDA_VISIBLE_DEVICES"], scene.seen["gpus"], scene.seen["dev"]) == ("4,5", "6,7", "1")
    wanted = {"--tensor-parallel-size": "2", "--gpu-memory-utilization": "0.9", "--dtype": "float32"}
    wanted |= {"--max-model-len": "128", "--host": "127.0.0.1", "--logprobs-mode": "processed_logprobs"}
    assert {key: given[key] for key in wanted} == wanted
    assert "--trust-remote-code" not in argv
    assert scene.ended


@pytest.mark.slow  # see above
def test_a_server_listens_and_takes_weights_where_the_spec_says(scene: Scene) -> None:
    port, group = vllm_server._free_ports(2)
    scene.settings(vllm_port=port, vllm_group_port=group)
    code, out, err = scene.run(TOLD)
    assert code == 0, err
    told = json.loads(out.splitlines()[-1])
    assert (told["COTSPEC_VLLM_URL"], told["COTSPEC_VLLM_GROUP_PORT"]) == (f"http://127.0.0.1:{port}", str(group))
    assert scene.seen["argv"][scene.seen["argv"].index("--port") + 1] == str(port)


@pytest.mark.slow  # see above
def test_a_server_that_runs_already_is_used_where_the_machine_agrees_and_none_is_started(scene: Scene) -> None:
    scene.settings(vllm_gpus=0, vllm_server="http://node7:8000", vllm_timeout=1.0)
    code, _, err = scene.run(TOLD)
    assert (code, "cotspec.local.yaml does not agree" in err) == (2, True)
    with HTTPServer(("127.0.0.1", 0), Health) as server:
        url = f"http://127.0.0.1:{server.server_port}"
        threading.Thread(target=server.serve_forever, daemon=True).start()
        scene.agree(f'endpoints: {{"http://node7:8000": {{url: "{url}"}}}}')
        code, out, err = scene.run(TOLD)
        server.shutdown()
    assert code == 0, err
    told = json.loads(out.splitlines()[-1])
    assert (told["COTSPEC_VLLM_URL"], told["CUDA_VISIBLE_DEVICES"]) == (url, "4,5,6,7")
    assert not scene.started
    code, _, err = scene.run(TOLD)  # it is gone
    assert (code, f"{url} is not healthy after 1 s" in err) == (2, True)


def test_the_parser_of_vllm_itself_takes_the_command_line(
    stage: Stage, tmp_path: Path, tiny_model: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Beside torch for the CPU it can be imported, and parses; it is no part of `cotspec[dev]`, being 5 GB."""
    pytest.importorskip("vllm", reason="vLLM's own parser: pip install 'vllm<=0.31', and this file again")
    import vllm.platforms
    from vllm.entrypoints.cli.serve import ServeSubcommand
    from vllm.platforms.cpu import CpuPlatform
    from vllm.utils.argparse_utils import FlexibleArgumentParser

    from cotspec.runtime import task

    monkeypatch.setattr(vllm.platforms, "_current_platform", CpuPlatform())  # a machine without any is refused
    rows = write_lines(tmp_path / "rows.jsonl", bodies.grpo_rows(2))
    run = {"gpus": 2, "processes": 2, "vllm_gpus": 2, "vllm_memory": 0.9, "engine": "vllm"}
    monkeypatch.chdir(stage("grpo", bodies.grpo(), {"rows": rows, "model": tiny_model}, **run))
    command = vllm_server.arguments(task.load(Path("payload.json"), Path("run.json")), 8123)
    parser = FlexibleArgumentParser()
    serve = ServeSubcommand()
    serve.subparser_init(parser.add_subparsers(dest="subparser"))
    given = parser.parse_args(command[command.index("serve") :])
    serve.validate(given)
    assert (given.model_tag, given.port, given.tensor_parallel_size) == (str(tiny_model), 8123, 2)
    assert (given.dtype, given.max_model_len, given.gpu_memory_utilization) == ("float32", 128, 0.9)


@pytest.mark.slow  # see above
@pytest.mark.parametrize(
    ("how", "more", "told"),
    [
        ("ends", {}, "vLLM's server ended with code 1; the end of its log:\nno kernel image is available\n"),
        (
            "sleeps",
            {"COTSPEC_VLLM_WAIT": "1"},
            " is not healthy after 1 s (`resources.train.vllm_server_timeout` gives it longer)\n",
        ),
    ],
)
def test_a_server_that_does_not_come_is_told_and_nothing_is_trained(
    scene: Scene, how: str, more: dict[str, str], told: str
) -> None:
    code, out, err = scene.run(TOLD, how, **more)
    assert code == 2
    assert told in err
    assert "COTSPEC_VLLM_URL" not in out
    assert scene.ended


@pytest.mark.slow  # see above
def test_a_server_that_ends_ends_training_and_a_kill_leaves_neither(scene: Scene) -> None:
    process = scene.start(WAITS)
    assert process.stdout is not None
    assert any(line == "began\n" for line in process.stdout)
    os.kill(scene.seen["pid"], signal.SIGKILL)
    _, err = process.communicate(timeout=SOON)
    assert process.returncode == 2
    assert "vLLM's server ended with code -9" in err
    assert "a rerun goes on from the last checkpoint" in err

    process = scene.start(WAITS)
    assert process.stdout is not None
    assert any(line == "began\n" for line in process.stdout)
    process.kill()
    deadline = time.monotonic() + SOON
    while not scene.ended:
        assert time.monotonic() < deadline, "the server outlives what started it"
        time.sleep(0.1)


def test_too_few_gpus_are_told_before_anything_starts(scene: Scene) -> None:
    code, _, err = scene.run(TOLD, CUDA_VISIBLE_DEVICES="0,1,2")
    assert code == 2
    assert err == "cotspec: the task needs 4 GPUs (2 to train and 2 for vLLM) and 3 can be seen here\n"
    assert not scene.started


@pytest.mark.slow  # see above
def test_a_wait_that_is_no_number_is_told_before_anything_starts(scene: Scene) -> None:
    code, out, err = scene.run(TOLD, COTSPEC_VLLM_WAIT="soon")
    assert (code, out) == (2, "")
    assert err.endswith("cotspec: COTSPEC_VLLM_WAIT is a number of seconds, not 'soon'\n")
