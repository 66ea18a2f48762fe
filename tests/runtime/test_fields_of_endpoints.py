"""Each field of a model behind a server, and of how it is asked, shows in what the server gets or in what a task
leaves."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest
from conftest import Run, lay_out, recorded
from served import Server, agree, model, questions, task

from cotspec.spec.identity import id_of
from cotspec.spec.payload import Demand, Payload, PreflightBody

pytest.importorskip("torch", reason="the server of these tests generates with transformers, of the `train` extra")

Ran = tuple[int, str, str]


@dataclass(frozen=True, kw_only=True)
class Shown:
    """A field with which `see` is true, and without which it is not."""

    see: Callable[[Server, Ran], bool]
    value: Any
    beside: dict[str, Any] = field(default_factory=dict)
    """Other fields of the same part, in both cases."""
    server: dict[str, Any] = field(default_factory=dict)
    """How the server answers, in both cases."""


def first(name: str) -> Callable[[Server, Ran], Any]:
    return lambda server, _: server.asked()[0].get(name)


def told(text: str) -> Callable[[Server, Ran], bool]:
    return lambda _, ran: text in ran[1] + ran[2]


HANGS, FAILS = {"all": {"hang": 2}}, {"faults": [{"status": 500}]}
FILTERS = {"on": {"Ann has 1 apples": {"finish": "content_filter"}}}
CHAT = {"chat": True}
DEAR = {"budget_cost": 1.0}
MODEL = {
    "name": Shown(see=told("has no model `gpt`"), value="gpt"),
    "url": Shown(see=told("would go to https://other.example/v1"), value="https://other.example/v1"),
    "chat": Shown(see=first("messages"), value=True),
    "system": Shown(see=lambda server, _: len(server.asked()[0]["messages"]) == 2, value="Hi", beside=CHAT),
    "template": Shown(see=first("chat_template_kwargs"), value={"thinking": True}, beside=CHAT),
    "request": Shown(see=first("user"), value={"user": "me"}),
}
RUN = {
    "concurrency": Shown(see=lambda server, _: server.most() == 1, value=1, server={"wait": 0.1}),
    "retries": Shown(see=told("1 of 3 texts were not written"), value=0, server=FAILS),
    "timeout": Shown(see=told("no whole reply within"), value=0.5, beside={"retries": 0}, server=HANGS),
    "missing": Shown(see=lambda _, ran: ran[0] == 0, value=0.4, server=FILTERS),
    "price_input": Shown(see=told("is spent"), value=10.0**6, beside=DEAR),
    "price_output": Shown(see=told("is spent"), value=10.0**6, beside=DEAR),
    "budget_tokens": Shown(see=told("budget of 30 tokens"), value=30),
    "budget_cost": Shown(see=told("is spent"), value=1.0, beside={"price_output": 10.0**6}),
}
FIELDS = (
    *(f"model.endpoint.{name}" for name in MODEL),
    *(f"run.endpoint.{name}" for name in RUN),
    "preflight.demands.tasks",
    "preflight.demands.experiments",
    "preflight.experiments",
)


@pytest.mark.parametrize("name", [*MODEL, *RUN])
def test_a_field_arrives(name: str, project: Path, server: Server, run_here: Run) -> None:
    shown = MODEL.get(name) or RUN[name]
    questions(project, 3)
    seen = []
    for given in (shown.beside | {name: shown.value}, shown.beside):
        server.control(**shown.server)
        as_model = {"of": model(**given)} if name in MODEL else given
        folder = task(project, f"{name}-{len(seen)}", seed=len(seen), **as_model)
        seen.append(bool(shown.see(server, run_here(folder))))
        for spent in (project / ".cotspec" / "endpoints").glob("*"):
            spent.unlink()
    assert seen == [True, False]


def test_the_tasks_of_a_demand_arrive(project: Path, run_here: Run) -> None:
    said = []
    for ids in (("teach-1",), ("teach-2",)):
        (project / "generated/stages/teach-1/out").mkdir(parents=True, exist_ok=True)
        given = {"path": "", "max_new_tokens": 0, "tensor_parallel": 0, "targets": (), "asked": ("one",), "tasks": ids}
        folder = lay_out(project, ids[0] + "-asked", PreflightBody(demands=(Demand(model=model(), **given),)))
        recorded(folder)
        said.append("need not be asked" in run_here(folder)[1])
    assert said == [True, False]


@pytest.mark.parametrize(
    ("every", "asking", "stops"), [(("far", "near"), ("far",), False), (("far",), ("far",), True), ((), (), True)]
)
def test_a_key_that_is_missing_stops_only_the_experiments_that_need_it(
    every: tuple[str, ...],
    asking: tuple[str, ...],
    stops: bool,
    project: Path,
    server: Server,
    run_here: Run,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("NO_SUCH_KEY", raising=False)
    agree(project, server.url, key="NO_SUCH_KEY")
    given = {"path": "", "max_new_tokens": 0, "tensor_parallel": 0, "targets": (), "asked": ("teach of far",)}
    demand = Demand(model=model(), **given, experiments=asking)
    folder = lay_out(project, "preflight", PreflightBody(demands=(demand,), experiments=every))
    recorded(folder)
    code, out, err = run_here(folder)
    missing = "is in NO_SUCH_KEY, which is not set: export it"
    others = "; that stops `far` alone, and `dvc repro --keep-going` runs all others"
    assert (code, missing in out + err, others in out) == (2 if stops else 0, True, not stops)
    at = folder.rename(project / "generated/preflight") / "payload.json"
    payload = Payload.model_validate_json(at.read_bytes())
    at.write_text(payload.model_copy(update={"id": id_of(payload, "generated/preflight")}).model_dump_json())
    code, _, err = run_here(task(project, "asks"))
    assert (code, missing in err, others in err) == (2, True, not stops), err
    assert server.asked() == []
