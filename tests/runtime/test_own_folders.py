"""Hub models and data sets from this machine's own folders (cotspec.local.yaml), by the code that loads them."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from bodies import sft, sft_rows
from conftest import QUESTIONS, SOLVE, Run, Stage, contents, run, write_lines

from cotspec.runtime import local
from cotspec.spec.payload import DataBody, HubData, HubModel, Range, Sampling, TeachBody

pytest.importorskip("transformers", reason="loading models needs the `train` extra")

MODEL = HubModel(id="owner/tiny", revision="0" * 40, chat=False, trust_remote_code=False)
SHORT = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=2)


def names(root: Path, **settings: Any) -> None:
    (root / "cotspec.local.yaml").write_text(json.dumps(settings), encoding="utf-8")


@pytest.fixture
def teach(stage: Stage, problems: Path) -> Path:
    return stage("teach", TeachBody(model=MODEL, prompt=SOLVE, sampling=SHORT, seed=5), {"problems": problems})


def test_a_hub_model_is_loaded_from_the_folder_of_this_machine(
    teach: Path, tiny_model: Path, tmp_path: Path, run_here: Run
) -> None:
    names(tmp_path, models={"owner/tiny": str(tiny_model)})
    code, out, err = run_here(teach)
    assert code == 0, err
    assert f"owner/tiny is taken from {tiny_model} (cotspec.local.yaml)" in out + err
    assert len((teach / "out/rollouts.jsonl").read_text().splitlines()) == len(QUESTIONS)
    # What is shared names the model and not where this machine keeps it.
    assert [name for name, text in contents(teach / "out").items() if str(tiny_model.parent).encode() in text] == []


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({"models": {"owner/tiny": "/no/such/folder"}}, "names /no/such/folder for owner/tiny"),
        ({"models": {"owner/tiny": "."}}, "not a model folder (no config.json)"),
        ({"models": {"owner/tiny": 3}}, "cotspec.local.yaml: models.owner/tiny: "),
        ({"modles": {}}, "cotspec.local.yaml: modles: "),
        ({}, "of the model `owner/tiny` is not on this machine"),
    ],
)
def test_a_folder_that_cannot_be_used_is_said_in_one_line(
    settings: dict[str, Any], said: str, teach: Path, tmp_path: Path, run_here: Run
) -> None:
    names(tmp_path, **settings)
    code, _, err = run_here(teach)
    assert code == 2
    assert said in err
    assert "Traceback" not in err


def test_a_model_trained_from_such_a_folder_does_not_say_where_it_was(
    stage: Stage, tiny_model: Path, tmp_path: Path, run_here: Run
) -> None:
    rows = sft_rows(8)
    names(tmp_path, models={"owner/tiny": str(tiny_model)})
    folder = stage("sft", sft(start=MODEL, max_length=256), {"rows": write_lines(tmp_path / "rows.jsonl", rows)})
    code, _, err = run_here(folder)
    assert code == 0, err
    assert [name for name, text in contents(folder / "out").items() if str(tiny_model.parent).encode() in text] == []


def test_a_hub_data_set_is_read_from_the_folder_of_this_machine_as_it_is_now(stage: Stage, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="hub data sets need the `train` extra")
    own = tmp_path / "own"
    (own / "main").mkdir(parents=True)
    card = "---\nconfigs:\n- config_name: main\n  data_files:\n  - {split: test, path: main/test.jsonl}\n---\n"
    (own / "README.md").write_text(card, encoding="utf-8")
    write_lines(own / "main/test.jsonl", [{"q": q, "a": f"#### {a}"} for q, a in QUESTIONS])
    names(tmp_path, data={"owner/set": str(own)})
    source = HubData(
        id="owner/set", config="main", split="test", revision="0" * 40, question="q", answer="a", answer_after="####"
    )
    body = DataBody(source=source, slice=Range(first=0, end=3))

    def answers(folder: Path) -> list[str]:
        code, _, err = run(folder, HF_HOME="", PATH="/usr/bin:/bin")
        assert code == 0, err
        return [json.loads(line)["answer"] for line in (folder / "out/problems.jsonl").read_text().splitlines()]

    assert answers(stage("before", body)) == [answer for _, answer in QUESTIONS[:3]]
    write_lines(own / "main/test.jsonl", [{"q": q, "a": f"#### 1{a}"} for q, a in QUESTIONS])
    assert answers(stage("after", body)) == [f"1{answer}" for _, answer in QUESTIONS[:3]]


def test_columns_of_a_hub_data_set_are_named_as_those_of_a_file(stage: Stage, tmp_path: Path) -> None:
    pytest.importorskip("datasets", reason="hub data sets need the `train` extra")
    snapshot = tmp_path / "hub/datasets--owner--set/snapshots" / ("0" * 40)
    snapshot.mkdir(parents=True)
    rows = [
        {
            "messages": [{"role": "user", "content": q}, {"role": "assistant", "content": f"so \\boxed{{{a}}}"}],
            "extra_info": {"index": at, "hints": ["none", f"hint {at}"]},
        }
        for at, (q, a) in enumerate(QUESTIONS[:3])
    ]
    write_lines(snapshot / "train.jsonl", rows)
    names(tmp_path, data={"owner/set": "hub"})
    source = HubData(
        id="owner/set",
        config="",
        split="train",
        revision="0" * 40,
        question=("messages.user", "extra_info.hints.-1"),
        answer="messages.assistant",
        answer_after="so",
        answer_boxed=True,
        trace="messages.assistant",
    )
    folder = stage("nested", DataBody(source=source, slice=Range(first=0, end=-1)))
    code, _, err = run(folder, HF_HOME="", PATH="/usr/bin:/bin")
    assert code == 0, err
    problems = [json.loads(line) for line in (folder / "out/problems.jsonl").read_text().splitlines()]
    assert problems == [
        {"id": at, "question": f"{q}\nhint {at}", "answer": a, "trace": f"so \\boxed{{{a}}}"}
        for at, (q, a) in enumerate(QUESTIONS[:3])
    ]
    (told,) = json.loads((folder / "provenance.json").read_text())["local"]
    assert (told["id"], told["commit"]) == ("owner/set", "0" * 40)


@pytest.mark.parametrize(("set_already", "kept_in"), [("", "cache"), ("elsewhere", "elsewhere")])
def test_downloads_are_kept_where_the_file_says_unless_the_environment_says_otherwise(
    set_already: str, kept_in: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names(tmp_path, cache="cache")
    monkeypatch.setenv("HF_HOME", str(tmp_path / set_already) if set_already else "")
    local.set_cache(tmp_path)
    assert Path(os.environ["HF_HOME"]) == tmp_path / kept_in


def cache(folder: Path, model: Path, commit: str = "0" * 40, **refs: str) -> Path:
    """A cache as the hub's client lays it out, its files links to blobs."""
    repository = folder / "hub/models--owner--tiny"
    blobs, snapshot = repository / "blobs", repository / "snapshots" / commit
    blobs.mkdir(parents=True)
    snapshot.mkdir(parents=True)
    for at, file in enumerate(sorted(model.iterdir())):
        shutil.copy(file, blobs / f"{at:064x}")
        (snapshot / file.name).symlink_to(Path(f"../../blobs/{at:064x}"))
    for name, told in refs.items():
        (repository / "refs").mkdir(exist_ok=True)
        (repository / "refs" / name).write_text(told, encoding="utf-8")
    return folder


