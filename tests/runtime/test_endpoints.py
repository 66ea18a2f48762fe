"""Texts from a server: a real one, in a process of its own, that runs a builtin model and can be told to misbehave."""

from __future__ import annotations

import json
import signal
import socket
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from conftest import QUESTIONS, Run, lay_out, recorded, start, write_lines
from generating import evaluate, mine, pairs, teach, text
from served import DRAWN, FAR, FINGERPRINT, GREEDY, NAME, Server, agree, model, questions, settings, task, written

from cotspec.spec.payload import BuiltinModel, Demand, EndpointModel, PreflightBody, Sampling, Stop

pytest.importorskip("torch", reason="the server of these tests generates with transformers, of the `train` extra")

KEY = "sk-canary-1234567890"


def budgeted(folder: Path, **changes: Any) -> None:
    """Change run.json, as a build does after `resources` changed."""
    run = json.loads((folder / "run.json").read_text())
    run["endpoint"] |= changes
    (folder / "run.json").write_text(json.dumps(run))


# --- what is asked, and what is made of the reply ---------------------------------------------------------------------


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


# --- what goes wrong --------------------------------------------------------------------------------------------------

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


# --- a server that cannot be asked ------------------------------------------------------------------------------------


def free_port() -> int:
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return int(one.getsockname()[1])


def test_a_model_that_the_server_does_not_have_is_told_with_those_it_has(
    project: Path, server: Server, run_here: Run
) -> None:
    code, _out, err = run_here(task(project, of=model(name="tiny-techer")))
    assert code == 2
    assert f"has no model `tiny-techer` (404): it has {NAME}; did you mean `{NAME}`?" in err
    assert server.asked() == []


def test_a_model_that_is_asked_the_other_way_only_is_told_so(project: Path, server: Server, run_here: Run) -> None:
    server.control(no="completions")
    assert "`chat: true` asks it by messages" in run_here(task(project))[2]
    server.control(no="chat/completions")
    assert "leave `chat: true` out" in run_here(task(project, "two", of=model(chat=True)))[2]


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


def test_a_name_that_is_served_and_not_listed_is_asked(project: Path, server: Server, run_here: Run) -> None:
    server.control(listed=["others"])
    assert run_here(task(project))[0] == 0
    server.control(models=404)
    assert run_here(task(project, "two", seed=9))[0] == 0


def test_the_messages_of_a_server_that_is_not_there(project: Path, run_here: Run) -> None:
    folder = task(project, retries=0)
    agree(project, f"http://127.0.0.1:{free_port()}/v1")
    assert "connection refused" in run_here(folder)[2]
    agree(project, "http://no-such-host.invalid/v1")
    assert "no address (DNS)" in run_here(folder)[2]


def test_what_speaks_no_tls_or_sends_one_elsewhere_is_not_trusted(project: Path, server: Server, run_here: Run) -> None:
    folder = task(project, retries=0)
    agree(project, server.url.replace("http:", "https:"))
    code, _out, err = run_here(folder)
    assert (code, "TLS" in err) == (2, True)
    server.control(models=307)
    agree(project, server.url)
    assert "if you trust it" in run_here(folder)[2]


def test_a_key_goes_to_its_server_and_nowhere_else(
    project: Path, server: Server, monkeypatch: pytest.MonkeyPatch, run_here: Run
) -> None:
    server.control(key=KEY)
    folder = task(project)
    code, _out, err = run_here(folder)
    assert "wants a key (401" in err
    assert "key: NAME" in err
    agree(project, server.url, "TEST_KEY")
    monkeypatch.delenv("TEST_KEY", raising=False)
    assert "TEST_KEY, which is not set" in run_here(folder)[2]
    monkeypatch.setenv("TEST_KEY", KEY[::-1])
    code, out, err = run_here(folder)
    assert "does not take the key in TEST_KEY (401" in err
    assert KEY[::-1] not in out + err
    monkeypatch.setenv("TEST_KEY", KEY)
    code, out, err = run_here(folder)
    assert code == 0, err
    assert KEY not in out + err
    for file in (path for path in project.rglob("*") if path.is_file()):
        assert KEY.encode() not in file.read_bytes(), file
        assert KEY[::-1].encode() not in file.read_bytes(), file


