"""Files a spec names."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.diagnostics import Sink
from cotspec.front.load import Loaded, load

BASE = Path(__file__).parents[1] / "passes" / "base.yaml"


def loaded(prompt: str, folder: Path) -> tuple[Loaded | None, Sink]:
    (folder / ".git").mkdir(exist_ok=True)
    (folder / "specs").mkdir(exist_ok=True)
    text = BASE.read_text(encoding="utf-8").replace("over: train}", f"over: train, prompt: {prompt}}}", 1)
    file, sink = folder / "specs" / "a.yaml", Sink()
    file.write_text(text, encoding="utf-8")
    return load(file, sink), sink


def test_prompt_text_is_kept_under_its_written_path(tmp_path: Path) -> None:
    (tmp_path / "p.jinja").write_text("{{ question }}", encoding="utf-8")
    spec, _ = loaded("../p.jinja", tmp_path)
    assert spec is not None
    assert spec.files == {"../p.jinja": "{{ question }}"}


@pytest.mark.parametrize(
    ("prompt", "rule"),
    [
        ("/etc/passwd", "project-path"),
        ("../../p.jinja", "project-path"),
        ("~/p.jinja", "project-path"),
        ('"a\\0b"', "project-path"),
        ('""', "project-path"),
        ("gone.jinja", "prompt-file"),
        (".", "prompt-file"),
    ],
)
def test_prompt_outside_or_missing_is_one_finding_at_its_place(prompt: str, rule: str, tmp_path: Path) -> None:
    spec, sink = loaded(prompt, tmp_path)
    assert spec is None
    assert [(f.rule, f.span.line) for f in sink.findings] == [(rule, 10)]


def test_link_that_leads_out_of_the_project_is_refused(tmp_path: Path) -> None:
    (tmp_path / "outside").write_text("{{ question }}", encoding="utf-8")
    project = tmp_path / "project"
    (project / "specs").mkdir(parents=True)
    (project / "specs" / "p.jinja").symlink_to(tmp_path / "outside")
    _, sink = loaded("p.jinja", project)
    assert [f.rule for f in sink.findings] == ["project-path"]


@pytest.mark.parametrize(
    ("template", "line", "column"),
    [
        ("{{ question }}\n{{ qestion }}", 2, 4),
        ("{{ question", 1, 1),
        ("{{ question | nofilter }}", 1, 15),
        ("{{ question }}{% include 'x' %}", 1, 18),
    ],
)
def test_template_that_cannot_be_used_is_marked_in_its_own_file(
    template: str, line: int, column: int, tmp_path: Path
) -> None:
    (tmp_path / "specs").mkdir()
    (tmp_path / "specs" / "p.jinja").write_text(template, encoding="utf-8")
    _, sink = loaded("p.jinja", tmp_path)
    (finding,) = sink.findings
    assert (finding.rule, finding.span.line, finding.span.column) == ("prompt-template", line, column)
    assert finding.span.file.endswith("p.jinja")
