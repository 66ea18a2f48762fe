"""`cotspec chat`: a model that is asked, and its answers in segments, graded and rewarded."""

from __future__ import annotations

import contextlib
import os
import pty
import select
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from cotspec.builtin.digest import MODELS
from cotspec.preview import reply
from cotspec.preview.canvas import Canvas
from cotspec.spec.payload import TraceFormat
from tests.fuzz.finished import finished, lock
from tests.support import Run

SPEC = "specs/a.yaml"
FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """All tasks are done; what the stages have trained is the builtin student."""
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plan = finished(folder)
    for model in folder.glob("generated/stages/*/out/model"):
        shutil.rmtree(model)
        shutil.copytree(MODELS / "tiny-student", model)
    lock(folder, plan)
    return folder


class Terminal:
    """The command on a terminal, as a person has it."""

    def __init__(self, *arguments: str, kind: str = "dumb") -> None:
        self.own, other = pty.openpty()
        environment = os.environ | {
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "TERM": kind,
            "COLUMNS": "100",
        }
        command = [sys.executable, "-m", "cotspec", *arguments]
        self.process = subprocess.Popen(
            command, stdin=other, stdout=other, stderr=other, env=environment, start_new_session=True
        )
        os.close(other)

    def until(self, wanted: str, *, seconds: float = 300) -> str:
        """What it prints up to and with `wanted`."""
        said, end = "", time.monotonic() + seconds
        while wanted not in said:
            assert time.monotonic() < end, said
            assert self.process.poll() is None, said
            if select.select([self.own], [], [], 1)[0]:
                with contextlib.suppress(OSError):  # it has ended
                    said += os.read(self.own, 4096).decode(errors="replace")
        return said.replace("\r\n", "\n")

    def type(self, line: str) -> None:
        os.write(self.own, f"{line}\n".encode())

    def ends(self, by: bytes) -> int:
        """The exit code after a key."""
        os.write(self.own, by)
        return self.process.wait(60)


