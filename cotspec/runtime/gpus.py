"""Whether this machine has the GPUs for the tasks that are still to run on it: asked before the first of them."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

from cotspec.files import plain
from cotspec.spec.payload import GPUS_FILE
from cotspec.spec.run_settings import ELSEWHERE, too_few_gpus


def missing(root: Path) -> str:
    """What cannot be run here for want of GPUs, and what to do; "" when all can. Loads torch where a task asks."""
    asked = {} if os.environ.get(ELSEWHERE) else dict(_asked(root))
    if not asked:
        return ""
    import torch

    seen, most = torch.cuda.device_count(), max(asked.values())
    if most <= seen:
        return ""
    who = [id for id, gpus in asked.items() if gpus > seen]
    return too_few_gpus(who[0], needs=asked[who[0]], seen=seen, others=len(who) - 1)


def _asked(root: Path) -> Iterator[tuple[str, int]]:
    """Tasks that have never run, with the GPUs of each."""
    for id, gpus in plain.json_object(root / "generated" / "preflight" / GPUS_FILE, within=(root,)).items():
        folder = root / "generated" / "stages" / id
        if isinstance(gpus, int) and not (folder / "out").exists() and not (folder / "dvc.lock").exists():
            yield id, gpus
