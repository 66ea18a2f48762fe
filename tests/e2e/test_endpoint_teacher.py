"""The spec of docs/endpoints.md, built and run up to its teacher's traces, with a real server in the place it names."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from cotspec.cot.prompting import default_prompt
from tests.runtime import served
from tests.support import cotspec

pytest.importorskip("torch", reason="the server generates with transformers, of the `train` extra")

PAGE = (Path(__file__).parents[2] / "docs" / "endpoints.md").read_text(encoding="utf-8")
SPEC = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
KEY = "sk-canary-of-the-e2e"
TINY = """
extends: served.yaml
name: near
models: {teacher: {endpoint: {model: tiny-teacher}, chat: false}}
data: {train: {size: 10}, test: {size: 4}}
generate: {teach: {prompt: solve.jinja, sampling: {temperature: 0.4, max_new_tokens: 120}}}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[served.Server]:
    with served.serve() as running:
        running.control(key=KEY)
        yield running


def launched(folder: Path) -> str:
    """What a task's own launch script says."""
    environment = os.environ | {"COTSPEC_PYTHON": sys.executable, "DEEPSEEK_API_KEY": KEY, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        ["bash", "launch.sh"], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout + done.stderr


def test_a_teacher_behind_a_server_writes_what_is_trained_on(server: served.Server, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "served.yaml").write_text(SPEC, encoding="utf-8")
    (tmp_path / "near.yaml").write_text(TINY, encoding="utf-8")
    (tmp_path / "solve.jinja").write_text(default_prompt("solve"), encoding="utf-8")
    local = f'endpoints: {{"https://api.deepseek.com/v1": {{url: "{server.url}", key: DEEPSEEK_API_KEY}}}}'
    (tmp_path / "cotspec.local.yaml").write_text(local, encoding="utf-8")
    built = cotspec("build", "near.yaml", folder=tmp_path)
    assert built.returncode == 0, built.stderr
    stages = tmp_path / "generated" / "stages"
    tasks = {path.parent: json.loads(path.read_text())["task"] for path in stages.glob("*/payload.json")}

    def of(kind: str, **values: Any) -> list[Path]:
        return [at for at, body in tasks.items() if body["kind"] == kind and values.items() <= body.items()]

    said = [launched(tmp_path / "generated" / "preflight")]
    said += [launched(at) for at in of("data")]
    (teach,) = of("teach")
    said.append(launched(teach))
    said.append(launched(*of("traces")))
    said.append(launched(*of("rows")))
    asked = [at for at in of("evaluate") if tasks[at]["model"]["kind"] == "endpoint"]
    said.append(launched(*asked))
    assert len(server.asked()) == 10 + 4
    counts = json.loads((of("traces")[0] / "out/counts.json").read_text())
    assert counts["rollouts"] == 10
    assert counts["traces"] >= 3, "the builtin teacher is right now and then"
    assert json.loads((asked[0] / "out/metrics.json").read_text())["n"] == 4
    assert json.loads((teach / "provenance.json").read_text())["endpoint"]["answered"][0]["model"] == served.NAME
    assert "gpus" in (teach / "run.json").read_text()
    assert KEY not in "".join(said)
    for file in (path for path in tmp_path.rglob("*") if path.is_file()):
        assert KEY.encode() not in file.read_bytes(), file
