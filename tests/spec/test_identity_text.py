"""One text per value: what is equal hashes equal, what has no stable form is refused."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys
from enum import IntEnum
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.ir.plan import Read
from cotspec.spec.identity import canonical, fingerprint
from cotspec.spec.payload import Range, Sampling, TracesBody

ROOT = Path(__file__).parents[2]


class Colour(IntEnum):
    RED = 1


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    "value",
    [None, {1, 2}, b"x", math.nan, math.inf, -math.inf, Path("x"), Colour.RED, Text("x"), {1: "x"}, [object()]],
    ids=lambda value: type(value).__name__,
)
def test_what_has_no_stable_form_is_refused(value: object) -> None:
    with pytest.raises(TypeError):
        canonical({"a": [value]})


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ({"b": 1, "a": [True, 1.0, 1]}, '{"a":[true,1.0,1],"b":1}'),
        (1e-5, "1e-05"),
        (0.1, "0.1"),
        (-0.0, "0.0"),
        ("Thinking…", '"Thinking\\u2026"'),
        ((1, 2), "[1,2]"),
        (Range(first=0, end=-1), '{"end":-1,"first":0}'),
    ],
)
def test_canonical_text(value: object, text: str) -> None:
    assert canonical(value) == text


values = st.recursive(
    st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


@given(values)
def test_canonical_text_is_json_that_keeps_the_value(value: object) -> None:
    assert json.loads(canonical(value)) == value


@given(st.dictionaries(st.text(), st.integers()), st.randoms())
def test_the_order_of_keys_does_not_show(value: dict[str, int], random: object) -> None:
    keys = list(value)
    random.shuffle(keys)  # type: ignore[attr-defined]
    assert canonical({key: value[key] for key in keys}) == canonical(value)


def body(at_least: int = 1) -> TracesBody:
    openers = {"thinking": "T", "step": "S {n}", "answer": "A"}
    pick = {"kind": "first", "shortest": 0.0, "seed": 0}
    given = {"format": openers, "answer": "any", "at_least": at_least, "at_most": 9, "pick": pick}
    return TracesBody.model_validate(given)


def test_everything_a_result_depends_on_is_in_the_fingerprint() -> None:
    reads = {"rollouts": Read(task="teach-1", file="rollouts.jsonl")}
    base = fingerprint(body(), kernel={"segment": 1}, inputs=reads)
    others = [
        fingerprint(body(2), kernel={"segment": 1}, inputs=reads),
        fingerprint(body(), kernel={"segment": 2}, inputs=reads),
        fingerprint(body(), kernel={"segment": 1}, inputs={"rollouts": Read(task="teach-2", file="rollouts.jsonl")}),
        fingerprint(body(), kernel={"segment": 1}, inputs={"rollouts": Read(task="teach-1", file="other.jsonl")}),
        fingerprint(body(), kernel={"segment": 1}, inputs={"other": Read(task="teach-1", file="rollouts.jsonl")}),
        fingerprint(body(), kernel={"segment": 1}, inputs={}),
    ]
    assert len({base, *others}) == 7


def test_two_kinds_of_body_with_the_same_fields_differ() -> None:
    sampling = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=1)
    assert canonical(sampling) != canonical(body())
    assert '"kind":"traces"' in canonical(body())


SCRIPT = """
import hashlib, sys
sys.path.insert(0, sys.argv[1])
from cotspec.back.registry import emit
from tests.support import sealed, spec_data
files = emit(sealed(spec_data("small"), spec_data("everything")).plan)
print(hashlib.sha256(repr(sorted(files.items())).encode()).hexdigest())
"""


def test_the_same_specs_give_the_same_bytes_in_another_process_folder_and_hash_seed(tmp_path: Path) -> None:
    digests = set()
    for seed, folder in (("0", ROOT), ("1", tmp_path), ("4242", tmp_path)):
        environment = os.environ | {"PYTHONHASHSEED": seed}
        done = subprocess.run(
            [sys.executable, "-c", SCRIPT, str(ROOT)],
            cwd=folder,
            env=environment,
            capture_output=True,
            text=True,
            check=True,
        )
        digests.add(done.stdout)
    assert len(digests) == 1
