"""The tiny experiment with fewer rows, and commands run as a person runs them."""

from __future__ import annotations

import json
import os
import subprocess
import sysconfig
from pathlib import Path
from typing import Any

import yaml

from cotspec.diagnostics import Sink
from cotspec.front import yaml_source

ROOT = Path(__file__).parents[2]
SCRIPTS = Path(sysconfig.get_path("scripts"))


def run(*command: str | Path, cwd: Path, succeeds: bool = True) -> str:
    """Run a command of this environment as a person would; returns what it printed."""
    environment = os.environ | {
        "PATH": f"{SCRIPTS}{os.pathsep}{os.environ['PATH']}",
        "GIT_AUTHOR_NAME": "test",
        "GIT_AUTHOR_EMAIL": "test@example.org",
        "GIT_COMMITTER_NAME": "test",
        "GIT_COMMITTER_EMAIL": "test@example.org",
    }
    done = subprocess.run(
        [str(part) for part in command],
        cwd=cwd,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=1200,
        check=False,
    )
    assert (done.returncode == 0) == succeeds, done.stdout
    return done.stdout


def parsed(text: str) -> dict[str, Any]:
    """A spec as plain data, read as YAML 1.2 (PyYAML alone takes the key `on` for a boolean)."""
    document = yaml_source.parse(text, "spec.yaml", Sink())
    assert document is not None
    data: dict[str, Any] = json.loads(json.dumps(document.data))
    return data


def shorten(text: str) -> str:
    """The tiny experiment with fewer rows: every stage stays, each with several optimizer steps."""
    spec = parsed(text)
    spec["data"]["train"]["size"] = 96
    spec["data"]["test"]["size"] = 24
    stages = spec["stages"]
    stages["structure"]["rows"]["slice"] = [0, 64]
    stages["structure"]["train"] |= {"epochs": 1, "global_batch": 16, "warmup_steps": 1}
    hinted, plain = stages["compress"]["rows"]["mix"]
    hinted["slice"], plain["slice"] = [64, 68], [68, 80]
    for source in stages["rewrite"]["rows"]["mix"]:
        source["slice"] = [0, 24]
    for name in ("compress", "rewrite"):
        stages[name]["train"] |= {"epochs": 1, "global_batch": 32, "group": 4}
        stages[name]["train"]["sampling"]["max_new_tokens"] = 160
    spec["generate"]["tries"] |= {"keep": {"where": "tries.score < 1"}, "slice": [0, 48]}
    spec["resources"] = {"train": {"gpus": 0, "per_device_batch": 16}, "generate": {"gpus": 0, "batch": 64}}
    return yaml.safe_dump(spec, sort_keys=False, allow_unicode=True)
