"""What an editor shows of a spec that is being typed is what `cotspec check` says of the same text."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from collections.abc import Sequence
from contextlib import redirect_stdout
from pathlib import Path

import pytest
from lsprotocol import types

from cotspec.cli import check
from cotspec.passes.options import DEFAULT
from tests.editor.driver import Editor, edited

SEVERITIES = {"error": 1, "warning": 2, "note": 3}


def units(line: str, column: int) -> int:
    """UTF-16 units before a character that is counted from 1."""
    return len(line[: column - 1].encode("utf-16-le")) // 2


def checked(folder: Path, spec: Path, text: str, monkeypatch: pytest.MonkeyPatch) -> list[tuple[object, ...]]:
    """What `cotspec check` says of the saved text, in the editor's units."""
    before, said = spec.read_bytes(), io.StringIO()
    spec.write_text(text, encoding="utf-8", newline="")
    monkeypatch.chdir(folder)
    with redirect_stdout(said):
        check.run([str(spec.relative_to(folder))], output="json", options=DEFAULT)
    spec.write_bytes(before)
    lines = [*text.replace("\r\n", "\n").split("\n"), ""]
    found = []
    for one in json.loads(said.getvalue()):
        assert folder / one["file"] == spec
        start = one["line"] - 1, units(lines[one["line"] - 1], one["column"])
        end = one["end_line"] - 1, units(lines[one["end_line"] - 1], one["end_column"])
        message = "\n".join(filter(None, (one["message"], one["help"])))
        found.append((one["rule"], message, SEVERITIES[one["severity"]], *start, *end))
    return sorted(found)


def shown(found: Sequence[types.Diagnostic]) -> list[tuple[object, ...]]:
    places = ((one.range.start, one.range.end, one) for one in found)
    return sorted(
        (one.code, one.message, one.severity, start.line, start.character, end.line, end.character)
        for start, end, one in places
    )


BROKEN = {
    "an unknown key": ("weight_decay: 0.01", "weigt_decay: 0.01"),
    "a name of nothing": ("start: structure", "start: strcture"),
    "an expression": ("tries.score == 0", "tries.scor == 0"),
    "half a line": ("    shuffle: true\n", "    shuf\n"),
    "an open brace": ("{by: sft, epochs: 5,", "{by: sft, epochs: {"),
    "nothing": (None, ""),
    "only a name": (None, "cotspec: 2\nname: "),
    "characters of two units": ("{unit: step, rows: 0.9", "{unit: step, \U0001f600\u00e9: 1, rowz: 0.9"),
    "a control character": ("name: bridge-tiny", "name: bridge\x0ctiny"),
    "a line separator": ("about: BRIDGE", "about: BRI\u2028DGE"),
    "a tab": ("    start: student", "\tstart: student"),
}


