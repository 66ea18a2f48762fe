"""What the back ends emit: read back by the programs it is for."""

from __future__ import annotations

import copy
import json
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path
from typing import Any

import pytest
import yaml

from cotspec.back import accelerate, payloads, places
from cotspec.back.registry import BACKENDS, emit
from cotspec.back.rendering import HEADER, scalar, yaml_mapping
from cotspec.ir.plan import Plan
from cotspec.spec.payload import Payload, RunSettings, TrainBody
from tests.support import sealed, spec_data

GOLDEN = Path(__file__).parent / "golden"
SHELLCHECK = Path(sysconfig.get_path("scripts")) / "shellcheck"
SMALL, EVERYTHING = spec_data("small"), spec_data("everything")


@pytest.fixture(scope="module")
def plan() -> Plan:
    return sealed(SMALL, EVERYTHING).plan


@pytest.fixture(scope="module")
def files(plan: Plan) -> dict[str, str]:
    return emit(plan)


def named(files: dict[str, str], name: str) -> dict[str, str]:
    return {path: text for path, text in files.items() if path.endswith(f"/{name}")}


def test_the_tree_of_a_small_spec_is_what_it_was(update_golden: bool) -> None:
    found = emit(sealed(SMALL).plan)
    folder = GOLDEN / "small"
    if update_golden:
        shutil.rmtree(folder, ignore_errors=True)
        for path, text in found.items():
            target = folder / path.replace(".gitignore", "gitignore")
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(text, encoding="utf-8")
    golden = {
        path.relative_to(folder).as_posix().replace("/gitignore", "/.gitignore"): path.read_text(encoding="utf-8")
        for path in folder.rglob("*")
        if path.is_file()
    }
    assert sorted(found) == sorted(golden)
    for path, text in found.items():
        assert text == golden[path], f"{path}: look at it, then run pytest with --update-golden"


def test_the_report_of_a_spec_with_two_sets_is_what_it_was(update_golden: bool) -> None:
    data = copy.deepcopy(SMALL)
    few_shot = {"data": "test", "prompt": "prompts/one-shot.jinja", "of": ["student"], "sampling": {"n": 4}}
    data["evaluate"] = {"of": data["evaluate"]["of"], "sets": {"test": {"data": "test"}, "few-shot": few_shot}}
    found = emit(sealed(data).plan)
    place = "generated/reports/small"
    text = "".join(f"# {name}\n{found[f'{place}/{name}']}" for name in ("dvc.yaml", "payload.json"))
    golden = GOLDEN / "two-sets.txt"
    if update_golden:
        golden.write_text(text, encoding="utf-8")
    assert text == golden.read_text(encoding="utf-8")


def test_the_preflight_counts_the_gpus_of_every_task_also_of_those_that_schedulers_start(plan: Plan) -> None:
    counted = json.loads(emit(plan)["generated/preflight/gpus.json"])
    assert {task.id for task in plan.tasks if task.launch.jobs and task.launch.settings.gpus} <= counted.keys()
    data = copy.deepcopy(SMALL)
    data["resources"]["train"] |= {"gpus": 2, "nodes": 2, "per_device_batch": 1}
    wide = {id: gpus for id, gpus in payloads.gpus(sealed(data).plan).items() if gpus > 1}
    assert set(wide.values()) == {4}


def test_every_back_end_is_pure(plan: Plan) -> None:
    for name, backend in BACKENDS.items():
        assert backend(plan) == backend(plan), name


def test_payloads_are_what_the_runtime_reads(files: dict[str, str]) -> None:
    for path, text in named(files, "payload.json").items():
        payload = Payload.model_validate_json(text)
        assert path.split("/")[-2] == payload.id or path.startswith(("generated/reports/", "generated/preflight/"))
        assert sorted(payload.kernel) == sorted(payload.task.kernel_parts())


