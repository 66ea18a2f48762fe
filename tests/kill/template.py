"""A finished project, of which each round makes a part again: results by bytes, and how long each part takes."""

from __future__ import annotations

import json
import random
import shutil
from dataclasses import dataclass
from hashlib import sha256
from pathlib import Path

import yaml

from tests.e2e.tiny import ROOT, parsed, run, shorten

#: What a round makes again → kinds of tasks. Most rounds are of light ones: all are kept, published and recorded alike.
PARTS = {
    "light": ("preflight", "data", "contamination", "traces", "rows", "gate", "report"),
    "teach": ("teach",),
    "sft": ("sft",),
    "grpo": ("grpo",),
    "mine": ("mine",),
    "evaluate": ("evaluate",),
}


@dataclass(frozen=True, kw_only=True)
class Template:
    """A project that ran to its end and was never killed."""

    folder: Path
    results: dict[str, str]
    """sha256 by path of every file of every out/."""

    def kinds(self) -> dict[Path, str]:
        """Kind of task by folder, relative to the project."""
        payloads = sorted(self.folder.glob("generated/**/payload.json"))
        return {path.parent.relative_to(self.folder): _kind(path) for path in payloads}

    def copy(self, folder: Path, part: str, seed: int) -> None:
        """A copy in which a few tasks of a part, which the seed decides, were never run."""
        shutil.rmtree(folder, ignore_errors=True)
        shutil.copytree(self.folder, folder, symlinks=True)
        shutil.rmtree(folder / ".dvc/cache/runs", ignore_errors=True)  # or they would come back without being made
        places = [place for place, kind in self.kinds().items() if kind in PARTS[part]]
        chance = random.Random(seed)
        for place in chance.sample(places, min(len(places), chance.randint(1, 2))):
            _undo(folder, folder / place)


def made(folder: Path) -> Template:
    """Make the project in `folder` and run it; one that is there is brought up to date."""
    if not folder.exists():
        _begun(folder)
    run("cotspec", "build", cwd=folder)
    run("dvc", "repro", cwd=folder)
    return finished(folder)


def _begun(folder: Path) -> None:
    """A project with the tiny experiment, many checkpoints and small batches."""
    run("cotspec", "init", folder, cwd=ROOT)
    (spec,) = (folder / "specs").glob("*.yaml")
    short = parsed(shorten(spec.read_text(encoding="utf-8")))
    short["resources"] = {"train": {"gpus": 0, "per_device_batch": 16, "save_steps": 1}}
    short["resources"]["generate"] = {"gpus": 0, "batch": 8}
    spec.write_text(yaml.safe_dump(short, sort_keys=False, allow_unicode=True), encoding="utf-8")


def finished(folder: Path) -> Template:
    """The template of a project that has been run."""
    return Template(folder=folder, results=results(folder))


def results(folder: Path) -> dict[str, str]:
    """sha256 by path of all files of all results."""
    files = (path for path in sorted(folder.glob("generated/*/**/out/**/*")) if path.is_file())
    return {path.relative_to(folder).as_posix(): sha256(path.read_bytes()).hexdigest() for path in files}


def _kind(payload: Path) -> str:
    return str(json.loads(payload.read_bytes())["task"]["kind"])


def _undo(root: Path, place: Path) -> None:
    """Forget that a task ever ran: its result, its lock, and what of it is in DVC's cache and nowhere else."""
    shutil.rmtree(place / "out")
    lock = yaml.safe_load((place / "dvc.lock").read_text(encoding="utf-8"))
    (place / "dvc.lock").unlink()
    ((stage),) = lock["stages"].values()
    listing = _object(root, stage["outs"][0]["md5"])
    own = {entry["md5"] for entry in json.loads(listing.read_bytes())}
    listing.unlink()
    others = root.glob(".dvc/cache/files/md5/*/*.dir")
    shared = {entry["md5"] for other in others for entry in json.loads(other.read_bytes())}
    for digest in own - shared:
        _object(root, digest).unlink()


def _object(root: Path, digest: str) -> Path:
    return root / ".dvc/cache/files/md5" / digest[:2] / digest[2:]
