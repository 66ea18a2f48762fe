"""Files that are no specs, given to the command line: each is one clear finding, where the mistake is."""

from __future__ import annotations

import json
import os
import re
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cotspec import cli
from cotspec.diagnostics import Sink
from cotspec.front.text_files import read

GOOD = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
REWARD = "    reward: {terms: {solved: {value: 1 if correct else 0}}}"
FOLDED = """\
    reward:
      terms:
        solved:
          value: >-
            1 if correct
            else wrods"""
Check = Callable[..., tuple[int, list[tuple[str, str]]]]


@pytest.fixture
def check(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Check:
    """`cotspec check FILES…` in a project: the exit code, and (rule, file:line:column) of each finding as printed."""
    (tmp_path / "pyproject.toml").touch()
    monkeypatch.chdir(tmp_path)

    def run(*files: str) -> tuple[int, list[tuple[str, str]]]:
        monkeypatch.setattr(sys, "argv", ["cotspec", "check", *files])
        with pytest.raises(SystemExit) as stop:
            cli.main()
        out, err = capsys.readouterr()
        assert "Traceback" not in out + err
        return int(stop.value.code or 0), re.findall(r"^\w+\[([\w-]+)\] (\S+)", out + err, re.MULTILINE)

    return run


def changed(old: str, new: str) -> str:
    assert old in GOOD
    return GOOD.replace(old, new, 1)


TEXTS = [
    ("a tab in the margin", changed("    start: base", "\tstart: base"), "tab", "13:1"),
    ("a tab after spaces", changed("    start: base", "  \tstart: base"), "tab", "13:3"),
    ("a tab in a file with CRLF", changed("    start: base", "\tstart: base").replace("\n", "\r\n"), "tab", "13:1"),
    ("too few spaces", changed("    task: reconstruct", "   task: reconstruct"), "indentation", "16:1"),
    ("too many spaces", changed("    task: reconstruct", "      task: reconstruct"), "indentation", "16:1"),
    ("a key below a value", changed("name: example", "name: example\n  seed: 1"), "indentation", "3:3"),
    ("a list among keys", changed("stages:\n", "stages:\n  - x\n"), "indentation", "13:3"),
    ("an item among keys", changed("name: example", "- name: example"), "indentation", "2:1"),
    ("a key given twice", changed("name: example", "name: example\nname: b"), "duplicate-key", "3:1"),
    ("a key given twice in braces", changed("lr: 1e-4", "lr: 1e-4, by: sft"), "duplicate-key", "14:32"),
    ("a double quote left open", changed("name: example", 'name: "example'), "unclosed-quote", "2:7"),
    ("a single quote left open", changed("name: example", "name: 'example"), "unclosed-quote", "2:7"),
    ("a quote left open at the end", GOOD.rstrip().replace("gpus: 0}", 'gpus: "0}'), "unclosed-quote", "26:17"),
    ("a brace left open", changed("lr: 1e-4}", "lr: 1e-4"), "unclosed-bracket", "14:12"),
    ("a bracket left open", changed("second]}", "second}"), "unclosed-bracket", "24:28"),
    ("a comma left out", changed("by: sft, lr", "by: sft lr"), "unclosed-bracket", "14:12"),
    ("a brace too many", changed("1e-4}", "1e-4}}"), "yaml-syntax", "14:31"),
    ("a colon left out", changed("name: example", "name example"), "yaml-syntax", "2:1"),
    ("no space after a colon", changed("name: example", "name:example"), "yaml-syntax", "2:1"),
    ("no space after a colon in braces", changed("by: sft", "by:sft"), "key-without-value", "14:13"),
    ("nothing after a colon in braces", changed("by: sft", "by:"), "yaml-syntax", "14:15"),
    ("two colons on a line", changed("name: example", "name: a: b"), "yaml-syntax", "2:8"),
    ("a no-break space", changed("name: example", "name:\u00a0example"), "yaml-syntax", "2:6"),
    ("a full-width colon", changed("name: example", "name：example"), "yaml-syntax", "2:5"),
    ("a merge left unfinished", changed("name: example", "<<<<<<< HEAD\nname: example"), "yaml-syntax", "2:1"),
    ("an unknown directive", f"%FOO\n{GOOD}", "yaml-syntax", "1:5"),
    ("an unknown escape", changed("name: example", 'name: "a\\d"'), "yaml-syntax", "2:9"),
    ("a reserved character", changed("name: example", "name: @example"), "reserved-character", "2:7"),
    ("text behind |", changed("name: example", "name: | example"), "yaml-syntax", "2:9"),
    ("an alias of nothing", changed("name: example", "name: *example"), "unknown-alias", "2:7"),
    ("a tag", changed("name: example", "name: !!str example"), "yaml-tag", "2:7"),
    ("two documents", f"{GOOD}---\nname: b\n", "two-documents", "27:1"),
    ("text after the end", f"{GOOD}...\nname: b\n", "two-documents", "28:1"),
    ("an empty file", "", "empty-file", "1:1"),
    ("blank lines", "\n  \n\n", "empty-file", "1:1"),
    ("comments", "# cotspec: 2\n", "empty-file", "1:1"),
    ("a document of nothing", "---\n", "empty-file", "1:1"),
    ("an end of nothing", "...\n", "empty-file", "1:1"),
    ("a byte order mark alone", "\ufeff", "empty-file", "1:1"),
    ("a list", "- cotspec: 2\n- name: a\n", "wrong-type", "1:1"),
    ("a text", "cotspec\n", "wrong-type", "1:1"),
    ("a number", "# version\n1\n", "wrong-type", "2:1"),
    ("a list in brackets", "[1, 2]\n", "wrong-type", "1:1"),
    ("nothing, spelt out", "null\n", "wrong-type", "1:1"),
    ("a control character", changed("name: example", "name: exam\x07ple"), "control-character", "2:11"),
    ("a Unicode line break", changed("name: example", "name: a\u2028b"), "control-character", "2:8"),
    ("a mistake after a byte order mark", "\ufeff" + changed("cotspec: 2", "cotspec: 3"), "wrong-value", "1:10"),
    ("a mistake after CRLF", changed("gpus: 0", "gpsu: 0").replace("\n", "\r\n"), "unknown-key", "26:11"),
    ("a mistake after lone CRs", changed("gpus: 0", "gpsu: 0").replace("\n", "\r"), "unknown-key", "26:11"),
    ("a mistake after wide letters", changed("name: example", 'about: "é日本😀", nmae: a'), "yaml-syntax", "2:14"),
    ("a mistake after wide letters in braces", "{名: 1, é😀: {x: 1, x: 2}}\n", "duplicate-key", "1:19"),
    ("a mistake far to the right", changed("lr: 1e-4}", f"{' ' * 5000}lr: x}}"), "wrong-type", "14:5026"),
    ("a long word", changed("name: example", f"name: {'x' * 100_000}"), "wrong-value", "2:7"),
    (
        "a wrong key in braces over lines",
        changed("lr: 1e-4", "\n      lr: 1e-4,\n      epohcs: 3"),
        "unknown-key",
        "16:7",
    ),
    ("a folded text in braces", changed("lr: 1e-4}", "lr: >-\n      1}"), "reserved-character", "14:26"),
    ("a wrong word in a folded text", changed(REWARD, FOLDED), "reward-expression", "28:18"),
    (
        "a wrong word in a quoted text over lines",
        changed("{value: 1 if correct else 0}}}", '{value: "1 if correct\n            else wrods"}}}'),
        "reward-expression",
        "24:18",
    ),
]


@pytest.mark.parametrize(("text", "rule", "place"), [row[1:] for row in TEXTS], ids=[row[0] for row in TEXTS])
def test_a_file_that_is_no_spec_is_one_finding_at_its_place(text: str, rule: str, place: str, check: Check) -> None:
    Path("a.yaml").write_bytes(text.encode())
    assert check("a.yaml") == (1, [(rule, f"a.yaml:{place}")])


BYTES = [
    ("UTF-16 with a mark", GOOD.encode("utf-16"), "not-utf8", "1:1"),
    ("UTF-16 without a mark", GOOD.encode("utf-16-le"), "control-character", "1:2"),
    ("UTF-32", GOOD.encode("utf-32"), "not-utf8", "1:1"),
    ("Latin-1", GOOD.replace("example", "café").encode("latin-1"), "not-utf8", "2:10"),
    ("Windows-1252", GOOD.replace("example", "“a”").encode("cp1252"), "not-utf8", "2:7"),
    ("a picture", b"\x89PNG\r\n\x1a\n" + bytes(range(256)), "not-utf8", "1:1"),
    ("half a letter at the end", GOOD.encode() + "é".encode()[:1], "not-utf8", "27:1"),
    ("zeros", bytes(100), "control-character", "1:1"),
]


@pytest.mark.parametrize(("content", "rule", "place"), [row[1:] for row in BYTES], ids=[row[0] for row in BYTES])
def test_a_file_in_another_encoding_is_one_finding(content: bytes, rule: str, place: str, check: Check) -> None:
    Path("a.yaml").write_bytes(content)
    assert check("a.yaml") == (1, [(rule, f"a.yaml:{place}")])


def test_what_is_no_file_is_a_finding_of_its_own(check: Check) -> None:
    Path("folder").mkdir()
    Path("good.yaml").write_text(GOOD, encoding="utf-8")
    os.mkfifo("pipe.yaml")
    Path("dangling.yaml").symlink_to("nowhere.yaml")
    Path("loop.yaml").symlink_to("loop.yaml")
    Path("large.yaml").write_bytes(b"#" * 1_000_001)
    cases = {
        "folder": "not-a-file",
        "pipe.yaml": "not-a-file",
        "dangling.yaml": "missing-file",
        "loop.yaml": "missing-file",
        "goood.yaml": "missing-file",
        "nowhere/a.yaml": "missing-file",
        "good.yaml/a.yaml": "missing-file",
        "specs/*.yaml": "missing-file",
        "large.yaml": "file-too-large",
    }
    assert {name: check(name) for name in cases} == {name: (1, [(rule, name)]) for name, rule in cases.items()}


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read_is_a_finding_of_its_own(check: Check) -> None:
    Path("a.yaml").write_text(GOOD, encoding="utf-8")
    Path("a.yaml").chmod(0)
    assert check("a.yaml") == (1, [("unreadable-file", "a.yaml")])


def test_findings_of_several_files_come_in_the_order_of_the_files_and_lines(check: Check) -> None:
    Path("b.yaml").write_text(changed("gpus: 0", "gpsu: 0").replace("cotspec: 2", "cotspec: 3"), encoding="utf-8")
    Path("a.yaml").write_text(changed("lr: 1e-4", "lr: x"), encoding="utf-8")
    Path("c.yaml").write_text(GOOD.replace("name: example", "name: other"), encoding="utf-8")
    found = [("wrong-type", "a.yaml:14:26"), ("wrong-value", "b.yaml:1:10"), ("unknown-key", "b.yaml:26:11")]
    assert check("c.yaml", "b.yaml", "a.yaml") == (1, found)
    assert check("c.yaml") == (0, [])


def test_a_pattern_that_nothing_matches_says_so(tmp_path: Path) -> None:
    sink = Sink()
    assert read(tmp_path / "specs" / "*.yaml", sink) is None
    assert "no file matches the pattern" in sink.findings[0].help


def test_a_missing_file_does_not_hide_the_findings_of_another(check: Check) -> None:
    Path("a.yaml").write_text(changed("lr: 1e-4", "lr: x"), encoding="utf-8")
    assert check("gone.yaml", "a.yaml") == (1, [("wrong-type", "a.yaml:14:26"), ("missing-file", "gone.yaml")])


def test_json_shows_where_each_suggestion_goes(
    tmp_path: Path, check: Check, capsys: pytest.CaptureFixture[str]
) -> None:
    """Every suggestion can be put in place of its span, and then there is nothing left to find."""
    text = (
        changed("lr: 1e-4", "lr: 1e-4, epohcs: 3")
        .replace("task: solve", "task: slove")
        .replace("of: [base,", "of: [baes,")
    )
    Path("a.yaml").write_text(text, encoding="utf-8")
    for _ in range(3):
        sys.argv = ["cotspec", "check", "a.yaml", "--format", "json"]
        with pytest.raises(SystemExit):
            cli.main()
        lines = Path("a.yaml").read_text(encoding="utf-8").split("\n")
        for one in json.loads(capsys.readouterr().out):
            line = lines[one["line"] - 1]
            lines[one["line"] - 1] = line[: one["column"] - 1] + one["suggestions"][0] + line[one["end_column"] - 1 :]
        Path("a.yaml").write_text("\n".join(lines), encoding="utf-8")
    assert Path("a.yaml").read_text(encoding="utf-8") == changed("lr: 1e-4", "lr: 1e-4, epochs: 3")
    assert check("a.yaml") == (0, [])
