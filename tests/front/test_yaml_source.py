"""YAML as 1.2 means it, with the position of everything, and one clear finding for what cannot be read."""

from __future__ import annotations

import json
import math
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front import yaml_source
from cotspec.front.rules import FILE_RULES, RULES
from cotspec.front.text_files import LARGEST, read


def parsed(text: str) -> tuple[object, list[Diagnostic]]:
    sink = Sink()
    document = yaml_source.parse(text, "spec.yaml", sink)
    return (None if document is None else document.data), sink.findings


def from_file(content: bytes, folder: Path) -> list[str]:
    file, sink = folder / "spec.yaml", Sink()
    file.write_bytes(content)
    text = read(file, sink)
    if text is not None:
        yaml_source.parse(text, "spec.yaml", sink)
    return [f.rule for f in sink.findings]


@pytest.mark.parametrize(
    ("written", "value"),
    [
        ("1e-5", 1e-5),
        ("1E5", 1e5),
        (".5", 0.5),
        ("1.", 1.0),
        ("010", 10),
        ("0o17", 15),
        ("0x1F", 31),
        ("+3", 3),
        ("yes", "yes"),
        ("no", "no"),
        ("on", "on"),
        ("off", "off"),
        ("y", "y"),
        ("True", True),
        ("~", None),
        ("", None),
        ("null", None),
        ("1_000", "1_000"),
        ("12:30:00", "12:30:00"),
        ("2020-01-01", "2020-01-01"),
        ('"1"', "1"),
        ("'true'", "true"),
        ("1.2.3", "1.2.3"),
        ("e5", "e5"),
    ],
)
def test_scalar_is_read_as_yaml_1_2(written: str, value: object) -> None:
    data, found = parsed(f"on: {written}\n")
    assert found == []
    assert data == {"on": value}
    assert type(data["on"]) is type(value)  # type: ignore[index]


WITH_EXAMPLES = [slug for slug in FILE_RULES if RULES[slug].failing]


@pytest.mark.parametrize("slug", WITH_EXAMPLES)
def test_failing_file_has_exactly_its_finding(slug: str, tmp_path: Path) -> None:
    assert from_file(RULES[slug].failing.encode(), tmp_path) == [slug]


@pytest.mark.parametrize("slug", WITH_EXAMPLES)
def test_passing_file_has_no_finding(slug: str, tmp_path: Path) -> None:
    assert from_file(RULES[slug].passing.encode(), tmp_path) == []


@pytest.mark.parametrize(
    ("content", "slug"),
    [
        (b"name: \xff\n", "not-utf8"),
        ("name: a\n".encode("utf-16"), "not-utf8"),
        (b"#" * (LARGEST + 1), "file-too-large"),
        (b"name: \x00\n", "control-character"),
        (b"", "empty-file"),
        (b"\xef\xbb\xbfname: a\n", None),
        (b"name: a\r\nseed: 1\r\n", None),
    ],
)
def test_bytes_of_a_file(content: bytes, slug: str | None, tmp_path: Path) -> None:
    assert from_file(content, tmp_path) == ([] if slug is None else [slug])


@pytest.mark.parametrize(("name", "slug"), [(".", "not-a-file"), ("nothing.yaml", "missing-file"), ("a\0b", None)])
def test_what_is_no_file_is_a_finding(name: str, slug: str | None, tmp_path: Path) -> None:
    sink = Sink()
    assert read(tmp_path / name, sink) is None
    assert [f.rule for f in sink.findings] in ([slug], ["missing-file"], ["unreadable-file"])


def test_columns_count_characters_after_wide_letters_byte_order_mark_and_crlf(tmp_path: Path) -> None:
    file, sink = tmp_path / "s.yaml", Sink()
    file.write_bytes("\ufeff{é😀: {x: 1, x: 2}}\r\n".encode())
    text = read(file, sink)
    assert text is not None
    yaml_source.parse(text, "s.yaml", sink)
    (finding,) = sink.findings
    assert (finding.rule, finding.span.line, finding.span.column) == ("duplicate-key", 1, 13)
    assert finding.related[0][0].column == 7


def test_quote_closed_by_a_later_quote_is_found_where_it_opens() -> None:
    _, (finding,) = parsed("name: 'a\nseed: 'b'\n")
    assert (finding.rule, finding.span.line, finding.span.column) == ("unclosed-quote", 1, 7)


