"""What the dvc.yaml of a report declares is what the report writes. With DVC: tests/e2e/test_tiny_experiment.py."""

from __future__ import annotations

import yaml

from cotspec.back.registry import emit
from cotspec.runtime.report_tracked import FIGURES, curves
from cotspec.trainers import TRAINERS
from tests.support import sealed, spec_data


def declared(name: str) -> dict[str, list[dict[str, object]]]:
    text = emit(sealed(spec_data(name)).plan)[f"generated/reports/{name}/dvc.yaml"]
    return dict(yaml.safe_load(text))


def test_a_plot_reads_fields_that_its_file_always_has() -> None:
    written = set(curves([{"step": 1, "loss": 1.0}])[0])
    for name in ("small", "everything"):
        for one in declared(name)["plots"]:
            (plot,) = one.values()
            assert isinstance(plot, dict)
            own = written if plot["x"] == "step" else {"model", *FIGURES}
            assert {plot["x"], *plot["y"].values()} <= own


def test_every_curve_of_every_trainer_has_a_name_on_the_page() -> None:
    from cotspec.runtime.report_curves import NAMES

    for trainer in TRAINERS.values():
        assert set(trainer.metrics) <= set(NAMES)


def test_stages_that_log_a_number_share_its_plot_in_the_order_of_the_spec() -> None:
    plots = {title: plot for one in declared("small")["plots"] for title, plot in one.items()}
    stages = [name for name, stage in spec_data("small")["stages"].items() if stage["train"]["by"] == "sft"]
    shared = plots["loss in training, small"]
    assert isinstance(shared, dict)
    assert list(shared["y"]) == [f"out/plots/training/{stage}.json" for stage in stages]
    assert len(stages) > 1


def test_nothing_that_is_shown_is_a_dependency_or_an_out_of_its_own() -> None:
    found = declared("small")
    (stage,) = found["stages"].values()  # type: ignore[attr-defined]
    assert stage["outs"] == ["out"]
    assert set(stage) == {"desc", "cmd", "deps", "outs"}
    assert found["metrics"] == ["out/metrics.json"]
    assert found["params"] == ["settings.yaml"]
