"""What made a result: versions and machine, written beside out/ and never into it, since they are not identity."""

from __future__ import annotations

import platform
import sys
from collections.abc import Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from cotspec.runtime.lines import write_json

PACKAGES = ("torch", "transformers", "trl", "accelerate", "peft", "datasets", "tokenizers", "safetensors", "vllm")


def write(
    folder: Path,
    *,
    torch_used: bool,
    endpoint: Mapping[str, object] | None = None,
    places: Sequence[Mapping[str, str]] = (),
) -> None:
    """Write provenance.json: Python, cotspec and library versions, the device when torch was used, who answered where a
    server was asked, and which of this machine's own folders stood in for the hub."""
    used = (*(PACKAGES if torch_used else ()), *(() if endpoint is None else ("httpx2",)))
    record: dict[str, object] = {
        "python": platform.python_version(),
        "cotspec": _version("cotspec"),
        "packages": {name: version for name in used if (version := _version(name))},
        "platform": f"{platform.system()} {platform.machine()}",
    }
    if torch_used:
        record |= _device()
    if endpoint is not None:
        record["endpoint"] = endpoint
    if places:
        record["local"] = list(places)
    write_json(folder / "provenance.json", record)


def _version(package: str) -> str:
    try:
        return version(package)
    except PackageNotFoundError:
        return ""


def _device() -> dict[str, object]:
    torch = sys.modules.get("torch")  # only what the task itself loaded
    if torch is None:
        return {}
    if torch.cuda.is_available():
        count = torch.cuda.device_count()
        return {"device": torch.cuda.get_device_name(0), "devices": count, "cuda": torch.version.cuda}
    return {"device": f"cpu ({platform.processor() or platform.machine()})", "threads": torch.get_num_threads()}
