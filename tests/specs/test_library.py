"""The library of specs: each says which question it answers, builds, and has a tiny twin that runs on builtins."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.compiler import Checked, check_specs
from cotspec.diagnostics import Sink
from cotspec.spec.payload import HubData, HubModel

ROOT = Path(__file__).parents[2]
LARGE = sorted((ROOT / "specs").glob("bridge-*.yaml"))
COMPARED = [
    ROOT / "specs" / name for name in ("tiny-control.yaml", "methods/compared.yaml", "methods/compared-once.yaml")
]
TINY = sorted((ROOT / "specs" / "tiny").glob("*.yaml"))
#: Asked of every spec of this repository and answered: a hub is needed to pin what comes from one.
KNOWN = {"unpinned-revision"}


def checked(*files: Path) -> Checked:
    sink = Sink()
    found = check_specs({file.relative_to(ROOT).as_posix(): file for file in files}, sink)
    assert found is not None, sink.findings
    assert {finding.rule for finding in sink.findings} <= KNOWN
    return found


@pytest.fixture(scope="module")
def library() -> Checked:
    return checked(*LARGE, *TINY)


@pytest.mark.parametrize("file", [*LARGE, *TINY, *COMPARED], ids=lambda path: f"{path.parent.name}/{path.stem}")
def test_a_spec_of_a_comparison_asks_a_question_and_answers_it_with_variants(file: Path) -> None:
    units = checked(file).units
    about = units[0].loaded.experiment.about
    if file.stem in ("bridge-gsm8k", "bridge-tiny", "recipe"):
        assert about
    else:
        assert about.endswith("?")
        assert len(units) > 1


@pytest.mark.parametrize(
    "file",
    [file for file in LARGE if file.stem not in ("bridge-gsm8k", "bridge-tiny")],
    ids=lambda p: p.stem,
)
def test_a_comparison_has_a_tiny_twin_with_the_same_variants(file: Path) -> None:
    twin = ROOT / "specs" / "tiny" / f"{file.stem.removeprefix('bridge-')}.yaml"
    large, tiny = ({unit.loaded.variant for unit in checked(one).units} for one in (file, twin))
    match file.stem:
        case "bridge-students":  # one other tiny student stands for both
            assert tiny == {"", "small"}
        case "bridge-group-size":  # each leaves out the group its own recipe has
            assert large | {"group-2"} == tiny | {"group-8"}
        case "bridge-equal-compute":  # the tiny ones have three seeds
            assert {name.partition("-seed-")[0] for name in tiny} == large | {"recipe"}
        case _:
            assert large == tiny


def test_tiny_twins_need_no_hub_and_no_gpu(library: Checked) -> None:
    names = {unit.name for unit in library.units if unit.place.startswith("specs/tiny/")}
    for task in library.sealed.plan.tasks:
        if names & {label.experiment for label in task.labels}:
            assert not isinstance(getattr(task.body, "model", None) or getattr(task.body, "start", None), HubModel)
            assert not isinstance(getattr(task.body, "source", None), HubData)
            assert task.launch.settings.gpus == 0


def test_all_comparisons_share_one_teacher_run_unless_they_change_it(library: Checked) -> None:
    def tasks(kind: str, prefix: str) -> int:
        plan = library.sealed.plan
        ours = {unit.name for unit in library.units if unit.place.startswith(prefix)}
        return sum(
            task.id.startswith(f"{kind}-") and bool(ours & {label.experiment for label in task.labels})
            for task in plan.tasks
        )

    assert tasks("teach", "specs/bridge-") == 3  # bridge-gsm8k, four samples of it, bridge-tiny
    assert tasks("teach", "specs/tiny/") == 4  # the recipe, four samples of it, two more seeds
    assert tasks("sft", "specs/tiny/") == 10  # of 28 that the experiments name


def test_every_ablation_leaves_out_what_its_name_says(library: Checked) -> None:
    spec = {
        unit.loaded.variant: unit.loaded.experiment
        for unit in library.units
        if unit.place.endswith("tiny/ablations.yaml")
    }
    assert list(spec["without-structure"].stages) == ["compress", "rewrite"]
    assert list(spec["without-compress"].stages) == ["structure", "rewrite"]
    assert list(spec["without-rewrite"].stages) == ["structure", "compress"]
    assert spec["no-mask"].stages["structure"].mask is None
    assert spec["no-mask"].stages["structure"].shuffle
    assert spec["no-shuffle"].stages["structure"].mask is not None
    assert not spec["no-shuffle"].stages["structure"].shuffle
    for stage in ("compress", "rewrite"):
        reward = spec["accuracy-only"].stages[stage].reward
        assert reward is not None
        assert not reward.gates
        assert set(reward.terms) == {"solved"}
