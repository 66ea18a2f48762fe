"""`cotspec init --template`: what it makes runs, shortened, through the real thing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import yaml

from cotspec.cli.init import TEMPLATES
from tests.e2e.tiny import ROOT, parsed, run

pytest.importorskip("torch", reason="the training stack (cotspec[train]) is not installed")
pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")
pytestmark = pytest.mark.slow


@pytest.mark.parametrize("template", ["distill", "dpo", "traces"])  # the cookbook trains by sft and grpo
def test_a_template_runs_to_its_table(template: str, tmp_path: Path) -> None:
    run("cotspec", "init", tmp_path / "new", "--template", template, cwd=ROOT)
    spec = tmp_path / "new" / TEMPLATES[template]
    data = parsed(spec.read_text(encoding="utf-8"))
    if template != "traces":
        data["data"]["train"]["size"], data["data"]["test"]["size"] = 24, 12
    (stage,) = data["stages"].values()
    stage["train"] |= {"global_batch": 8, "epochs": 1} | ({"group": 4} if template == "grpo" else {})
    stage["train"] |= {"precision": "bf16"} if template == "dpo" else {}  # bf16 trains on the CPU, too
    data["resources"]["train"]["per_device_batch"] = 8
    spec.write_text(yaml.safe_dump(data, sort_keys=False, allow_unicode=True), encoding="utf-8")
    run("cotspec", "build", cwd=tmp_path / "new")
    run("dvc", "repro", cwd=tmp_path / "new")
    (report,) = (tmp_path / "new").glob("generated/reports/*/out/report.json")
    assert [row["label"] for row in json.loads(report.read_text())["rows"]] == data["evaluate"]["of"]
