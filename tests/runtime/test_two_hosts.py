"""Two hosts train one stage: each is a network of its own (`ip netns`), joined by a wire, and sees the same folder."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import small
from conftest import environment, lay_out, recorded, settings, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from test_splits_and_stops import ROWS, grpo, same_results, trained

from cotspec.back import accelerate
from cotspec.back.rendering import yaml_mapping
from cotspec.ir.plan import Launch

HOSTS = {"cotspec-a": "10.77.77.1", "cotspec-b": "10.77.77.2"}


def ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@pytest.fixture
def hosts() -> Iterator[tuple[str, ...]]:
    """Two networks with a wire between them."""
    if os.geteuid() or shutil.which("ip") is None:
        pytest.skip("networks of one's own need root and iproute2: run `pytest -m long` as root")
    names = tuple(HOSTS)
    for name in names:
        subprocess.run(["ip", "netns", "del", name], capture_output=True)  # of a test that was killed
    try:
        ip("netns", "add", names[0])
        ip("netns", "add", names[1])
        ip("link", "add", "wire", "netns", names[0], "type", "veth", "peer", "name", "wire", "netns", names[1])
        for name, address in HOSTS.items():
            ip("-n", name, "addr", "add", f"{address}/24", "dev", "wire")
            ip("-n", name, "link", "set", "wire", "up")
            ip("-n", name, "link", "set", "lo", "up")
        yield names
    finally:
        for name in names:
            subprocess.run(["ip", "netns", "del", name], capture_output=True)


@pytest.mark.long
def test_two_hosts_train_what_one_process_trains(
    hosts: tuple[str, ...], tmp_path: Path, small_model: Path, run_here: object
) -> None:
    rows = write_lines(tmp_path / "rows.jsonl", small.grpo_rows(ROWS["grpo"]))
    files, body = {"rows": rows, "model": small_model}, grpo(group=8)
    alone = lay_out(tmp_path, "alone", body, files, per_device_batch=8)
    trained(run_here(alone))  # type: ignore[operator]
    both = {"processes": 2, "per_device_batch": 4}
    folder = lay_out(tmp_path, "both", body, files, **both)
    launch = Launch(launcher="accelerate", settings=settings(**both), strategy="ddp", precision="fp32")
    (folder / "accelerate.yaml").write_text(yaml_mapping(accelerate.config(launch)))
    recorded(folder)
    first = HOSTS[hosts[0]]
    running = [
        subprocess.Popen(
            [
                *("ip", "netns", "exec", host, sys.executable, "-m", "cotspec.runtime.launcher", "--quiet"),
                *("--num_machines", "2", "--machine_rank", str(number)),
                *("--main_process_ip", first, "--main_process_port", "29571"),
                *("--config_file", "accelerate.yaml", "-m", "cotspec.runtime", "payload.json", "run.json"),
            ],
            cwd=folder,
            env=environment(GLOO_SOCKET_IFNAME="wire"),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for number, host in enumerate(hosts)
    ]
    outputs = [process.communicate(timeout=300) for process in running]
    assert [process.returncode for process in running] == [0, 0], outputs
    trained((0, *outputs[0]))
    assert outputs[1][0] == ""  # the second writes nothing, and says nothing
    same_results(alone, folder)
