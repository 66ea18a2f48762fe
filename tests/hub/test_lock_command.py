"""`cotspec lock` against a hub on 127.0.0.1, and without one."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotspec.spec.lock import Lock
from tests.hub.server import Hub, serve
from tests.support import Run

hub_client = pytest.importorskip("huggingface_hub", reason="the hub's client comes with the `train` extra")

MODEL, DATA = "lab/tutor", "lab/sums"
SPEC = """\
cotspec: 2
name: example
models:
  base: {builtin: tiny-student}
  tutor: {hub: lab/tutor}
data:
  train: {hub: lab/sums, split: train}
  test: {builtin: chains, split: test, size: 5}
generate: {teach: {by: tutor, over: train}}
stages:
  first: {start: base, train: {by: sft, lr: 1e-4}, rows: {from: teach}, task: solve}
evaluate: {data: test, of: [base, first]}
resources: {train: {gpus: 0}}
"""


@pytest.fixture
def hub(monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub that has both repositories. The client reads HF_ENDPOINT when it is imported, so it is told here too."""
    from huggingface_hub import constants

    with serve() as server:
        server.model(MODEL).push({"config.json": b"{}"})
        server.data(DATA).push({"train.jsonl": b"{}"})
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(constants, "HF_HUB_ETAG_TIMEOUT", 5)
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield server


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    (folder / "specs").mkdir(parents=True)
    (folder / ".git").mkdir()
    (folder / "specs/a.yaml").write_text(SPEC, encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def locked(folder: Path) -> Lock:
    import yaml

    return Lock.model_validate(yaml.safe_load((folder / "cotspec.lock").read_text(encoding="utf-8")))


def rewrite(folder: Path, old: str, new: str) -> None:
    text = (folder / "specs/a.yaml").read_text(encoding="utf-8")
    assert old in text
    (folder / "specs/a.yaml").write_text(text.replace(old, new), encoding="utf-8")


def test_a_lock_names_the_commit_of_everything_on_the_hub(hub: Hub, project: Path, run: Run) -> None:
    code, out, err = run("lock")
    assert (code, err) == (0, "")
    found = locked(project)
    assert found.models == {MODEL: {"main": hub.model(MODEL).refs["main"]}}
    assert found.data == {DATA: {"main": hub.data(DATA).refs["main"]}}
    assert set(found.builtins) == {"chains", "tiny-student"}
    assert out.splitlines()[-1] == "cotspec.lock: 4 added"
    before = (project / "cotspec.lock").read_bytes()
    hub.asked.clear()
    assert run("lock")[:2] == (0, "cotspec.lock: 4 kept\n")
    assert ((project / "cotspec.lock").read_bytes(), hub.asked) == (before, [])
    assert run("lock", "--check")[:2] == (0, "up to date: 4 inputs\n")
    assert run("check", "--ci")[0] == 0


def test_what_is_locked_stays_when_a_branch_moves_until_it_is_upgraded(hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    first = locked(project)
    moved = hub.model(MODEL).push({"config.json": b'{"a": 1}'})
    hub.data(DATA).push({"train.jsonl": b"{}\n"})
    assert run("lock")[1] == "cotspec.lock: 4 kept\n"
    assert locked(project) == first
    code, out, _ = run("lock", "--upgrade", "tutor")
    old = first.models[MODEL]["main"]
    assert (code, out.splitlines()[0]) == (0, f"changed: models {MODEL} at main ({old[:12]} → {moved[:12]})")
    assert locked(project).data == first.data
    run("lock", "--upgrade")
    assert locked(project).data != first.data


def test_names_that_cannot_be_upgraded_are_told(hub: Hub, project: Path, run: Run) -> None:
    code, _, err = run("lock", "--upgrade", "lab/tutr")
    assert (code, err) == (
        2,
        "cotspec: no spec reads `lab/tutr` from the hub: did you mean `lab/tutor` or `lab/sums`?\n",
    )
    assert run("lock", "tutor")[0] == 2
    assert run("lock", "--check", "--upgrade")[0] == 2
    assert not (project / "cotspec.lock").exists()


def test_what_a_spec_no_longer_reads_is_dropped_and_what_is_new_is_asked_for(hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    tagged = hub.data(DATA).push({"train.jsonl": b"[]"}, tag="v1.0")
    rewrite(project, "hub: lab/sums,", "hub: lab/sums, revision: v1.0,")
    code, out, _ = run("lock", "--check")
    assert (code, out.splitlines()) == (
        1,
        [
            f"missing: data {DATA} at v1.0 (specs/a.yaml:7)",
            f"left over: data {DATA} at main",
            "run `cotspec lock`",
        ],
    )
    hub.asked.clear()
    assert run("lock")[1].splitlines()[-1] == "cotspec.lock: 1 added, 1 dropped, 3 kept"
    assert locked(project).data == {DATA: {"v1.0": tagged}}
    assert hub.asked == [f"GET api/datasets/{DATA}/revision/v1.0"]


def test_a_commit_in_a_spec_is_neither_asked_for_nor_locked(hub: Hub, project: Path, run: Run) -> None:
    rewrite(project, "hub: lab/sums,", f"hub: lab/sums, revision: {'c' * 40},")
    assert run("lock")[0] == 0
    assert locked(project).data == {}
    assert [line for line in hub.asked if "sums" in line] == []


def test_variants_and_extended_specs_are_locked_too(hub: Hub, project: Path, run: Run) -> None:
    hub.model("lab/other").push({"config.json": b"{}"})
    tagged = hub.model(MODEL).push({"config.json": b"[]"}, tag="v2")
    variants = "variants: {new: {models.tutor.revision: v2}, more: {models.tutor.hub: lab/other}}\n"
    child = f"extends: a.yaml\nname: child\n{variants}"
    (project / "specs/child.yaml").write_text(child, encoding="utf-8")
    assert run("lock")[0] == 0
    assert locked(project).models[MODEL]["v2"] == tagged
    assert set(locked(project).models) == {MODEL, "lab/other"}


def test_one_named_spec_is_locked_and_nothing_is_dropped(hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    (project / "more").mkdir()
    (project / "more/b.yaml").write_text(SPEC.replace("lab/tutor", "lab/other"), encoding="utf-8")
    hub.model("lab/other").push({"config.json": b"{}"})
    assert run("lock", "--spec", "more/b.yaml")[1].splitlines()[-1] == "cotspec.lock: 1 added, 4 kept"
    assert set(locked(project).models) == {MODEL, "lab/other"}


ANSWERS = {
    "nobody's, or private": (
        (401, "RepoNotFound"),
        "the hub has no model `lab/tutor`, or does not show it",
        "HF_TOKEN",
    ),
    "not found": ((404, "RepoNotFound"), "the hub has no model `lab/tutor`", "check its name"),
    "gated": ((403, "GatedRepo"), "the model `lab/tutor` is gated", "accept its terms"),
    "no such revision": ((404, "RevisionNotFound"), "the model `lab/tutor` has no revision `main`", "name a branch"),
    "forbidden": ((403, ""), "the hub does not let you read the model `lab/tutor` (403)", "use a token"),
    "too many questions": ((429, ""), "the hub was asked too often (429)", "wait a little"),
    "broken": ((500, ""), "the hub answered 500 about the model `lab/tutor`", "try again later"),
}


def test_a_model_that_is_accepted_to_be_on_no_hub_is_asked_for_by_name_alone(hub: Hub, project: Path, run: Run) -> None:
    hub.status[MODEL] = (404, "RepoNotFound")
    spec = project / "specs/a.yaml"
    accepted = "allow: [{rule: unpinned-revision, at: models.tutor, reason: our own weights}]\n"
    spec.write_text(spec.read_text(encoding="utf-8") + accepted, encoding="utf-8")
    assert run("lock")[0] == 0
    assert locked(project).models == {}
    assert run("lock", "--check")[0] == 0
    code, _, err = run("lock", "--upgrade", "lab/tutor")
    assert (code, "`lab/tutor` at `main`" in err) == (1, True)


@pytest.mark.parametrize("case", ANSWERS)
def test_a_hub_that_refuses_is_told_where_the_spec_names_the_model(
    case: str, hub: Hub, project: Path, run: Run
) -> None:
    answer, said, advice = ANSWERS[case]
    hub.status[MODEL] = answer
    code, out, err = run("lock")
    assert code == 1
    assert "error[not-locked] specs/a.yaml:5:16\n" in err
    assert f"`lab/tutor` at `main`: {said}" in err
    assert advice in err
    assert locked(project).models == {}
    assert set(locked(project).builtins) == {"chains", "tiny-student"}
    assert "1 could not be locked" in out


def test_a_refusal_keeps_what_was_locked_before(hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    before, commit = (project / "cotspec.lock").read_bytes(), locked(project).models[MODEL]["main"]
    hub.status[MODEL] = (403, "GatedRepo")
    code, _, err = run("lock", "--upgrade")
    assert code == 1
    assert f"{commit[:12]} stays in the lock" in err
    assert (project / "cotspec.lock").read_bytes() == before


@pytest.mark.parametrize("sha", [None, "main", "0" * 39, 7, "../../etc"])
def test_an_answer_that_is_no_commit_is_not_locked(sha: object, hub: Hub, project: Path, run: Run) -> None:
    hub.sha = "" if sha is None else sha
    code, _, err = run("lock")
    assert (code, err.count("holds no commit")) == (1, 2)
    assert locked(project).models == locked(project).data == {}


NAMES = {
    "an id of three parts": ("hub: lab/tutor", "hub: lab/tutor/x", "there can be no model `lab/tutor/x` on the hub"),
    "an id that is a path": ("hub: lab/tutor", "hub: ../tutor", "there can be no model `../tutor` on the hub"),
    "an address": ("hub: lab/tutor", "hub: 'http://x/y'", "there can be no model `http://x/y` on the hub"),
    "a revision that is a path": ("hub: lab/tutor", "hub: lab/tutor, revision: ../../x", "`../../x` is no revision"),
    "a revision that is an option": ("hub: lab/tutor", "hub: lab/tutor, revision: -x", "`-x` is no revision"),
}


@pytest.mark.parametrize("case", NAMES)
def test_what_cannot_be_on_a_hub_is_not_asked_for(case: str, hub: Hub, project: Path, run: Run) -> None:
    old, new, said = NAMES[case]
    rewrite(project, old, new)
    code, _, err = run("lock")
    assert (code, said in err) == (1, True)
    assert hub.asked == [f"GET api/datasets/{DATA}/revision/main"]


def test_what_is_no_hub_is_told_once_and_not_asked_again(hub: Hub, project: Path, run: Run) -> None:
    hub.answer = b"<html>log in to the network first</html>"
    code, _, err = run("lock")
    assert code == 1
    assert "what answers is no model hub" in err
    assert "check HF_ENDPOINT" in err
    assert len(hub.asked) == 1


def test_a_hub_that_does_not_answer_in_time_is_not_waited_for_twice(hub: Hub, project: Path) -> None:
    hub.delay = 3.0
    process = cotspec(project, "lock", HF_ENDPOINT=hub.url, HF_HUB_ETAG_TIMEOUT="1")
    err = process.communicate(timeout=60)[1]
    assert (process.returncode, err.count("the hub did not answer in time")) == (1, 2)
    assert len(hub.asked) == 1


def cotspec(folder: Path, *arguments: str, **environment: str) -> subprocess.Popen[str]:
    """The command as a person runs it, in a process of its own."""
    named = {key: value for key, value in os.environ.items() if not key.startswith("HF_")}
    command = [sys.executable, "-m", "cotspec", *arguments]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=named | environment, stdout=pipe, stderr=pipe, text=True)


OFFLINE = {
    "offline by choice": ({"HF_HUB_OFFLINE": "1"}, "HF_HUB_OFFLINE is set"),
    "nobody listens": ({"HF_ENDPOINT": "http://127.0.0.1:9"}, "the hub cannot be reached"),
    "no such host": ({"HF_ENDPOINT": "http://hub.invalid"}, "the hub cannot be reached"),
    "no address": ({"HF_ENDPOINT": "ftp:/hub"}, "the hub"),
}


@pytest.mark.parametrize("case", OFFLINE)
def test_without_a_network_the_rest_is_locked_and_what_was_stays(case: str, hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    before = locked(project)
    rewrite(project, "hub: lab/sums,", "hub: lab/sums, revision: v9,")
    rewrite(
        project,
        "generate: {teach: {by: tutor, over: train}}",
        "generate: {teach: {by: tutor, over: train, prompt: p.jinja}}",
    )
    (project / "specs/p.jinja").write_text("{{ question }}", encoding="utf-8")
    environment, said = OFFLINE[case]
    process = cotspec(project, "lock", **environment)
    out, err = process.communicate(timeout=60)
    assert process.returncode == 1, err
    assert "Traceback" not in err
    assert "specs/a.yaml:7:" in err
    assert said in err
    assert locked(project).models == before.models
    assert set(locked(project).prompts) == {"specs/p.jinja"}
    assert "1 added" in out


def test_ctrl_c_leaves_the_lock_as_it_was(hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    before = {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()}
    hub.delay = 30.0
    hub.asked.clear()
    process = cotspec(project, "lock", "--upgrade", HF_ENDPOINT=hub.url, HF_HUB_ETAG_TIMEOUT="20")
    until = time.monotonic() + 30
    while not hub.asked and time.monotonic() < until:
        time.sleep(0.05)
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=30)
    assert (process.returncode, "Traceback" in err) == (130, False)
    assert {path.name: path.read_bytes() for path in project.iterdir() if path.is_file()} == before


def test_a_project_that_reads_nothing_from_the_hub_needs_neither_network_nor_client(project: Path) -> None:
    spec = SPEC.replace("hub: lab/tutor", "path: weights").replace("hub: lab/sums, split: train", "file: rows.jsonl")
    (project / "specs/a.yaml").write_text(spec, encoding="utf-8")
    (project / "specs/weights").mkdir()
    (project / "specs/weights/config.json").write_text("{}", encoding="utf-8")
    (project / "specs/rows.jsonl").write_text("{}\n", encoding="utf-8")
    process = cotspec(project, "lock", HF_HUB_OFFLINE="1")
    assert process.communicate(timeout=60)[1] == ""
    assert process.returncode == 0
    assert set(locked(project).files) == {"specs/weights", "specs/rows.jsonl"}
    (project / "specs/rows.jsonl").write_text("{}\n{}\n", encoding="utf-8")
    process = cotspec(project, "lock", "--check", HF_HUB_OFFLINE="1")
    assert process.communicate(timeout=60)[0] == "stale: files specs/rows.jsonl\nrun `cotspec lock`\n"
    assert process.returncode == 1


def test_without_the_client_the_command_says_how_to_get_it(project: Path) -> None:
    code = """
import sys
sys.modules["huggingface_hub"] = None
from cotspec import cli
sys.argv = ["cotspec", "lock"]
cli.main()
"""
    done = subprocess.run([sys.executable, "-c", code], cwd=project, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "asking the hub needs huggingface_hub, which is not installed" in done.stderr
    assert "cotspec[train]" in done.stderr


def test_a_spec_that_cannot_be_read_keeps_the_lock_as_it_is(hub: Hub, project: Path, run: Run) -> None:
    run("lock")
    before = (project / "cotspec.lock").read_bytes()
    rewrite(project, "lr:", "lrr:")
    code, out, err = run("lock")
    assert (code, out) == (1, "")
    assert "error[unknown-key]" in err
    assert (project / "cotspec.lock").read_bytes() == before


def test_upgrading_makes_the_tasks_that_read_it_others_and_the_plan_says_why(hub: Hub, project: Path, run: Run) -> None:
    (project / ".git").rmdir()
    subprocess.run(["git", "init", "-q"], check=True, cwd=project)
    run("lock")
    who = ["-c", "user.name=a", "-c", "user.email=a@example.org"]
    subprocess.run(["git", "add", "-A"], check=True, cwd=project)
    subprocess.run(["git", *who, "commit", "-qm", "x"], check=True, cwd=project)
    old = locked(project).models[MODEL]["main"]
    new = hub.model(MODEL).push({"config.json": b'{"b": 2}'})
    run("lock", "--upgrade")
    code, out, err = run("diff", "HEAD:specs/a.yaml", "specs/a.yaml", "--format", "json")
    assert code == 0, err
    found = json.loads(out)
    (change,) = found["settings"]
    assert (change["path"], change["old"], change["new"]) == (f"lock.models.{MODEL}.main", old, new)
    assert change["new_place"] == "cotspec.lock:5"
    causes = {task["part"]: task["causes"] for task in found["tasks"] if task["state"] == "changed"}
    assert causes.pop("generation teach") == [f"lock.models.{MODEL}.main"]
    assert set(map(tuple, causes.values())) == {()}