def test_inputs_lead_from_the_tasks_folder_to_the_producers_out(files: dict[str, str]) -> None:
    for path, text in named(files, "payload.json").items():
        for file in Payload.model_validate_json(text).inputs.values():
            target = Path("/project", path).parent.joinpath(file.path)
            parts = [part for part in Path(shutil.os.path.normpath(target)).parts if part not in ("/", "project")]
            if file.producer:
                assert parts[:4] == ["generated", "stages", file.producer, "out"]
                assert f"generated/stages/{file.producer}/payload.json" in files
            else:
                found = "/".join(parts)
                own = found == str(Path(path).with_name("settings.yaml"))
                assert own or found in {"specs/models/teacher", "specs/data/valid.jsonl", "specs/data/worked.jsonl"}


def test_run_settings_multiply_to_the_global_batch(files: dict[str, str]) -> None:
    trained = 0
    for path, text in named(files, "run.json").items():
        settings = RunSettings.model_validate_json(text)
        body = Payload.model_validate_json(files[path.replace("run.json", "payload.json")]).task
        if body.kind in ("sft", "grpo"):
            trained += 1
            assert settings.per_device_batch * settings.processes * settings.accumulation == body.global_batch
    assert trained == 9


def test_resources_of_a_stage_go_before_those_of_all(plan: Plan) -> None:
    launches = {str(label): task.launch for task in plan.tasks for label in task.labels}
    compress, structure = launches["stage compress of everything"], launches["stage structure of everything"]
    assert (compress.settings.gpus, compress.settings.per_device_batch, compress.strategy) == (1, 16, "ddp")
    assert (structure.settings.gpus, structure.settings.per_device_batch, structure.strategy) == (2, 2, "fsdp")
    assert (compress.settings.engine, structure.settings.engine) == ("transformers", "vllm")


def test_scripts_pass_bash_and_shellcheck(files: dict[str, str], tmp_path: Path) -> None:
    scripts = {**named(files, "launch.sh"), **named(files, "job.sbatch")}
    assert any(path.endswith("job.sbatch") for path in scripts)
    paths = []
    for at, text in enumerate(sorted(set(scripts.values()))):
        paths.append(tmp_path / f"{at}.sh")
        paths[-1].write_text(text, encoding="utf-8")
        subprocess.run(["bash", "-n", str(paths[-1])], check=True)
    done = subprocess.run([SHELLCHECK, *paths], capture_output=True, text=True)
    assert done.returncode == 0, done.stdout


