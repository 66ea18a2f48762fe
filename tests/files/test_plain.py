"""JSON and YAML of a stranger: data of bounded depth and size, or an error; never a hang or another exception."""

from __future__ import annotations

import json
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from cotspec.files.plain import DataError, json_value, yaml_value

MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(25))


@pytest.mark.parametrize(
    "raw",
    [
        *(b"", b"\xff", b'"\xed\xa0\x80"', rb'"\ud800"', rb'{"\udfff": 1}', b"9" * 41, b"9" * 100_000, b"nul"),
        *(b"[" * 100_000, b"[" * 51 + b"]" * 51, b'{"a":' * 51 + b"1" + b"}" * 51, b"\xef\xbb\xbf{}"),
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_json_that_nobody_writes_is_refused(raw: bytes) -> None:
    with pytest.raises(DataError):
        json_value(raw)


def test_json_is_read_as_it_is_meant() -> None:
    raw = json.dumps({"a": [1, 1.5, "é😀", None, True], "b": 1000000000000000019884624838656}).encode()
    assert json_value(raw) == json.loads(raw)
    assert json_value(b"[" * 50 + b"]" * 50)


def test_a_number_that_is_not_finite_is_none() -> None:
    assert json_value(b"[NaN, -Infinity, 1e999, 1e5]") == [None, None, None, 1e5]
    assert yaml_value(b"[.nan, .inf, 1e999, 1e5]") == [None, None, None, 1e5]


@pytest.mark.parametrize(
    "raw",
    [
        *(MERGES.encode(), b"a: &a [1]\nb: *a", b"a: &a 1", b"{<<: {a: 1}}", b"a: 1\na: 2", b"1: 2", b"? [a]\n: b"),
        *(b"!!python/object/apply:os.system [ls]", b"a: !x 1", b"- " * 100_000, b"[" * 100_000, b"a: \x00", b"\xff"),
        *(b"--- a\n--- b", b"- 1\n" * 10_001, b"#" * 2_000_000, rb'"\ud800"', b"a: " + b"9" * 41, b"a: ["),
    ],
    ids=lambda raw: repr(raw[:12]),
)
def test_yaml_that_no_program_writes_is_refused_at_once(raw: bytes) -> None:
    started = time.process_time()
    with pytest.raises(DataError):
        yaml_value(raw)
    assert time.process_time() - started < 1


def test_yaml_is_read_by_the_rules_of_1_2() -> None:
    assert yaml_value(b"a: {b: [1, no, 1:30, '010', 1e-5]}\n'<<': x\n") == {
        "a": {"b": [1, "no", "1:30", "010", 1e-5]},
        "<<": "x",
    }
    assert yaml_value(b"") is yaml_value(b"# nothing\n") is None


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=60) | st.text(alphabet="{}[]:,-#&*!|>'\"%@ \n\t1eaNx\\ud8", max_size=60).map(str.encode))
def test_any_bytes_are_data_or_an_error(raw: bytes) -> None:
    for read in (json_value, yaml_value):
        try:
            json.dumps(read(raw), ensure_ascii=False, allow_nan=False).encode("utf-8")
        except DataError:
            continue
