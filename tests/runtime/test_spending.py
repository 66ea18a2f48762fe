"""What a server has cost a project: counted once, over tasks, kills and processes."""

from __future__ import annotations

import json
import multiprocessing
from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from cotspec.runtime.endpoints.replies import Reply, Usage
from cotspec.runtime.endpoints.spending import Spending, file_of, lines, record
from cotspec.spec.endpoints import same
from cotspec.spec.payload import EndpointModel, EndpointSettings

MODEL = EndpointModel(name="big/model", url="https://models.example/v1", chat=True)
PRICED = EndpointSettings(price_input=1.0, price_output=4.0)


def reply(**usage: Any) -> Reply:
    return Reply(completion=None, usage=Usage(**usage), model="m-1", fingerprint="fp")


def test_all_tasks_of_a_project_add_up_and_each_has_its_own_record(tmp_path: Path) -> None:
    file = file_of(tmp_path, MODEL)
    first, second = (Spending(file, task, PRICED) for task in ("teach-1", "teach-2"))
    first.add("0:0", reply(input=10, output=20))
    assert (second.spent().tokens, second.spent().cost) == (30, (10 + 4 * 20) / 1e6)
    second.add("self-test", reply(input=5, output=5, thoughts=3), same=False)
    second.add("0:0", reply(input=5))
    assert first.spent().tokens == 45
    told = record(tmp_path, MODEL, "teach-2")
    assert told["tokens"] == {"input": 10, "output": 5, "thoughts": 3}
    assert told["same_prompt_same_text"] is False
    assert told["answered"] == [{"model": "m-1", "system_fingerprint": "fp", "replies": 2}]
    assert (first.tested(), second.tested()) == (False, True)


def test_another_server_has_its_own_purse(tmp_path: Path) -> None:
    other = MODEL.model_copy(update={"url": "https://others.example/v1"})
    assert file_of(tmp_path, MODEL) != file_of(tmp_path, other)
    assert file_of(tmp_path, MODEL).name.startswith("big-model-")
    strange = file_of(tmp_path, MODEL.model_copy(update={"name": "../../x" * 40}))
    assert strange.parent == file_of(tmp_path, MODEL).parent


def test_a_line_that_a_kill_tore_costs_no_other_line(tmp_path: Path) -> None:
    file = file_of(tmp_path, MODEL)
    before = Spending(file, "teach-1", PRICED)
    before.add("0:0", reply(input=1, output=1))
    with file.open("ab") as torn:
        torn.write(b'{"task": "teach-1", "inp')
    assert before.spent().tokens == 2
    after = Spending(file, "teach-1", PRICED)
    after.add("1:0", reply(input=1, output=1))
    assert (before.spent().tokens, after.spent().tokens) == (4, 4)


def test_what_is_no_line_of_ours_counts_nothing(tmp_path: Path) -> None:
    file = file_of(tmp_path, MODEL)
    spending = Spending(file, "teach-1", PRICED)
    file.write_bytes(b'[1]\n{"input": "many"}\n\xff\n{"input": 3}\n')
    assert spending.spent().tokens == 3
    assert len(lines(file)) == 2


def _adds(file: Path) -> None:
    spending = Spending(file, "teach-1", PRICED)
    for _ in range(200):
        spending.add("0:0", reply(input=1, output=1))


def test_processes_at_a_time_lose_nothing(tmp_path: Path) -> None:
    file = file_of(tmp_path, MODEL)
    context = multiprocessing.get_context("spawn")
    workers = [context.Process(target=_adds, args=(file,)) for _ in range(3)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert Spending(file, "teach-1", PRICED).spent().tokens == 3 * 200 * 2
    assert all(json.loads(line) for line in file.read_text().splitlines())


@given(st.from_regex(r"https?://[A-Za-z0-9.-]{1,12}(:[0-9]{1,4})?(/[a-z0-9]{1,4}){0,2}/{0,2}", fullmatch=True))
def test_an_address_has_one_spelling(address: str) -> None:
    once = same(address)
    assert same(once) == once
    assert not once.endswith("/")
    host, path = address.split("/", 3)[2], "/".join(address.split("/")[3:])
    scheme = address.partition(":")[0]
    assert same(f"{scheme}://{host.upper()}/{path}") == once