@pytest.mark.parametrize(
    ("case", "ending"), [*((case, "\n") for case in BROKEN), ("half a line", "\r\n"), ("a name of nothing", "\r\n")]
)
def test_a_text_that_is_not_saved_has_the_findings_of_a_check(
    case: str, ending: str, project: Path, editor: Editor, tiny: tuple[Path, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    (opened, text), (old, new) = tiny, BROKEN[case]
    text = (new if old is None else text.replace(old, new, 1)).replace("\n", ending)
    editor.change(opened, text)
    found = editor.findings(opened)
    assert shown(found) == checked(project, opened, text, monkeypatch)
    assert found
    assert all(one.source == "cotspec" for one in found)


def test_a_finding_leads_to_the_page_of_its_rule(project: Path, editor: Editor, tiny: tuple[Path, str]) -> None:
    opened, text = tiny
    editor.change(opened, text.replace("weight_decay", "weigt_decay"))
    (found,) = editor.findings(opened)
    assert found.code_description is not None
    page, _, place = found.code_description.href.removeprefix("file://").partition("#")
    assert f"## {place}\n" in Path(page).read_text(encoding="utf-8")


def test_a_fix_puts_what_is_suggested_in_place_of_the_mistake(
    project: Path, editor: Editor, tiny: tuple[Path, str]
) -> None:
    opened, text = tiny
    editor.change(opened, text.replace("weight_decay", "weigt_decay"))
    (found,) = editor.findings(opened)
    first, *_ = editor.fixes(opened, found.range)
    assert first.edit is not None
    assert first.edit.changes is not None
    (edit,) = first.edit.changes[opened.as_uri()]
    assert edited(text.replace("weight_decay", "weigt_decay"), edit) == text
    elsewhere = types.Range(types.Position(0, 0), types.Position(0, 0))
    assert editor.fixes(opened, elsewhere) == []
    editor.change(opened, f"# a line above\n{text.replace('weight_decay', 'weigt_decay')}")
    assert editor.fixes(opened, found.range) == []  # where it was found stands something else now


def test_of_texts_that_follow_each_other_the_last_one_counts(
    project: Path, editor: Editor, tiny: tuple[Path, str]
) -> None:
    opened, text = tiny
    for n in range(0, len(text), 40):
        editor.change(opened, text[:n])
    editor.change(opened, text)
    assert editor.findings(opened) == []


def test_a_finding_in_the_file_that_is_extended_stands_there(
    project: Path, editor: Editor, tiny: tuple[Path, str]
) -> None:
    base, spec = project / "specs/base-of-two.yaml", project / "specs/on-top.yaml"
    _, text = tiny
    base.write_text(text.replace("start: structure", "start: strcture"), encoding="utf-8")
    spec.write_text("extends: base-of-two.yaml\nname: on-top\n", encoding="utf-8")
    editor.open(spec)
    assert editor.findings(spec) == []  # what is said of the spec itself
    (found,) = editor.findings(base)
    assert found.code == "unknown-reference"
    (related,) = found.related_information or ()
    assert (related.location.uri, related.location.range.start.line) == (spec.as_uri(), 0)
    editor.open(base, text)  # not saved, and what extends it is checked again
    editor.until_clean(base)
    editor.close(base)  # what is on the disk counts again
    while not editor.findings(base):
        pass
    base.write_text(text, encoding="utf-8")
    editor.save(spec)
    editor.until_clean(base)
    editor.close(spec)
    base.unlink()
    spec.unlink()


def test_other_yaml_is_left_alone_and_a_closed_spec_has_no_findings(project: Path, editor: Editor) -> None:
    other, spec = project / "dvc.yaml", project / "specs/wrong.yaml"
    editor.open(other, "stages:\n  a: {cmd: b}\n")
    spec.write_text("cotspec: 2\n", encoding="utf-8")
    editor.open(spec)
    assert editor.findings(spec)
    editor.close(spec)
    assert editor.findings(spec) == []
    assert all(
        editor.published[other.as_uri()].get_nowait() == () for _ in range(editor.published[other.as_uri()].qsize())
    )
    spec.unlink()


def test_no_module_of_the_project_is_run(project: Path, editor: Editor, tiny: tuple[Path, str]) -> None:
    opened, text = tiny
    modules = [project / name for name in ("json.py", "yaml.py", "typing.py", "cotspec.py", "sitecustomize.py")]
    for each in modules:
        each.write_text(f"open({str(project / 'was-run')!r}, 'w').close()\n", encoding="utf-8")
    editor.change(opened, text.replace("weight_decay", "weigt_decay"))
    while not any("weigt_decay" in one.message for one in editor.findings(opened)):
        pass
    assert not (project / "was-run").exists()
    for each in modules:
        each.unlink()


def test_a_server_without_its_package_says_what_to_install() -> None:
    code = "import sys; sys.modules['pygls'] = None; sys.argv = ['cotspec', 'lsp']; import cotspec.cli as c; c.main()"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, encoding="utf-8", check=False)
    assert (said.returncode, said.stdout) == (2, "")
    assert said.stderr.count("\n") == 1
    assert "cotspec[editor]" in said.stderr
