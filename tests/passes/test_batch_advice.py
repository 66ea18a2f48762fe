"""What `batch-size` advises is followed by no other finding, and keeps the experiment where it can be kept."""

from __future__ import annotations

import re
from itertools import product
from pathlib import Path

import pytest
from linting import BASE, GRPO, SFT, TRAIN

from cotspec.diagnostics import Diagnostic, Sink
from cotspec.front.load import load
from cotspec.passes.check import batch_size
from cotspec.passes.check.context import Context


def findings(folder: Path, batch: int, group: int, gpus: int, held: int) -> list[Diagnostic]:
    assert SFT in BASE
    assert GRPO in BASE
    text = BASE.replace(GRPO, f"{{by: grpo, lr: 1e-5, group: {group}, global_batch: {batch}}}")
    own = f"  stages: {{second: {{gpus: {gpus}, per_device_batch: {held}}}}}\n"
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(text.replace(TRAIN, f"{TRAIN}{own}"), encoding="utf-8")
    loaded = load(file, sink)
    assert loaded is not None, sink.findings
    return list(batch_size.check(Context(experiment=loaded.experiment, source=loaded.source, files={})))


def advised(advice: str, key: str, given: int) -> list[int]:
    """The values an advice gives for a key; what stands without it."""
    found = re.search(rf"(?:(\d+) or )?(\d+) for `{key}`", advice)
    return [int(value) for value in found.groups() if value] if found else [given]


@pytest.mark.parametrize("group", [2, 4, 6])
def test_who_follows_the_advice_has_no_finding_left(group: int, tmp_path: Path) -> None:
    for batch, gpus, held in product((4, 12, 18, 20, 48), (0, 2, 3, 8), (1, 3, 8)):
        found = findings(tmp_path, batch, group, gpus, held)
        assert len(found) <= 1, "two findings would advise two batches"
        if not found:
            continue
        same, _, other = found[0].help.partition("; or ")
        for after in advised(same, "global_batch", batch):
            (there,), (size,) = advised(same, "gpus", gpus), advised(same, "per_device_batch", held)
            assert findings(tmp_path, after, group, there, size) == [], (batch, gpus, held, same)
            assert (after == batch) == (batch % group == 0), "another experiment where the same one can be run"
        for after in advised(other, "global_batch", 0) if other else ():
            assert findings(tmp_path, after, group, gpus, held) == [], (batch, gpus, held, other)


def test_a_device_that_holds_too_much_holds_less(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, 32, 4, 2, 12)
    assert finding.help.startswith("use 8 for `per_device_batch`: the result is the same")


@pytest.mark.parametrize(
    ("batch", "gpus", "held"), [(8, 10**18, 4), (10**18 + 1, 1, 10**18), (10**18 + 9, 10**9 + 7, 10**9)]
)
def test_any_number_of_devices_is_answered_at_once(batch: int, gpus: int, held: int, tmp_path: Path) -> None:
    assert findings(tmp_path, batch, 2, gpus, held)


def test_more_devices_than_divide_a_batch_are_fewer(tmp_path: Path) -> None:
    (finding,) = findings(tmp_path, 32, 4, 3, 1)
    assert finding.help == (
        "use 2 for `gpus`: the result is the same; or use 24 or 36 for `global_batch`, another experiment"
    )
