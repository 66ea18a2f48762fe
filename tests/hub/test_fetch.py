"""Folders of a commit, from a hub on 127.0.0.1: which files are fetched, and what is refused."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from cotspec.hub import fetch
from cotspec.hub.errors import HubError
from tests.hub.server import Hub, serve

pytest.importorskip("huggingface_hub", reason="the hub's client comes with the `train` extra")
datasets = pytest.importorskip("datasets", reason="loading data sets needs the `train` extra")

WEIGHTS = {"config.json": b"{}", "generation_config.json": b"{}", "model.safetensors": b"one"}
ROWS = b'{"question": "1 + 1?", "answer": "2"}\n'


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    from huggingface_hub import constants

    with serve() as server:
        at = constants.HUGGINGFACE_CO_URL_TEMPLATE.removeprefix(constants.ENDPOINT)
        monkeypatch.setattr(constants, "ENDPOINT", server.url)
        monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", server.url + at)
        monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
        monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
        monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "datasets"))
        monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
        yield server


def names(folder: Path) -> set[str]:
    return {path.relative_to(folder).as_posix() for path in folder.rglob("*") if path.is_file()}


def test_a_model_is_its_weights_in_one_form_with_what_belongs_to_them(hub: Hub) -> None:
    more = {
        "pytorch_model.bin": b"x",
        "onnx/model.onnx": b"x",
        "consolidated.safetensors": b"x",
        "tokenizer.model": b"t",
    }
    commit = hub.model("a/b").push({**WEIGHTS, **more, "README.md": b"# b"})
    assert names(fetch.model("a/b", commit)) == {*WEIGHTS, "tokenizer.model"}


def test_a_model_without_safetensors_is_fetched_as_it_was_saved(hub: Hub) -> None:
    commit = hub.model("a/b").push({"config.json": b"{}", "pytorch_model.bin": b"x", "training_args.bin": b"x"})
    assert "pytorch_model.bin" in names(fetch.model("a/b", commit))


def test_a_branch_is_the_commit_it_is_at(hub: Hub) -> None:
    hub.model("a/b").push(WEIGHTS)
    commit = hub.model("a/b").push({**WEIGHTS, "model.safetensors": b"two"})
    folder = fetch.model("a/b", "main")
    assert fetch.commit(folder) == commit
    assert (folder / "model.safetensors").read_bytes() == b"two"


def test_what_was_fetched_is_not_asked_for_again(hub: Hub) -> None:
    commit = hub.model("a/b").push(WEIGHTS)
    folder = fetch.model("a/b", commit)
    hub.asked.clear()
    assert fetch.model("a/b", commit) == folder
    assert hub.asked == []


@pytest.mark.parametrize("about", ["", "config.json", "generation_config.json", "model.safetensors"])
def test_files_of_another_commit_are_refused_were_it_only_one(about: str, hub: Hub) -> None:
    repo = hub.model("a/b")
    wanted = repo.push(WEIGHTS)
    repo.lie, repo.lie_about = repo.push({**WEIGHTS, "model.safetensors": b"two"}), about
    with pytest.raises(HubError, match=f"another commit than {wanted} of the model `a/b`"):
        fetch.model("a/b", wanted)
    repo.lie = ""
    assert (fetch.model("a/b", wanted) / "model.safetensors").read_bytes() == b"one"


def test_a_branch_whose_files_are_of_another_commit_is_refused_too(hub: Hub) -> None:
    repo = hub.data("a/b")
    other = repo.push({"train.jsonl": ROWS})
    repo.push({"train.jsonl": ROWS + ROWS})
    repo.lie = other
    with pytest.raises(HubError, match="another commit than main of the data set `a/b`"):
        fetch.data("a/b", "main", "")


def card(*configs: Mapping[str, object]) -> bytes:
    return f"---\n{json.dumps({'configs': configs})}\n---\n# A data set\n".encode()


MAIN = {"config_name": "main", "data_files": [{"split": "train", "path": "main/train-*"}]}
MORE = {"config_name": "more", "data_files": [{"split": "train", "path": ["./more/**/*.jsonl"]}]}
LAST = {"config_name": "last", "default": True, "data_files": "last/*"}
FOLDER = {"config_name": "folder", "data_dir": "more"}
FILES = {"main/train-0.jsonl": ROWS, "more/deep/a.jsonl": ROWS, "last/a.jsonl": ROWS}
WANTED = {
    "the first": ((MAIN, MORE, LAST), "main", {"main/train-0.jsonl"}),
    "another, and the first, by which datasets tells the format": (
        (MAIN, MORE, LAST),
        "more",
        {"main/train-0.jsonl", "more/deep/a.jsonl"},
    ),
    "the default one": ((LAST, MAIN), "", {"last/a.jsonl"}),
    "one that is a folder": ((MAIN, FOLDER), "folder", set(FILES)),
    "a card without any": ((), "", set(FILES)),
}


@pytest.mark.parametrize("case", WANTED)
def test_of_a_data_set_the_files_of_its_configuration_are_fetched(case: str, hub: Hub) -> None:
    configs, config, wanted = WANTED[case]
    commit = hub.data("a/b").push({**FILES, "README.md": card(*configs)})
    folder = fetch.data("a/b", commit, config)
    assert names(folder) == {*wanted, "README.md"}
    data = datasets.load_dataset(str(folder), config or None, split="train")
    assert data[0] == {"question": "1 + 1?", "answer": "2"}


def test_a_data_set_in_parquet_without_a_card_is_read(hub: Hub) -> None:
    import pyarrow as pa
    from pyarrow import parquet

    sink = pa.BufferOutputStream()
    parquet.write_table(pa.Table.from_pylist([{"question": "q", "answer": "a"}]), sink)
    content = sink.getvalue().to_pybytes()
    commit = hub.data("a/b").push({"data/test-00000-of-00001.parquet": content})
    data = datasets.load_dataset(str(fetch.data("a/b", commit, "")), split="test")
    assert data[0] == {"question": "q", "answer": "a"}


def test_a_data_set_that_reads_files_from_elsewhere_is_refused(hub: Hub) -> None:
    away = {"config_name": "main", "data_files": "https://example.org/train.jsonl"}
    commit = hub.data("a/b").push({"README.md": card(away)})
    with pytest.raises(HubError, match="which no commit of it pins"):
        fetch.data("a/b", commit, "")


REFUSED = {
    "gated": ((403, "GatedRepo"), "the model `a/b` is gated"),
    "nobody's": ((401, "RepoNotFound"), "the hub has no model `a/b`"),
    "no such commit": ((404, "RevisionNotFound"), "the model `a/b` has no revision `000"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_the_hub_refuses_is_told(case: str, hub: Hub) -> None:
    answer, said = REFUSED[case]
    hub.status["a/b"] = answer
    with pytest.raises(HubError) as found:
        fetch.model("a/b", "0" * 40)
    assert str(found.value).startswith(said)
    assert found.value.advice


def test_a_folder_says_which_commit_it_is_of_when_it_can(hub: Hub, tmp_path: Path) -> None:
    from huggingface_hub import snapshot_download

    commit = hub.model("a/b").push(WEIGHTS)
    copy = snapshot_download("a/b", revision=commit, local_dir=tmp_path / "copy")
    assert fetch.told(Path(copy)) == {commit}
    assert fetch.told(fetch.model("a/b", commit)) == {commit}
    (tmp_path / "own").mkdir()
    assert fetch.told(tmp_path / "own") == set()
