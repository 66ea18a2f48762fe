"""How a preview reads: colour only adds, marks stand alone, and no data can steer a terminal."""

from __future__ import annotations

import json
import re
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from rich.cells import cell_len

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink
from cotspec.files.visible import visible
from cotspec.preview import json as preview_json
from cotspec.preview import text
from cotspec.preview.canvas import Canvas
from cotspec.preview.canvas import Run as Piece
from cotspec.preview.make import Request, make
from tests.preview.conftest import ROOT
from tests.preview.makings import LEAKING, plan, records, write
from tests.support import Run
from tests.terminals import on_terminal

SGR = re.compile(r"\x1b\[[0-9;]*m")
HOSTILE = "\x1b[31mred\x1b[0m \x9b2J \x1b]0;title\x07 \r\b \u202eevil\u2066 \x00 \u2028 tab\tend"
STEERS = re.compile("[\x00-\x09\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]")


@pytest.mark.parametrize(("stage", "options"), [("structure", ()), ("compress", ("--try", "teacher")), ("rewrite", ())])
def test_colour_only_adds_to_what_stands_there_without_it(
    project: Path, run: Run, stage: str, options: tuple[str, ...]
) -> None:
    plain = run("specs/bridge-tiny.yaml", stage, *options, "--no-color")[1]
    coloured = run("specs/bridge-tiny.yaml", stage, *options, "--color")[1]
    assert coloured != plain
    assert SGR.sub("", coloured) == plain
    assert run("specs/bridge-tiny.yaml", stage, *options)[1] == plain  # not a terminal


@pytest.mark.parametrize(
    ("changes", "coloured"),
    [({}, True), ({"NO_COLOR": "1"}, False), ({"TERM": "dumb"}, False)],
    ids=["terminal", "NO_COLOR", "dumb"],
)
def test_a_terminal_gets_colour_unless_it_is_refused(changes: dict[str, str], coloured: bool) -> None:
    command = [sys.executable, "-m", "cotspec", "preview", "specs/bridge-gsm8k.yaml", "structure"]
    code, seen = on_terminal(command, cwd=ROOT, PYTHONPATH=str(ROOT), **changes)
    assert code == 0, seen
    assert seen.startswith("\x1b[33msample rows" if coloured else "sample rows")


def test_marks_in_the_text_and_in_the_margin_say_what_is_hidden_and_what_carries_loss(project: Path) -> None:
    of = plan({"mask": {"select": "first", "count": 1}, "shuffle": False, "loss": ["masked", "answer"]})
    given = write(project / "t.jsonl", [{"question": "Q", "answer": "8", "trace": LEAKING}])
    lines = text.render(
        make(of, Request(spec="", stage="structure", traces=given), root=project), Canvas()
    ).splitlines()
    trace, target = (next(n for n, x in enumerate(lines) if x.startswith(name)) for name in ("Trace", "Target"))
    assert "      step 1 │ Step 1: ⟦We take 5 + 3 = 8.⟧" in lines[trace:target]
    assert "      step 3 │ Step 3: ⟪As said, we take 5 + 3 = 8. Then on.⟫" in lines[trace:target]
    assert "   leak guard: what is hidden stands in the steps once more: We take 5 + 3 = 8." in lines[trace:target]
    assert " ·  thinking │ Thinking…" in lines[target:]
    assert any(line.startswith(" +    step 1 │ Step 1: We take") for line in lines[target:])
    assert any(line.startswith(" ·    step 2 │") for line in lines[target:])
    assert any(line.startswith(" +    answer │ Answer: 8") for line in lines[target:])


def test_a_line_that_carries_loss_in_part_shows_which_part(project: Path) -> None:
    of = plan({"mask": {"unit": "number", "select": "last", "count": 1}, "shuffle": False, "loss": ["masked"]})
    given = write(
        project / "t.jsonl", [{"question": "Q", "answer": "8", "trace": "Step 1: 5 + 3 = 8 pens.\nAnswer: 8"}]
    )
    shown = text.render(make(of, Request(spec="", stage="structure", traces=given), root=project), Canvas())
    assert "      step 1 │ Step 1: 5 + 3 = ⟦8⟧ pens.\n" in shown
    assert " ~    step 1 │ Step 1: 5 + 3 = «8» pens.\n" in shown
    assert "loss on 1 of 33 characters (3%), not on the end of the text" in shown


