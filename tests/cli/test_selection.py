"""`SPEC@VARIANT` as each command takes it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.support import Run

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
VARIANTS = """variants:
  wide: {stages.second.train.group: 8}
  wild: {seed: 7}
"""
SPEC = "specs/one.yaml"


@pytest.fixture(autouse=True)
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "specs").mkdir()
    (tmp_path / SPEC).write_text(BASE + VARIANTS)
    monkeypatch.chdir(tmp_path)


def experiments(run: Run, *words: str) -> set[str]:
    """Whose tasks, states or results a command shows."""
    _, out, err = run(*words, "--format", "json")
    assert not err
    told = json.loads(out)
    rows = told["tasks"] if isinstance(told, dict) else told
    return {name for row in rows for name in row.get("experiments", [row.get("experiment")])}


def test_plan_and_status_show_the_variant_or_the_spec_alone_and_results_a_variant_beside_its_base(run: Run) -> None:
    assert experiments(run, "plan", f"{SPEC}@wide") == {"example--wide"}
    assert experiments(run, "status", f"{SPEC}@wide") == {"example--wide"}
    assert experiments(run, "results", f"{SPEC}@wide") == {"example", "example--wide"}
    assert experiments(run, "results", f"{SPEC}@wide", "--base", "example--wild") == {"example--wide", "example--wild"}
    for command in ("plan", "status", "results"):
        assert experiments(run, command, f"{SPEC}@") == {"example"}
    assert experiments(run, "plan", f"{SPEC}@", f"{SPEC}@wide") == {"example", "example--wide"}
    everything = {"example", "example--wide", "example--wild"}
    assert experiments(run, "plan", SPEC) == experiments(run, "results", f"{SPEC}@wide", SPEC) == everything


def test_a_plan_of_a_variant_has_just_its_tasks(run: Run) -> None:
    def ids(*words: str) -> dict[str, set[str]]:
        tasks = json.loads(run("plan", *words, "--format", "json")[1])["tasks"]
        return {task["id"]: set(task["experiments"]) for task in tasks}

    every, alone = ids(SPEC), ids(f"{SPEC}@wide")
    assert alone.keys() == {id for id, names in every.items() if "example--wide" in names} < every.keys()


@pytest.mark.parametrize("mistake", ["{stages.second.train.grop: 8}", "{stages.second.train.group: wide}", "{sed: 1}"])
def test_a_check_of_a_variant_is_of_it_and_of_its_spec_and_of_no_other(mistake: str, run: Run) -> None:
    Path(SPEC).write_text(f"{BASE}{VARIANTS}  bad: {mistake}\n")
    assert run("check", f"{SPEC}@wide") == (0, f"no findings in {SPEC}@wide\n", "")
    assert run("check", f"{SPEC}@bad")[0] == run("check", SPEC)[0] == 1
    assert run("check", f"{SPEC}@wide", SPEC)[0] == 1
    assert run("check", f"{SPEC}@") == (0, f"no findings in {SPEC}@\n", "")
    Path(SPEC).write_text(f"{BASE.replace('group: 4', 'grop: 4')}{VARIANTS}")
    code, out, _ = run("check", f"{SPEC}@wild")
    assert code == 1
    assert "unknown-key" in out


def test_a_check_of_a_variant_does_not_say_that_nobody_uses_what_another_one_does(run: Run) -> None:
    used = "  wild: {seed: 7, resources.train.strategy: fsdp, resources.train.gpus: 2}\n"
    several = BASE + VARIANTS.replace("  wild: {seed: 7}\n", used) + "allow: [{rule: launch-effect, reason: tried}]\n"
    Path(SPEC).write_text(several)
    assert "allow-unused" not in run("check", f"{SPEC}@wide")[1]


@pytest.mark.parametrize(
    "command", [("check",), ("plan",), ("status",), ("results",), ("lock", "--check", "--spec"), ("cancel",)]
)
def test_a_variant_that_is_not_there_is_named_with_those_that_are(command: tuple[str, ...], run: Run) -> None:
    code, out, err = run(*command, f"{SPEC}@wyde")
    assert (code, out) == (2, "")
    assert err == f"cotspec: {SPEC} has no variant `wyde`: did you mean `wide`?\n"


@pytest.mark.parametrize("options", [(), ("--check",)])
@pytest.mark.parametrize("variant", ["wide", ""])
def test_a_build_of_one_experiment_is_refused_with_what_to_type(
    variant: str, options: tuple[str, ...], run: Run
) -> None:
    code, out, err = run("build", f"{SPEC}@{variant}", *options)
    assert (code, out) == (2, "")
    one = f"{SPEC}@{variant}"
    assert f"`cotspec build {SPEC}`, then `cotspec run {one}` or `dvc repro $(cotspec targets {one})`\n" in err
    assert not Path("generated").exists()


def test_targets_and_compared_experiments_name_a_spec_without_its_variants_by_an_empty_name(run: Run) -> None:
    assert run("targets", f"{SPEC}@") == (0, "generated/reports/example/dvc.yaml\n", "")
    assert len(run("targets", SPEC)[1].splitlines()) == 3
    assert run("show", f"{SPEC}@", "--format", "json") == run("show", SPEC, "--format", "json")
    assert run("diff", f"{SPEC}@", f"{SPEC}@wild")[1].startswith(f"{SPEC}@ → {SPEC}@wild\n\nsettings\n  seed: ")


@pytest.mark.parametrize("command", ["check", "build", "plan", "run", "show", "targets"])
def test_a_spec_that_is_named_without_its_folder_is_suggested_with_it(command: str, run: Run) -> None:
    for word in ("one@wide", "on@wide", "one@"):
        code, out, err = run(command, word)
        assert (code, out) == (2, "")
        name, _, variant = word.partition("@")
        assert err == (f"cotspec: there is no spec and no experiment `{name}`: did you mean `{SPEC}@{variant}`?\n")


@pytest.mark.parametrize(
    ("name", "path"),
    [
        ("example", SPEC),
        ("example@", f"{SPEC}@"),
        ("example--wide", f"{SPEC}@wide"),
        ("example@wide", f"{SPEC}@wide"),
    ],
)
def test_an_experiment_goes_by_the_name_that_results_print_in_place_of_its_path(
    name: str, path: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    for command in ("plan", "status", "results"):
        assert experiments(run, command, name) == experiments(run, command, path)
    assert run("targets", name) == run("targets", path)
    assert run("show", name, "--format", "json") == run("show", path, "--format", "json")
    assert run("preview", f"{name}:second") == run("preview", path, "second")
    Path("data").mkdir()
    monkeypatch.chdir("data")
    assert run("targets", name)[0] == 0


def test_a_name_of_nothing_is_told_with_those_that_there_are(run: Run) -> None:
    told = "cotspec: there is no spec and no experiment"
    assert run("plan", "exmple--wide")[2] == f"{told} `exmple--wide`: did you mean `example--wide`?\n"
    assert run("plan", "other")[2] == f"{told} `other`: there is `example`\n"
    assert run("plan", "exampel")[2] == f"{told} `exampel`: did you mean `example`?\n"
    assert run("plan", "example--wyde")[2] == f"cotspec: {SPEC} has no variant `wyde`: did you mean `wide`?\n"
    whole = f"`{SPEC}:first` is one model of an experiment, and this command takes it whole: `{SPEC}`"
    assert run("plan", f"{SPEC}:first")[2] == f"cotspec: {whole}\n"
    assert "the prompt of a text: `cotspec preview example:STAGE`" in run("preview", "example")[2]
    assert "several: `cotspec compare`" in run("results", "example:first", "example:second")[2]
    assert "`example` does not evaluate `frist`: did you mean `first`?" in run("results", "example:frist")[2]


def test_a_name_that_two_specs_have_asks_for_a_path_and_one_with_a_mistake_shows_it(run: Run) -> None:
    Path("specs/two.yaml").write_text(BASE)
    assert (
        "`example` is the name of specs/one.yaml and specs/two.yaml: name one by its path" in run("plan", "example")[2]
    )
    Path("specs/two.yaml").write_text(BASE.replace("name: example", "name: other").replace("group: 4", "grop: 4"))
    assert "unknown-key" in run("check", "other")[1]


def test_a_folder_that_is_called_as_an_experiment_does_not_hide_it(run: Run) -> None:
    Path("example").mkdir()
    assert run("targets", "example") == run("targets", SPEC)
    Path("handed-on").mkdir()
    assert "`handed-on` is a folder" in run("check", "handed-on")[1]


@pytest.mark.parametrize("command", ["check", "build", "plan", "targets", "results"])
def test_a_path_that_counts_from_another_folder_is_suggested_as_it_counts_from_this_one(
    command: str, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    Path("data").mkdir()
    monkeypatch.chdir("data")
    for word in (SPEC, Path(SPEC).with_suffix(".yml").as_posix(), Path(SPEC).name):
        code, out, err = run(command, f"{word}@wide")
        assert (code, out) == (2, "")
        assert err == (
            f"cotspec: there is no file `{word}`; a path counts from this folder: did you mean `../{SPEC}@wide`?\n"
        )


def test_a_lock_of_a_variant_is_of_what_it_reads(run: Run) -> None:
    Path(SPEC).write_text(BASE + "variants:\n  other: {models.student: {builtin: tiny-teacher}}\n  wild: {seed: 7}\n")
    assert run("lock", "--spec", f"{SPEC}@wild")[0] == 0
    alone = Path("cotspec.lock").read_text(encoding="utf-8")
    assert run("lock", "--spec", f"{SPEC}@other")[0] == 0
    assert set(alone.splitlines()) <= set(Path("cotspec.lock").read_text(encoding="utf-8").splitlines())


def test_a_task_that_two_parts_share_is_called_by_one_name_in_a_plan(run: Run) -> None:
    twin = "  twin: {start: base, train: {by: sft, lr: 1e-4}, rows: {from: again}, task: reconstruct, shuffle: true}\n"
    text = BASE.replace("over: train}}", "over: train}, again: {by: tutor, over: train}}")
    text = text.replace("  second:\n", f"{twin}  second:\n").replace("first, second]", "first, twin, second]")
    Path(SPEC).write_text(text + VARIANTS)
    tasks = json.loads(run("plan", SPEC, "--format", "json")[1])["tasks"]
    said = " ".join(reason for task in tasks for reason in task["reasons"])
    assert "after rows of stage first" in said
    assert "twin" not in said
    assert "again" not in said
