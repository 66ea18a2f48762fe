"""cotspec.local.yaml: what only this machine knows."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.diagnostics import Sink
from cotspec.front import local


def found(text: str, root: Path) -> list[tuple[str, str, int, int, tuple[str, ...]]]:
    (root / "cotspec.local.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    local.check(root, sink)
    assert {finding.span.file for finding in sink.findings} <= {str(root / "cotspec.local.yaml")}
    return [(f.rule, f.severity, f.span.line, f.span.column, f.suggestions) for f in sink.sorted()]


def test_a_project_without_the_file_has_no_findings(tmp_path: Path) -> None:
    sink = Sink()
    local.check(tmp_path, sink)
    assert sink.findings == []


def test_folders_that_are_there_are_quiet_wherever_they_are(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("out/model", "project/data", "home/gsm8k", "hub/models--e--f/snapshots/abc"):
        (tmp_path / name).mkdir(parents=True)
    (tmp_path / "out/model/config.json").touch()
    (tmp_path / "link").symlink_to(tmp_path / "out/model")
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    assert found("# models: {a/b: x}\n", tmp_path / "project") == []
    caches = ", ".join(f"c/{at}: {tmp_path}/{name}" for at, name in enumerate(("hub", "hub/models--e--f", "link")))
    text = f"models: {{a/b: {tmp_path}/out/model, {caches}}}\ndata: {{c/d: data, e/f: ~/gsm8k}}\ncache: /nowhere/yet\n"
    assert found(text, tmp_path / "project") == []


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("models:\n  a/b: /no/such/folder\n", ("local-folder", "warning", 2, 8, ())),
        ("data: {a/b: cotspec.local.yaml}\n", ("local-folder", "warning", 1, 13, ())),
        ("data: {a/b: ~nobody-of-this-name/x}\n", ("local-folder", "warning", 1, 13, ())),
        ("modles: {}\n", ("unknown-key", "error", 1, 1, ("models",))),
        ("models: /data\n", ("wrong-type", "error", 1, 9, ())),
        ("models: {a/b: 1}\n", ("wrong-type", "error", 1, 15, ())),
        ("models: {a/b: ''}\n", ("wrong-value", "error", 1, 15, ())),
        ("cache: [x]\n", ("wrong-type", "error", 1, 8, ())),
        ("- models\n", ("wrong-type", "error", 1, 1, ())),
        ("models: {a/b: x}\nmodels: {a/b: y}\n", ("duplicate-key", "error", 2, 1, ())),
        ("data: {a/b: &root /, c/d: *root}\n", ("wrong-value", "error", 1, 1, ())),
        ("models: {a/b: 'x\n", ("unclosed-quote", "error", 1, 15, ())),
    ],
)
def test_a_mistake_is_found_at_its_place(
    text: str, finding: tuple[str, str, int, int, tuple[str, ...]], tmp_path: Path
) -> None:
    assert found(text, tmp_path) == [finding]


def test_an_unknown_key_is_one_of_this_file_and_not_of_the_spec(tmp_path: Path) -> None:
    (tmp_path / "cotspec.local.yaml").write_text("modles: {}\n", encoding="utf-8")
    sink = Sink()
    local.check(tmp_path, sink)
    assert [finding.message for finding in sink.findings] == ["`cotspec.local.yaml` has no setting `modles`"]


@pytest.mark.parametrize("place", ["m/x.gguf", "m"])
def test_a_gguf_file_is_told_how_to_become_a_folder(place: str, tmp_path: Path) -> None:
    (tmp_path / "m").mkdir()
    (tmp_path / "m/x.gguf").touch()
    (tmp_path / "cotspec.local.yaml").write_text(f"models: {{a/b: {place}}}\n", encoding="utf-8")
    sink = Sink()
    local.check(tmp_path, sink)
    (finding,) = sink.findings
    assert "a GGUF file" in finding.help
    assert "own-model.md" in finding.help


def test_a_link_to_a_file_outside_the_project_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("canary: [", encoding="utf-8")
    project = tmp_path / "project"
    project.mkdir()
    (project / "cotspec.local.yaml").symlink_to(tmp_path / "secret")
    sink = Sink()
    local.check(project, sink)
    (finding,) = sink.findings
    assert finding.rule == "project-path"
    assert "canary" not in finding.message


def spec(root: Path, name: str, text: str) -> Path:
    (root / name).write_text(text, encoding="utf-8")
    return root / name


def test_a_folder_without_a_model_and_a_name_that_is_no_id_are_told(tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    (tmp_path / "cotspec.local.yaml").write_text("models: {teacher: empty, gpt2: empty}\n", encoding="utf-8")
    one = spec(tmp_path, "one.yaml", "models: {teacher: {hub: gpt2}, student: {hub: a/b}}\n")
    sink = Sink()
    local.check(tmp_path, sink, lambda: [one])
    assert [(f.severity, f.message, f.help.partition(":")[2]) for f in sink.sorted() if "teacher" in f.message] == [
        ("warning", "`teacher` is the id of no model on the hub", " there is `a/b` and `gpt2`")
    ]
    assert [f.message for f in sink.findings if "empty" in f.message] == ["`empty` holds no model"] * 2


OWN = """extends: base.yaml
models: {student: {hub: Qwen/Qwen2.5-3B}, judge: {endpoint: {model: r1-judge}}}
variants:
  sizes: {matrix: {models.student.hub: [Qwen/Qwen2.5-1.5B]}}
  far: {models.judge.endpoint.model: r1-other}
