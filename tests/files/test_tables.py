"""Data files of every format → rows with their lines, within bounds, and what is said of those that are none."""

from __future__ import annotations

import csv
import gzip
import io
import json
import time
from collections.abc import Mapping
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.files import counting, tables
from cotspec.files.tables import Bad, Meter, Place, TableError

BOM = b"\xef\xbb\xbf"
TEXT = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\x00"), max_size=20)


def rows(path: Path, content: bytes, *, most: int | None = None) -> list[tuple[int, object]]:
    path.write_bytes(content)
    return [
        (place.number, json.loads(row) if isinstance(row, bytes) else row)
        for place, row in tables.rows(path, Meter(most))
    ]


TWO = [(1, {"q": "a, b", "a": "1"}), (2, {"q": "é\n", "a": "2"})]
LINES = b'{"q": "a, b", "a": "1"}\n{"q": "\xc3\xa9\\n", "a": "2"}\n'

GOOD: dict[str, tuple[str, bytes, list[int]]] = {
    "JSON lines": ("d.jsonl", LINES, [1, 2]),
    "JSON lines of any other name": ("d.txt", LINES, [1, 2]),
    "JSON lines that are called JSON": ("d.json", LINES, [1, 2]),
    "a JSON list on one line": ("d.json", b"[" + LINES.strip().replace(b"}\n{", b"},{") + b"]\n", [1, 1]),
    "a JSON list over several": ("d.json", b"\n[\n" + LINES.strip().replace(b"}\n{", b"},\n {") + b"\n]\n", [3, 4]),
    "a table": ("d.csv", b'q,a\n"a, b",1\n"\xc3\xa9\n",2\n', [2, 3]),
    "a table without an end of its last line": ("d.csv", b'q,a\n"a, b",1\n"\xc3\xa9\n",2', [2, 3]),
    "a table with blank lines": ("d.csv", b'\nq,a\n\n"a, b",1\n\n"\xc3\xa9\n",2\n\n', [4, 6]),
    "a table with tabs": ("d.TSV", b'q\ta\na, b\t1\n"\xc3\xa9\n"\t2\n', [2, 3]),
}


@pytest.mark.parametrize("marked", [b"", BOM])
@pytest.mark.parametrize("packed", [False, True])
@pytest.mark.parametrize("name", GOOD)
def test_every_format_gives_the_same_rows(name: str, *, packed: bool, marked: bytes, tmp_path: Path) -> None:
    file, content, lines = GOOD[name]
    content = marked + content
    found = rows(tmp_path / f"{file}{'.gz' if packed else ''}", gzip.compress(content) if packed else content)
    assert found == [(line, values) for line, (_, values) in zip(lines, TWO, strict=True)]
    counted = counting.rows(tmp_path / f"{file}{'.gz' if packed else ''}", most=len(content))
    assert counted == (2, len(content))
    assert counting.rows(tmp_path / f"{file}{'.gz' if packed else ''}", most=len(content) - 1) is None


def test_windows_line_ends_are_line_ends(tmp_path: Path) -> None:
    assert rows(tmp_path / "d.csv", b"q,a\r\nx,1\r\n") == [(2, {"q": "x", "a": "1"})]
    assert rows(tmp_path / "d.json", b'[\r\n{"q": 1}\r\n]') == [(2, {"q": 1})]


