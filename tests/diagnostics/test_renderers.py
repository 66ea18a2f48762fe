"""How findings are shown to people and programs."""

from __future__ import annotations

import json

from cotspec.diagnostics import Diagnostic, Span, github, text
from cotspec.diagnostics import json as json_form

SOURCE = "stages:\n" * 29 + "    train:\n      learnign_rate: 1e-5\n"
FINDING = Diagnostic(
    rule="unknown-key",
    message="`train` (grpo) has no setting `learnign_rate`",
    span=Span("specs/bridge.yaml", 31, 7, 31, 20),
    suggestions=("lr",),
)


def test_text_is_the_form_of_the_language_page() -> None:
    assert text.render([FINDING], {"specs/bridge.yaml": SOURCE}) == (
        "error[unknown-key] specs/bridge.yaml:31:7\n"
        "  30 |     train:\n"
        "  31 |       learnign_rate: 1e-5\n"
        "     |       ^^^^^^^^^^^^^ `train` (grpo) has no setting `learnign_rate`\n"
        "  help: did you mean `lr`?   (`cotspec explain unknown-key`)\n"
    )


def test_mark_stands_under_its_text_after_wide_characters_and_tabs() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 5, 1, 6))
    shown = text.render([finding], {"f": "日\té x"}).split("\n")
    assert shown[2] == "     |   \t  ^ m"


def test_terminal_escapes_in_a_spec_are_not_passed_on() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 1, 1, 2))
    assert "\x1b" not in text.render([finding], {"f": "a\x1b[31m"})


def test_colour_only_on_demand() -> None:
    plain, painted = (text.render([FINDING], {"specs/bridge.yaml": SOURCE}, colour=c) for c in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in painted


def test_finding_without_its_file_is_still_shown() -> None:
    assert "missing.yaml\n  gone" in text.render(
        [Diagnostic(rule="r", message="gone", span=Span("missing.yaml", 1, 1, 1, 1))], {}
    )


def test_json_has_everything_a_program_needs() -> None:
    (finding,) = json.loads(json_form.render([FINDING]))
    assert finding["rule"] == "unknown-key"
    assert (finding["file"], finding["line"], finding["column"]) == ("specs/bridge.yaml", 31, 7)
    assert finding["suggestions"] == ["lr"]


def test_json_of_nothing_is_an_empty_array_and_all_of_it_is_ascii() -> None:
    assert json.loads(json_form.render([])) == []
    finding = Diagnostic(rule="r", message="ε…", span=Span("d\udcff.yaml", 1, 1, 1, 2))
    assert json_form.render([finding]).isascii()


def test_github_escapes_what_would_end_the_command() -> None:
    finding = Diagnostic(rule="r", message="50%\nleft", span=Span("a,b:c.yaml", 2, 3, 2, 4))
    assert github.render([finding]) == (
        "::error file=a%2Cb%3Ac.yaml,line=2,endLine=2,col=3,endColumn=4,title=cotspec (r)"
        "::a,b:c.yaml:2:3: 50%25%0Aleft\n"
    )


def test_github_has_one_line_per_finding_whatever_a_spec_says() -> None:
    hostile = "x\r\n::stop-commands::t\n##[set-env name=A]b"
    findings = [
        Diagnostic(rule="r", message=hostile, span=Span(f"{hostile}.yaml", 1, 1, 1, 2), severity=severity)
        for severity in ("error", "warning", "note")
    ]
    lines = github.render(findings).splitlines()
    assert [line.split()[0] for line in lines] == ["::error", "::warning", "::notice"]


def test_github_gives_no_columns_over_several_lines() -> None:
    """It drops an annotation that has both."""
    line = github.render([Diagnostic(rule="r", message="m", span=Span("f", 2, 3, 4, 5))])
    assert line.startswith("::error file=f,line=2,endLine=4,title=")


def test_github_says_what_to_do_and_what_else_matters() -> None:
    finding = FINDING._replace(related=((Span("specs/base.yaml", 3, 10, 3, 20), "is extended here"),))
    message = github.render([finding]).rpartition("::")[2]
    assert message == (
        "specs/bridge.yaml:31:7: `train` (grpo) has no setting `learnign_rate`"
        "%0Anote: specs/base.yaml:3:10 is extended here%0Ahelp: did you mean `lr`?\n"
    )
