"""How findings are shown to people and programs."""

from __future__ import annotations

import json
import re

from cotspec.diagnostics import Diagnostic, Span, github, terminal
from cotspec.diagnostics import json as json_form

SOURCE = "stages:\n" * 29 + "    train:\n      learnign_rate: 1e-5\n"
FINDING = Diagnostic(
    rule="unknown-key",
    message="`train` (grpo) has no setting `learnign_rate`",
    span=Span("specs/bridge.yaml", 31, 7, 31, 20),
    suggestions=("lr",),
)


def test_text_is_the_form_of_the_language_page() -> None:
    assert terminal.render([FINDING], {"specs/bridge.yaml": SOURCE}) == (
        "error[unknown-key] specs/bridge.yaml:31:7\n"
        "  30 |     train:\n"
        "  31 |       learnign_rate: 1e-5\n"
        "     |       ^^^^^^^^^^^^^ `train` (grpo) has no setting `learnign_rate`\n"
        "  help: did you mean `lr`?   (`cotspec explain unknown-key`)\n"
    )


def test_mark_stands_under_its_text_after_wide_characters_and_tabs() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 5, 1, 6))
    shown = terminal.render([finding], {"f": "日\té x"}).split("\n")
    assert shown[2] == "     |   \t  ^ m"


def test_terminal_escapes_in_a_spec_are_not_passed_on() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 1, 1, 2))
    assert "\x1b" not in terminal.render([finding], {"f": "a\x1b[31m"})


def test_colour_only_on_demand() -> None:
    plain, painted = (terminal.render([FINDING], {"specs/bridge.yaml": SOURCE}, colour=c) for c in (False, True))
    assert "\x1b" not in plain
    assert "\x1b[1;31m" in painted


def test_finding_without_its_file_is_still_shown() -> None:
    assert "missing.yaml\n  gone" in terminal.render(
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


DUPLICATE = Diagnostic(
    rule="duplicate-key",
    message="the key `lr` is already given on line 2, column 3",
    span=Span("a.yaml", 4, 3, 4, 5),
    help="keep one",
    related=((Span("a.yaml", 2, 3, 2, 5), "is the first"), (Span("gone.yaml", 1, 1, 1, 2), "extends it")),
)


def test_other_places_that_matter_are_shown_with_their_lines() -> None:
    source = "train:\n  lr: 1e-5\n  by: sft\n  lr: 2e-5\n  epochs: 3\ntask: solve\n"
    assert terminal.render([DUPLICATE], {"a.yaml": source}) == (
        "error[duplicate-key] a.yaml:4:3\n"
        "   3 |   by: sft\n"
        "   4 |   lr: 2e-5\n"
        "     |   ^^ the key `lr` is already given on line 2, column 3\n"
        "   5 |   epochs: 3\n"
        "  note: a.yaml:2:3 is the first\n"
        "   2 |   lr: 1e-5\n"
        "     |   --\n"
        "  note: gone.yaml:1:1 extends it\n"
        "  help: keep one   (`cotspec explain duplicate-key`)\n"
    )


def test_another_place_on_the_same_line_is_not_shown_again() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 8, 1, 9), related=((Span("f", 1, 2, 1, 3), "first"),))
    assert terminal.render([finding], {"f": "{a: 1, a: 2}"}).count("{a: 1, a: 2}") == 1


def test_the_next_line_is_shown_only_when_it_belongs_to_the_same_group() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 2, 3, 2, 4))
    assert "3 |" in terminal.render([finding], {"f": "a:\n  b: 1\n  c: 2\n"})
    assert "3 |" not in terminal.render([finding], {"f": "a:\n  b: 1\nc: 2\n"})
    assert "3 |" not in terminal.render([finding], {"f": "a:\n  b: 1\n\nc: 2\n"})


def test_a_span_over_several_lines_is_marked_to_the_end_of_its_first() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 4, 3, 4))
    assert terminal.render([finding], {"f": "a: [1,\n    2,\n   ]\n"}).split("\n")[2] == "     |    ^^^ m"


def test_a_long_line_is_cut_around_the_place_and_says_so() -> None:
    line = "x" * 300 + "HERE" + "y" * 300
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 301, 1, 305))
    _, shown, mark, *_ = terminal.render([finding], {"f": line}).split("\n")
    assert len(shown) < 180
    assert (shown[7], shown[-1]) == ("…", "…")
    assert shown.index("HERE") == mark.index("^^^^")


def test_text_that_runs_backwards_is_shown_as_it_is_stored() -> None:
    finding = Diagnostic(rule="r", message="m", span=Span("f", 1, 3, 1, 4))
    _, shown, mark, *_ = terminal.render([finding], {"f": "a\u202eb"}).split("\n")
    assert "\u202e" not in shown
    assert mark.index("^") == shown.index("b")


def test_colours_change_nothing_but_colour() -> None:
    plain, painted = (terminal.render([DUPLICATE], {"a.yaml": SOURCE}, colour=colour) for colour in (False, True))
    assert re.sub("\x1b\\[[0-9;]*m", "", painted) == plain
    assert painted.count("\x1b[0m") == len(re.findall("\x1b\\[[1-9]", painted))