def test_a_script_without_a_usable_python_says_what_to_do(files: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "launch.sh"
    script.write_text(next(iter(named(files, "launch.sh").values())), encoding="utf-8")
    done = subprocess.run(
        ["bash", str(script)],
        env={"PATH": "/usr/bin:/bin", "COTSPEC_PYTHON": "nowhere"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 2
    assert "set COTSPEC_PYTHON" in done.stderr


@pytest.mark.parametrize(
    ("gpus", "strategy", "kind", "use_cpu"),
    [
        (0, "ddp", "NO", True),
        (0, "fsdp", "NO", True),
        (1, "ddp", "MULTI_GPU", False),
        (1, "zero3", "MULTI_GPU", False),
        (4, "ddp", "MULTI_GPU", False),
        (4, "fsdp", "FSDP", False),
        (4, "zero2", "DEEPSPEED", False),
        (4, "zero3", "DEEPSPEED", False),
    ],
)
def test_accelerate_reads_its_files(gpus: int, strategy: str, kind: str, use_cpu: bool, tmp_path: Path) -> None:
    pytest.importorskip("accelerate", reason="the training stack (cotspec[train]) is not installed")
    from accelerate.commands.config.config_args import load_config_from_file

    data: dict[str, Any] = copy.deepcopy(SMALL)
    data["resources"]["train"] = {"gpus": gpus, "strategy": strategy, "per_device_batch": 1}
    data["stages"]["compress"]["train"] |= {"precision": "bf16", "max_grad_norm": 0.5}
    texts = set(named(emit(sealed(data).plan), "accelerate.yaml").values())
    precisions, clipped = set(), set()
    for at, text in enumerate(texts):
        path = tmp_path / f"{at}.yaml"
        path.write_text(text, encoding="utf-8")
        config = load_config_from_file(str(path))
        precisions.add(config.mixed_precision)
        assert (config.distributed_type.value, config.use_cpu) == (kind, use_cpu)
        assert config.num_processes == max(gpus, 1)
        if kind == "FSDP":
            assert config.fsdp_config["fsdp_version"] == 2
            # Sharded, a checkpoint would be resumed from but a stage could not save one model.
            assert config.fsdp_config["fsdp_state_dict_type"] == "FULL_STATE_DICT"
        if kind == "DEEPSPEED":
            assert config.deepspeed_config["zero_stage"] == int(strategy[-1])
            assert config.deepspeed_config["gradient_accumulation_steps"] in (8 // gpus, 16 // gpus)
            clipped.add(config.deepspeed_config["gradient_clipping"])
    assert precisions == {"no", "bf16"}
    assert clipped == ({1.0, 0.5} if kind == "DEEPSPEED" else set())


def test_processes_on_the_cpu_are_launched_as_those_of_gpus_are_and_change_no_id() -> None:
    data: dict[str, Any] = copy.deepcopy(SMALL)
    data["resources"]["train"] = {"gpus": 0, "per_device_batch": 1}
    alone = sealed(data).plan
    data["resources"]["train"]["processes"] = 2
    both = sealed(data).plan
    assert [task.id for task in both.tasks] == [task.id for task in alone.tasks]
    for task in both.tasks:
        if isinstance(task.body, TrainBody):
            config, given = accelerate.config(task.launch), task.launch.settings
            assert (config["distributed_type"], config["use_cpu"], config["num_processes"]) == ("MULTI_GPU", False, 2)
            assert (given.gpus, given.processes * given.accumulation) == (0, task.body.global_batch)


def test_several_machines_meet_where_slurm_says(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """launch.sh with SLURM's variables; accelerate's own code makes of its options what torchrun is told."""
    pytest.importorskip("accelerate", reason="the training stack (cotspec[train]) is not installed")
    from accelerate.commands.launch import _validate_launch_command, launch_command_parser
    from accelerate.utils.launch import prepare_multi_gpu_env

    data: dict[str, Any] = copy.deepcopy(SMALL)
    data["resources"]["train"] = {"gpus": 2, "nodes": 2, "strategy": "fsdp", "per_device_batch": 1}
    data["resources"]["slurm"] = {}
    emitted = emit(sealed(data).plan)
    folder = next(path.removesuffix("accelerate.yaml") for path in emitted if path.endswith("accelerate.yaml"))
    assert "#SBATCH --nodes=2\n#SBATCH --ntasks-per-node=1\n#SBATCH --gres=gpu:2\n" in emitted[f"{folder}job.sbatch"]
    for name in ("accelerate.yaml", "launch.sh"):
        (tmp_path / name).write_text(emitted[folder + name])
    (tmp_path / "srun").write_text('#!/bin/sh\necho "$@" > srun.txt; while [ "$1" != bash ]; do shift; done; "$@"\n')
    (tmp_path / "python").write_text(
        '#!/bin/sh\ncase "$*" in -c*) exit;; *srun*) shift 3;; *) echo "$@" > launched.txt; exit;; esac; exec "$@"\n'
    )
    for name in ("srun", "python"):
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    monkeypatch.setenv("COTSPEC_PYTHON", "python")
    alone = subprocess.run(["bash", "launch.sh"], cwd=tmp_path, capture_output=True, text=True, check=False)
    told = "cotspec: this task trains on 2 machines at once: start it with `cotspec submit slurm`\n"
    assert (alone.returncode, alone.stderr) == (2, told)
    for name, value in {"SLURM_JOB_NUM_NODES": "2", "SLURM_JOB_ID": "12345", "SLURM_NODEID": "1"}.items():
        monkeypatch.setenv(name, value)
    subprocess.run(["bash", "launch.sh"], cwd=tmp_path, check=True)
    assert (tmp_path / "srun.txt").read_text().startswith("--nodes=2 --ntasks-per-node=1 ")
    words = (tmp_path / "launched.txt").read_text().split()
    arguments = words[words.index("cotspec.runtime.launcher") + 1 :]
    monkeypatch.chdir(tmp_path)
    given, _, _ = _validate_launch_command(launch_command_parser().parse_args(arguments))
    prepare_multi_gpu_env(given)
    host = subprocess.run(["hostname"], capture_output=True, text=True, check=True).stdout.strip()
    meet = (given.nnodes, given.node_rank, given.nproc_per_node, given.rdzv_backend, given.rdzv_endpoint)
    assert meet == ("2", 1, "2", "static", f"{host}:22345")


def test_only_training_has_an_accelerate_file(plan: Plan, files: dict[str, str]) -> None:
    trained = {f"generated/stages/{t.id}/accelerate.yaml" for t in plan.tasks if isinstance(t.body, TrainBody)}
    assert set(named(files, "accelerate.yaml")) == trained
    for path, text in named(files, "launch.sh").items():
        assert ("cotspec.runtime.launcher" in text) == (path.replace("launch.sh", "accelerate.yaml") in trained)


def test_a_job_asks_slurm_for_what_the_task_uses(plan: Plan, files: dict[str, str]) -> None:
    own = EVERYTHING["name"]  # the other spec does not ask for SLURM, and shares tasks with it
    asking = (pair for pair in places.folders(plan) if any(label.experiment == own for label in pair[1].labels))
    wanted = {f"{folder}/job.sbatch": task for folder, task in asking}
    found = named(files, "job.sbatch")
    assert set(found) == set(wanted), "every task has one, reports too"
    for path, text in found.items():
        task = wanted[path]
        gpus = task.launch.settings.gpus
        assert (f"#SBATCH --gres=gpu:h100:{gpus}\n#SBATCH --cpus-per-task=4\n#SBATCH --mem=32G\n" in text) == (gpus > 0)
        assert ("gpu" in text) == (gpus > 0)
        where = ("gpu", "high") if gpus else ("cpu", "low")
        assert "#SBATCH --partition={}\n#SBATCH --account=lab\n#SBATCH --qos={}\n".format(*where) in text
        assert f"#SBATCH --job-name={task.id}\n" in text
        assert text.endswith(f" -m cotspec job {path.removesuffix('/job.sbatch')}\n")
        # sbatch reads options only up to the first command
        assert text.index("#SBATCH --output") < text.index("set -euo")


def test_no_file_holds_a_time_a_host_or_an_absolute_path(files: dict[str, str]) -> None:
    bad = (str(Path.cwd()), str(Path.home()) + "/", sysconfig.get_path("scripts"))
    assert [path for path, text in files.items() if any(word in text for word in bad)] == []


def test_every_yaml_and_script_says_that_it_is_generated(files: dict[str, str]) -> None:
    assert [p for p, text in files.items() if not p.endswith(".json") and HEADER not in text] == []


@pytest.mark.parametrize("text", ["no", "1e-4", "008", "~", "yes", "a: b", "#x", "é…", 'q"uote', "back\\slash", "0o17"])
def test_a_yaml_scalar_stays_text(text: str) -> None:
    assert yaml.safe_load(yaml_mapping({"key": text})) == {"key": text}
    assert yaml.safe_load(scalar(text)) == text


def test_cpu_training_never_asks_for_a_gpu(plan: Plan) -> None:
    launch = next(t.launch for t in plan.tasks if "stage structure of small" in map(str, t.labels))
    assert accelerate.config(launch)["use_cpu"] is True
    assert json.loads(json.dumps(accelerate.config(launch)))["num_processes"] == 1


def test_a_script_imports_nothing_that_lies_beside_it(files: dict[str, str], tmp_path: Path) -> None:
    script = tmp_path / "launch.sh"
    script.write_text(next(iter(named(files, "launch.sh").values())), encoding="utf-8")
    for name in ("cotspec", "json", "torch"):
        (tmp_path / f"{name}.py").write_text("open('hacked', 'w').close()\n", encoding="utf-8")
    environment = os.environ | {"COTSPEC_PYTHON": sys.executable, "PYTHONPATH": str(Path(__file__).parents[2])}
    done = subprocess.run(["bash", str(script)], env=environment, capture_output=True, text=True)
    assert "cannot read payload.json" in done.stderr
    assert not (tmp_path / "hacked").exists()
