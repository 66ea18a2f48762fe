"""cotspec.lock as a file: what is written can be read, and what cannot be read is a finding at its place."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.diagnostics import Sink
from cotspec.front import yaml_source
from cotspec.front.lock_file import read_lock
from cotspec.lock.render import render
from cotspec.spec.lock import Lock, flat

COMMIT = "0123456789abcdef0123456789abcdef01234567"
DIGITS = "1234567890" * 4
"""A commit that would be a number without quotes."""
DIGEST = f"sha256:{'ab' * 32}"

names = st.text(st.characters(exclude_categories=("Cs",)), min_size=1, max_size=12)
commits = st.sampled_from([COMMIT, DIGITS, "1" * 38 + "e9", "f" * 40])
hub = st.tuples(st.sampled_from(["models", "data"]), names, names)
local = st.tuples(st.sampled_from(["files", "prompts"]), names)
entries = st.one_of(
    st.dictionaries(hub, commits, max_size=6),
    st.dictionaries(local, st.just(DIGEST), max_size=6),
    st.dictionaries(st.tuples(st.just("builtins"), names), names, max_size=6),
)


@given(entries)
def test_what_is_written_is_read_again_whatever_things_are_called(entries: dict[tuple[str, ...], str]) -> None:
    sink = Sink()
    document = yaml_source.parse(render(entries), "cotspec.lock", sink)
    assert document is not None, sink.findings
    assert flat(Lock.model_validate(document.data)) == entries


def test_the_text_does_not_depend_on_the_order_entries_came_in() -> None:
    one = {("models", "b/b", "main"): COMMIT, ("models", "a/a", "v1"): COMMIT, ("models", "a/a", "main"): DIGITS}
    text = render(one)
    assert text == render(dict(reversed(one.items())))
    assert text.splitlines()[1:] == [
        "lock: 1",
        "models:",
        "  a/a:",
        f'    main: "{DIGITS}"',
        f'    v1: "{COMMIT}"',
        "  b/b:",
        f'    main: "{COMMIT}"',
    ]


def found(text: str | bytes, folder: Path) -> list[tuple[str, int, int, str]]:
    (folder / ".git").mkdir()
    (folder / "cotspec.lock").write_bytes(text if isinstance(text, bytes) else text.encode())
    sink = Sink()
    assert read_lock(folder, sink) is None
    return [(f.rule, f.span.line, f.span.column, f.message) for f in sink.sorted()]


BAD = {
    "a branch where a commit belongs": ("lock: 1\nmodels:\n  a/b:\n    main: v1.0\n", 4, 11, "is not a commit"),
    "a short commit": (f'lock: 1\ndata:\n  a/b:\n    main: "{COMMIT[:12]}"\n', 4, 11, "is not a commit"),
    "a commit in capitals": (f'lock: 1\ndata:\n  a/b: {{main: "{COMMIT.upper()}"}}\n', 3, 15, "is not a commit"),
    "a commit that reads as a number": (f"lock: 1\ndata:\n  a/b: {{main: {DIGITS}}}\n", 3, 15, "cannot be the number"),
    "a digest of another kind": ("lock: 1\nfiles:\n  a.jsonl: md5:abc\n", 3, 12, "is not a digest"),
    "a section nobody knows": ("lock: 1\nmodules: {}\n", 2, 1, "a lock has no `modules`"),
    "a format to come": ("lock: 2\n", 1, 7, "`lock` cannot be the number 2"),
    "no format": ("models: {}\n", 1, 1, "a lock needs `lock`"),
    "a list": ("- 1\n", 1, 1, "a lock cannot be a list of 1"),
    "an entry twice": (f'lock: 1\ndata:\n  a/b: {{x: "{COMMIT}", x: "{COMMIT}"}}\n', 3, 56, "already given"),
    "a merge conflict": ("lock: 1\nmodels:\n<<<<<<< HEAD\n  a/b: {}\n", 3, 1, "the lock holds a merge conflict"),
    "an alias bomb": (
        "lock: 1\nmodels: &a {x: {}}\ndata: {" + ", ".join(f"k{i}: [*a]" for i in range(9000)) + "}\n",
        3,
        0,
        "more than 10,000 values",
    ),
    "an unclosed quote": ('lock: 1\nmodels: {"a: 1\n', 2, 10, "quote"),
    "not UTF-8": (b"lock: 1\nmodels: \xff\n", 2, 9, "is not UTF-8"),
    "nothing": ("", 1, 1, "the file has no settings"),
    "a megabyte": ("#" * 1_000_001, 1, 1, "the most is 1,000,000"),
}


@pytest.mark.parametrize("case", BAD)
def test_a_lock_that_cannot_be_read_is_one_finding_at_its_place(case: str, tmp_path: Path) -> None:
    text, line, column, said = BAD[case]
    ((rule, at, place, message),) = found(text, tmp_path)
    assert (rule, at) == ("lock-file", line)
    assert place == column or not column
    assert said in message


def test_a_lock_that_leads_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("lock: 1\n", encoding="utf-8")
    folder = tmp_path / "project"
    (folder / ".git").mkdir(parents=True)
    (folder / "cotspec.lock").symlink_to(tmp_path / "secret")
    sink = Sink()
    assert read_lock(folder, sink) is None
    assert [f.message for f in sink.findings] == ["the lock is a link that leads out of the project"]


def test_a_project_without_a_lock_has_nothing_to_find(tmp_path: Path) -> None:
    sink = Sink()
    assert read_lock(tmp_path, sink) is None
    assert sink.findings == []
