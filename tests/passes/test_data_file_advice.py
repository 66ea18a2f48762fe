"""Of a file that is no data file it is said what to do with it."""

from __future__ import annotations

import gzip
from pathlib import Path

import pytest
from linting import changed

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

CHAT = b'{"messages": [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}], "info": {"gold": "7"}}'
ROW = b'{"question": "3 + 4?", "answer": "7"}'
ADVICE = {
    "a list": ({"d.jsonl": b"[" + ROW + b"]"}, "name it .json, or write each object on a line of its own"),
    "a list over lines": ({"d.jsonl": b"[\n" + ROW + b"\n]"}, "name it .json"),
    "a table": ({"d.jsonl": b"question,answer\n3 + 4?,7\n"}, "name it .csv or .tsv"),
    "another delimiter": ({"d.csv": b"question;answer\n"}, "write it with commas"),
    "a column twice": ({"d.csv": b"question,question,answer\n"}, "give each column a name of its own"),
    "a zip archive": ({"d.zip": b"PK\x03\x04\x14\x00"}, "unpack it"),
    "zstd": ({"d.jsonl.zst": b"\x28\xb5\x2f\xfd\x04"}, "unpack it; of packed files only those of gzip are read"),
    "a tar archive": ({"d.tar": b"d.jsonl".ljust(257, b"\0") + b"ustar\0"}, "unpack it"),
    "gzip": ({"d.jsonl": gzip.compress(ROW)}, "put `.gz` behind its name"),
    "no gzip": ({"d.jsonl.gz": ROW}, "take `.gz` off its name"),
    "an Arrow file": ({"d.arrow": b"ARROW1\0\0"}, "write its rows as JSON lines, CSV or Parquet: datasets' `to_json`"),
    "a card among shards": ({"d/a.jsonl": ROW, "d/README.md": b""}, "keep shards alone in a folder, or name one file"),
    "two formats": ({"d/a.jsonl": ROW, "d/b.csv": b""}, "keep those of each format in a folder of their own"),
    "a folder in a folder": ({"d/x/a.jsonl": ROW}, "name `x` in it"),
    "a chat": ({"d.jsonl": CHAT}, "there is `info.gold`, `messages.user` and `messages.assistant`"),
}
"""Files, and what a person is told to do with what is in them."""


@pytest.mark.parametrize("name", ADVICE)
def test_of_what_is_no_data_file_it_is_said_what_to_do(name: str, tmp_path: Path) -> None:
    files, advice = ADVICE[name]
    for path, content in files.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    (tmp_path / ".git").mkdir()
    named = f"test: {{file: {next(iter(files)).split('/')[0]}}}"
    text = changed([("test: {builtin: chains, split: test, size: 50}", named)])
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    (found,) = [each for each in sink.findings if each.rule == "data-file" and each.severity == "error"]
    assert found.help.startswith(advice)


def test_a_path_from_the_projects_folder_is_told_as_one_from_the_specs(tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    for folder in ("data", "specs"):
        (tmp_path / folder).mkdir()
    (tmp_path / "data/test.jsonl").write_bytes(ROW)
    text = changed([("test: {builtin: chains, split: test, size: 50}", "test: {file: data/test.jsonl}")])
    (tmp_path / "specs/a.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    plan_specs({"specs/a.yaml": tmp_path / "specs/a.yaml"}, sink)
    (found,) = [each for each in sink.findings if each.rule == "data-missing"]
    assert found.help == "did you mean `../data/test.jsonl`? Paths count from the folder of the spec"


@pytest.mark.parametrize(
    ("named", "said"),
    [
        ("file: /mnt/traces.jsonl", "`data: {lab/name: FOLDER}`, which holds their files"),
        ("path: test.jsonl", "did you mean `file`?"),
    ],
)
def test_data_that_lie_elsewhere_and_a_models_key_are_told_what_to_write(named: str, said: str, tmp_path: Path) -> None:
    text = changed([("test: {builtin: chains, split: test, size: 50}", f"test: {{{named}}}")])
    (tmp_path / "spec.yaml").write_text(text, encoding="utf-8")
    (tmp_path / ".git").mkdir()
    sink = Sink()
    plan_specs({"spec.yaml": tmp_path / "spec.yaml"}, sink)
    assert [each.help[-len(said) :] for each in sink.findings if each.severity == "error"] == [said]
