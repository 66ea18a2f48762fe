"""Texts from a server: a real one, in a process of its own, that runs a builtin model and can be told to misbehave."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from conftest import QUESTIONS, Run, lay_out, write_lines
from generating import evaluate, mine, pairs, teach, text
from served import DRAWN, FINGERPRINT, GREEDY, NAME, Server, model, settings, task, written

from cotspec.spec.payload import BuiltinModel, Sampling, Stop

pytest.importorskip("torch", reason="the server of these tests generates with transformers, of the `train` extra")


def test_greedy_texts_are_those_of_the_same_model_without_a_server(project: Path, run_here: Run) -> None:
    far = task(project, "far", sampling=GREEDY)
    own = lay_out(
        project,
        "own",
        teach(model=BuiltinModel(name=NAME, digest="", chat=False), sampling=GREEDY, prompt="{{ question }}\n"),
        {"problems": project / "problems.jsonl"},
    )
    code, out, err = run_here(far)
    assert code == 0, err
    assert "one prompt, twice at temperature 0, gave one text" in out
    assert run_here(own)[0] == 0
    assert written(far) == written(own)
    assert len({rollout["tokens"] for rollout in written(far)}) > 0


def test_every_field_of_a_request_arrives(project: Path, server: Server, run_here: Run) -> None:
    sampling = Sampling(n=2, temperature=0.7, top_p=0.85, top_k=7, max_new_tokens=9, stop=Stop(texts=("zebra",)))
    request = {"min_p": 0.05, "user": "me"}
    assert run_here(task(project, sampling=sampling, of=model(request=request)))[0] == 0
    bodies = server.asked()
    assert len(bodies) == 2 * len(QUESTIONS)
    assert len({body["seed"] for body in bodies}) == len(bodies)
    same = {name: bodies[0][name] for name in bodies[0] if name not in ("prompt", "seed")}
    assert all(same == {name: body[name] for name in same} for body in bodies)
    wanted = {"temperature": 0.7, "top_p": 0.85, "top_k": 7, "max_tokens": 9, "stop": ["zebra"]}
    assert same == {"model": NAME, **wanted, **request}
    assert {body["prompt"] for body in bodies} == {f"{question}\n" for question, _ in QUESTIONS}


def test_a_chat_model_is_asked_by_messages(project: Path, server: Server, run_here: Run) -> None:
    chat = model(chat=True, system="Be brief.", template={"enable_thinking": False})
    assert run_here(task(project, of=chat))[0] == 0
    body = server.asked()[0]
    assert [turn["role"] for turn in body["messages"]] == ["system", "user"]
    assert body["messages"][0]["content"] == "Be brief."
    assert body["chat_template_kwargs"] == {"enable_thinking": False}
    assert "prompt" not in body


def test_thoughts_beside_the_text_become_what_a_model_writes_without_a_server(
    project: Path, server: Server, run_here: Run
) -> None:
    long = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=120)
    prompt = "Question: {{ question }}\nSolution:\n"
    plain, beside = (task(project, name, of=model(chat=True), sampling=long, prompt=prompt) for name in ("a", "b"))
    assert run_here(plain)[0] == 0
    server.control(thoughts=True)
    assert run_here(beside)[0] == 0
    texts = [rollout["text"] for rollout in written(beside)]
    thinking = [text for text in texts if text.startswith("<think>\n")]
    assert thinking
    assert all("</think>" in text for text in thinking)
    told = [rollout["text"] for rollout in written(plain)]
    own = [text.replace("<think>\n", "").replace("\n</think>\n\n", "") for text in texts]
    assert ["".join(text.replace("Thinking…", "").split()) for text in told] == ["".join(t.split()) for t in own]


def test_a_text_ends_after_the_line_of_its_answer_though_no_server_knows_that(
    project: Path, server: Server, run_here: Run
) -> None:
    stop = Stop(after="answer", format={"thinking": "Thinking…", "step": "Step {n}:", "answer": "Answer:"})
    whole = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=90)
    sampling = whole.model_copy(update={"stop": stop})
    first, second = task(project, "whole", sampling=whole), task(project, "stopped", sampling=sampling)
    assert run_here(first)[0] == run_here(second)[0] == 0
    for long, cut in zip(written(first), written(second), strict=True):
        assert long["text"].startswith(cut["text"])
        assert cut["tokens"] == long["tokens"], "what the server counted"


def test_no_more_requests_are_under_way_than_concurrency_allows(project: Path, server: Server, run_here: Run) -> None:
    server.control(wait=0.05)
    assert run_here(task(project, concurrency=4))[0] == 0
    assert server.most() == 4


def test_who_answered_and_what_it_took_is_in_the_provenance(project: Path, server: Server, run_here: Run) -> None:
    folder = task(project)
    assert run_here(folder)[0] == 0
    told = json.loads((folder / "provenance.json").read_text())["endpoint"]
    assert told["answered"] == [{"model": NAME, "system_fingerprint": FINGERPRINT, "replies": len(QUESTIONS) + 2}]
    assert told["tokens"]["output"] >= sum(rollout["tokens"] for rollout in written(folder))
    assert told["same_prompt_same_text"] is True


def test_an_evaluation_trials_pairs_and_texts_over_texts_ask_a_server_too(
    project: Path, server: Server, run_here: Run
) -> None:
    problems = {"problems": project / "problems.jsonl"}
    body = evaluate(model=model(), sampling=GREEDY, prompt="{{ question }}\n")
    folder = lay_out(project, "evaluate", body, problems, endpoint=settings())
    code, _out, err = run_here(folder)
    assert code == 0, err
    assert json.loads((folder / "out/metrics.json").read_text())["n"] == len(QUESTIONS)
    records = [
        {"id": i, "question": q, "answer": a, "trace": "", "steps": 1, "words": 1, "tokens": 1}
        for i, (q, a) in enumerate(QUESTIONS)
    ]
    traces = {"traces": write_lines(project / "traces.jsonl", records)}
    folder = lay_out(project, "mine", mine(model=model(), attempts=2), traces, endpoint=settings())
    code, _out, err = run_here(folder)
    assert code == 0, err
    assert len(server.asked()) == 3 * len(QUESTIONS)
    over = text(model=model(), prompt="{{ question }} {{ text }}\n", sampling=Sampling(**DRAWN | {"n": 2}))
    folder = lay_out(project, "text", over, traces, endpoint=settings())
    code, _out, err = run_here(folder)
    assert code == 0, err
    assert [rollout["id"] for rollout in written(folder)] == [i for i in range(len(QUESTIONS)) for _ in range(2)]
    folder = lay_out(project, "pairs", pairs(model=model(), attempts=2), traces, endpoint=settings())
    code, _out, err = run_here(folder)
    assert "no question has both a right and a wrong answer" in err or code == 0, err
    assert len(server.asked()) == 7 * len(QUESTIONS)
