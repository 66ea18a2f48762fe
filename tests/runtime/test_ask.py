"""The process that `cotspec chat` asks: a model that stays loaded, or one behind a server."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from conftest import settings
from generating import evaluate
from served import GREEDY, NAME, Server, agree, model

from cotspec.spec.payload import BuiltinModel, EvaluateBody, Payload

pytest.importorskip("torch", reason="models that answer need the `train` extra")

from cotspec.runtime import ask
from cotspec.runtime.task import Task

PROMPT = "Question: Ann has 3 pens. She buys 4. How many pens does Ann have now?\nSolution:\n"


def answer(project: Path, body: EvaluateBody, heard: ask.Heard = len) -> ask.Completion:
    payload = Payload(id="chat", kernel={}, inputs={}, task=body)
    return ask._answerer(Task(payload=payload, settings=settings(), folder=project, root=project))(
        PROMPT, "chat:1", heard
    )


def test_a_model_behind_a_server_answers_as_it_does_here_and_what_it_cost_is_noted(
    project: Path, server: Server
) -> None:
    here = answer(project, evaluate(model=BuiltinModel(name=NAME, digest="", chat=False), sampling=GREEDY))
    there = answer(project, evaluate(model=model(), sampling=GREEDY))
    assert there == here
    assert there.tokens > 0
    assert [body["prompt"] for body in server.asked()] == [PROMPT]
    (spent,) = project.glob(".cotspec/endpoints/*.jsonl")
    assert '"task": "chat"' in spent.read_text(encoding="utf-8")


def test_a_model_is_heard_while_it_writes_and_what_it_writes_is_the_same(project: Path) -> None:
    body, pieces = evaluate(model=BuiltinModel(name=NAME, digest="", chat=False), sampling=GREEDY), list[str]()
    done = answer(project, body, pieces.append)
    assert done == answer(project, body)
    assert len(pieces) > 5
    assert "".join(pieces).startswith(done.text), "a stop may cut what was heard"


def served(project: Path, pieces: list[str], **changes: Any) -> ask.Completion:
    return answer(project, evaluate(model=model(**changes), sampling=GREEDY), pieces.append)


@pytest.mark.parametrize("chat", [False, True])
def test_a_model_behind_a_server_is_heard_while_it_writes(chat: bool, project: Path, server: Server) -> None:
    pieces = list[str]()
    done = served(project, pieces, chat=chat)
    assert len(pieces) > 5
    assert "".join(pieces) == done.text
    server.control(streams="no")
    assert served(project, whole := [], chat=chat) == done
    assert whole == [], "a server that does not stream answers whole"
    assert server.asked()[-1]["stream_options"] == {"include_usage": True}


@pytest.mark.parametrize(
    ("fault", "told"),
    [
        ({"cut": "stream"}, "half a reply: no `finish_reason`"),
        ({"error": "overloaded"}, "a reply without a choice: overloaded"),
        ({"status": 429, "after": 0.1}, "429: try later"),
        ({"status": 500}, "500: try later"),
        ({"cut": "reply"}, "the connection broke off before the reply was whole"),
        ({"cut": "before"}, "the connection broke off before the reply was whole"),
    ],
)
def test_a_stream_that_breaks_off_is_asked_for_again_and_the_text_is_the_same(
    fault: dict[str, Any], told: str, project: Path, server: Server
) -> None:
    wanted = served(project, [])
    server.control(faults=[fault])
    pieces = list[str]()
    assert served(project, pieces) == wanted
    again = next(at for at, piece in enumerate(pieces) if piece.endswith(": asked again]\n"))
    assert told in pieces[again]
    assert "".join(pieces[again + 1 :]) == wanted.text
    assert len(server.asked()) == 2


@pytest.mark.parametrize(
    ("streams", "sent"),
    [
        ("refused", [("stream", "stream_options"), (), ()]),
        ("refused options", [("stream", "stream_options"), ("stream",), (), ()]),
        ("uncounted", [("stream", "stream_options"), (), ()]),
    ],
)
def test_a_server_that_cannot_stream_or_count_what_it_streams_is_asked_for_whole_replies_from_then_on(
    streams: str, sent: list[tuple[str, ...]], project: Path, server: Server
) -> None:
    wanted = served(project, [])
    server.control(streams=streams)
    task = Task(
        payload=Payload(id="chat", kernel={}, inputs={}, task=evaluate(model=model(), sampling=GREEDY)),
        settings=settings(),
        folder=project,
        root=project,
    )
    asked = ask._answerer(task)
    assert [asked(PROMPT, "chat:1", len) for _ in range(2)] == [wanted, wanted]
    assert [tuple(name for name in ("stream", "stream_options") if name in body) for body in server.asked()] == sent


def test_a_key_that_a_server_repeats_in_a_stream_is_neither_shown_nor_written(
    project: Path, server: Server, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("KEY_OF_TESTS", "sk-secret")
    agree(project, server.url, "KEY_OF_TESTS")
    server.control(key="sk-secret", faults=[{"error": "sk-secret is over its limit"}])
    pieces = list[str]()
    served(project, pieces)
    assert "… is over its limit: asked again" in "".join(pieces)
    shown = "".join((*pieces, *capfd.readouterr()))
    noted = [path.read_text(encoding="utf-8") for path in project.glob(".cotspec/endpoints/*.jsonl")]
    assert "sk-secret" not in shown + "".join(noted)


def test_a_stream_that_is_stopped_leaves_the_process_ready_for_the_next_question(project: Path, server: Server) -> None:
    server.control(pause=0.2)
    payload = Payload(id="chat", kernel={}, inputs={}, task=evaluate(model=model(), sampling=GREEDY))
    opening = {"root": str(project), "payload": payload.model_dump_json(by_alias=True)}
    opening |= {"settings": settings().model_dump_json()}
    command = [sys.executable, "-m", "cotspec.runtime.ask"]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        assert process.stdout is not None

        def say(line: dict[str, Any]) -> dict[str, Any]:
            process.stdin.write(json.dumps(line) + "\n")
            process.stdin.flush()
            return dict(json.loads(process.stdout.readline()))

        assert say(opening) == {"ready": True}
        assert "more" in say({"prompt": PROMPT, "key": "chat:1"})
        process.send_signal(signal.SIGINT)
        last = next(line for line in map(json.loads, process.stdout) if "more" not in line)
        assert last == {"stopped": True}
        server.control()
        said = say({"prompt": PROMPT, "key": "chat:2"})
        while "more" in said:
            said = json.loads(process.stdout.readline())
        assert said["text"]
        process.stdin.close()
        assert process.wait(30) == 0
