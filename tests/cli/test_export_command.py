"""`cotspec export`: what its folder holds, and that there is never half of one."""

from __future__ import annotations

import fcntl
import json
import os
import re
from pathlib import Path

import pytest
import yaml

from cotspec.history.locks import Cache
from tests.fuzz.finished import SPEC as FINISHED
from tests.fuzz.finished import finished, lock
from tests.support import Run

SPEC = "specs/a.yaml"
ABOUT = "Short <script>alert(1)</script> | **answers**\n\n    # no heading\n---\n```"


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "project"
    folder.mkdir()
    monkeypatch.chdir(folder)
    plan = finished(folder, FINISHED.replace("name: example\n", f"name: example\nabout: {json.dumps(ABOUT)}\n"))
    for stage in folder.glob("generated/stages/*/out/model"):
        (stage / "model.safetensors").write_bytes(b"weights")
        (stage / "tokenizer.json").write_text("{}")
        if "sft" in str(stage):
            (stage / "adapter").mkdir()
            (stage / "adapter/adapter_config.json").write_text("{}")
            (stage / "adapter/adapter_model.safetensors").write_bytes(b"few weights")
    (folder / "model/README.md").write_text("---\nlicense: cc-by-4.0\n---\n# base\n")
    lock(folder, plan)
    return folder


def exported(run: Run, *arguments: str) -> str:
    code, out, err = run("export", *arguments)
    assert code == 0, err
    return out


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*")}


def test_a_card_tells_the_results_with_intervals_the_settings_and_every_task(project: Path, run: Run) -> None:
    assert exported(run, SPEC, "../out") == "../out: 6 files, README.md says what it is\n"
    out = project.parent / "out"
    written = {"README.md", "cotspec.json", "prompt.jinja"}
    assert names(out) == written | {"config.json", "model.safetensors", "tokenizer.json"}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "| test | **second** | 50.0 % | 30.0 – 70.0 | 40.5 | 90.0 % | 20 |" in card
    assert "stage `second`, 2 of 2 of the experiment `example`" in card
    settings = yaml.safe_load(card.split("```yaml\n")[1].split("```")[0])
    assert list(settings["stages"]) == ["first", "second"]
    assert settings["data"].keys() == {"train"}
    record = json.loads((out / "cotspec.json").read_text(encoding="utf-8"))
    assert all(f"| `{id}` |" in card for id in record["tasks"])
    assert {id.partition("-")[0] for id in record["tasks"]} == {"data", "teach", "traces", "rows", "sft", "grpo"}


def test_a_strangers_words_in_a_card_are_no_markup(project: Path, run: Run) -> None:
    exported(run, SPEC, "../out")
    card = (project.parent / "out/README.md").read_text(encoding="utf-8")
    assert "<script>" not in card
    quoted = [line for line in card.splitlines() if line.startswith(">")]
    assert [re.sub(r"\\(.)", r"\1", line[2:]) for line in quoted] == ABOUT.splitlines()
    assert card.count("\n---\n") == 1


def test_a_licence_is_that_of_all_models_it_was_made_of_or_is_left_open_or_is_said(project: Path, run: Run) -> None:
    exported(run, SPEC, "../open")
    card = (project.parent / "open/README.md").read_text(encoding="utf-8")
    assert "| model in model | cc-by-4.0 |" in card
    assert "| model tiny-teacher of cotspec | apache-2.0 |" in card
    assert "license:" not in card
    exported(run, SPEC, "../said", "--license", "cc-by-4.0")
    assert "license: cc-by-4.0\n" in (project.parent / "said/README.md").read_text(encoding="utf-8")


def test_adapters_are_exported_by_themselves(project: Path, run: Run) -> None:
    exported(run, SPEC, "first", "../adapter", "--adapter")
    out = project.parent / "adapter"
    written = {"README.md", "cotspec.json", "prompt.jinja"}
    assert names(out) == written | {"adapter_config.json", "adapter_model.safetensors", "tokenizer.json"}
    card = (out / "README.md").read_text(encoding="utf-8")
    assert "These are LoRA adapters of `base`, not merged into it." in card
    assert "library_name: peft" in card
    assert "PeftModel.from_pretrained(base, folder)" in card
    code, _, err = run("export", SPEC, "second", "../no", "--adapter")
    assert (code, (project.parent / "no").exists()) == (2, False)
    assert "stage `second` of example: it has no adapter: the stage trains all weights" in err


