"""Each field that says how an answer is read, and what the preflight reads of Parquet, shows in what is left."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import write_lines
from fields import Effect, Ran, Workshop, assert_seen

from cotspec.spec.payload import DataBody, FileData, HubData, PreflightBody, Range, Table

pytest.importorskip("pyarrow", reason="Parquet is read with pyarrow, of the `train` extra")

WHOLE = Range(first=0, end=-1)
FILE = FileData(question="q", answer="a", answer_after="")
HUB = HubData(
    id="lab/sums", config="", split="train", revision="main", question="q", answer="a", answer_after=""
)  # fmt: skip
ROWS = [{"q": "3 + 4?", "a": "so #### \\boxed{7}"}, {"q": "", "a": "8"}]
TABLE = Table(path="d.parquet", source=FILE, end=1, asked=("one",))


def asking(**changes: object) -> PreflightBody:
    return PreflightBody(demands=(), tables=(TABLE.model_copy(update=changes),))


def answers(ran: Ran) -> list[str]:
    return [problem["answer"] for problem in ran.read("problems.jsonl")]


def said(text: str) -> Callable[[Ran], bool]:
    return lambda ran: text in ran.err


GOOD, EMPTY = asking(), asking(end=-1)
EFFECTS = (
    Effect(
        name="data.source.file.answer_boxed",
        value=True,
        see=answers,
        want=["7"],
        base=DataBody(source=FILE, slice=Range(first=0, end=1)),
    ),
    Effect(
        name="data.source.hub.answer_boxed",
        value=True,
        see=answers,
        want=["7"],
        base=DataBody(source=HUB, slice=Range(first=0, end=1)),
    ),
    *(
        Effect(
            name=f"data.source.{source.kind}.max_bad_rows",
            value=0.5,
            see=lambda ran: ran.code or (answers(ran), ran.read("counts.json")["bad_rows"]),
            want=(["so #### \\boxed{7}"], 1),
            base=DataBody(source=source, slice=WHOLE),
        )
        for source in (FILE, HUB)
    ),
    Effect(
        name="preflight.tables.source.max_bad_rows", value=0.5, see=lambda ran: ran.code, want=0, base=asking(end=-1)
    ),
    Effect(name="preflight.tables.path", value="e.parquet", see=said("column `q`; there are z"), want=True, base=GOOD),
    Effect(name="preflight.tables.source.question", value="r", see=said("no column `r`"), want=True, base=GOOD),
    Effect(name="preflight.tables.source.answer", value="b", see=said("no column `b`"), want=True, base=GOOD),
    Effect(name="preflight.tables.source.answer_after", value="=>", see=said("no '=>' in the"), want=True, base=GOOD),
    Effect(
        name="preflight.tables.source.answer_boxed",
        value=True,
        see=said("no \\boxed"),
        want=True,
        base=asking(source=FILE.model_copy(update={"answer": "q"})),
    ),
    Effect(name="preflight.tables.source.trace", value="t", see=said("no column `t`"), want=True, base=GOOD),
    Effect(name="preflight.tables.end", value=-1, see=said("row 1: column `q` is empty"), want=True, base=GOOD),
    Effect(name="preflight.tables.first", value=2, see=lambda ran: ran.code, want=0, base=EMPTY),
    Effect(name="preflight.tables.asked", value=("two",), see=said("(asked by two)"), want=True, base=EMPTY),
)


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("tables"))


@pytest.fixture(scope="module")
def file(shop: Workshop) -> Path:
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.Table.from_pylist(ROWS), shop.root / "d.parquet")
    parquet.write_table(pyarrow.Table.from_pylist([{"z": 1}]), shop.root / "e.parquet")
    (shop.root / "sums").mkdir()
    write_lines(shop.root / "sums/train.jsonl", ROWS)
    (shop.root / "cotspec.local.yaml").write_text(json.dumps({"data": {"lab/sums": "sums"}}), encoding="utf-8")
    return write_lines(shop.root / "d.jsonl", ROWS)


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_the_field_shows_in_what_the_task_leaves(effect: Effect, shop: Workshop, file: Path) -> None:
    assert_seen(effect, shop, effect.base, {"file": file} if effect.name.startswith("data") else {})


def test_a_parquet_file_that_is_not_there_yet_is_left_to_its_task(shop: Workshop, file: Path) -> None:
    assert shop.run(asking(path="none.parquet"), {}).code == 0
    assert shop.run(asking(path="d.jsonl"), {}).code == 0, "a check has looked at it"
