"""Tasks about questions: what a file or a hub data set must hold, and what sets have in common."""

from __future__ import annotations

import csv
import gzip
import io
import json
from pathlib import Path
from typing import Any

import pytest
from conftest import QUESTIONS, Run, Stage, write_lines

from cotspec.spec.payload import ContaminationBody, DataBody, FileData, HubData, Range, ReportBody

WHOLE = Range(first=0, end=-1)
METRICS = {
    "n": 500, "accuracy": 0.5, "accuracy_low": 0.46, "accuracy_high": 0.54, "tokens": 120.0, "formatted": 0.99,
    "truncated": 0.0, "ungradable": 0,
}  # fmt: skip


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def file_body(**changes: Any) -> DataBody:
    values = {"question": "q", "answer": "a", "answer_after": "####"} | changes
    return DataBody(source=FileData(**values), slice=Range(first=1, end=3))


def test_a_file_keeps_its_slice_its_row_numbers_and_the_gold_answer(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    file = write_lines(tmp_path / "d.jsonl", [{"q": f"q{k}", "a": f"because #### 2,{k}25"} for k in range(4)])
    folder = stage("data-1", file_body(), {"file": file})
    assert run_here(folder)[0] == 0
    assert read(folder / "out/problems.jsonl") == [
        {"id": 1, "question": "q1", "answer": "2,125"},
        {"id": 2, "question": "q2", "answer": "2,225"},
    ]


TRACED = [
    {"id": 0, "question": "3 + 4?\nin words", "answer": "7", "trace": "Step 1: 3, 4 make 7.\nAnswer: 7"},
    {"id": 1, "question": "é?", "answer": "2", "trace": "Answer: 2"},
]


def in_format(folder: Path, name: str) -> Path:
    """The same rows in a file of a format, or in a folder of shards."""
    rows = [{"info": {"q": each["question"]}, "a": each["answer"], "t": each["trace"]} for each in TRACED]
    flat = [{"info.q": each["question"], "a": each["answer"], "t": each["trace"]} for each in TRACED]
    path = folder / name
    bare = name.removesuffix(".gz")
    if name.startswith("shards"):
        path.mkdir()
        for at, row in enumerate(rows):
            write_lines(path / f"part-{at}.jsonl", [row])
        return path
    if bare.endswith(".parquet"):
        pyarrow = pytest.importorskip("pyarrow", reason="Parquet is read with pyarrow, of the `train` extra")
        from pyarrow import parquet

        parquet.write_table(pyarrow.Table.from_pylist(rows), folder / bare)
        content = (folder / bare).read_bytes()
    elif bare.endswith(".json"):
        content = json.dumps(rows, indent=1).encode()
    elif bare.endswith((".csv", ".tsv")):
        text = io.StringIO()
        writer = csv.DictWriter(text, ("a", "info.q", "t"), delimiter="\t" if bare.endswith(".tsv") else ",")
        writer.writeheader()
        writer.writerows(flat)
        content = text.getvalue().encode()
    else:
        content = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    return path


@pytest.mark.parametrize(
    "name",
    [f"d{end}{packed}" for end in (".jsonl", ".json", ".csv", ".tsv", ".parquet") for packed in ("", ".gz")]
    + ["shards"],
)
def test_every_format_gives_the_same_problems(name: str, stage: Stage, run_here: Run, tmp_path: Path) -> None:
    body = DataBody(source=FileData(question="info.q", answer="a", answer_after="", trace="t"), slice=WHOLE)
    folder = stage("data-1", body, {"file": in_format(tmp_path, name)})
    code, _, err = run_here(folder)
    assert code == 0, err
    assert read(folder / "out/problems.jsonl") == TRACED


def test_a_parquet_file_of_more_than_anybody_asks_is_refused(
    stage: Stage, run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    in_format(tmp_path, "d.parquet.gz")
    body = DataBody(source=FileData(question="info.q", answer="a", answer_after=""), slice=WHOLE)
    for at, (name, said) in enumerate((("d.parquet", "64 rows have "), ("d.parquet.gz", "gzip has packed more than"))):
        monkeypatch.setattr("cotspec.runtime.parquet._MOST", at * -100_000)
        code, _, err = run_here(stage(f"data-{at}", body, {"file": tmp_path / name}))
        assert (code, said in err) == (2, True), err


@pytest.mark.parametrize(
    ("name", "changes", "message"),
    [
        ("d.csv", {"question": "info.x"}, "d.csv, line 2: no column `info.x`; there are a, info.q, t (and 1 more row)"),
        (
            "d.parquet",
            {"question": "info.x"},
            "d.parquet, row 0: no column `info.x`; there are info.q (and 1 more row)",
        ),
        ("d.parquet", {"answer": "b"}, "d.parquet, row 0: no column `b`; there are a, info.q, t (and 1 more row)"),
        (
            "shards",
            {"answer": "b"},
            "shards/part-0.jsonl, line 1: no column `b`; there are a, info.q, t (and 1 more row)",
        ),
    ],
)
def test_a_missing_column_is_named_with_its_place_in_every_format(
    name: str, changes: dict[str, str], message: str, stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    columns = {"question": "info.q", "answer": "a", "answer_after": "", "trace": "t"} | changes
    folder = stage("data-1", DataBody(source=FileData(**columns), slice=WHOLE), {"file": in_format(tmp_path, name)})
    assert run_here(folder)[::2] == (2, f"cotspec: {message}\n")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("d.csv", b"q;a\n", "d.csv, line 1: its columns seem to be separated by semicolons, not commas: write it with"),
        (
            "d.parquet",
            b"PAR1junkPAR1",
            "d.parquet, row 0: it is no Parquet file that can be read (Parquet file size is 12 bytes",
        ),
        ("d.parquet", b"", "d.parquet, row 0: it is no Parquet file that can be read (Parquet file size is 0 bytes)"),
    ],
)
def test_a_file_that_is_not_what_its_name_says_is_said_in_one_line(
    name: str, content: bytes, message: str, stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    pytest.importorskip("pyarrow", reason="Parquet is read with pyarrow, of the `train` extra")
    (tmp_path / name).write_bytes(content)
    code, _, err = run_here(stage("data-1", file_body(), {"file": tmp_path / name}))
    assert (code, err.startswith(f"cotspec: {message}"), err.count("\n")) == (2, True, 1), err


def test_a_missing_column_is_named_with_those_there_are(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    file = write_lines(tmp_path / "d.jsonl", [{"q": "x", "b": "1"}] * 3)
    folder = stage("data-1", file_body(), {"file": file})
    code, _, err = run_here(folder)
    assert code == 2
    said = "d.jsonl, line 2: no column `a`; there are b, q (and 1 more row)"  # line 1 is before the slice
    assert err == f"cotspec: {said}\n"
    assert not (folder / "out").exists()


def test_gold_answers_that_nothing_can_equal_are_counted_and_named(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    golds = ["18", "\\frac{1}{", "Monday", "x = 1 or x = 2"]
    file = write_lines(tmp_path / "d.jsonl", [{"q": f"How many, {i}?", "a": gold} for i, gold in enumerate(golds)])
    body = DataBody(source=FileData(question="q", answer="a", answer_after=""), slice=WHOLE)
    folder = stage("data-1", body, {"file": file})
    code, out, err = run_here(folder)
    assert code == 0, err
    counts = json.loads((folder / "out/counts.json").read_text())
    assert counts == {"problems": 4, "gold_answers_nothing_can_equal": 1}
    assert "row 1: the gold answer is a formula that math-verify cannot read" in out


def test_bad_rows_are_left_out_where_so_many_may_be_and_told(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    file = tmp_path / "d.jsonl"
    good = [b'{"q": "How many, %d?", "a": "5"}\n' % n for n in range(18)]
    file.write_bytes(good[0] + b"{\n" + b"".join(good[1:]) + b'{"q": "x"}\n')
    source = FileData(question="q", answer="a", answer_after="", max_bad_rows=0.1)
    folder = stage("data-1", DataBody(source=source, slice=WHOLE), {"file": file})
    code, out, err = run_here(folder)
    assert code == 0, err
    told = ["d.jsonl, line 2: not JSON (Expecting property name enclosed in double quotes)"]
    told += ["d.jsonl, line 20: no column `a`; there are q"]
    counts = json.loads((folder / "out/counts.json").read_text())
    assert counts == {"problems": 18, "bad_rows": 2, "first_bad_rows": told}
    said = ["2 of 20 rows are bad and left out, as `max_bad_rows: 0.1` allows:", *told]
    assert "\n  ".join(said) in out
    assert [each["id"] for each in read(folder / "out/problems.jsonl")] == [0, *range(2, 19)]
    fewer = DataBody(source=source.model_copy(update={"max_bad_rows": 0.09}), slice=WHOLE)
    code, _, err = run_here(stage("data-2", fewer, {"file": file}))
    share = "2 of 20 rows are bad, more than `max_bad_rows: 0.09` allows"
    assert (code, err) == (2, "cotspec: " + "\n  ".join([*told, share]) + "\n")


@pytest.mark.parametrize("name", ["d.csv.gz", "d.parquet"])
def test_a_file_that_is_cut_off_is_an_error_whatever_may_be_bad(
    name: str, stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    file = in_format(tmp_path, name)
    file.write_bytes(file.read_bytes()[:-9])
    source = FileData(question="info.q", answer="a", answer_after="", max_bad_rows=0.9)
    code, _, err = run_here(stage("data-1", DataBody(source=source, slice=WHOLE), {"file": file}))
    assert (code, "max_bad_rows" in err) == (2, False), err


@pytest.mark.parametrize(
    ("line", "after", "message"),
    [
        (b'{"q": "x", "a": "5"}', "####", "no '####' in the answer field '5'; check `answer.after` of the data set"),
        (b'{"q": "x", "a": ""}', "", "the answer field '' holds no answer"),
        (b'{"q": "caf\xe9", "a": "5"}', "", "not UTF-8 (byte 11)"),
        (b'{"q": "x", "a": null}', "", "column `a` holds nothing, which is neither a text nor a number"),
        (b'{"q": "x", "a": ["5"]}', "", "column `a` holds ['5'] (list), which is neither a text nor a number"),
        (b'{"q": "x", "a": true}', "", "column `a` holds True (bool), which is neither a text nor a number"),
        (b'{"q": "x", "a": NaN}', "", "column `a` holds nan (float), which is neither a text nor a number"),
        (
            b'{"q": "x", "a": "nan"}',
            "",
            "the gold answer is 'nan', which is what programs write where a value is missing",
        ),
        (b'{"q": " ", "a": "5"}', "", "column `q` is empty"),
        (
            b'{"q": "\\ud83d", "a": "5"}',
            "",
            "column `q` holds half a character (a lone surrogate), which no file can keep",
        ),
        (b'{"q": "x", "a": ' + b"9" * 5000 + b"}", "", "holds a number of more digits than can be read"),
        (b"[" * 100_000, "", "nested too deeply"),
    ],
)
def test_a_line_that_gives_no_problem_is_named_with_its_fault(
    stage: Stage, run_here: Run, tmp_path: Path, line: bytes, after: str, message: str
) -> None:
    file = tmp_path / "d.jsonl"
    file.write_bytes(b'{"q": "x", "a": "#### 5"}\n' + line + b"\n")
    code, _, err = run_here(stage("data-1", file_body(answer_after=after), {"file": file}))
    assert code == 2
    assert err == f"cotspec: d.jsonl, line 2: {message}\n"


def test_a_byte_order_mark_windows_line_ends_and_blank_lines_are_read(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    file = tmp_path / "d.jsonl"
    file.write_bytes(b"\xef\xbb\xbf" + b'{"q": "x", "a": "5"}\r\n\r\n{"q": "y", "a": 6}')
    folder = stage(
        "data-1", DataBody(source=FileData(question="q", answer="a", answer_after=""), slice=WHOLE), {"file": file}
    )
    code, _, err = run_here(folder)
    assert code == 0, err
    assert read(folder / "out/problems.jsonl") == [
        {"id": 0, "question": "x", "answer": "5"},
        {"id": 1, "question": "y", "answer": "6"},
    ]


def test_a_question_with_two_gold_answers_is_named(stage: Stage, run_here: Run, tmp_path: Path) -> None:
    rows = [
        {"q": "How many?", "a": "5"},
        {"q": "Who?", "a": "x"},
        {"q": "how many", "a": "5.0"},
        {"q": "who", "a": "y"},
    ]
    body = DataBody(source=FileData(question="q", answer="a", answer_after=""), slice=WHOLE)
    code, out, err = run_here(stage("data-1", body, {"file": write_lines(tmp_path / "d.jsonl", rows)}))
    assert code == 0, err
    said = "CONTRADICTING: 1 of 4 questions repeat an earlier one with another gold answer (row 3: row 1, for one)"
    assert out.splitlines()[-1] == said


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        ('{"q": "x", "a":\n', ": JSON parse error: Invalid value. in row 0"),
        ('{"q": "x"}\n', ", row 0: no column `a`; there are q"),
        ('{"q": "x", "a": "2,125"}\n', ", row 0: no '####' in the answer field '2,125'; check `answer.after`"),
    ],
)
def test_a_hub_data_set_that_cannot_be_used_says_why_in_one_line(
    stage: Stage, run_here: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, lines: str, message: str
) -> None:
    datasets = pytest.importorskip("datasets", reason="data sets of the hub need the `train` extra")
    monkeypatch.setattr(datasets.config, "HF_DATASETS_CACHE", str(tmp_path / "cache"))
    (tmp_path / "set").mkdir()
    (tmp_path / "set/train.jsonl").write_text(lines)
    (tmp_path / "cotspec.local.yaml").write_text(json.dumps({"data": {"lab/set": str(tmp_path / "set")}}))
    place = {"id": "lab/set", "config": "", "split": "train", "revision": "main"}
    source = HubData(**place, question="q", answer="a", answer_after="####")
    code, _, err = run_here(stage("data-1", DataBody(source=source, slice=WHOLE)))
    assert code == 2
    assert message in err
    assert err.count("\n") == 1


def test_the_sets_of_an_experiment_are_compared_and_the_report_says_what_they_share(
    stage: Stage, run_here: Run, tmp_path: Path
) -> None:
    def problems(name: str, *asked: tuple[str, str]) -> Path:
        lines = [{"id": at, "question": question, "answer": answer} for at, (question, answer) in enumerate(asked)]
        return write_lines(tmp_path / f"{name}.jsonl", lines)

    taught = problems("taught", *QUESTIONS[:4], ("How many?", "1"), ("how many", "2"))
    tested = problems("tested", QUESTIONS[9], (QUESTIONS[2][0].upper(), QUESTIONS[2][1]))
    folder = stage("contamination-1", ContaminationBody(), {"taught": taught, "tested": tested})
    code, out, err = run_here(folder)
    assert code == 0, err
    assert out.splitlines() == [
        "CONTAMINATED: 1 of 2 evaluation questions are training questions, too: 1 equal, 0 in most of their words "
        "(row 1 is row 2, for one); 1 share 13 words in a row",
        "CONTRADICTING: 1 of 6 training questions repeat an earlier one with another gold answer "
        "(row 5: row 4, for one)",
    ]
    place = tmp_path / "generated/stages/evaluate-1/out"
    place.mkdir(parents=True)
    (place / "metrics.json").write_text(json.dumps(METRICS))
    files = {"evaluate.student": place / "metrics.json", "contamination": folder / "out/contamination.json"}
    report = stage("report-tiny", ReportBody(name="tiny", about="About.", labels=("student",)), files)
    code, told, err = run_here(report)
    assert code == 0, err
    assert set(out.splitlines()) < set(told.splitlines())
    assert all(f"- {line}" in (report / "out/report.md").read_text().splitlines() for line in out.splitlines())
    record = json.loads((report / "out/report.json").read_text())["contamination"]
    assert record == json.loads((folder / "out/contamination.json").read_text())
    assert record["pairs"]["tested.taught"]["examples"] == [[1, 2, 1.0]]
