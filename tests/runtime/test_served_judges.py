"""Judges behind a server, a real one in a process of its own: what they say is what the same model says beside the
training, and a run that goes on from a checkpoint asks about nothing twice."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import bodies
import pytest
import served
import small
from conftest import Run, Stage, contents, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from test_judges import FORMAT, interrupted, judge, ran, reward

from cotspec.builtin.digest import manifest
from cotspec.spec.payload import BuiltinModel, GrpoBody, Judge, Sampling, Stop

FIELDS = {"run.judges"}
"""Fields that are shown to arrive here (test_fields.py): `missing` of a judge's settings decides below."""

ROWS, GROUP, STEPS = 4, 4, 2
LIMIT = 100


@pytest.fixture(scope="module")
def server() -> Iterator[served.Server]:
    with served.serve() as running:
        yield running


@pytest.fixture(autouse=True)
def usual(server: served.Server) -> None:
    server.control()


def liked(model: Any, temperature: float = 0.0) -> Judge:
    drawn = Sampling(
        n=1, temperature=temperature, top_p=1.0, top_k=0, max_new_tokens=LIMIT, stop=Stop(texts=("Step 2",))
    )
    return judge(model=model, sampling=drawn, prompt="Question: {{ question }}{{ response }}\nSolution:\n")


def body(one: Judge) -> GrpoBody:
    optim = bodies.OPTIM.model_copy(update={"warmup_steps": 0})
    scored = reward("0.1 * liked.words if liked.words > 3 else -1.0")
    values = {"optim": optim, "reward": scored, "judges": (one,), "iterations": 1, "group": GROUP, "format": FORMAT}
    return bodies.grpo(**values)


@pytest.fixture
def make(stage: Stage, tmp_path: Path, small_model: Path, server: served.Server) -> Any:
    served.agree(tmp_path, server.url)

    def call(name: str, one: Judge, **settings: Any) -> Path:
        rows = [row | {"shown": {"question": f"Ann has {row['row']} apples. "}} for row in small.grpo_rows(ROWS)]
        files = {"rows": write_lines(tmp_path / f"{name}.jsonl", rows), "model": small_model}
        how = {"per_device_batch": 8, "judges": {"liked": served.settings(**settings.pop("how", {}))}} | settings
        return stage(name, body(one), files, **how)

    return call


def verdicts(folder: Path) -> list[tuple[str, float | None]]:
    groups = [json.loads(line) for line in (folder / "out/samples.jsonl").read_text().splitlines()]
    return [(one["judges"]["liked"], one["reward"]) for group in groups for one in group["completions"]]


def test_a_served_judge_trains_what_the_same_model_trains_that_lies_beside(
    make: Any, run_here: Run, server: served.Server
) -> None:
    own = BuiltinModel(name=served.NAME, digest=manifest()[served.NAME], chat=False)
    beside, far = make("beside", liked(own)), make("far", liked(served.model()))
    ran(run_here(beside))
    before = len(server.everything())
    told = ran(run_here(far))
    assert verdicts(far) == verdicts(beside)
    assert len({text for text, _ in verdicts(far)}) > 1
    assert contents(far / "out/model") == contents(beside / "out/model")
    asked = server.everything()[before:]
    assert sum(one["max_tokens"] == 32 for one in asked) == 2  # one self-test, not one for each step
    assert told.count("requests at a time") == 1
    who = json.loads((far / "provenance.json").read_text())["endpoint"]["judges"]["liked"]
    assert who["asked"] == served.NAME
    assert who["tokens"]["output"] > 0


def test_a_run_that_goes_on_asks_nothing_again_and_ends_as_one_that_was_never_stopped(
    make: Any, run_here: Run, server: served.Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    drawn = liked(served.model(), temperature=1.0)
    before = len(server.asked())
    whole = make("whole", drawn)
    ran(run_here(whole))
    once = len(server.asked()) - before
    stopped = make("stopped", drawn, save_steps=STEPS)  # no checkpoint before the end: step 1 is made again
    interrupted(run_here, stopped, monkeypatch)
    ran(run_here(stopped))
    assert len(server.asked()) - before == 2 * once
    assert contents(stopped / "out") == contents(whole / "out")


def test_a_server_that_fails_stops_the_run_and_loses_nothing_that_it_said(
    make: Any, run_here: Run, server: served.Server
) -> None:
    whole = make("unhurt", liked(served.model()))
    ran(run_here(whole))
    once = len(server.asked())
    failing = make("failing", liked(served.model()), how={"concurrency": 1, "retries": 0})
    server.control(faults=[None] * 9 + [{"status": 500}] * 3)
    code, _, error = run_here(failing)
    assert code == 2
    assert "are kept, and the next run asks for the others" in error
    before = len(server.asked())
    server.control()
    ran(run_here(failing))
    assert verdicts(failing) == verdicts(whole)
    assert before + len(server.asked()) == once + 3  # those that failed


def test_what_a_server_will_not_write_about_is_no_number_and_allowed_only_where_said(
    make: Any, run_here: Run, server: served.Server
) -> None:
    server.control(on={"Ann has 1 apples": {"finish": "content_filter"}})
    code, _, error = run_here(make("strict", liked(served.model())))
    assert code == 2
    assert "texts were not written" in error
    lenient = make("lenient", liked(served.model()), how={"missing": 0.5})
    ran(run_here(lenient))
    numbers = small.metrics(lenient)
    assert numbers["unjudged/liked"] == numbers["unscorable"] > 0
