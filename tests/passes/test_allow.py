"""`allow:` accepts findings of judgement where the spec says so, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.passes.options import Options

BASE = (Path(__file__).with_name("base.yaml")).read_text(encoding="utf-8")
UNPINNED = "  base: {builtin: tiny-student}\n  one: {hub: a/b}\n  two: {hub: a/c}\n"


def found(allow: str, folder: Path, *, ci: bool = False) -> list[Diagnostic]:
    """The findings of the small spec with two unpinned models and these entries of `allow`."""
    file, sink = folder / "spec.yaml", Sink()
    text = BASE.replace("  base: {builtin: tiny-student}\n", UNPINNED)
    text = text.replace("of: [base,", "of: [base, one, two,")
    file.write_text(f"{text}allow:\n{allow}" if allow else text, encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink, Options(ci=ci))
    return list(sink.sorted())


def rules(allow: str, folder: Path, *, ci: bool = False) -> list[tuple[str, str]]:
    return [(f.severity, f.rule) for f in found(allow, folder, ci=ci)]


def test_models_that_are_not_pinned_are_one_finding_of_their_file_that_names_them(tmp_path: Path) -> None:
    (one,) = found("", tmp_path)
    assert one.message == "`a/b` and `a/c` are not pinned to a commit"
    more = "variants:\n  v: {models.two: {hub: a/d}}\n  w: {stages.first.train.lr: 2e-4}\n"
    (one,) = found(f"  - {{rule: unpinned-revision, reason: no hub here, at: models.one}}\n{more}", tmp_path)
    assert one.message == "`a/c` and `a/d` are not pinned to a commit"


def test_under_ci_a_warning_is_an_error_unless_it_is_allowed(tmp_path: Path) -> None:
    assert rules("", tmp_path, ci=True) == [("error", "unpinned-revision")]
    assert rules("  - {rule: unpinned-revision, reason: no hub here}\n", tmp_path, ci=True) == []


def test_at_allows_only_what_is_there_or_below(tmp_path: Path) -> None:
    entry = "  - {{rule: unpinned-revision, reason: no hub here, at: {}}}\n"
    assert rules(entry.format("models.one"), tmp_path) == [("warning", "unpinned-revision")]
    assert rules(entry.format("models"), tmp_path) == []
    assert rules(entry.format("models.one.hub") + entry.format("models.two"), tmp_path) == []


@pytest.mark.parametrize(
    ("entry", "slug"),
    [
        ("{rule: unpinned-revison, reason: x}", "allow-unknown"),
        ("{rule: unknown-key, reason: x}", "allow-unknown"),
        ("{rule: unpinned-revision, reason: x, at: models.three}", "allow-unknown"),
        ("{rule: unpinned-revision, reason: x, at: data}", "allow-unused"),
        ("{rule: unpinned-revision, reason: ''}", "wrong-value"),
        ("{rule: unpinned-revision}", "missing-key"),
    ],
)
def test_an_entry_that_allows_nothing_is_found(entry: str, slug: str, tmp_path: Path) -> None:
    assert slug in {rule for _, rule in rules(f"  - {entry}\n", tmp_path)}
