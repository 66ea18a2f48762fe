"""The tiny experiment, shortened, through the real thing: `cotspec init` and `build`, `dvc repro`, push, clone, pull.

Everything is real: DVC, accelerate, TRL's trainers, the models that come with the package. Only sizes are smaller.
"""

from __future__ import annotations

import json
import shutil
import sys
from pathlib import Path

import pytest
import yaml

from tests.e2e.tiny import ROOT, parsed, run, shorten
from tests.kill import rounds, template
from tests.pages import Parsed, whole

pytest.importorskip("torch", reason="the training stack (cotspec[train]) is not installed")
pytest.importorskip("dvc", reason="DVC (cotspec[train]) is not installed")

# Folders under tests/e2e share one finished run; xdist keeps them in one worker.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("e2e")]


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project made by `cotspec init`, its starter spec shortened, built, run once and committed."""
    folder = tmp_path_factory.mktemp("e2e") / "project"
    run("cotspec", "init", folder, cwd=ROOT)
    (spec,) = (folder / "specs").glob("*.yaml")
    spec.write_text(shorten(spec.read_text(encoding="utf-8")), encoding="utf-8")
    run("cotspec", "build", cwd=folder)
    (folder / "first-run.log").write_text(run("dvc", "repro", cwd=folder), encoding="utf-8")
    (folder / ".gitignore").open("a").write("first-run.log\n")
    run("git", "add", "-A", cwd=folder)
    run("git", "commit", "-qm", "first run", cwd=folder)
    return folder


def report(project: Path) -> dict[str, object]:
    (path,) = project.glob("generated/reports/*/out/report.json")
    return dict(json.loads(path.read_text(encoding="utf-8")))


def test_one_repro_runs_every_kind_of_task_and_ends_with_the_table_once(project: Path) -> None:
    kinds = {json.loads(p.read_text())["task"]["kind"] for p in project.glob("generated/stages/*/payload.json")}
    assert kinds == {
        "data",
        "contamination",
        "teach",
        "traces",
        "rows",
        "sft",
        "grpo",
        "gate",
        "mine",
        "mix",
        "evaluate",
    }
    log = (project / "first-run.log").read_text(encoding="utf-8")
    (table,) = (path.read_text(encoding="utf-8") for path in project.glob("generated/reports/*/out/table.txt"))
    assert all(f"\n{label} " in table for label in ("student", "structure", "compress", "rewrite"))
    assert log.count(table) == 1
    generating, updating = (f"{verb} lock file 'dvc.lock'" for verb in ("Generating", "Updating"))
    pushing = "Use `dvc push` to send your updates to remote storage."
    assert log.partition(table)[2].splitlines() == [generating, updating, pushing]


def test_training_changed_the_weights_in_every_stage(project: Path) -> None:
    weights = [p.read_bytes() for p in project.glob("generated/stages/*/out/model/model.safetensors")]
    assert len(weights) == 3
    assert len(set(weights)) == 3


def test_report_has_one_row_per_evaluated_model_with_an_interval_around_its_accuracy(project: Path) -> None:
    rows = report(project)["rows"]
    assert isinstance(rows, list)
    assert [row["label"] for row in rows] == ["student", "structure", "compress", "rewrite"]
    for row in rows:
        assert 0 <= row["accuracy_low"] <= row["accuracy"] <= row["accuracy_high"] <= 1
        assert row["tokens"] > 0
        assert row["n"] == 24


def test_the_report_is_a_page_with_curves_completions_and_every_task_of_the_run(project: Path) -> None:
    (path,) = project.glob("generated/reports/*/out/report.html")
    page = path.read_text(encoding="utf-8")
    whole(page)
    said = Parsed(page).said
    for told in (
        "terms of the reward, weighted",
        "stopped by gate 1: not correct",
        "Failures of tries",
        "texts of teach",
    ):
        assert told in said
    for task in project.glob("generated/stages/*"):
        assert task.name in said
    for sampled in project.glob("generated/stages/grpo-*/out/samples.jsonl"):
        assert json.loads(sampled.read_text(encoding="utf-8").splitlines()[0])["step"] == 0


def test_a_run_leaves_nothing_behind_that_git_or_the_compiler_would_notice(project: Path) -> None:
    assert run("git", "status", "--porcelain", cwd=project) == ""
    run("cotspec", "build", "--check", cwd=project)


def test_dvcs_own_commands_show_figures_curves_and_settings(project: Path, tmp_path: Path) -> None:
    rows = report(project)["rows"]
    assert isinstance(rows, list)
    copy, file = tmp_path / "copy", "generated/reports/bridge-tiny/out/metrics.json"
    shutil.copytree(project, copy, symlinks=True)

    figures = json.loads(run("dvc", "metrics", "show", "--json", cwd=copy))[""]["data"][file]["data"]
    assert {label: row["accuracy"] for label, row in figures.items()} == {row["label"]: row["accuracy"] for row in rows}

    drawn = json.loads(run("dvc", "plots", "show", "--json", cwd=copy))
    assert "errors" not in drawn
    titles = {title.rpartition("::")[2] for title in drawn["data"]}
    assert {"accuracy of bridge-tiny", "reward in training, bridge-tiny", "kl in training, bridge-tiny"} <= titles

    (spec,) = (copy / "specs").glob("*.yaml")
    text = parsed(spec.read_text(encoding="utf-8"))
    text["stages"]["rewrite"]["train"]["lr"] = 3e-5
    spec.write_text(yaml.safe_dump(text, sort_keys=False, allow_unicode=True), encoding="utf-8")
    run("cotspec", "build", cwd=copy)
    changed = json.loads(run("dvc", "params", "diff", "--json", cwd=copy))
    assert changed == {
        "generated/reports/bridge-tiny/settings.yaml": {
            "stages.rewrite.train.lr": {"old": 5e-05, "new": 3e-05, "diff": pytest.approx(-2e-05)}
        }
    }
    (now, before) = json.loads(run("dvc", "exp", "show", "--json", cwd=copy))
    for one, lr in ((now, 3e-5), (before, 5e-5)):
        known = one["data"]
        assert (
            known["params"]["generated/reports/bridge-tiny/settings.yaml"]["data"]["stages"]["rewrite"]["train"]["lr"]
            == lr
        )
        assert known["metrics"][file]["data"]["student"]["accuracy"] == rows[0]["accuracy"]


def test_second_repro_runs_nothing(project: Path) -> None:
    assert "Running stage" not in run("dvc", "repro", cwd=project)


def test_clone_that_pulls_from_a_folder_remote_has_nothing_to_run(project: Path, tmp_path: Path) -> None:
    remote = tmp_path / "remote"
    remote.mkdir()
    run("dvc", "remote", "add", "-d", "--local", "-f", "folder", remote, cwd=project)
    run("dvc", "push", cwd=project)
    clone = tmp_path / "clone"
    run("git", "clone", "-q", project, clone, cwd=tmp_path)
    run("dvc", "remote", "add", "-d", "--local", "folder", remote, cwd=clone)
    run("dvc", "pull", cwd=clone)
    assert "Running stage" not in run("dvc", "repro", cwd=clone)
    assert report(clone) == report(project)


def test_plan_status_and_results_tell_of_the_run(project: Path) -> None:
    assert run("cotspec", "plan", cwd=project) == "0 to run, 0 to resume, 22 to reuse\n"
    assert "done         22 of 22 tasks" in run("cotspec", "status", cwd=project)
    (record,) = json.loads(run("cotspec", "results", "--format", "json", cwd=project))
    rows = report(project)["rows"]
    assert isinstance(rows, list)
    assert (record["accuracy"], record["tokens"]) == (rows[-1]["accuracy"], rows[-1]["tokens"])
    assert record["student_change"] == pytest.approx(rows[-1]["accuracy"] - rows[0]["accuracy"])


def test_an_experiment_inside_a_set_of_variants_run_side_by_side_is_byte_for_byte_the_one_run_alone(
    project: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "set"
    run("cotspec", "init", folder, cwd=ROOT)
    (spec,) = (folder / "specs").glob("*.yaml")
    variants = (
        "  tries: {generate.tries.keep.where: tries.score == 0}\n  short: {evaluate.sampling.max_new_tokens: 90}\n"
    )
    spec.write_text(f"{shorten(spec.read_text(encoding='utf-8'))}variants:\n{variants}", encoding="utf-8")
    run("cotspec", "build", cwd=folder)
    said = run("cotspec", "run", "-j", "2", cwd=folder)
    assert "tasks run, 0 were up to date" in said
    alone = sorted(path for path in project.glob("generated/stages/*/out/**/*") if path.is_file())
    assert len(alone) > 30
    for path in alone:
        assert path.read_bytes() == (folder / path.relative_to(project)).read_bytes(), path
    assert len(list(folder.glob("generated/stages/sft-*"))) == 1
    assert "Running stage" not in run("dvc", "repro", cwd=folder)
    (folder / "dvc.yaml").unlink()  # of a build that somebody else made: then there is nothing to record
    assert run("cotspec", "run", cwd=folder).startswith("nothing to run, ")


def test_a_result_that_was_edited_is_not_believed_by_what_reads_it(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    for metrics in copy.glob("generated/stages/evaluate-*/out/metrics.json"):
        edited = json.loads(metrics.read_text()) | {"accuracy": 1.0}
        metrics.unlink()
        metrics.write_text(json.dumps(edited))
    (folder,) = copy.glob("generated/reports/*")
    shutil.rmtree(folder / "out")
    (folder / "dvc.lock").unlink()
    shutil.rmtree(copy / ".dvc/cache/runs")  # or the report would come back without being made
    assert run("cotspec", "run", cwd=copy).count("1 of 1 tasks run, 21 were up to date\n") == 1
    assert report(copy) == report(project)


def test_a_run_brings_back_what_lies_in_dvcs_cache_alone(project: Path, tmp_path: Path) -> None:
    """The lock of a training went with a spec that came back, and an evaluation's files are gone."""
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    trained, asked = next(copy.glob("generated/stages/sft-*")), next(copy.glob("generated/stages/evaluate-*"))
    before = (trained / "dvc.lock").read_bytes()
    for gone in (trained, asked):
        shutil.rmtree(gone / "out")
    (trained / "dvc.lock").unlink()
    assert run("cotspec", "run", cwd=copy).startswith("bringing back 2 results from DVC's cache\n")
    assert (trained / "dvc.lock").read_bytes() == before
    assert {path.name for path in (asked / "out").iterdir()} == {"metrics.json", "predictions.jsonl"}
    (spec,) = (copy / "specs").glob("*.yaml")
    assert (copy / run("cotspec", "model", spec, "structure", cwd=copy).strip() / "config.json").is_file()