BAD: dict[str, tuple[str, bytes, int, str]] = {
    "a quote without an end": (
        "d.csv",
        b'q,a\nx,1\n"y,2\n',
        3,
        "it cannot be cut into values: a quote is never closed",
    ),
    "text behind a quote": ("d.csv", b'q,a\n"x"y,1\n', 2, "it cannot be cut into values: ',' expected after '\"'"),
    "more values than columns": ("d.csv", b"q,a\nx,1,2\n", 2, "3 values, and the header names 2 columns"),
    "another delimiter": ("d.csv", b"q;a\nx;1\n", 1, "its columns seem to be separated by semicolons, not commas"),
    "tabs in a CSV": ("d.csv", b"q\ta\n", 1, "its columns seem to be separated by tabs, not commas"),
    "one name for two columns": ("d.csv", b"q,a,q\n", 1, "its header names the column `q` twice"),
    "line ends of an old Mac": (
        "d.csv",
        b"q,a\rx,1\r",
        1,
        "it cannot be cut into values: a carriage return ends a line without a line feed",
    ),
    "UTF-16 in a table": ("d.csv", "q,a\nx,1\n".encode("utf-16"), 1, "the file is UTF-16 text"),
    "Parquet in a table": ("d.csv", b"PAR1\x15\x04\x15\x90", 1, "the file is a Parquet file"),
    "Latin-1 in a table": ("d.csv", b"q,a\nx,1\ncaf\xe9,1\n", 3, "not UTF-8 (byte 4)"),
    "Latin-1 in a list": ("d.json", b'[{"q": "caf\xe9"}]', 1, "not UTF-8 (byte 0xe9)"),
    "a list of texts": ("d.json", b'[\n"q"]', 2, "not a JSON object"),
    "a list without an end": ("d.json", b'[{"q": 1}', 1, "its JSON list has no end"),
    "a list without a comma": ("d.json", b"[{}\n{}]", 2, "the JSON list goes on with '{', not ']'"),
    "an object without an end": ("d.json", b'[\n{"q": 1', 2, "not JSON (Expecting ',' delimiter)"),
    "something behind a list": ("d.json", b"[{}]\n[]", 2, "something follows the JSON list"),
    "a number that is too long": (
        "d.json",
        b'[{"q": ' + b"9" * 5000 + b"}]",
        1,
        "holds a number of more digits than can be read",
    ),
    "a list in a list in a list …": ("d.json", b"[" * 100_000, 1, "nested too deeply"),
    "no gzip": ("d.csv.gz", b"q,a\nx,1\n", 1, "it is not compressed by gzip, as its name says"),
    "gzip that was cut off": (
        "d.csv.gz",
        gzip.compress(b"q,a\n")[:-9],
        1,
        "gzip cannot unpack it, since it is cut off or damaged (Compressed file ended before the end-of-stream marker "
        "was reached)",
    ),
}


ONE_ROW = ("more values than columns", "Latin-1 in a table", "a list of texts")
"""Of these the rows behind can be read; of the others nobody knows where they begin."""


@pytest.mark.parametrize("name", BAD)
def test_what_cannot_be_read_is_named_with_its_line(name: str, tmp_path: Path) -> None:
    file, content, line, message = BAD[name]
    at, row = rows(tmp_path / file, content)[-1]
    assert (at, row._replace(advice="")) == (line, Bad(message, ends=name not in ONE_ROW))  # type: ignore[union-attr]
    counting.rows(tmp_path / file, most=10**6)  # does not raise


@pytest.mark.parametrize(
    "content",
    [
        b"q,a\n" + b"x" * 2**25,
        b'q,a\n"' + b"x\n" * 2**24,
        b"q,a" + b",x" * 2**24 + b"\n",
        b"\n" * 2**25,
        b"q,a\n" + b"x,1\n" * 2**23,
    ],
    ids=["a long line", "a quote without an end", "a long header", "blank lines", "many rows"],
)
@pytest.mark.parametrize("name", ["d.csv.gz", "d.jsonl.gz", "d.json.gz"])
def test_a_file_that_gzip_unpacks_to_far_more_is_read_as_far_as_a_check_reads(
    name: str, content: bytes, tmp_path: Path
) -> None:
    (tmp_path / name).write_bytes(gzip.compress(content, compresslevel=1))
    meter, begun = Meter(2**20), time.monotonic()
    for _ in tables.rows(tmp_path / name, meter):
        pass
    assert time.monotonic() - begun < 10


def test_what_no_text_unpacks_to_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cotspec.files.unpacked._UNPACKED", 2**20)
    *_, (_, last) = rows(tmp_path / "d.csv.gz", gzip.compress(b"q,a\n" + b"x,1\n" * 2**20))
    assert last == Bad("it unpacks to more than 200 times its size, as no text does", ends=True)


def test_rows_behind_one_that_cannot_be_read_are_read(tmp_path: Path) -> None:
    table = b'q,a\ncaf\xe9,1\n"y\nz\xe9",2\nx,1,2\nx,3\n'
    assert rows(tmp_path / "d.csv", table) == [
        (2, Bad("not UTF-8 (byte 4)")),
        (3, Bad("not UTF-8 (byte 2)")),
        (5, Bad("3 values, and the header names 2 columns")),
        (6, {"q": "x", "a": "3"}),
    ]
    assert rows(tmp_path / "d.json", b'[1, {"q": "x"}]') == [(1, Bad("not a JSON object")), (1, {"q": "x"})]


