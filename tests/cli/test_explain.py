"""Every finding is explained: on the command line, on the page, with examples that do what they say."""

from __future__ import annotations

import ast
import re
import shlex
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotspec import cli
from cotspec.cli import rules_page
from cotspec.cli.explain import groups, rules
from cotspec.diagnostics.rule import Rule

ROOT = Path(__file__).parents[2]
BASE = ROOT / "tests" / "passes" / "base.yaml"
MAKERS = ("Diagnostic", "finding", "warning", "misnamed", "text_of", "RefusedError", "add", "stop", "fault")
PASSED_ON = ("One place against another", "Judgement", "What a spec allows")


def test_the_pages_of_rules_are_up_to_date() -> None:
    written = {path.name: path.read_text(encoding="utf-8") for path in (ROOT / rules_page.FOLDER).iterdir()}
    assert written == rules_page.pages(), "run `python -m cotspec.cli.rules_page`"


def test_every_rule_is_on_one_page_once_with_all_that_explain_prints(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    contents, *pages = rules_page.pages().values()
    sections = [slug for page in pages for slug in re.findall(r"^## ([\w-]+)$", page, re.MULTILINE)]
    assert sorted(sections) == sorted(rules())
    for slug, rule in rules().items():
        monkeypatch.setattr(sys, "argv", ["cotspec", "explain", slug])
        with pytest.raises(SystemExit):
            cli.main()
        printed = capsys.readouterr().out
        (section,) = (
            page.partition(f"## {slug}\n")[2].partition("\n## ")[0] for page in pages if f"## {slug}\n" in page
        )
        assert f"[{slug}](" in contents
        for words in (rule.claim, rule.why, *rule.failing.split("\n"), *rule.passing.split("\n"), rule.no_example):
            words = words.replace("\u2028", r"\u2028")
            assert words in printed
            assert words in section


def test_every_rule_says_what_it_claims_and_why_in_sentences_and_has_examples_or_says_why_not() -> None:
    for rule in rules().values():
        assert rule.claim.endswith("."), rule.slug
        assert rule.why.endswith("."), rule.slug
        shown = bool(rule.failing) and bool(rule.passing)
        assert shown != bool(rule.no_example), f"{rule.slug} needs a failing and a passing example, or a reason"


def test_no_slug_stands_for_two_rules() -> None:
    slugs = [rule.slug for _, _, group in groups() for rule in group]
    assert len(slugs) == len(set(slugs))


IN_SHELL = [rule for rule in rules().values() if rule.in_shell]


def output(commands: str, folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> str:
    """What the last command, `cotspec check …`, prints after the others were run by a shell."""
    (folder / "specs").mkdir()
    (folder / "pyproject.toml").touch()
    shutil.copy(BASE, folder / "specs" / "a.yaml")
    *before, last = [line.removeprefix("$ ") for line in commands.rstrip().split("\n")]
    assert last.startswith("cotspec check ")
    ours = f'cotspec() {{ {shlex.quote(sys.executable)} -m cotspec "$@"; }}'
    script = "\n".join(["set -e", ours, "exec 3>&1 1>&2", *before, f"printf '%s\\n' {last} >&3"])
    done = subprocess.run(["bash", "-c", script], cwd=folder, capture_output=True, text=True, check=True)
    monkeypatch.chdir(folder)
    monkeypatch.setattr(sys, "argv", done.stdout.split("\n")[:-1])
    with pytest.raises(SystemExit):
        cli.main()
    return "".join(capsys.readouterr())


@pytest.mark.parametrize("rule", IN_SHELL, ids=lambda rule: rule.slug)
def test_commands_of_an_example_do_what_they_say(
    rule: Rule, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("failing", "passing"):
        (tmp_path / name).mkdir()
    found = re.findall(
        r"^\w+\[([\w-]+)\]", output(rule.failing, tmp_path / "failing", monkeypatch, capsys), re.MULTILINE
    )
    assert set(found) == {rule.slug}
    assert "no findings" in output(rule.passing, tmp_path / "passing", monkeypatch, capsys)


def emitted() -> Iterator[tuple[str, str]]:
    """(slug, place) of every text that is given to something that makes a finding, as its rule."""
    for path in sorted((ROOT / "cotspec").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            for value in given(node) if isinstance(node, ast.Call) else ():
                yield value, f"{path.relative_to(ROOT)}:{node.lineno}"


def given(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    values = [keyword.value for keyword in call.keywords if keyword.arg == "rule"]
    values += call.args[:1] if name.lstrip("_") in MAKERS else []
    for value in values:
        text = value.value if isinstance(value, ast.Constant) else None
        if isinstance(text, str) and (text in rules() or re.fullmatch("[a-z0-9]+(?:-[a-z0-9]+)+", text)):
            yield text


def test_every_slug_that_code_emits_is_explained() -> None:
    found = dict(emitted())
    assert {slug: place for slug, place in found.items() if slug not in rules()} == {}
    assert len(found) > 30


def test_every_rule_is_emitted_somewhere() -> None:
    """By its slug, or as the RULE of a module that passes it on."""
    own = {rule.slug for title, _, group in groups() for rule in group if title in PASSED_ON}
    assert set(rules()) - own - {slug for slug, _ in emitted()} == set()
