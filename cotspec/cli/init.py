"""`cotspec init`: a project that runs as it is. Adds what is missing and overwrites nothing a person wrote."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from importlib import resources
from importlib.resources.abc import Traversable
from importlib.util import find_spec
from pathlib import Path
from typing import Final

from cotspec.cli.errors import ProblemError
from cotspec.diagnostics.suggest import did_you_mean, near
from cotspec.spec.local import LOCAL_FILE

STARTER: Final = "specs/bridge-tiny.yaml"
TEMPLATES: Final = {
    "bridge": STARTER,
    "sft": "specs/sft.yaml",
    "grpo": "specs/grpo.yaml",
    "distill": "specs/distill.yaml",
    "dpo": "specs/dpo.yaml",
    "traces": "specs/traces.yaml",
}
"""The specs to begin with, by name; each runs on a laptop as it is."""
_DATA: Final = {"specs/traces.yaml": "data/traces.jsonl"}
"""The data file that such a spec reads."""
SCHEMA: Final = "specs/spec.schema.json"
#: Where an editor finds what a spec may hold: beside it, so that it is there in every clone.
_MODELINE: Final = "# yaml-language-server: $schema=spec.schema.json\n"
#: Weights belong to DVC (`dvc add models/mine`), or to nobody: git would keep every version of them for good.
_WEIGHTS: Final = (
    *("*.safetensors", "*.bin", "*.pt", "*.pth", "*.gguf", "*.ckpt", "*.h5", "*.msgpack", "*.onnx", "*.onnx_data"),
    *("*.npz", "*.pkl"),
)
#: What the hub's client downloads, wherever `cache` of cotspec.local.yaml says: its blobs have no ending.
_CACHES: Final = ("models--*/", "datasets--*/", "xet/", ".cache/")
_IGNORED: Final = {
    ".gitignore": (".cotspec/", LOCAL_FILE, "__pycache__/", "dvc_plots/", *_WEIGHTS, *_CACHES),
    ".dvcignore": (".cotspec/", "__pycache__/"),
}
# DVC keeps this path as it is written and reads it from the folder a command runs in, so it is relative and ignored at
# every depth. An absolute path would be right on one machine only; without any, DVC's state goes to /var/tmp, where
# others can read it.
# `autostage` has DVC `git add` the locks it wrote. Without it a run ends with a command that names each of them, below
# what came out.
_DVC_CONFIG: Final = """\
[core]
    analytics = false
    check_update = false
    site_cache_dir = .cotspec/dvc
    autostage = true
"""


def run(folder: Path, template: str = "") -> int:
    """Return 0; a project without a spec gets the `template` ("": the first), one with specs only a template that is
    asked for. Raises ProblemError."""
    if template and template not in TEMPLATES:
        raise ProblemError(f"there is no template `{template}`: {did_you_mean(near(template, TEMPLATES), TEMPLATES)}")
    if find_spec("dvc") is None:
        raise ProblemError("DVC is not installed: pip install 'cotspec[train]'")
    if folder.exists() and not folder.is_dir():
        raise ProblemError(f"{folder} is a file")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        done = [
            *_repository(folder),
            *_pipeline(folder),
            *_starter(folder, template),
            *_schema(folder),
            *_ignore(folder),
        ]
    except OSError as error:
        raise ProblemError(f"{error.filename or folder}: {error.strerror}") from error
    for line in done or ["everything is there already"]:
        print(line)
    where = "" if folder.resolve() == Path.cwd() else f"cd {folder} && "
    print(f"next: {where}cotspec build && dvc repro")
    return 0


def _repository(folder: Path) -> list[str]:
    if _git_root(folder) is not None:
        return []
    _call(["git", "init", "-q"], folder)
    return ["git repository"]


def _git_root(folder: Path) -> Path | None:
    try:
        done = subprocess.run(
            ["git", "rev-parse", "--show-toplevel"],  # noqa: S607 - the user's own git
            cwd=folder,
            capture_output=True,
            text=True,
            check=False,
        )
    except FileNotFoundError as error:
        raise ProblemError("git is not installed") from error
    return Path(done.stdout.rstrip("\n")) if done.returncode == 0 else None


def _pipeline(folder: Path) -> list[str]:
    if (folder / ".dvc").is_dir():
        return []
    (folder / ".cotspec").mkdir(exist_ok=True)  # before DVC, which would make it writable by everybody
    subdir = [] if _git_root(folder) == folder.resolve() else ["--subdir"]
    _call([sys.executable, "-P", "-m", "dvc", "init", "-q", *subdir], folder)
    config = folder / ".dvc" / "config"
    if not config.read_text(encoding="utf-8").strip():
        config.write_text(_DVC_CONFIG, encoding="utf-8")
        _call(["git", "add", ".dvc/config"], folder)  # DVC has staged the empty one
    return ["DVC project (analytics and update check off, its locks are staged)"]


def _starter(folder: Path, template: str) -> list[str]:
    specs = folder / "specs"
    if not template and specs.is_dir() and any(specs.glob("*.yaml")):
        return []
    name = TEMPLATES[template or "bridge"]
    if (folder / name).exists():
        return []
    specs.mkdir(exist_ok=True)
    (folder / name).write_text(starter(name), encoding="utf-8")
    return [name, *_data(folder, _DATA.get(name, ""))]


def _data(folder: Path, name: str) -> list[str]:
    """The data file of a spec, unless a person has one of that name."""
    if not name or os.path.lexists(folder / name):
        return []
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / name).write_bytes(_starters().joinpath(name).read_bytes())
    return [name]


def starter(name: str = STARTER) -> str:
    """The text of a starter spec."""
    return _MODELINE + _starters().joinpath(name).read_text(encoding="utf-8")


def _starters() -> Traversable:
    return resources.files("cotspec.cli").joinpath("starter")


def _schema(folder: Path) -> list[str]:
    """The schema the starters name; one that an older cotspec made is brought up to date."""
    from cotspec.spec import schema

    file, text = folder / SCHEMA, schema.schema()
    if not file.exists():
        if not any((folder / name).exists() for name in TEMPLATES.values()):
            return []
        file.write_text(text, encoding="utf-8")
        return [f"{SCHEMA} (for editors)"]
    old = file.read_text(encoding="utf-8")
    if old == text or f'"title": "{schema.TITLE}"' not in old:
        return []
    file.write_text(text, encoding="utf-8")
    return [f"{SCHEMA} (brought up to date)"]


def _ignore(folder: Path) -> list[str]:
    changed = []
    for name, patterns in _IGNORED.items():
        path = folder / name
        text = path.read_text(encoding="utf-8") if path.exists() else ""
        missing = [pattern for pattern in patterns if pattern not in text.splitlines()]
        if missing:
            gap = "" if not text or text.endswith("\n") else "\n"
            path.write_text(text + gap + "".join(f"{pattern}\n" for pattern in missing), encoding="utf-8")
            changed.append(f"{name} ({', '.join(missing)})")
    return changed


def _call(command: Sequence[str], folder: Path) -> None:
    environment = os.environ | {
        "DVC_NO_ANALYTICS": "1",
        "DVC_SITE_CACHE_DIR": str(folder.resolve() / ".cotspec" / "dvc"),
    }
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        said = (done.stderr or done.stdout).strip()
        raise ProblemError(f"`{' '.join(command)}` failed in {folder}: {said}")
