"""Bodies of the tasks that generate, and how text is drawn in them."""

from __future__ import annotations

from typing import Any

from bodies import FORMAT, MODEL
from conftest import SOLVE

from cotspec.spec.payload import (
    AtStep,
    BuiltinModel,
    EvaluateBody,
    GateBody,
    GatherBody,
    HubModel,
    MineBody,
    PairsBody,
    Range,
    Requirement,
    Sampling,
    Stop,
    TeachBody,
    TextBody,
    TraceFormat,
)

WHOLE = Range(first=0, end=-1)
STOP = Stop(
    texts=("zebra",), after="answer", format=TraceFormat(thinking="Musing:", step="Line {n})", answer="Result:")
)
ODD = Sampling(n=2, temperature=0.7, top_p=0.85, top_k=7, max_new_tokens=9, stop=STOP)
PLAIN = Sampling(n=1, temperature=1.3, top_p=0.6, top_k=3, max_new_tokens=4)
BUILTIN = BuiltinModel(name="tiny-small", digest="", chat=False)
HUB = HubModel(id="lab/tiny", revision="main", chat=False, trust_remote_code=False)


def teach(**changes: Any) -> TeachBody:
    return TeachBody(**({"model": MODEL, "prompt": SOLVE, "sampling": PLAIN, "seed": 5} | changes))


def text(**changes: Any) -> TextBody:
    return TextBody(**({"model": MODEL, "prompt": SOLVE, "sampling": PLAIN, "slice": WHOLE, "seed": 5} | changes))


def gather(**changes: Any) -> GatherBody:
    return GatherBody(**(text().model_dump(exclude={"kind", "tilt", "revise"}) | {"size": 1} | changes))


def mine(**changes: Any) -> MineBody:
    values: dict[str, Any] = {"model": MODEL, "prompt": SOLVE, "sampling": PLAIN, "attempts": 1, "keep": "all_wrong"}
    return MineBody(**(values | {"slice": WHOLE, "format": FORMAT, "seed": 5} | changes))


def pairs(**changes: Any) -> PairsBody:
    values: dict[str, Any] = {"model": MODEL, "prompt": SOLVE, "sampling": PLAIN, "attempts": 1, "slice": WHOLE}
    return PairsBody(**(values | {"format": FORMAT, "seed": 5} | changes))


def gate(**changes: Any) -> GateBody:
    values: dict[str, Any] = {
        "checkpoint": AtStep(step=20),
        "require": (Requirement(metric="valid.accuracy", op=">=", value=0.0),),
        "otherwise": "stop",
        "chat": False,
        "trust_remote_code": False,
        "prompt": SOLVE,
        "sampling": PLAIN,
        "format": FORMAT,
        "seed": 5,
    }
    return GateBody(**(values | changes))


def evaluate(**changes: Any) -> EvaluateBody:
    values: dict[str, Any] = {"model": MODEL, "prompt": SOLVE, "sampling": PLAIN, "format": FORMAT, "seed": 5}
    return EvaluateBody(**(values | changes))
