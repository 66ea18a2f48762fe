"""The process that `cotspec chat` asks: a model that stays loaded, or one behind a server."""

from __future__ import annotations

from pathlib import Path

import pytest
from conftest import settings
from generating import evaluate
from served import GREEDY, NAME, Server, model

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