def test_a_run_that_was_killed_goes_on_to_the_same_bytes_and_leaves_nobody_behind(
    project: Path, tmp_path: Path
) -> None:
    """One round of `python -m tests.kill`: all that `cotspec run -j 2` started is killed."""
    plan = rounds.planned(1027, {"light": 1})
    outcome = rounds.play(template.finished(project), plan, tmp_path / "round", seconds=5)
    assert outcome.killed, "the signal came too late"
    assert outcome.faults == [], outcome.said


def test_more_gpus_or_another_partition_make_nothing_run_again(project: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(project, copy, symlinks=True)
    (spec,) = (copy / "specs").glob("*.yaml")
    text = parsed(spec.read_text(encoding="utf-8"))
    text["resources"]["train"] |= {"per_device_batch": 8}
    text["resources"]["slurm"] = {"partition": "another"}
    spec.write_text(yaml.safe_dump(text, sort_keys=False, allow_unicode=True), encoding="utf-8")
    run("cotspec", "build", cwd=copy)
    assert run("git", "status", "--porcelain", cwd=copy) != ""
    assert "Running stage" not in run("dvc", "repro", cwd=copy)


def test_python_of_the_run_is_the_python_under_test() -> None:
    assert run("python", "-c", "import sys; print(sys.prefix)", cwd=ROOT).strip() == sys.prefix
