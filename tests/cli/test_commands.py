"""The commands as a person runs them: what they print, what they write, how they exit."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from cotspec import cli
from cotspec.builtin import digest
from cotspec.cli import init
from tests.cli.helpers import files
from tests.support import SPECS, Run

ROOT = Path(__file__).parents[2]


def test_build_writes_the_pipeline_and_says_what_comes_next(project: Path, run: Run) -> None:
    code, out, err = run("build")
    assert (code, err) == (0, "")
    assert "1 experiment, " in out
    assert "0 unchanged, 0 removed" in out
    assert "next: " in out
    assert "generated/reports/bridge-tiny/out" in (project / "dvc.yaml").read_text()
    before = files(project)
    code, out, _ = run("build")
    assert "0 files written" in out
    assert files(project) == before


def test_a_build_of_a_stage_on_several_machines_says_what_can_start_it(project: Path, run: Run) -> None:
    spec = project / "specs/one.yaml"
    several = "resources: {train: {gpus: 1, nodes: 2, per_device_batch: 1}, slurm: {partition: gpu}}\n"
    spec.write_text(spec.read_text(encoding="utf-8").partition("resources:")[0] + several, encoding="utf-8")
    (project / ".dvc").mkdir()
    code, out, err = run("build")
    assert code == 0, err
    assert "next: cotspec submit slurm (stage structure of bridge-tiny and " in out
    assert "which dvc repro cannot start" in out


def test_build_check_names_what_is_stale_and_writes_nothing(project: Path, run: Run) -> None:
    before = files(project)
    code, out, _ = run("build", "--check")
    assert code == 1
    assert "missing: dvc.yaml\n" in out
    assert files(project) == before
    run("build")
    assert run("build", "--check")[0] == 0
    payload = next(project.glob("generated/stages/teach-*/payload.json"))
    payload.write_text("{}")
    code, out, _ = run("build", "--check")
    assert (code, out.splitlines()[0]) == (1, f"stale: {payload.relative_to(project).as_posix()}")
    code, _, err = run("build")
    assert code == 0
    assert f"warning: {payload.relative_to(project).as_posix()} was changed by hand" in err


def test_a_task_that_runs_keeps_its_folder_until_it_has_ended(project: Path, run: Run) -> None:
    """A real teacher run, while the spec changes so that nobody asks for it any more."""
    spec = project / "specs/one.yaml"
    assert run("build")[0] == 0
    environment = {**os.environ, "COTSPEC_PYTHON": sys.executable, "OMP_NUM_THREADS": "1"}
    data = next(
        path for path in project.glob("generated/stages/data-*") if '"train"' in (path / "payload.json").read_text()
    )
    subprocess.run(["bash", data / "launch.sh"], env=environment, check=True, capture_output=True)
    (folder,) = project.glob("generated/stages/teach-*")
    teacher = subprocess.Popen(["bash", folder / "launch.sh"], env=environment, stdout=subprocess.PIPE)
    deadline = time.monotonic() + 60
    while not any(lock.read_text() for lock in project.glob(f".cotspec/scratch/{folder.name}-*/lock")):
        assert time.monotonic() < deadline
        assert teacher.poll() is None
        time.sleep(0.02)
    before = files(folder)
    spec.write_text(spec.read_text().replace("seed: 42", "seed: 43"))
    code, _, err = run("build")
    assert code == 0
    assert f"note: {folder.name} is running and no longer asked for" in err
    assert files(folder) == before
    assert run("build")[0] == 0
    assert files(folder) == before
    teacher.terminate()
    teacher.wait(timeout=60)
    code, _, err = run("build")
    assert (code, err) == (0, "")
    assert not folder.exists()


def test_a_changed_setting_removes_the_stages_it_replaces(project: Path, run: Run) -> None:
    run("build")
    before = {path.name for path in (project / "generated/stages").iterdir()}
    text = (project / "specs/one.yaml").read_text()
    (project / "specs/one.yaml").write_text(text.replace("sampling: {n: 2,", "sampling: {n: 3,"))
    _, out, _ = run("build")
    after = {path.name for path in (project / "generated/stages").iterdir()}
    assert len(before - after) == len(after - before) == 6  # mine, two rows, mix, grpo, evaluate
    assert " removed" in out


def test_findings_stop_a_build_with_their_place_and_nothing_is_written(project: Path, run: Run) -> None:
    text = (project / "specs/one.yaml").read_text()
    (project / "specs/one.yaml").write_text(text.replace("epochs:", "epocs:", 1))
    code, out, err = run("build")
    assert (code, out) == (1, "")
    assert "error[unknown-key] specs/one.yaml:" in err
    assert "did you mean `epochs`?" in err
    assert not (project / "generated").exists()


@pytest.mark.parametrize("output", ["json", "sarif", "github", "text"])
def test_check_prints_findings_in_each_format(project: Path, run: Run, output: str) -> None:
    text = (project / "specs/one.yaml").read_text()
    (project / "specs/one.yaml").write_text(text.replace("epochs:", "epocs:", 1))
    code, out, err = run("check", "--format", output)
    assert (code, err) == (1, "")
    assert "unknown-key" in out
    match output:
        case "json":
            assert json.loads(out)[0]["file"] == "specs/one.yaml"
        case "sarif":
            assert json.loads(out)["runs"][0]["results"][0]["ruleId"] == "unknown-key"
        case "github":
            assert out.startswith("::error file=specs/one.yaml,line=")


def test_check_of_a_good_spec_is_quiet_and_writes_nothing(project: Path, run: Run) -> None:
    before = files(project)
    assert run("check") == (0, "no findings in 1 spec\n", "")
    assert json.loads(run("check", "--format", "json")[1]) == []
    assert files(project) == before
    assert not (project / ".cotspec").exists()


def test_two_specs_of_one_name_are_found(project: Path, run: Run) -> None:
    shutil.copy(project / "specs/one.yaml", project / "specs/two.yaml")
    code, _, err = run("build")
    assert code == 1
    assert "error[experiment-name] specs/two.yaml:" in err
    assert "note: specs/one.yaml:" in err


def test_a_shared_task_that_is_launched_in_two_ways_is_noted_and_built(project: Path, run: Run) -> None:
    text = (project / "specs/one.yaml").read_text().replace("name: bridge-tiny", "name: other")
    (project / "specs/two.yaml").write_text(text.replace("per_device_batch: 32", "per_device_batch: 16"))
    code, out, err = run("build")
    assert code == 0
    assert "note[shared-task] specs/two.yaml:" in err
    assert "2 experiments" in out


@pytest.mark.parametrize("change", ["resources.train.per_device_batch: 16", "resources.train: !remove "])
def test_the_note_on_a_task_that_a_variant_shares_points_at_what_the_variant_says(
    change: str, project: Path, run: Run
) -> None:
    text = (project / "specs/one.yaml").read_text(encoding="utf-8")
    line = "  other: {evaluate.of: [structure], " + change + "}"
    (project / "specs/one.yaml").write_text(f"{text}variants:\n{line}\n", encoding="utf-8")
    (note,) = [each for each in json.loads(run("check", "--format", "json")[1]) if each["rule"] == "shared-task"]
    assert (note["line"], note["column"]) == (text.count("\n") + 2, line.index("resources") + 1)


def test_tasks_that_two_specs_share_are_one_note(project: Path, run: Run) -> None:
    text = (project / "specs/one.yaml").read_text().replace("name: bridge-tiny", "name: other")
    (project / "specs/two.yaml").write_text(text.replace("batch: 400", "batch: 100"))
    err = run("build")[2]
    assert err.count("note[shared-task]") == 1
    assert "teach-" in err
    assert "mine-" in err


def test_the_order_of_arguments_does_not_show(project: Path, run: Run) -> None:
    text = (project / "specs/one.yaml").read_text().replace("name: bridge-tiny", "name: other")
    (project / "specs/two.yaml").write_text(text.replace("per_device_batch: 32", "per_device_batch: 16"))
    run("build", "specs/one.yaml", "specs/two.yaml")
    before = files(project)
    run("build", "specs/two.yaml", "specs/one.yaml")
    assert files(project) == before


def test_a_command_in_a_subfolder_builds_the_same_project(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    run("build")
    before = files(project)
    monkeypatch.chdir(project / "specs")
    assert "0 files written" in run("build")[1]
    assert "0 files written" in run("build", "one.yaml")[1]
    assert files(project) == before


@pytest.mark.parametrize(
    ("pyproject", "says"),
    [
        ('[tool.cotspec]\nspecs = ["nothing/*.yaml"]\n', "nothing matches `nothing/*.yaml`"),
        ("[tool.cotspec]\nspec = []\n", "there is no setting `spec`"),
        ("[tool.cotspec]\nspecs = 3\n", "is a list of paths"),
        ('[tool.cotspec]\nspecs = ["../x.yaml"]\n', "stay in it"),
        ("[tool\n", "is not TOML"),
        ("tool = 3\n", "tool.cotspec is not a table"),
    ],
)
def test_a_wrong_set_of_specs_is_named(project: Path, run: Run, pyproject: str, says: str) -> None:
    (project / "pyproject.toml").write_text(pyproject)
    code, _, err = run("build")
    assert code == 2
    assert says in err


def test_pyproject_chooses_what_a_plain_build_builds(project: Path, run: Run) -> None:
    shutil.copy(project / "specs/one.yaml", project / "specs/two.yaml")
    (project / "pyproject.toml").write_text('[tool.cotspec]\nspecs = ["specs/two.yaml"]\n')
    assert run("build")[0] == 0


def test_without_specs_init_is_named(project: Path, run: Run) -> None:
    (project / "specs/one.yaml").unlink()
    code, _, err = run("build")
    assert code == 2
    assert "cotspec init" in err


def test_without_a_mark_the_current_folder_is_the_project_and_with_one_the_marked(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for place, text in {"specs/a.yaml": init.starter(), "more/b.yaml": "extends: ../specs/a.yaml\nname: b\n"}.items():
        (tmp_path / place).parent.mkdir()
        (tmp_path / place).write_text(text, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    assert run("check", "more/b.yaml")[0] == 0
    assert run("build", "more/b.yaml")[0] == 0
    assert (tmp_path / "dvc.yaml").exists()
    monkeypatch.chdir(tmp_path / "more")
    assert "`extends` leads out of the project" in run("check", "b.yaml")[1]
    (tmp_path / "cotspec.lock").write_text("lock: 1\n")
    assert run("check", "b.yaml")[0] == 0


def test_a_spec_of_another_project_is_refused(project: Path, run: Run, tmp_path: Path) -> None:
    (tmp_path / "other.yaml").write_text("x: 1\n")
    code, _, err = run("build", str(tmp_path / "other.yaml"))
    assert code == 2
    assert "is not in the project" in err


def test_a_spec_of_a_project_below_is_refused_with_its_project(
    project: Path, run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    code, _, err = run("build", "project/specs/one.yaml")
    assert code == 2
    assert f"belongs to the project {project}: run the command there" in err
    assert not (tmp_path / "dvc.yaml").exists()


def test_a_spec_in_a_folder_that_cannot_be_read_is_a_finding(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = Path.stat

    def stat(path: Path, **options: bool) -> os.stat_result:
        if path.parent.name == "closed":
            raise PermissionError(13, "Permission denied", str(path))
        return real(path, **options)

    monkeypatch.setattr(Path, "stat", stat)
    code, out, _ = run("check", "closed/spec.yaml")
    assert code == 1
    assert "error[unreadable-file] closed/spec.yaml" in out


def test_a_foreign_dvc_yaml_is_an_environment_error(project: Path, run: Run) -> None:
    (project / "dvc.yaml").write_text("stages: {}\n")
    code, _, err = run("build")
    assert code == 2
    assert err.startswith("cotspec: dvc.yaml is there and was not made by cotspec")


def test_explain_knows_every_rule_and_suggests_near_ones(run: Run) -> None:
    code, listed, _ = run("explain")
    assert code == 0
    slugs = [line.split()[0] for line in listed.splitlines()]
    assert {"unknown-key", "experiment-name", "shared-task"} <= set(slugs)
    for slug in slugs:
        assert run("explain", slug)[1].startswith(f"{slug}: ")
    code, _, err = run("explain", "unknown-kye")
    assert code == 2
    assert "did you mean `unknown-key`" in err


def test_a_wrong_command_or_option_is_usage(run: Run) -> None:
    assert run("bulid")[0] == 2
    assert run("check", "--format", "xml")[0] == 2


def test_a_bug_is_a_message_and_a_file_not_a_traceback(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    def broken() -> dict[str, str]:
        raise RuntimeError("wires crossed")

    monkeypatch.setattr(digest, "manifest", broken)
    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    code, _, err = run("build")
    assert code == 3
    assert "Traceback" not in err
    assert "wires crossed" in err
    report = Path(err.split()[-1])
    assert "in broken" in report.read_text()
    monkeypatch.setenv("COTSPEC_DEBUG", "1")
    monkeypatch.setattr(sys, "argv", ["cotspec", "build"])
    with pytest.raises(RuntimeError, match="wires crossed"):
        cli.main()


def test_ctrl_c_exits_130(project: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted() -> dict[str, str]:
        raise KeyboardInterrupt

    monkeypatch.setattr(digest, "manifest", interrupted)
    assert run("build")[0] == 130


def test_version_needs_nothing_heavy() -> None:
    code = (
        "import sys; sys.argv = ['cotspec', '--version']\nfrom cotspec import cli\n"
        "try:\n    cli.main()\nexcept SystemExit as stop:\n    assert not stop.code\n"
        "print([m for m in ('yaml', 'pydantic', 'jinja2', 'torch', 'dvc') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.startswith("cotspec ")
    assert done.stdout.splitlines()[-1] == "[]"


def test_ctrl_c_reaches_a_running_build(project: Path) -> None:
    """SIGINT while waiting for nothing but Python itself: the exit code is 130 and nothing is half-written."""
    code = (
        # a shell that starts the tests in the background makes them ignore SIGINT; a person's terminal does not
        "import signal\nsignal.signal(signal.SIGINT, signal.default_int_handler)\n"
        "import sys, time\nfrom cotspec import cli\nfrom cotspec.builtin import digest\n"
        "def wait():\n    print('ready', flush=True)\n    time.sleep(60)\n"
        "digest.manifest = wait\nsys.argv = ['cotspec', 'build']\ncli.main()\n"
    )
    with subprocess.Popen([sys.executable, "-c", code], cwd=project, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(0.1)
        process.send_signal(signal.SIGINT)
        assert process.wait(timeout=20) == 130
    assert not (project / "generated").exists()


def test_the_small_spec_of_the_tests_builds_from_its_file(project: Path, run: Run) -> None:
    for folder in ("prompts", "data"):
        shutil.copytree(SPECS / folder, project / "specs" / folder)
    for name in ("small", "everything"):
        shutil.copy(SPECS / f"{name}.yaml", project / f"specs/{name}.yaml")
    code, out, err = run("build", "--allow-endpoints")
    assert code == 0, err
    assert "3 experiments and 4 variants, " in out


@pytest.mark.parametrize(
    "paths",
    [
        [],
        ["specs/one.yaml"],
        ["specs/two.yaml", "specs/one.yaml"],
        ["specs/bad.yaml"],
        ["nowhere.yaml"],
        ["specs"],
        [""],
    ],
    ids=str,
)
def test_check_with_paths_alone_does_what_typer_would_do(paths: list[str], project: Path, run: Run) -> None:
    """Without an option `check` does not go through Typer (cotspec.cli.main); nobody may see the difference."""
    text = (project / "specs/one.yaml").read_text(encoding="utf-8")
    (project / "specs/two.yaml").write_text(text.replace("name: ", "name: another-", 1), encoding="utf-8")
    (project / "specs/bad.yaml").write_text(text.replace("seed:", "sede:", 1), encoding="utf-8")
    assert run("check", *paths) == run("check", "--format", "text", *paths)


def test_an_option_of_check_is_never_taken_for_a_path(project: Path, run: Run) -> None:
    assert run("check", "--no-such-option")[0] == 2
    assert "Usage" in run("check", "--help")[1]
