"""Names of what tasks read and write, and of the folders where it lies: files of a task and of a report, DVC's name for
the content of a folder, the scratch folder of a task. Knows no files."""

from __future__ import annotations

import json
from collections.abc import Mapping
from hashlib import md5, sha256
from typing import Final

PAYLOAD = "payload.json"
"""What every task reads first."""
ADAPTER = "adapter"
"""In a model that was trained by LoRA: the folder with its adapters, which the weights beside it have merged in."""
OPTIMIZER = "optimizer.safetensors"
"""Beside weights: the optimizer's state, for a stage that begins with it."""
GENERATED: Final = "generated"
REPORTS: Final = f"{GENERATED}/reports"
SETTINGS: Final = "settings.yaml"
"""Of an experiment, in the folder of its report: every setting that decides its results."""
METRICS: Final = "metrics.json"
"""In the out/ of a report: the figures of its models."""


def report_folder(experiment: str) -> str:
    """Folder of the report of an experiment."""
    return f"{REPORTS}/{experiment}"


def settings_file(experiment: str) -> str:
    """Where the settings of an experiment stand."""
    return f"{report_folder(experiment)}/{SETTINGS}"


def answers_plot(set: str) -> str:
    """In the out/ of a report: the figures of each model on a set ("": the only one), as DVC draws them."""
    return f"plots/answers/{set or 'all'}.json"


def training_plot(stage: str) -> str:
    """In the out/ of a report: the log of a stage, as DVC draws it."""
    return f"plots/training/{stage}.json"


def folder_digest(files: Mapping[str, str]) -> str:
    """DVC's hash of a folder with these md5 by path: the md5 of its listing, and `.dir`."""
    listing = [{"md5": files[path], "relpath": path} for path in sorted(files)]
    return md5(json.dumps(listing, sort_keys=True).encode(), usedforsecurity=False).hexdigest() + ".dir"


def scratch_name(id: str, reads: Mapping[str, str]) -> str:
    """`<id>-<12 hex>` of the hash of everything the task reads, by path: after a kill and a change of data nothing is
    resumed from the old data."""
    return f"{id}-{sha256(json.dumps(dict(reads), sort_keys=True).encode()).hexdigest()[:12]}"