def test_data_cannot_steer_the_terminal(project: Path, run: Run) -> None:
    trace = f"Thinking…\n{HOSTILE}\n\nStep 1: {HOSTILE}\nStep 2: 8\nAnswer: 8 {HOSTILE}"
    write(project / "t.jsonl", [{"question": HOSTILE, "answer": f"8 {HOSTILE}", "trace": trace}])
    for options in (("--no-color",), ("--format", "json")):
        arguments = (
            "specs/bridge-tiny.yaml",
            "compress",
            "--traces",
            "t.jsonl",
            "--response",
            HOSTILE.replace("\x00", ""),
        )
        code, out, _ = run(*arguments, *options)
        assert code == 0
        found = STEERS.findall(out if "json" not in options else out.replace("\u202e", "").replace("\u2066", ""))
        assert found == []
    assert json.loads(out)["question"] == HOSTILE


@given(st.text(max_size=200))
@settings(deadline=None, max_examples=100)
def test_whatever_a_text_holds_it_is_shown_without_control_characters(content: str) -> None:
    assert not STEERS.search(visible(content))


@given(st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=300), st.integers(8, 60))
@settings(deadline=None, max_examples=100)
def test_a_long_line_is_cut_to_fit_and_loses_nothing_but_blanks(content: str, width: int) -> None:
    shown = visible(content)
    parts = [part.plain.rstrip() for part in Canvas().wrapped([Piece(shown)], width)]
    assert "".join(parts).replace(" ", "") == shown.replace(" ", "")
    assert all(cell_len(part) <= width for part in parts)


def test_long_thinking_is_cut_short_until_it_is_asked_for(project: Path, run: Run) -> None:
    trace = "Thinking…\n" + "\n".join(f"thought {n}" for n in range(40)) + "\nStep 1: x\nStep 2: y\nAnswer: 8"
    write(project / "t.jsonl", [{"question": "Q", "answer": "8", "trace": trace}])
    arguments = ("specs/bridge-tiny.yaml", "structure", "--traces", "t.jsonl")
    short, whole = run(*arguments)[1], run(*arguments, "--full")[1]
    assert "… 34 more lines; --full shows them" in short
    assert "thought 20" not in short
    assert whole.count("thought 20") == 2
    assert "thought 39" in short


def test_the_json_of_a_row_is_enough_to_build_the_same_page(project: Path) -> None:
    """Every span points into the text beside it."""
    of = plan({"mask": {"unit": "equation", "count": 1}, "shuffle": False})
    given = write(
        project / "t.jsonl", [{"question": r.question, "answer": r.answer, "trace": r.trace} for r in records(20)]
    )
    shown = json.loads(preview_json.render(make(of, Request(spec="", stage="structure", traces=given), root=project)))
    trace, target = shown["trace"], shown["target"]
    assert "".join(trace["text"][s["start"] : s["end"]] for s in trace["segments"]) == trace["text"]
    hidden = [trace["text"][a:b] for a, b in trace["hidden_by_mask"]]
    assert len(hidden) == trace["masked"] >= 1
    assert all("=" in text and text not in shown["prompt"] for text in hidden)
    assert sum(b - a for a, b in target["supervise"]) == target["supervised_characters"]
    assert target["supervises_end"]


@pytest.mark.parametrize(
    ("method", "stage", "told"),
    [
        (
            "t3",
            "taught",
            "tilted: each token is drawn by log p(tiny-teacher) + 1·log p(stage keeps) - 1·log p(stage forgets), "
            "divided by temperature 1.5",
        ),
        ("mgsr", "distil", "revised: at the place where tiny-teacher differs most from tiny-student (KL), "),
    ],
)
def test_a_text_that_its_writer_does_not_draw_alone_says_so(method: str, stage: str, told: str) -> None:
    spec = ROOT / f"specs/methods/{method}/tiny.yaml"
    built = plan_specs({"specs/one.yaml": spec}, Sink())
    assert built is not None
    preview = make(built, Request(spec="specs/one.yaml", stage=stage), root=ROOT)
    trace = json.loads(preview_json.render(preview))["trace"]
    assert trace["drawn"][0].startswith(told)
    shown = " ".join(text.render(preview, Canvas(width=100, colour=False)).split())
    assert f"none of it is in the prompt {told}" in shown
    assert shown.count(told.partition(":")[0] + ": ") == 1  # and not at the text it is made over