def test_source_map_knows_every_key_and_value() -> None:
    text = "stages:\n  compress:\n    train: {lr: 1e-5, of: [a, b]}\n"
    document = yaml_source.parse(text, "s.yaml", Sink())
    assert document is not None
    source, path = document.source, ("stages", "compress", "train", "lr")
    assert (source.key(path).line, source.key(path).column) == (3, 13)
    assert (source.value(path).column, source.value(path).end_column) == (17, 21)
    assert source.value(("stages", "compress", "train", "of", 1)).column == 31
    assert source.value(("stages", "compress", "train", "epochs", "x")).column == 5
    assert source.key(("nowhere",)).line == 1


@given(
    st.recursive(
        st.none()
        | st.booleans()
        | st.integers()
        | st.floats(allow_nan=False, allow_infinity=False)
        | st.text("aé:#-{'\" 1", max_size=6),
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.text("abé", min_size=1, max_size=4), inner, max_size=3)
        ),
        max_leaves=8,
    )
)
def test_json_is_read_as_json(value: object) -> None:
    data, found = parsed(json.dumps({"a": value}, ensure_ascii=False))
    assert found == []
    assert data == {"a": value}


@given(st.text(alphabet="ab:- \n\t[]{}&*!|>'\"#%@`,?1.", max_size=40))
def test_any_text_is_read_or_refused_with_a_place_in_the_file(text: str) -> None:
    data, found = parsed(text)
    lines = text.split("\n")
    assert data is None or not found
    for finding in found:
        assert 1 <= finding.span.line <= len(lines)
        assert 1 <= finding.span.column <= len(lines[finding.span.line - 1]) + 1


def test_hostile_nesting_is_left_at_once() -> None:
    _, found = parsed("[" * 200_000)
    assert [f.rule for f in found] == ["too-deep"]


def test_every_float_that_is_read_is_finite() -> None:
    for text in ("1e999", "-1e999", ".inf", "-.INF", ".nan", "9" * 400):
        data, found = parsed(f"a: {text}\n")
        assert [f.rule for f in found] == ["not-finite"], text
        assert data is None
    assert math.isfinite(parsed("a: 1e308\n")[0]["a"])  # type: ignore[index]


UNQUOTED = [
    # where @ marks what should be quoted
    "a: {value: @curve(words, [0.35, 2.0], [1.0, 0])@}",
    "a: {value: @clip(a - b, 0, 3)@, weight: 0.3}",
    "a: {b: {välue: @1 - min(a, max(b, 1)) * 2@}, c: 3}",
    "a: [@clip(a, 0, 1)@, 3]",
]


@pytest.mark.parametrize("written", UNQUOTED)
def test_a_comma_in_an_unquoted_expression_is_one_finding_that_says_to_quote_it(written: str) -> None:
    before, expression, after = written.split("@")
    _, (finding,) = parsed(f"{before}{expression}{after}\n")
    assert (finding.rule, finding.suggestions) == ("unquoted-comma", (f'"{expression}"',))
    assert finding.span[1:] == (1, len(before) + 1, 1, len(before) + len(expression) + 1)
    assert parsed(f'{before}"{expression}"{after}\n')[1] == []


def test_every_unquoted_expression_is_found() -> None:
    _, found = parsed("a: {value: min(a, b)}\nb: [max(1, 2), max(2,\n  3)]\n")
    assert [(f.suggestions[0], f.span.line, f.span.end_line) for f in found] == [
        ('"min(a, b)"', 1, 1),
        ('"max(1, 2)"', 2, 2),
        ('"max(2, 3)"', 2, 3),
    ]


@pytest.mark.parametrize("text", ["a: {b: f(x, c: (y)}", "a: [f(, b]", 'a: {b: f(x, "c)": 1}', "a: f(x, [1, 2])"])
def test_a_bracket_that_is_no_call_is_left_alone(text: str) -> None:
    assert [f.rule for f in parsed(f"{text}\n")[1] if f.rule == "unquoted-comma"] == []


def test_a_key_with_a_colon_and_nothing_behind_it_is_null() -> None:
    sink = Sink()
    document = yaml_source.parse("a: {b: , c: 1}\nd:\n", "spec.yaml", sink)
    assert document is not None
    assert document.data == {"a": {"b": None, "c": 1}, "d": None}