def test_the_same_again_is_no_mistake_and_another_folder_is_not_replaced(project: Path, run: Run) -> None:
    exported(run, SPEC, "../out")
    assert exported(run, SPEC, "../out") == "../out holds just this already\n"
    code, _, err = run("export", SPEC, "first", "../out")
    assert code == 2
    assert "../out is there and holds something else: name another folder, or remove it" in err
    (project.parent / "empty").mkdir()
    exported(run, SPEC, "../empty")


def test_what_is_not_as_it_was_recorded_is_not_exported_and_leaves_no_folder(project: Path, run: Run) -> None:
    (weights,) = project.glob("generated/stages/sft-*/out/model/model.safetensors")
    weights.write_bytes(b"WEIGHTS")
    before = set(os.listdir(project.parent))
    code, _, err = run("export", SPEC, "first", "../out")
    assert code == 2
    assert "model.safetensors is not what DVC recorded: `cotspec doctor` says what to do" in err
    assert set(os.listdir(project.parent)) == before
    weights.unlink()  # DVC's cache still has it
    exported(run, SPEC, "first", "../out")
    assert (project.parent / "out/model.safetensors").read_bytes() == b"weights"


def test_what_a_killed_export_left_is_not_taken_for_one_and_goes_with_the_next(project: Path, run: Run) -> None:
    half = project.parent / ".out.half"
    (half / "sub").mkdir(parents=True)
    (half / "junk").write_text("half")
    descriptor = os.open(half, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    assert "another export writes to ../out: wait for its end" in run("export", SPEC, "../out")[2]
    os.close(descriptor)
    exported(run, SPEC, "../out")
    assert not half.exists()
    assert "junk" not in names(project.parent / "out")


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        ((SPEC, "generated/stages/mine"), "lies where builds and runs write"),
        ((SPEC, "."), "is no new folder"),
        ((SPEC, "first", "../out", "more"), "export takes a spec, a stage (or none, for the last one) and a folder"),
        ((SPEC, "frist", "../out"), "did you mean `first`?"),
        (("example:first",), "name the folder that is made, too: `cotspec export example:first DIR`"),
        (("example:frist", "../out"), "did you mean `first`?"),
        ((SPEC, "first"), f"`cotspec export {SPEC} first DIR` (a folder of that name is `./first`)"),
        ((SPEC, "../out", "--license", "My Own!"), "is no licence as the hub calls them"),
        ((SPEC, "../out", "--push", "alone"), "`alone` is no name on the hub: owner/name"),
        ((SPEC, "../out", "--public"), "--public goes with --push"),
        ((SPEC, "cotspec.local.yaml"), "cotspec.local.yaml is no folder: name another one"),
    ],
)
def test_what_cannot_be_exported_is_said_and_nothing_is_written(
    arguments: tuple[str, ...], told: str, project: Path, run: Run
) -> None:
    code, out, err = run("export", *arguments)
    assert (code, out) == (2, "")
    assert told in err
    assert not (project.parent / "out").exists()
    assert not (project / "first").exists()


def test_a_stage_that_was_not_trained_is_not_exported(project: Path, run: Run) -> None:
    for each in project.glob("generated/stages/grpo-*/dvc.lock"):
        each.unlink()
    code, _, err = run("export", SPEC, "../out")
    assert code == 2
    assert "stage `second` of example: it has not been trained: `dvc repro" in err


def test_names_of_files_that_lead_out_are_refused(project: Path, run: Run) -> None:
    (path,) = project.glob("generated/stages/sft-*/dvc.lock")
    whole = yaml.safe_load(path.read_text(encoding="utf-8"))["stages"][path.parent.name]["outs"][0]["md5"]
    listing = Cache(project).file(whole)
    listing.write_text(listing.read_text(encoding="utf-8").replace("model/tokenizer", "model/../../../tokenizer"))
    code, _, err = run("export", SPEC, "first", "../out")
    assert code == 2
    assert "DVC's listing of it names files elsewhere: do not use it" in err