@pytest.mark.parametrize("named", ["", "hub", "hub/models--owner--tiny", "hub/models--owner--tiny/snapshots", "link"])
def test_a_cache_of_the_hubs_client_is_found_however_it_is_named(
    named: str, teach: Path, tiny_model: Path, tmp_path: Path, run_here: Run
) -> None:
    place = cache(tmp_path / "disk", tiny_model)
    (place / "link").symlink_to(place / "hub/models--owner--tiny/snapshots" / MODEL.revision)
    names(tmp_path, models={"owner/tiny": str(place / named)})
    code, _, err = run_here(teach)
    assert code == 0, err
    (told,) = json.loads((teach / "provenance.json").read_text())["local"]
    assert (told["id"], told["revision"], told["commit"]) == ("owner/tiny", MODEL.revision, MODEL.revision)
    assert told["config"].startswith("sha256:")
    assert [name for name, text in contents(teach / "out").items() if str(place).encode() in text] == []


@pytest.mark.parametrize(
    ("revision", "refs", "found"),
    [
        ("main", {"main": "0" * 40}, True),
        ("main", {}, True),  # one snapshot, and nothing that says of what
        ("main", {"other": "0" * 40}, False),
        ("1" * 40, {"main": "0" * 40}, False),
        ("../../..", {}, False),
    ],
)
def test_of_a_cache_only_the_wanted_revision_is_used(
    revision: str, refs: dict[str, str], found: bool, stage: Stage, problems: Path, tiny_model: Path, tmp_path: Path,
    run_here: Run,
) -> None:  # fmt: skip
    model = MODEL.model_copy(update={"revision": revision})
    names(tmp_path, models={"owner/tiny": str(cache(tmp_path / "disk", tiny_model, **refs))})
    body = TeachBody(model=model, prompt=SOLVE, sampling=SHORT, seed=5)
    code, _, err = run_here(stage("teach", body, {"problems": problems}))
    assert code == (0 if found else 2), err
    assert found or f"has no snapshot of {revision}; there is {'0' * 40}" in err


def test_a_model_that_cannot_be_fetched_is_told_where_to_say_that_it_is_here(
    teach: Path, tmp_path: Path, run_here: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_HUB_CACHE", str(tmp_path / "none"))
    code, _, err = run_here(teach)
    assert code == 2
    assert "if this machine has it, name its folder in cotspec.local.yaml: `models: {owner/tiny: …}`" in err


@pytest.mark.parametrize("noted", ["0" * 40, "1" * 40])
def test_a_folder_that_says_it_is_of_another_commit_is_not_used_in_place_of_the_pinned_one(
    noted: str, teach: Path, tiny_model: Path, tmp_path: Path, run_here: Run
) -> None:
    own = shutil.copytree(tiny_model, tmp_path / "own")
    notes = own / ".cache/huggingface/download"  # as `hf download --local-dir` leaves them
    notes.mkdir(parents=True)
    (notes / "config.json.metadata").write_text(f"{noted}\netag\n1700000000.0\n", encoding="utf-8")
    names(tmp_path, models={"owner/tiny": str(own)})
    code, _, err = run_here(teach)
    if noted == MODEL.revision:
        assert code == 0, err
    else:
        assert (code, f"it is of {noted}, and {MODEL.revision} is wanted" in err) == (2, True)
