"""Code that comes with a model runs only when a person says so where the spec cannot."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cotspec.compiler import compile_specs
from cotspec.diagnostics import Sink
from cotspec.passes.options import Options

BASE = Path(__file__).parents[1] / "passes" / "base.yaml"
PINNED = "0123456789abcdef0123456789abcdef01234567"


def built(model: str, folder: Path, *, trusted: bool) -> tuple[Sink, dict[str, dict[str, object]]]:
    """Findings, and each task by what it is, of the small spec with another first model."""
    spec, sink = folder / "a.yaml", Sink()
    spec.write_text(BASE.read_text(encoding="utf-8").replace("{builtin: tiny-student}", model), encoding="utf-8")
    files = compile_specs({"a.yaml": spec}, sink, Options(trust_remote_code=trusted)).files
    payloads = [json.loads(text)["task"] for path, text in files.items() if path.endswith("payload.json")]
    return sink, {json.dumps(each): each for each in payloads}


def flags(tasks: dict[str, dict[str, object]]) -> set[tuple[str, bool]]:
    """(kind of reference, flag) of every model that a task loads."""
    models = [each[key] for each in tasks.values() for key in ("start", "model") if key in each]
    return {(model["kind"], model.get("trust_remote_code", False)) for model in models}  # type: ignore[index, attr-defined]


def test_a_spec_alone_cannot_make_code_run(tmp_path: Path) -> None:
    sink, tasks = built(f"{{hub: a/b, revision: {PINNED}, trust_remote_code: true}}", tmp_path, trusted=False)
    (finding,) = sink.findings
    assert (finding.rule, finding.severity, finding.span.line) == ("remote-code", "error", 4)
    assert "--trust-remote-code" in finding.help
    assert tasks == {}


def test_with_the_flag_every_task_that_loads_the_model_or_what_came_of_it_carries_the_consent(tmp_path: Path) -> None:
    sink, tasks = built(f"{{hub: a/b, revision: {PINNED}, trust_remote_code: true}}", tmp_path, trusted=True)
    assert sink.findings == []
    assert flags(tasks) == {("hub", True), ("input", True), ("builtin", False)}


def test_the_flag_alone_trusts_nothing(tmp_path: Path) -> None:
    sink, tasks = built(f"{{hub: a/b, revision: {PINNED}}}", tmp_path, trusted=True)
    assert sink.findings == []
    assert flags(tasks) == {("hub", False), ("input", False), ("builtin", False)}


@pytest.mark.parametrize("trusted", [False, True])
def test_the_runtime_runs_a_models_code_only_with_consent(trusted: bool, tmp_path: Path) -> None:
    pytest.importorskip("transformers", reason="loading a model needs the `train` extra")
    from cotspec.runtime import models
    from cotspec.runtime.errors import TaskError

    folder, canary = tmp_path / "model", tmp_path / "ran"
    folder.mkdir()
    config = {"model_type": "none-of-ours", "auto_map": {"AutoConfig": "evil.Config", "AutoModelForCausalLM": "evil.M"}}
    (folder / "config.json").write_text(json.dumps(config), encoding="utf-8")
    (folder / "evil.py").write_text(f"open({str(canary)!r}, 'w').close()\nraise ValueError('ran')\n", encoding="utf-8")
    origin = models.ModelSource(folder=folder, chat=None, trust_remote_code=trusted)
    with pytest.raises(TaskError):
        models.load_model(origin, dtype="auto")
    assert canary.exists() == trusted