def test_a_line_is_bounded_and_ends_its_file(tmp_path: Path) -> None:
    long = b"x" * (tables.LONGEST_ROW + 2**17) + b"\n{}\n"
    assert rows(tmp_path / "d.jsonl", b"{}\n" + long) == [
        (1, {}),
        (2, Bad("longer than 16,777,216 bytes", ends=True)),
    ]


def test_an_object_is_bounded_too(tmp_path: Path) -> None:
    ((_, row),) = rows(tmp_path / "d.json", b'[{"q": "' + b"x" * (tables.LONGEST_ROW + 2**17))
    assert isinstance(row, Bad)
    assert "longer than 16,777,216 characters" in row.message


@pytest.mark.parametrize("name", ["d.jsonl", "d.json", "d.csv"])
def test_rows_that_begin_after_the_bound_are_left_and_that_is_known(name: str, tmp_path: Path) -> None:
    path = tmp_path / name
    wide = "x" * 50_000
    values = [{"q": f"{n}{wide}"} for n in range(20)]
    if name == "d.csv":
        text = io.StringIO()
        csv.writer(text).writerows([["q", "a"], *([row["q"], "1"] for row in values)])
        content = text.getvalue()
    else:
        content = "\n".join(map(json.dumps, values)) if name == "d.jsonl" else json.dumps(values, indent=1)
    path.write_text(content, encoding="utf-8")
    meter, whole = Meter(300_000), Meter()
    assert 5 <= sum(1 for _ in tables.rows(path, meter)) <= 8
    assert meter.short
    assert (sum(1 for _ in tables.rows(path, whole)), whole.short) == (20, False)


def test_shards_are_read_in_the_order_of_their_names(tmp_path: Path) -> None:
    for name, value in (("b.csv.gz", 2), ("a.csv", 1), (".hidden", 3)):
        content = f"q\n{value}\n".encode()
        (tmp_path / name).write_bytes(gzip.compress(content) if name.endswith(".gz") else content)
    assert list(tables.rows(tmp_path, Meter())) == [
        (Place("a.csv", 2), {"q": "1"}),
        (Place("b.csv.gz", 2), {"q": "2"}),
    ]


@pytest.mark.parametrize(
    ("names", "message"),
    [
        ((), "the folder holds no data file"),
        (("a.csv", "b.jsonl"), "the folder holds `a.csv` and `b.jsonl`, and its files are of one format"),
        (
            ("a.csv", "README.md"),
            "the folder holds `README.md`, which is no .jsonl, .ndjson, .json, .csv, .tsv or .parquet (`.gz` behind "
            "them or not)",
        ),
        (("a.csv", "more/"), "the folder holds another folder, `more`"),
    ],
)
def test_a_folder_of_anything_else_is_refused(names: tuple[str, ...], message: str, tmp_path: Path) -> None:
    for name in names:
        (tmp_path / name).mkdir() if name.endswith("/") else (tmp_path / name).write_text("q\n1\n")
    with pytest.raises(TableError) as caught:
        list(tables.rows(tmp_path, Meter()))
    assert str(caught.value) == message


def test_a_link_out_of_the_project_is_not_read(tmp_path: Path) -> None:
    (tmp_path / "secret.csv").write_text("q\ncanary\n")
    shards = tmp_path / "project/shards"
    shards.mkdir(parents=True)
    (shards / "a.csv").symlink_to(tmp_path / "secret.csv")
    found = list(tables.rows(shards, Meter(), within=(tmp_path / "project",)))
    assert found == [(Place("a.csv", 1), Bad("it leads out of the project", ends=True))]


Table = list[dict[str, str]]


@given(st.lists(st.fixed_dictionaries({"q": TEXT, "a": TEXT}), max_size=8), st.integers(1, 40))
def test_what_the_libraries_write_is_read_as_they_meant_it(
    tmp_path_factory: pytest.TempPathFactory, table: Table, block: int
) -> None:
    folder = tmp_path_factory.mktemp("tables")
    text = io.StringIO()
    writer = csv.DictWriter(text, ("q", "a"))
    writer.writeheader()
    writer.writerows(table)
    for name, written in (("d.json", json.dumps(table, indent=block % 3)), ("d.csv", text.getvalue())):
        (folder / name).write_text(written, encoding="utf-8", newline="")
        with pytest.MonkeyPatch.context() as patch:
            for module in ("unpacked", "json_list"):
                patch.setattr(f"cotspec.files.{module}.BLOCK", block)
            found = [row for _, row in tables.rows(folder / name, Meter())]
        assert [dict(row) if isinstance(row, Mapping) else row for row in found] == table