@pytest.mark.parametrize("key", ["a\nb", "schlüssel", "two words"])
def test_a_key_that_cannot_be_one_is_not_shown(
    key: str, project: Path, server: Server, monkeypatch: pytest.MonkeyPatch, run_here: Run
) -> None:
    agree(project, server.url, "TEST_KEY")
    monkeypatch.setenv("TEST_KEY", key)
    code, _out, err = run_here(task(project))
    assert code == 2
    assert "cannot be a key" in err
    assert key not in err


@pytest.mark.parametrize(
    ("local", "told"),
    [
        ("", f"would go to {FAR}, and cotspec.local.yaml does not agree"),
        ('endpoints: {"https://other.example/v1": {key: HOME}}', "does not agree"),
        (f"endpoints: {{{NAME}: {{}}}}", "does not agree"),
    ],
)
def test_without_the_owners_word_nothing_is_sent(
    local: str, told: str, project: Path, server: Server, run_here: Run
) -> None:
    (project / "cotspec.local.yaml").write_text(local, encoding="utf-8")
    code, _out, err = run_here(task(project, of=model(url=server.url) if "HOME" in local else model()))
    assert (code, told in err) == (2, True), err
    assert server.everything() == []


def test_a_word_that_came_with_a_repository_is_not_the_owners(project: Path, server: Server, run_here: Run) -> None:
    for command in (["init", "-q"], ["add", "cotspec.local.yaml"]):
        subprocess.run(["git", *command], cwd=project, check=True)
    folder = task(project)
    code, _, err = run_here(folder)
    assert (code, "is in git" in err) == (2, True)
    assert server.everything() == []
    subprocess.run(["git", "rm", "-q", "--cached", "cotspec.local.yaml"], cwd=project, check=True)
    assert run_here(folder)[0] == 0


def test_a_spec_without_a_place_is_served_where_this_machine_says(project: Path, server: Server, run_here: Run) -> None:
    folder = task(project, of=model(url=""))
    assert f"nothing says where `{NAME}` is served" in run_here(folder)[2]
    (project / "cotspec.local.yaml").write_text(f'endpoints: {{{NAME}: {{url: "{server.url}/"}}}}', encoding="utf-8")
    assert run_here(folder)[0] == 0


# --- the preflight ----------------------------------------------------------------------------------------------------


def preflight(project: Path, of: EndpointModel, *tasks: str) -> Path:
    one = Demand(model=of, path="", max_new_tokens=0, tensor_parallel=0, targets=(), asked=("teach of x",), tasks=tasks)
    return lay_out(project, "preflight", PreflightBody(demands=(one,)))


def test_the_preflight_asks_the_server_before_anything_runs(project: Path, server: Server, run_here: Run) -> None:
    assert run_here(preflight(project, model(), "teach-1"))[0] == 0
    assert server.everything() == []
    folder = preflight(project / "other", model(name="gpt"), "teach-1")
    agree(project / "other", server.url)
    code, _out, err = run_here(folder)
    assert (code, "has no model `gpt`" in err, "asked by teach of x" in err) == (2, True, True)


def test_a_server_that_nobody_needs_any_more_may_be_gone(project: Path, run_here: Run) -> None:
    agree(project, f"http://127.0.0.1:{free_port()}/v1")
    folder = preflight(project, model(), "teach-1", "teach-2")
    (project / "generated/stages/teach-1/out").mkdir(parents=True)
    code, _out, err = run_here(folder)
    assert (code, "connection refused" in err) == (2, True)
    (project / "generated/stages/teach-2/out").mkdir(parents=True)
    recorded(folder)
    code, out, err = run_here(folder)
    assert (code, "need not be asked" in out) == (0, True)
