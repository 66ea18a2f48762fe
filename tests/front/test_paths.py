"""Paths a spec names."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from cotspec.diagnostics import Sink, Span
from cotspec.front.paths import Named, locate, project_root, text_of


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A project with everything in it that a hostile path could go through, and a secret beside it."""
    root = tmp_path / "project"
    (root / ".git").mkdir(parents=True)
    (root / "specs" / "deep").mkdir(parents=True)
    (root / "other").mkdir()
    (root / "other" / "inner").mkdir()
    (tmp_path / "secret.txt").write_text("canary", encoding="utf-8")
    for name in ("specs/a.yaml", "p.jinja", "specs/p.jinja", ".git/config", ".env", "cotspec.local.yaml"):
        (root / name).write_text(name, encoding="utf-8")
    links = {
        "specs/out.jinja": tmp_path / "secret.txt",
        "specs/in.jinja": root / "p.jinja",
        "specs/up": tmp_path,
        "specs/dangling": tmp_path / "nowhere",
        "specs/loop": root / "specs" / "loop",
        "specs/null": Path("/dev/null"),
        "specs/git": root / ".git",
        "specs/inner": root / "other" / "inner",
        "specs/secret.txt": tmp_path / "secret.txt",
        "link.yaml": root / "specs" / "a.yaml",
    }
    for name, target in links.items():
        (root / name).symlink_to(target)
    os.mkfifo(root / "specs" / "pipe")
    return root


def named(written: str, spec: Path) -> Named:
    return Named(written=written, key="prompt", spec=spec, root=project_root(spec), span=Span("a.yaml", 3, 5, 3, 9))


REFUSED = [
    "",
    " ",
    "/etc/passwd",
    "//server/share/x",
    "\\\\server\\share\\x",
    "C:/x",
    "C:x",
    "c:\\x",
    "~",
    "~/x",
    "~root/x",
    "a\\b",
    "a\0b",
    "a\nb",
    "a\u202eb",
    "a\udcffb",
    "file:///etc/passwd",
    "https://example.org/p.jinja",
    "..",
    "../..",
    "../../secret.txt",
    "deep/../../../secret.txt",
    "up/secret.txt",
    "up",
    "out.jinja",
    "dangling",
    "loop",
    "loop/x",
    "null",
    "../../../../../../../../proc/self/environ",
    "../.git/config",
    "git/config",
    "../.env",
    "../cotspec.local.yaml",
    "inner/../secret.txt",
    "x" * 5000,
]


@pytest.mark.parametrize("written", REFUSED)
def test_path_that_is_not_of_the_project_is_one_finding_and_nothing_is_read(written: str, project: Path) -> None:
    sink = Sink()
    assert text_of(named(written, project / "specs" / "a.yaml"), sink, rule="prompt-file") is None
    (finding,) = sink.findings
    # The folder of the project itself is in the project, and no text; so is what is neither here nor there.
    assert finding.rule == ("prompt-file" if written in ("..", "loop", "loop/x") else "project-path")
    assert finding.span == Span("a.yaml", 3, 5, 3, 9)
    assert "canary" not in finding.message + finding.help


def test_a_link_that_leads_out_is_told_to_be_one(project: Path) -> None:
    for written, told in (("out.jinja", ", through a link"), ("../../secret.txt", "")):
        sink = Sink()
        text_of(named(written, project / "specs" / "a.yaml"), sink, rule="prompt-file")
        assert sink.findings[0].message.partition("`)")[2] == told


@pytest.mark.parametrize("written", ["gone.jinja", ".", "deep", "pipe", "p.jinja/x"])
def test_path_of_the_project_without_a_text_gets_the_rule_of_its_key(written: str, project: Path) -> None:
    sink = Sink()
    assert text_of(named(written, project / "specs" / "a.yaml"), sink, rule="prompt-file") is None
    assert [finding.rule for finding in sink.findings] == ["prompt-file"]


@pytest.mark.parametrize(
    ("written", "text"),
    [
        ("p.jinja", "specs/p.jinja"),
        ("./p.jinja", "specs/p.jinja"),
        ("../p.jinja", "p.jinja"),
        ("deep/../p.jinja", "specs/p.jinja"),
        ("gone/../p.jinja", "specs/p.jinja"),
        ("../specs/../p.jinja", "p.jinja"),
        ("in.jinja", "p.jinja"),
        ("inner/../p.jinja", "specs/p.jinja"),
    ],
)
def test_path_in_the_project_is_read_as_it_is_written(written: str, text: str, project: Path) -> None:
    sink = Sink()
    found = text_of(named(written, project / "specs" / "a.yaml"), sink, rule="prompt-file")
    assert sink.findings == []
    assert found is not None
    assert found[1] == text


def test_paths_of_a_linked_spec_count_from_where_the_spec_lies(project: Path) -> None:
    found = text_of(named("p.jinja", project / "link.yaml"), Sink(), rule="prompt-file")
    assert found is not None
    assert found[1] == "specs/p.jinja"


def test_file_that_is_not_there_yet_has_a_place(project: Path) -> None:
    sink = Sink()
    assert locate(named("../data/train.jsonl", project / "specs" / "a.yaml"), sink) == project / "data" / "train.jsonl"
    assert sink.findings == []


def test_large_file_is_not_read(project: Path) -> None:
    (project / "specs" / "big").write_bytes(b"x" * 1_000_001)
    sink = Sink()
    assert text_of(named("big", project / "specs" / "a.yaml"), sink, rule="prompt-file") is None
    assert "1,000,001 bytes" in sink.findings[0].message
