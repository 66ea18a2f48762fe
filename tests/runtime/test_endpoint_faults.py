"""What goes wrong with requests to a server: nothing of it becomes a text, and no text that was written is lost."""

from __future__ import annotations

import json
import signal
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import QUESTIONS, Run, lay_out, start
from generating import evaluate
from served import GREEDY, Server, agree, model, questions, settings, task, written

pytest.importorskip("torch", reason="the server of these tests generates with transformers, of the `train` extra")


def budgeted(folder: Path, **changes: Any) -> None:
    """Change run.json, as a build does after `resources` changed."""
    run = json.loads((folder / "run.json").read_text())
    run["endpoint"] |= changes
    (folder / "run.json").write_text(json.dumps(run))


FAULTS: dict[str, dict[str, Any]] = {
    "busy": {"status": 429, "after": 1},
    "broken": {"status": 500},
    "away for a moment": {"status": 503, "says": "loading"},
    "connection cut before the reply": {"cut": "before"},
    "connection cut in the reply": {"cut": "reply"},
    "half a reply": {"cut": "half"},
    "no choices": {"drop": "choices"},
    "an empty text": {"empty": True},
    "no usage": {"drop": "usage"},
    "no end": {"finish": None},
    "hangs": {"hang": 3},
}


@pytest.fixture(scope="module")
def unbroken(running: Server, tmp_path_factory: pytest.TempPathFactory) -> list[dict[str, Any]]:
    """What the server writes when nothing goes wrong."""
    running.control()
    root = tmp_path_factory.mktemp("unbroken")
    agree(root, running.url)
    questions(root)
    folder = task(root)
    process = start(folder)
    _out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    return written(folder)


@pytest.mark.parametrize("fault", FAULTS, ids=lambda name: name.replace(" ", "_"))
def test_a_request_that_fails_is_sent_again_and_nothing_shows_of_it(
    fault: str, project: Path, server: Server, unbroken: list[dict[str, Any]], run_here: Run
) -> None:
    server.control(faults=[FAULTS[fault], None, FAULTS[fault]])
    began = time.monotonic()
    folder = task(project, timeout=2.0 if "hang" in FAULTS[fault] else 30.0)
    code, out, err = run_here(folder)
    assert code == 0, err
    assert written(folder) == unbroken
    assert len(server.asked()) == len(QUESTIONS) + 2
    if "after" in FAULTS[fault]:
        assert time.monotonic() - began >= 1
    assert "asking again" in out


@pytest.mark.parametrize(
    ("body", "told"),
    [
        ("", "nothing"),
        ('data: {"choices": []}\n\ndata: [DONE]\n\n', "a stream of events"),
        ("<!doctype html>\n<title>Sign in</title>", "a web page"),
        ("pong", "a text (pong)"),
        ("[]", "JSON that is no object"),
    ],
)
def test_what_speaks_another_protocol_is_asked_once_and_told_in_one_line(
    project: Path, server: Server, run_here: Run, body: str, told: str
) -> None:
    server.control(sends=body)
    code, out, err = run_here(task(project))
    assert (code, err.count("\n"), "asking again" in out) == (2, 1, False)
    assert f"/completions sends {told}, and OpenAI's protocol wants one JSON object" in err
    assert len(server.everything()) == 1


def test_a_server_that_writes_no_text_is_left_after_a_few_prompts(project: Path, server: Server, run_here: Run) -> None:
    server.control(all={"empty": True})
    code, _out, err = run_here(task(project, retries=1, concurrency=1))
    assert code == 2
    assert "no text has come: 3 prompts were asked 2 times each: an empty reply" in err
    assert len(server.asked()) == 6


def test_after_a_kill_only_what_is_missing_is_asked(
    project: Path, server: Server, unbroken: list[dict[str, Any]]
) -> None:
    server.control(wait=0.3)
    folder = task(project)
    process = start(folder)
    while len(server.asked()) < 7:
        time.sleep(0.02)
    process.send_signal(signal.SIGKILL)
    process.wait()
    (partial,) = (project / ".cotspec" / "scratch").glob("*/partial.jsonl")
    kept = partial.read_bytes().count(b"\n")
    assert 0 < kept < len(QUESTIONS)
    server.control()
    process = start(folder)
    out, err = process.communicate(timeout=300)
    assert process.returncode == 0, err
    assert f"resuming at {kept}/{len(QUESTIONS)}" in out
    assert len(server.asked()) == len(QUESTIONS) - kept
    assert len(server.everything()) == len(QUESTIONS) - kept, "the self-test is done once for a task"
    assert written(folder) == unbroken


def test_a_server_that_goes_away_stops_the_task_and_costs_no_text(
    project: Path, server: Server, unbroken: list[dict[str, Any]], run_here: Run
) -> None:
    server.control(faults=[None] * 5, all={"status": 502, "says": "bad gateway"})
    folder = task(project, retries=1)
    code, _out, err = run_here(folder)
    assert code == 2
    assert "502: bad gateway" in err
    assert "5 of 12 texts are kept, and the next run asks for the others" in err
    server.control()
    code, _out, err = run_here(folder)
    assert code == 0, err
    assert len(server.asked()) == len(QUESTIONS) - 5
    assert written(folder) == unbroken


