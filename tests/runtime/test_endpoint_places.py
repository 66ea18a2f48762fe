"""Servers that cannot be asked, or may not: who says so, before anything is sent."""

from __future__ import annotations

import socket
import subprocess
from pathlib import Path

import pytest
from conftest import Run, lay_out, recorded
from served import FAR, NAME, Server, agree, model, task

from cotspec.spec.payload import Demand, EndpointModel, PreflightBody

pytest.importorskip("torch", reason="the server of these tests generates with transformers, of the `train` extra")

KEY = "sk-canary-1234567890"


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