resources: {train: {vllm_server_host: gpu-box}}
"""
BASE = """models: {teacher: {endpoint: {model: r1, url: "http://lab:8000/v1"}}}
data: {train: {hub: openai/gsm8k}}
"""


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("models:\n  Qwen/Qwen2.5-3b: .\n", (2, 3, ("Qwen/Qwen2.5-3B",))),
        ("models: {Qwen/Qwen2.5-3B-: .}\n", (1, 10, ("Qwen/Qwen2.5-3B",))),
        ("models: {Qwen/Qwen25-1.5B: .}\n", None),  # another number may be another model
        ("models: {Qwen/Qwen-2.5-1.5B: .}\n", (1, 10, ("Qwen/Qwen2.5-1.5B",))),
        ("data: {openai/gsmk8: .}\n", (1, 8, ("openai/gsm8k",))),
        ("endpoints: {r1_judge: {url: 'http://x:1/v1'}}\n", (1, 13, ("r1-judge",))),
        ("endpoints: {'http://labb:8000/v1': {}}\n", (1, 13, ("http://lab:8000/v1",))),
        ("endpoints: {'HTTP://x/v1': {}}\n", None),
        ("endpoints: {'http://LAB:8000/v1/': {}, 'http://gpu-box:8000': {}, r1-other: {url: 'http://x/v1'}}\n", None),
        ("models: {Qwen/Qwen2.5-7B: .}\n", None),
        ("models: {someone/else: .}\n", None),
        ("models: {Qwen/Qwen2.5-3B: ., Qwen/Qwen2.5-3b: .}\n", None),  # nothing lacks a place
    ],
)
def test_an_id_that_no_spec_names_and_much_like_one_without_a_place_is_told(
    text: str, found: tuple[int, int, tuple[str, ...]] | None, tmp_path: Path
) -> None:
    (tmp_path / "pyproject.toml").touch()
    (tmp_path / "config.json").touch()
    spec(tmp_path, "base.yaml", BASE)
    own = spec(tmp_path, "own.yaml", OWN)
    (tmp_path / "cotspec.local.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    local.check(tmp_path, sink, lambda: [own])
    told = [(f.rule, f.severity, f.span.line, f.span.column, f.suggestions) for f in sink.findings]
    assert told == ([("local-id", "warning", *found)] if found else [])
    sink = Sink()
    broken = spec(tmp_path, "broken.yaml", "models: {a")
    local.check(tmp_path, sink, lambda: [own, broken])
    assert sink.findings == []  # it may be the one that names it
