"""What a lock means to check and build: which findings it answers, which it gives, and which tasks it makes others."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from cotspec.compiler import compile_specs
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.lock.render import render
from cotspec.passes.options import Options
from cotspec.spec.lock import Key

OLD, NEW = "a" * 40, "b" * 40
SPEC = """\
cotspec: 2
name: example
models:
  base: {builtin: tiny-student}
  tutor: {hub: lab/tutor}
data:
  train: {file: data/train.jsonl}
  test: {hub: lab/sums, revision: v1.0, split: test}
generate: {teach: {by: tutor, over: train, prompt: ask.jinja}}
stages:
  first: {start: base, train: {by: sft, lr: 1e-4}, rows: {from: teach}, task: solve}
evaluate: {data: test, of: [base, first]}
resources: {train: {gpus: 0}}
"""
HUB: dict[Key, str] = {("models", "lab/tutor", "main"): OLD, ("data", "lab/sums", "v1.0"): OLD}


@dataclass
class Project:
    """A project with one spec, locked or not."""

    folder: Path

    def write(self, place: str, text: str) -> None:
        path = self.folder / place
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")

    def lock(self, entries: Mapping[Key, str]) -> None:
        self.write("cotspec.lock", render(entries))

    def local(self) -> dict[Key, str]:
        """The entries that need no hub, as the command makes them."""
        from cotspec.builtin import digest
        from cotspec.driver import units
        from cotspec.front.load import load
        from cotspec.ir.inputs import inputs
        from cotspec.lock.resolver import Resolver

        (unit,) = units({"specs/a.yaml": load(self.folder / "specs/a.yaml", Sink())})
        found = [one for one in inputs(unit.source, digest.manifest()) if not one.on_hub]
        resolver = Resolver(self.folder)
        return {one.key: resolver.resolve(one) for one in found}

    def build(self, *, ci: bool = False) -> tuple[list[Diagnostic], dict[str, str]]:
        """The findings, and payloads by task."""
        sink = Sink()
        files = compile_specs({"specs/a.yaml": self.folder / "specs/a.yaml"}, sink, Options(ci=ci)).files
        payloads = {path.split("/")[-2]: text for path, text in files.items() if path.endswith("payload.json")}
        return list(sink.sorted()), payloads

    def findings(self) -> list[tuple[str, int, str]]:
        return [(f.rule, f.span.line, f.message) for f in self.build()[0]]


@pytest.fixture
def project(tmp_path: Path) -> Project:
    one = Project(tmp_path)
    (tmp_path / ".git").mkdir()
    one.write("specs/a.yaml", SPEC)
    one.write("specs/ask.jinja", "{{ question }}\n")
    one.write("specs/data/train.jsonl", '{"question": "1 + 1?", "answer": "2"}\n')
    return one


def revisions(payloads: Mapping[str, str]) -> dict[str, str]:
    """The revision of each hub thing that any payload names."""
    found = {}
    for text in payloads.values():
        task = json.loads(text)["task"]
        for part in (task.get("model"), task.get("source"), task.get("start")):
            if isinstance(part, dict) and part["kind"] == "hub":
                found[part["id"]] = part["revision"]
    return found


def test_without_a_lock_what_is_on_the_hub_is_unpinned(project: Project) -> None:
    assert project.findings() == [
        ("unpinned-revision", 5, "`lab/tutor` is not pinned to a commit"),
        ("unpinned-revision", 8, "`v1.0` is a branch or a tag of `lab/sums`"),
    ]
    found, payloads = project.build(ci=True)
    assert {f.severity for f in found} == {"error"}
    assert payloads == {}


def test_a_lock_pins_and_payloads_name_its_commits(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    found, payloads = project.build(ci=True)
    assert found == []
    assert revisions(payloads) == {"lab/tutor": OLD, "lab/sums": OLD}


def test_another_commit_is_another_task_for_whoever_reads_it_and_nobody_else(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    before = set(project.build()[1])
    project.lock({**HUB, **project.local(), ("data", "lab/sums", "v1.0"): NEW})
    after = set(project.build()[1])
    kinds = sorted(name.partition("-")[0] for name in after - before)
    assert kinds == ["contamination", "data", "evaluate", "evaluate"]
    assert len(before - after) == len(after - before)


def test_a_lock_of_local_things_changes_no_task(project: Project) -> None:
    pinned = SPEC.replace("hub: lab/tutor", f"hub: lab/tutor, revision: {OLD}").replace("v1.0", OLD)
    project.write("specs/a.yaml", pinned)
    before = project.build()
    assert before[1]
    project.lock(project.local())
    assert project.build() == before


def test_a_locked_commit_and_one_in_the_spec_are_one_task(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    locked = project.build()[1]
    pinned = SPEC.replace("hub: lab/tutor", f"hub: lab/tutor, revision: {OLD}").replace("v1.0", OLD)
    project.write("specs/a.yaml", pinned)
    assert locked
    assert project.build()[1] == locked


def test_a_commit_in_the_spec_wins_over_the_lock(project: Project) -> None:
    pinned = SPEC.replace("hub: lab/tutor", f"hub: lab/tutor, revision: {NEW}")
    project.write("specs/a.yaml", pinned)
    project.lock({**HUB, **project.local(), ("models", "lab/tutor", NEW): OLD})
    assert revisions(project.build()[1])["lab/tutor"] == NEW


def test_a_lock_for_another_revision_is_told_with_what_it_pins(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    project.write("specs/a.yaml", SPEC.replace("v1.0", "v2.0"))
    (finding,), _ = project.build()
    assert finding.rule == "unpinned-revision"
    assert finding.message == "`v2.0` is a branch or a tag of `lab/sums`, and the lock pins `v1.0` of it"
    ((span, _),) = finding.related
    assert (span.file.endswith("cotspec.lock"), span.line) == (True, 8)


STALE = {
    "data file": ("specs/data/train.jsonl", '{"question": "2 + 2?", "answer": "4"}\n', 7, "the content of"),
    "prompt": ("specs/ask.jinja", "{{ question }} Think.\n", 9, "the text of"),
}


@pytest.mark.parametrize("case", STALE)
def test_what_was_changed_after_it_was_locked_is_found_where_the_spec_names_it(case: str, project: Project) -> None:
    project.lock({**HUB, **project.local()})
    place, text, line, said = STALE[case]
    project.write(place, text)
    (finding,), _ = project.build()
    assert (finding.rule, finding.span.line, finding.severity) == ("lock-stale", line, "warning")
    assert finding.message == f"{said} `{place}` is not what was locked"
    assert [span.file.endswith("cotspec.lock") for span, _ in finding.related] == [True]
    assert project.build(ci=True)[1] == {}


def test_a_builtin_of_another_version_is_found(project: Project) -> None:
    project.lock({**HUB, **project.local(), ("builtins", "tiny-student"): f"sha256:{'0' * 64}"})
    said = "the builtin `tiny-student` of this cotspec is not the one that was locked"
    assert project.findings() == [("lock-stale", 4, said)]


def test_a_file_the_lock_does_not_know_is_found(project: Project) -> None:
    project.lock(HUB)
    assert {(rule, line) for rule, line, _ in project.findings()} == {("lock-stale", n) for n in (4, 7, 9)}


def test_line_ends_of_a_prompt_do_not_count(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    (project.folder / "specs/ask.jinja").write_bytes(b"\xef\xbb\xbf{{ question }}\r\n")
    assert project.findings() == []


def test_a_file_that_is_not_there_yet_is_not_compared(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    (project.folder / "specs/data/train.jsonl").unlink()
    assert [rule for rule, _, _ in project.findings()] == ["data-missing"]


def test_a_stale_entry_can_be_allowed_with_a_reason(project: Project) -> None:
    project.lock({**HUB, **project.local()})
    project.write("specs/ask.jinja", "{{ question }} Now.\n")
    allow = "allow: [{rule: lock-stale, reason: the wording is being tried out, at: generate.teach.prompt}]\n"
    project.write("specs/a.yaml", SPEC + allow)
    assert project.build(ci=True)[0] == []


def test_a_broken_lock_and_a_broken_spec_are_found_together(project: Project) -> None:
    project.write("cotspec.lock", "lock: 1\nmodels:\n  lab/tutor: {main: main}\n")
    project.write("specs/a.yaml", SPEC.replace("lr:", "lrr:"))
    assert [rule for rule, _, _ in project.findings()] == ["lock-file", "unknown-key"]


def test_a_folder_of_weights_is_its_files_whatever_is_hidden_beside_them(project: Project) -> None:
    project.write("specs/a.yaml", SPEC.replace("{builtin: tiny-student}", "{path: weights}"))
    project.write("specs/weights/config.json", "{}")
    project.lock({**HUB, **project.local()})
    project.write("specs/weights/.cache/note", "downloaded today")
    assert project.findings() == []
    project.write("specs/weights/more.json", "{}")
    assert project.findings() == [("lock-stale", 4, "the content of `specs/weights` is not what was locked")]
