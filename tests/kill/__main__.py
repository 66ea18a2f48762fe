"""`python -m tests.kill --rounds N --seed S`: kill rounds by hand. Round i has the seed S + i: to repeat one.

Each round is printed and written to the log as one line of JSON; a round with a fault leaves its project and output.
"""

from __future__ import annotations

import argparse
import json
import signal
import sys
import tempfile
import time
from collections import Counter
from pathlib import Path

from tests.kill import rounds, template


def main() -> int:
    """Play the rounds; 1 when one of them had a fault."""
    parser = argparse.ArgumentParser(prog="python -m tests.kill", description=__doc__)
    parser.add_argument("--rounds", type=int, default=20)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--minutes", type=float, default=60 * 24, help="begin no round after so many")
    parser.add_argument("--folder", type=Path, help="where the finished project is kept, for the next call")
    parser.add_argument("--log", type=Path, default=Path("kill.jsonl"))
    given = parser.parse_args()
    for number in (signal.SIGINT, signal.SIGHUP):  # a shell that starts this in the background has both ignored
        signal.signal(number, signal.default_int_handler)
    folder = (given.folder or Path(tempfile.mkdtemp(prefix="cotspec-kill-"))).resolve()
    folder.mkdir(parents=True, exist_ok=True)
    there = folder / "project"
    whole = template.made(there)
    takes = _takes(whole, folder)
    deadline, count = time.monotonic() + 60 * given.minutes, Counter[str]()
    for seed in range(given.seed, given.seed + given.rounds):
        if time.monotonic() > deadline:
            break
        _round(whole, seed, folder, takes, given.log, count)
    print(json.dumps(count), folder)
    return 1 if set(count) - {"rounds", "kills", "mended"} else 0


def _takes(whole: template.Template, folder: Path) -> dict[str, float]:
    """Seconds each part takes, measured once."""
    file = folder / "takes.json"
    if not file.exists():
        file.write_text(json.dumps({part: rounds.unkilled(whole, part, folder / part) for part in template.PARTS}))
    return dict(json.loads(file.read_text()))


def _round(
    whole: template.Template, seed: int, folder: Path, takes: dict[str, float], log: Path, count: Counter[str]
) -> None:
    plan = rounds.planned(seed)
    began = time.monotonic()
    outcome = rounds.play(whole, plan, folder / f"round-{seed}", takes[plan.part])
    record = {"seed": seed, "part": plan.part, "kills": [str(kill) for kill in plan.kills], "last": plan.last}
    record |= {"killed": outcome.killed, "mended": outcome.mended, "faults": outcome.faults}
    record["seconds"] = round(time.monotonic() - began, 1)
    with log.open("a") as file:
        file.write(json.dumps(record) + "\n")
    kinds = {fault.partition(":")[0]: 1 for fault in outcome.faults}
    count.update({"rounds": 1, "kills": len(outcome.killed), "mended": bool(outcome.mended)} | kinds)
    print(json.dumps(record), flush=True)
    if outcome.faults:
        print(outcome.said[-3000:], flush=True)


if __name__ == "__main__":
    sys.exit(main())
