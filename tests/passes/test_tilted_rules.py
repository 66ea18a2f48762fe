"""Models that lean on what a teacher writes: which can, and where a mistake is found."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import Change, Told, changed, found

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

FAR = ("  base: {", "  far: {endpoint: {model: m}}\n  base: {")


def tilt(given: str, more: str = "") -> Change:
    return "{by: tutor, over: train}", f"{{by: tutor, over: train, tilt: {given}{more}}}"


HITS: dict[str, tuple[list[Change], Told]] = {
    "nobody": ([tilt("{scale: 2}")], ("error", "tilted", "tilt", "nobody leans here")),
    "one model both ways": (
        [tilt("{toward: base, against: base}")],
        ("error", "tilted", "base", "`base` leans both ways, which changes nothing"),
    ),
    "the writer against itself": (
        [tilt("{against: tutor}")],
        ("error", "tilted", "tutor", "`tutor` leans against itself, which is but another temperature"),
    ),
    "the writer toward itself": (
        [tilt("{toward: tutor, scale: 0.5}")],
        ("error", "tilted", "tutor", "`tutor` leans toward itself, which is but another temperature"),
    ),
    "a scale that no logits survive": (
        [tilt("{against: base, scale: 1.0e+39}")],
        ("error", "wrong-value", "1.0e+39", "`scale` is 1e+39; it must be at most 100"),
    ),
    "a name that is none": (
        [tilt("{against: bsae}")],
        ("error", "unknown-reference", "bsae", "there is no model or stage `bsae`"),
    ),
    "a stage that learns these texts": (
        [tilt("{toward: first}")],
        ("error", "stage-order", "first", "stage `first` uses itself"),
    ),
    "a server that leans": (
        [tilt("{against: far}"), FAR],
        ("error", "tilted", "far", "`far` is a server, which gives no logits"),
    ),
    "a server that is leant on": (
        [("{by: tutor, over: train}", "{by: far, over: train, tilt: {against: base}}"), FAR],
        ("error", "tilted", "tilt", "`far` is a server, which gives no logits to lean on"),
    ),
}


@pytest.mark.parametrize(("changes", "finding"), HITS.values(), ids=HITS)
def test_a_tilt_that_cannot_be_is_found_at_its_place(changes: list[Change], finding: Told, tmp_path: Path) -> None:
    assert finding in found(tmp_path, *changes)


@pytest.mark.parametrize("given", ["{against: base, scale: 0.3}", "{toward: base}", "{toward: tutor, against: base}"])
def test_a_model_may_lean_and_is_used_then(given: str, tmp_path: Path) -> None:
    more = ("  base: {", "  small: {builtin: tiny-small}\n  base: {")
    assert found(tmp_path, tilt(given.replace("base", "small")), more) == []


def test_transformers_writes_such_texts_also_where_vllm_writes_the_others(tmp_path: Path) -> None:
    more = ("  base: {", "  small: {builtin: tiny-small}\n  base: {")
    vllm = ("  train: {gpus: 0}\n", "  train: {gpus: 0}\n  generate: {engine: vllm, gpus: 1}\n")
    (tmp_path / "spec.yaml").write_text(changed([tilt("{against: small}"), more, vllm]), encoding="utf-8")
    sink = Sink()
    plan = plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    assert plan is not None
    engines = {task.body.kind: task.launch.settings.engine for task in plan.tasks if task.launch.settings.gpus}
    assert engines == {"teach": "transformers", "evaluate": "vllm"}