def test_a_conversation_on_a_terminal_shows_segments_the_grade_and_the_reward_term_by_term(project: Path) -> None:
    pytest.importorskip("torch", reason="a model that answers needs the `train` extra")
    talk = Terminal("chat", SPEC, "--cpu")
    assert "example:second, asked as on the evaluation; /help says more" in talk.until("\n> ")
    talk.type("Ann has 3 pens. She buys 4. How many pens does Ann have now?")
    said = talk.until("\n> ")
    assert "step 1 │ Step 1:" in said
    assert "tokens, 2 steps, ended by itself" in said
    assert "Reward" not in said
    talk.type("/gold 7")
    talk.until("\n> ")
    talk.type("Ann has 3 pens. She buys 4. How many pens does Ann have now?")
    said = talk.until("\n> ")
    assert "gold is 7" in said
    assert "solved" in said
    assert "total" in said
    talk.type("/question 3")
    assert "What is (2 + 3) * 4?" in talk.until("\n> ")
    talk.type("/question 99")
    assert "there is no question 99 of `test`: they are 0 to 19" in talk.until("\n> ")
    talk.type("/row 0")
    said = talk.until("\n> ")
    assert "Response   what it wrote" in said
    assert "the teacher's: 12" in said
    talk.type("/what")
    assert "/gold ANSWER" in talk.until("\n> ")
    assert talk.ends(b"/quit\n") == 0


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((SPEC,), "a conversation needs a terminal: give --ask TEXT, --question N or --row N"),
        ((SPEC, "frist", "--ask", "x"), "`example` has no model or stage `frist`: did you mean `first`?"),
        (("example:frist",), "`example` has no model or stage `frist`: did you mean `first`?"),
        ((SPEC, "frist"), "`example` has no model or stage `frist`: did you mean `first`?"),
        ((SPEC, "--ask", " "), "--ask has no text"),
        ((SPEC, "--ask", "x", "--row", "1"), "--ask, --question and --row each say what is asked: give one of them"),
        ((SPEC, "--gold", "1"), "--gold goes with --ask"),
    ],
)
def test_what_cannot_be_asked_is_said(arguments: tuple[str, ...], told: str, project: Path, run: Run) -> None:
    code, out, err = run("chat", *arguments)
    assert (code, out) == (2, "")
    assert told in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (("--question", "300"), "there is no question 300 of `test`: they are 0 to 19"),
        (("--row", "300"), "no row 300: there are 20 rows, 0 to 19"),
        (("--ask", "x", "--reward", "secnd"), "`example` has no stage `secnd`: did you mean `second`?"),
        (("--ask", "x", "--reward", "first"), "`example` has no stage `first` with a reward"),
    ],
)
def test_what_cannot_be_asked_is_said_before_a_model_is_loaded(
    arguments: tuple[str, ...], told: str, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COTSPEC_PYTHON", "/no/such/python")
    code, out, err = run("chat", SPEC, *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert "/no/such/python" not in err


def test_a_question_that_was_not_read_yet_is_told_so(project: Path, run: Run) -> None:
    for each in project.glob("generated/stages/data-*"):
        shutil.rmtree(each)
    assert "no question of `test` has been read: `dvc repro` reads them" in run("chat", SPEC, "--question", "1")[2]


def test_a_stage_that_was_not_trained_is_not_asked(project: Path, run: Run) -> None:
    for each in project.glob("generated/stages/grpo-*/dvc.lock"):
        each.unlink()
    assert "stage `second` of example: it has not been trained" in run("chat", SPEC, "--ask", "x")[2]


@pytest.mark.parametrize(
    ("python", "told"),
    [("/no/such/python", "cannot start /no/such/python"), (shutil.which("true"), "the process of the model has ended")],
)
def test_a_process_that_does_not_answer_is_said(
    python: str, told: str, project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COTSPEC_PYTHON", python)
    code, out, err = run("chat", SPEC, "base", "--ask", "x")
    assert (code, out) == (2, "")
    assert told in err


SLOW = f"""#!{sys.executable}
import os, sys, time
from cotspec.runtime import ask
from cotspec.runtime.engine import Completion

def slow(text):
    if "slow" in text:
        print(os.getpid(), "is at work", flush=True, file=sys.stderr)
        time.sleep(100)

def answer(prompt, key, heard):
    heard("Step 1: 3 + 4\\n")
    heard("is \\x1b[2J so")
    slow(prompt)
    return Completion(text="Answer: 7", tokens=3, truncated=False)

def load(task):
    slow(os.environ["LOADS"])
    return answer

ask._answerer = load
sys.exit(ask.main())
"""
"""A process that answers as `cotspec.runtime.ask` does, as slowly as a test needs it."""


@pytest.fixture
def slow(project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("torch", reason="the process that answers needs the `train` extra")
    python = tmp_path / "python"
    python.write_text(SLOW, encoding="utf-8")
    python.chmod(0o755)
    monkeypatch.setenv("COTSPEC_PYTHON", str(python))
    monkeypatch.setenv("LOADS", "at once")


def ended(talk: Terminal, said: str) -> None:
    """With 130 and no word, and the process that answers is gone."""
    assert talk.process.wait(60) == 130
    with pytest.raises(ProcessLookupError):
        os.kill(int(said.partition(" is at work")[0].split()[-1]), 0)
    while select.select([talk.own], [], [], 0)[0]:
        with contextlib.suppress(OSError):
            assert b"Traceback" not in os.read(talk.own, 65536)
            continue
        break


@pytest.mark.parametrize("stop", [os.kill, os.killpg], ids=["the command alone", "all in the foreground"])
@pytest.mark.parametrize("loads", ["slowly", "at once"])
def test_ctrl_c_ends_what_the_command_line_asks_and_the_process_that_answers(
    stop: Callable[[int, int], None], loads: str, slow: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("LOADS", loads)
    talk = Terminal("chat", SPEC, "--ask", "slowly")
    said = talk.until("is at work")
    stop(talk.process.pid, signal.SIGINT)
    ended(talk, said)


def test_ctrl_c_in_a_conversation_stops_the_answer_and_without_one_the_conversation(slow: None) -> None:
    talk = Terminal("chat", SPEC)
    talk.until("\n> ")
    talk.type("slowly")
    said = talk.until("is at work")
    os.killpg(talk.process.pid, signal.SIGINT)
    assert "stopped" in talk.until("\n> ")
    talk.type("at once")
    assert "answer │ Answer: 7" in talk.until("\n> ")
    for _ in range(30):  # again, as a person would: Python misses one that comes right before it reads a line
        with contextlib.suppress(ProcessLookupError):
            os.killpg(talk.process.pid, signal.SIGINT)
        with contextlib.suppress(subprocess.TimeoutExpired):
            talk.process.wait(7)
            break
    ended(talk, said)


def test_what_is_written_is_shown_as_it_comes_and_stays_when_it_is_stopped(slow: None) -> None:
    talk = Terminal("chat", SPEC, kind="xterm")
    talk.until("> ")
    talk.type("slowly")
    said = talk.until("writing …") + talk.until("so")
    assert "Step 1: 3 + 4" in said
    assert "\x1b[2J" not in said, "it cannot steer the terminal"
    os.killpg(talk.process.pid, signal.SIGINT)
    said = talk.until("> ")  # the next question, or its answer would be read up to the prompt before it
    assert said.rindex("so") > said.rindex("Step 1: 3 + 4")
    assert "stopped" in said
    talk.type("at once")
    said = talk.until("> ")
    assert "Answer: 7" in said[said.index("3 tokens") :]
    assert talk.ends(b"/quit\n") == 0


def shown(text: str, gold: str | None) -> str:
    said = reply.Reply(question="2 + 3?", gold=gold, text=text, tokens=9, truncated=False)
    return reply.render(said, FORMAT, None, Canvas(width=100))


@pytest.mark.parametrize(
    ("text", "told"), [("\n" * 100, "… 100 blank lines"), ("So\n" + " \n" * 40, "… 40 blank lines")]
)
def test_blank_lines_of_a_model_that_fails_are_counted_and_not_printed(text: str, told: str) -> None:
    assert told in shown(text, "5")
    assert len(shown(text, "5").splitlines()) < 7
    assert "blank" not in shown("So\n\n\nAnswer: 5", "5")


def test_an_answer_without_a_reward_is_graded_and_one_without_gold_is_only_shown() -> None:
    text = "Step 1: 2 + 3 = 5\nAnswer: 5"
    assert "Right   it answers 5; gold is 5; in the form" in shown(text, "5")
    assert "Wrong   it answers 5; gold is 6; in the form" in shown(text, "6")
    assert "Wrong   it gives no answer; gold is 6; not in the form" in shown("I do not know", "6")
    assert "gold" not in shown(text, None)