def test_prompts_that_are_refused_are_counted_and_never_texts(project: Path, server: Server, run_here: Run) -> None:
    refused = {
        "Ann has 3 apples": {"finish": "content_filter"},
        "Ann has 7 apples": {"status": 400, "says": "too long"},
    }
    server.control(on=refused)
    folder = task(project)
    code, _out, err = run_here(folder)
    assert code == 2
    assert "2 of 12 texts were not written" in err
    assert "`content_filter`" in err
    assert "400: too long" in err
    assert "10 of 12 texts are kept" in err
    assert len(server.asked()) == len(QUESTIONS), "to ask again would not help"
    server.control(on=refused)
    budgeted(folder, missing=0.2)
    code, out, err = run_here(folder)
    assert code == 0, err
    assert len(server.asked()) == 2
    assert [rollout["id"] for rollout in written(folder)] == [0, 1, 2, 4, 5, 6, 8, 9, 10, 11]
    assert "2 of 12 texts were not written" in out
    assert json.loads((folder / "provenance.json").read_text())["endpoint"]["without_text"] == 2


def test_a_reply_that_stays_empty_is_a_failure(project: Path, server: Server, run_here: Run) -> None:
    server.control(on={"Ann has 3 apples": {"empty": True}})
    code, _out, err = run_here(task(project))
    assert code == 2
    assert "1 of 12 texts were not written (1 × an empty reply)" in err
    assert len(server.asked()) == len(QUESTIONS) + 2, "tried three times"


def test_an_evaluation_has_no_answers_missing(project: Path, server: Server, run_here: Run) -> None:
    server.control(on={"Ann has 3 apples": {"finish": "content_filter"}})
    body = evaluate(model=model(), sampling=GREEDY, prompt="{{ question }}\n")
    folder = lay_out(
        project, "evaluate", body, {"problems": project / "problems.jsonl"}, endpoint=settings(missing=0.5)
    )
    code, _out, err = run_here(folder)
    assert (code, "1 of 12 texts were not written" in err) == (2, True)


def test_a_server_that_counts_no_tokens_is_told_so(project: Path, server: Server, run_here: Run) -> None:
    server.control(all={"drop": "usage"})
    code, _out, err = run_here(task(project))
    assert code == 2
    assert "counted, never guessed" in err


def test_a_budget_stops_before_more_is_asked_and_a_larger_one_goes_on(
    project: Path, server: Server, unbroken: list[dict[str, Any]], run_here: Run
) -> None:
    folder = task(project, concurrency=1, budget_tokens=300)
    code, _out, err = run_here(folder)
    assert code == 2
    assert "the budget of 300 tokens is spent (3" in err
    assert "raise `budget`" in err
    asked = len(server.asked())
    assert 0 < asked < len(QUESTIONS)
    budgeted(folder, budget_tokens=0, budget_cost=0.0004, price_input=1.0, price_output=1.0)
    server.control()
    code, _out, err = run_here(folder)
    assert code == 2
    assert "the budget of 0.0004 is spent" in err
    more = len(server.asked())
    budgeted(folder, budget_cost=1.0)
    server.control()
    code, _out, err = run_here(folder)
    assert code == 0, err
    assert asked + more + len(server.asked()) == len(QUESTIONS)
    assert written(folder) == unbroken
    other = task(project, "other", seed=6, budget_tokens=300)
    assert "is spent" in run_here(other)[2], "a budget is of all tasks of a project"


def test_a_field_that_a_server_does_not_know_is_left_out(project: Path, server: Server, run_here: Run) -> None:
    server.control(faults=[{"status": 400, "says": "Unsupported parameter: seed"}])
    code, out, err = run_here(task(project, concurrency=1))
    assert code == 0, err
    assert ["seed" in body for body in server.asked()] == [True] + [False] * len(QUESTIONS)
    assert "takes no `seed`" in out
    server.control(faults=[{"status": 400, "says": "Use 'max_completion_tokens' instead of 'max_tokens'."}])
    code, _out, err = run_here(task(project, "two", seed=8, concurrency=1))
    assert code == 0, err
    assert [body.get("max_completion_tokens") for body in server.everything()[-12:]] == [16] * 12


def test_a_server_that_wants_hours_is_not_waited_for(project: Path, server: Server, run_here: Run) -> None:
    server.control(all={"status": 429, "after": 7200})
    code, _, err = run_here(task(project))
    assert (code, "asks to come back in 2 h 00 min" in err) == (2, True)


def test_ctrl_c_ends_what_waits_for_a_server_at_once_and_keeps_the_texts(project: Path, server: Server) -> None:
    server.control(faults=[None, None], all={"hang": 20})
    process = start(folder := task(project))
    while len(server.asked()) < 5:
        time.sleep(0.02)
    began = time.monotonic()
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130, err
    assert time.monotonic() - began < 5
    (partial,) = (project / ".cotspec" / "scratch").glob("*/partial.jsonl")
    assert partial.read_bytes().count(b"\n") == 2
    assert not (folder / "out").exists()
