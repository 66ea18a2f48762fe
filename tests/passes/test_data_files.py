"""Data files that a spec names: what is wrong with them is found by a check, at the setting it is about."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import pytest
from linting import Told, changed, planned

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink
from cotspec.files.regular import inside
from cotspec.history import data_files
from cotspec.spec.experiment import Data

TEST = "test: {builtin: chains, split: test, size: 50}"
TRAIN = "train: {builtin: chains, split: train, size: 200}"
GOOD = b'{"question": "3 + 4?", "answer": "so #### 7"}\n'


def project(folder: Path, content: bytes | None, settings: str = "") -> Path:
    """A project whose test set is a file; the spec."""
    (folder / ".git").mkdir(exist_ok=True)
    if content is not None:
        (folder / "test.jsonl").write_bytes(content)
    spec = folder / "spec.yaml"
    spec.write_text(changed([(TEST, f"test: {{file: test.jsonl{settings}}}")]), encoding="utf-8")
    return spec


FAULTS: dict[str, tuple[bytes, str, Told]] = {
    "an empty file": (b"\n\n", "", ("error", "data-file", "test.jsonl", "`test.jsonl` has no rows")),
    "a line that is no JSON": (
        GOOD + b"{question: 1}\n",
        "",
        (
            "error",
            "data-file",
            "test.jsonl",
            "`test.jsonl`, line 2: not JSON (Expecting property name enclosed in double quotes)",
        ),
    ),
    "a list": (
        b'[{"question": "q", "answer": "7"}]',
        "",
        (
            "error",
            "data-file",
            "test.jsonl",
            "`test.jsonl`, line 1: not a JSON object: the file seems to be one JSON list",
        ),
    ),
    "a table": (
        b"question,answer\n3 + 4?,7\n",
        "",
        (
            "error",
            "data-file",
            "test.jsonl",
            "`test.jsonl`, line 1: not JSON (Expecting value): the file seems to be a table (2 of 2 rows are like it)",
        ),
    ),
    "a Parquet file": (
        b"PAR1\x15\x04\x15\x90",
        "",
        ("error", "data-file", "test.jsonl", "`test.jsonl`, line 1: not UTF-8 (byte 8): the file is a Parquet file"),
    ),
    "Latin-1": (
        '{"question": "caf\xe9", "answer": "7"}'.encode("latin-1"),
        "",
        ("error", "data-file", "test.jsonl", "`test.jsonl`, line 1: not UTF-8 (byte 18)"),
    ),
    "UTF-16": (
        '{"question": "3 + 4?", "answer": "7"}'.encode("utf-16"),
        "",
        ("error", "data-file", "test.jsonl", "`test.jsonl`, line 1: not UTF-8 (byte 1): the file is UTF-16 text"),
    ),
    "another column": (
        GOOD * 3,
        ", question: problem, answer: anwser",
        ("error", "data-file", "problem", "`test.jsonl` has no column `problem`"),
    ),
    "a column that some rows lack": (
        GOOD + b'{"question": "q"}\n',
        "",
        ("error", "data-file", "test.jsonl", "`test.jsonl` has no column `answer` in line 2 (1 of 2 rows lack it)"),
    ),
    "no answer after": (
        GOOD.replace(b"####", b"=>") * 2,
        ", answer: {field: answer, after: '####'}",
        (
            "error",
            "data-file",
            "'####'",
            "`test.jsonl`, line 1: no '####' in the answer field 'so => 7'; check `answer.after` of the data set "
            "(2 of 2 rows are like it)",
        ),
    ),
    "nothing after": (
        GOOD.replace(b" 7", b""),
        ", answer: {field: answer, after: '####'}",
        ("error", "data-file", "answer", "`test.jsonl`, line 1: the answer field 'so ####' holds no answer"),
    ),
    "a missing gold, as JSON": (
        GOOD + b'{"question": "q", "answer": NaN}\n',
        ", answer: answer",
        (
            "error",
            "data-file",
            "answer",
            "`test.jsonl`, line 2: column `answer` holds nan (float), which is neither a text nor a number",
        ),
    ),
    "a missing gold, as text": (
        GOOD + b'{"question": "q", "answer": "nan"}\n',
        ", answer: answer",
        (
            "error",
            "data-file",
            "answer",
            "`test.jsonl`, line 2: the gold answer is 'nan', which is what programs write where a value is missing",
        ),
    ),
    "an empty question": (
        GOOD + b'{"question": " ", "answer": "7"}\n',
        "",
        ("error", "data-file", "test.jsonl", "`test.jsonl`, line 2: column `question` is empty"),
    ),
    "half a character": (
        GOOD + b'{"question": "\\ud83d", "answer": "7"}\n',
        "",
        (
            "error",
            "data-file",
            "test.jsonl",
            "`test.jsonl`, line 2: column `question` holds half a character (a lone surrogate), which no file can keep",
        ),
    ),
}


@pytest.mark.parametrize("name", FAULTS)
def test_what_is_wrong_with_a_file_is_found_where_the_spec_names_it(name: str, tmp_path: Path) -> None:
    content, settings, told = FAULTS[name]
    assert planned(project(tmp_path, content, settings))[0] == told


OTHERS: dict[str, tuple[str, bytes, str, Told]] = {
    "a table in another way": (
        "test.csv",
        b"question;answer\n3 + 4?;7\n",
        "",
        (
            "error",
            "data-file",
            "test.csv",
            "`test.csv`, line 1: its columns seem to be separated by semicolons, not commas",
        ),
    ),
    "a table without rows": (
        "test.csv",
        b"question,answer\n",
        "",
        ("error", "data-file", "test.csv", "`test.csv` has no rows"),
    ),
    "a column that a table has not": (
        "test.tsv.gz",
        gzip.compress(b"question\tanswer\n3 + 4?\t7\n"),
        ", question: problem",
        ("error", "data-file", "problem", "`test.tsv.gz` has no column `problem`"),
    ),
    "an empty cell": (
        "test.csv",
        b'question,answer\n"3\n + 4?",7\n,8\n',
        "",
        ("error", "data-file", "test.csv", "`test.csv`, line 4: column `question` is empty"),
    ),
    "a list with a fault": (
        "test.json",
        b'[{"question": "q", "answer": "7"},\n {"question": "q"}]',
        "",
        ("error", "data-file", "test.json", "`test.json` has no column `answer` in line 2 (1 of 2 rows lack it)"),
    ),
    "no gzip": (
        "test.csv.gz",
        b"question,answer\n",
        "",
        (
            "error",
            "data-file",
            "test.csv.gz",
            "`test.csv.gz`, line 1: it is not compressed by gzip, as its name says",
        ),
    ),
    "no Parquet": (
        "test.parquet",
        b"question,answer\n",
        "",
        ("error", "data-file", "test.parquet", "`test.parquet`: it is no Parquet file"),
    ),
    "a chat of another tool": (
        "test.jsonl",
        b'{"conversations": [{"from": "human", "value": "q"}, {"from": "gpt", "value": "7"}]}\n',
        ", question: conversations.user, answer: conversations.gpt",
        ("error", "data-file", "conversations.user", "`test.jsonl` has no column `conversations.user`"),
    ),
    "an answer that is in no box": (
        "test.jsonl",
        GOOD,
        ", answer: {field: answer, boxed: true}",
        ("error", "data-file", "true", "`test.jsonl`, line 1: no \\boxed{…} in the answer field 'so #### 7'"),
    ),
}


@pytest.mark.parametrize("name", OTHERS)
def test_what_is_wrong_with_a_file_of_another_format_is_found_too(name: str, tmp_path: Path) -> None:
    file, content, settings, told = OTHERS[name]
    (tmp_path / ".git").mkdir()
    (tmp_path / file).write_bytes(content)
    (tmp_path / "spec.yaml").write_text(changed([(TEST, f"test: {{file: {file}{settings}}}")]), encoding="utf-8")
    assert planned(tmp_path / "spec.yaml")[0] == told


@pytest.mark.parametrize(
    ("names", "told"),
    [
        (("a.jsonl", "b.jsonl"), "`shards/b.jsonl`, line 2: column `question` is empty"),
        (
            ("a.jsonl", "b.csv"),
            "`shards`: the folder holds `a.jsonl` and `b.csv`, and its files are of one format",
        ),
        ((), "`shards`: the folder holds no data file"),
    ],
)
def test_a_folder_of_shards_is_checked_file_by_file(names: tuple[str, ...], told: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    (tmp_path / "shards").mkdir()
    for name in names:
        second = b"" if name == "a.jsonl" else b'{"question": "", "answer": "7"}\n'
        (tmp_path / "shards" / name).write_bytes(GOOD + second)
    (tmp_path / "spec.yaml").write_text(changed([(TEST, "test: {file: shards}")]), encoding="utf-8")
    assert planned(tmp_path / "spec.yaml")[0] == ("error", "data-file", "shards", told)


def test_a_shard_that_is_a_link_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / ".git").mkdir(parents=True)
    (project / "shards").mkdir()
    (tmp_path / "secret.jsonl").write_bytes(b'{"canary": 1}\n')
    (project / "shards/a.jsonl").symlink_to(tmp_path / "secret.jsonl")
    (project / "spec.yaml").write_text(changed([(TEST, "test: {file: shards}")]), encoding="utf-8")
    ((*_, message), *_) = planned(project / "spec.yaml")
    assert message == "`shards/a.jsonl`, line 1: it leads out of the project"


def test_a_missing_column_comes_with_those_there_are(tmp_path: Path) -> None:
    from cotspec.compiler import plan_specs
    from cotspec.diagnostics import Sink

    sink = Sink()
    plan_specs({"spec.yaml": project(tmp_path, GOOD, ", answer: anwser")}, sink)
    (finding,) = sink.findings
    assert (finding.suggestions, finding.help) == (("answer",), "did you mean `answer`?")
    sink = Sink()
    plan_specs({"spec.yaml": project(tmp_path, GOOD, ", answer: zzz")}, sink)
    assert sink.findings[0].help == "there is `answer` and `question`"


def test_a_byte_order_mark_windows_line_ends_and_numbers_are_read(tmp_path: Path) -> None:
    content = b"\xef\xbb\xbf" + GOOD.replace(b"\n", b"\r\n") + b'\r\n{"question": "q", "answer": 7}\r\n'
    assert planned(project(tmp_path, content)) == []


@pytest.mark.parametrize(
    "broken", [b'{"question": "q", "ans\x01', b'{"question": "q", "ans\n', b'{"question": "q"}\n'], ids=repr
)
def test_of_one_broken_row_among_good_ones_the_row_is_to_be_put_right(tmp_path: Path, broken: bytes) -> None:
    spec, sink = project(tmp_path, GOOD + broken + b"\n" + GOOD), Sink()
    plan_specs({spec.name: spec}, sink)
    (found,) = sink.sorted()
    assert found.help.startswith("put the row right or leave it out")
    assert not found.message.endswith((" at)", " starting)"))


def test_rows_after_the_slice_are_nobodys_business(tmp_path: Path) -> None:
    content = GOOD + b"not JSON\n"
    assert planned(project(tmp_path, content, ", slice: [0, 1]")) == []
    assert [rule for _, rule, _, _ in planned(project(tmp_path, content))] == ["data-file"]


def test_of_a_long_file_the_beginning_is_read_and_said_to_be_that(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(data_files, "MOST_ROWS", 3)
    content = GOOD + b'{"question": "", "answer": "7"}\n' * 2 + GOOD
    assert [(severity, message) for severity, rule, _, message in planned(project(tmp_path, content))] == [
        ("error", "`test.jsonl`, line 2: column `question` is empty (2 of the first 3 rows are like it)"),
        ("note", "of `test.jsonl` only the first 3 rows are checked"),
    ]


def test_how_much_of_a_file_is_read_does_not_depend_on_its_size(tmp_path: Path) -> None:
    file = tmp_path / "long.jsonl"
    for rows in (data_files.MOST_ROWS, data_files.MOST_ROWS + 1):
        file.write_bytes(GOOD * rows)
        read = data_files.data_file(Data(file="long.jsonl"), tmp_path, tmp_path)
        assert read is not None
        assert read.reading is not None
        assert (read.reading.rows, read.whole) == (data_files.MOST_ROWS, rows == data_files.MOST_ROWS)
    wide = json.dumps({"question": "q", "answer": "7", "more": "x" * 2**20}) + "\n"
    file.write_text(wide * 20)
    read = data_files.data_file(Data(file="long.jsonl"), tmp_path, tmp_path)
    assert read is not None
    assert read.reading is not None
    assert (read.reading.rows, read.whole) == (8, False)


def test_a_file_that_is_not_there_is_an_error_that_names_its_neighbour(tmp_path: Path) -> None:
    (tmp_path / "tset.jsonl").write_bytes(GOOD)
    assert planned(project(tmp_path, None)) == [
        ("error", "data-missing", "test.jsonl", "there is no file `test.jsonl`")
    ]


@pytest.mark.parametrize("kept", ["data/test.jsonl.dvc", "data.dvc"])
def test_a_file_that_dvc_can_bring_is_a_note(kept: str, tmp_path: Path) -> None:
    spec = project(tmp_path, None)
    spec.write_text(spec.read_text().replace("test.jsonl", "data/test.jsonl"), encoding="utf-8")
    (tmp_path / "data").mkdir()
    (tmp_path / kept).touch()
    said = "`data/test.jsonl` is not here yet, so its rows are not checked"
    assert planned(spec) == [("note", "data-missing", "data/test.jsonl", said)]


@pytest.mark.parametrize("same", [True, False])
def test_a_copy_under_another_name_is_the_same_set(same: bool, tmp_path: Path) -> None:
    rows = [json.dumps({"question": f"What is {k} and {k}?", "answer": str(2 * k)}) for k in range(60)]
    (tmp_path / "one.jsonl").write_text("\n".join(rows), encoding="utf-8")
    (tmp_path / "two.jsonl").write_text("\n".join(rows) if same else "\n".join(rows)[::-1], encoding="utf-8")
    assert data_files.same_file(tmp_path / "one.jsonl", tmp_path / "two.jsonl") == same
    (tmp_path / "two.jsonl").write_text("\n".join(rows), encoding="utf-8")
    spec = tmp_path / "spec.yaml"
    (tmp_path / ".git").mkdir()
    spec.write_text(changed([(TRAIN, "train: {file: one.jsonl}"), (TEST, "test: {file: two.jsonl}")]))
    assert "evaluation-on-train" in {rule for _, rule, _, _ in planned(spec)}


def test_a_file_outside_the_project_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "secret.jsonl").write_bytes(GOOD)
    root = tmp_path / "project"
    root.mkdir()
    (root / "link.jsonl").symlink_to(tmp_path / "secret.jsonl")
    assert not inside(root / "link.jsonl", root)
    assert data_files.data_file(Data(file="link.jsonl"), root, root) is None


@pytest.mark.parametrize(
    ("gold", "count", "told"),
    [("7", 9, []), ("8", 9, ["none of the first 9 texts of `own` meets this condition"]), ("8", 7, [])],
)
def test_a_condition_that_no_text_of_a_file_meets_is_told(
    gold: str, count: int, told: list[str], tmp_path: Path
) -> None:
    (tmp_path / ".git").mkdir()
    row = {"question": "3 + 4?", "trace": "Step 1: 3 + 4 = 7.\nAnswer: 7", "answer": gold}
    (tmp_path / "own.jsonl").write_text(f"{json.dumps(row)}\n" * count, encoding="utf-8")
    own = "own: {file: own.jsonl, trace: trace}"
    rows = ("rows: {from: teach}", "rows: {from: own, where: own.correct}")
    spec = tmp_path / "spec.yaml"
    text = changed([(TRAIN, f"{TRAIN}\n  {own}")]).replace(*rows, 1)
    spec.write_text(text, encoding="utf-8")
    found = [message for _, rule, _, message in planned(spec) if rule == "condition-unmet"]
    assert found == told
