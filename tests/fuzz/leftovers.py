"""Files beside the specs that somebody broke: results, locks, DVC's own files, models, data. And a longer run by hand:

PYTHONPATH=. nice python tests/fuzz/leftovers.py SECONDS [SEED]
"""

from __future__ import annotations

import io
import json
import os
import random
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from types import FrameType
from typing import Any
from unittest.mock import patch

import yaml
from finished import finished, lock, weights
from mutate import TREE, Choices, places

from cotspec import cli
from cotspec.ir.plan import Plan

SECONDS = 20
"""Of a command; on a busy machine fifty times what it needs."""
COMMANDS = (
    *("plan", "plan --format json", "plan --format markdown", "status", "results", "results --format json"),
    "results --html results.html",
    *("check", "check --ci --format sarif", "preview specs/a.yaml first", "preview specs/a.yaml second", "doctor"),
    *(
        "build",
        "build --check",
        "lock --check",
        "show specs/a.yaml --format json",
        "diff specs/a.yaml specs/a.yaml@faster",
    ),
)
ODD: tuple[Any, ...] = (
    *(10**39, 10**200, -1, -(10**30), 1e308, 5e-324, float("nan"), float("inf"), True, None, "", [], {}, "x" * 10_000),
    *("\ud800", "a\0b", "../../../etc/passwd", "/", "\x1b[2J", "٣", "9" * 5000, [[[]]], {"a": {"b": []}}, 2**63, 0.1),
)


class TooLongError(BaseException):
    """A command did not end in time."""


def broken(file: Path, chance: random.Random) -> str:
    """Break one file; returns how."""
    how = chance.choice(("tree", "tree", "tree", "text", "bytes", "odd", "kind"))
    content = file.read_bytes() if file.is_file() else b""
    if how == "tree" and (changed := _tree(file.name, content, chance)) is not None:
        file.write_bytes(changed)
    elif how == "odd":
        file.write_bytes(chance.choice(BOMBS))
    elif how == "kind":
        file.unlink()
        name, make = chance.choice(tuple(INSTEAD.items()))
        make(file)
        return name
    else:
        file.write_bytes(_bytes(content, chance))
        how = "bytes"
    return how


def _tree(name: str, content: bytes, chance: random.Random) -> bytes | None:
    """A value of the data replaced, or the data changed as specs are; None where there is no data."""
    lines = content.split(b"\n") if name.endswith(".jsonl") else [content]
    at = chance.randrange(len(lines))
    text = lines[at][8:-24] if name.endswith(".safetensors") else lines[at]
    try:
        data = yaml.safe_load(text) if name == "dvc.lock" else json.loads(text)
        wrapped = {"_": data}
        for _ in range(chance.randint(1, 3)):
            _change(wrapped, chance)
        data = wrapped["_"]
        lines[at] = json.dumps(data).encode()  # which is YAML as well
    except (ValueError, yaml.YAMLError, KeyError, IndexError, TypeError, RecursionError, AttributeError):
        return None
    if name.endswith(".safetensors"):
        return weights(data, chance.choice((None, None, 2**63, 10**8 - 1, 0)))
    return b"\n".join(lines)


def _change(data: dict[str, Any], chance: random.Random) -> None:
    if chance.random() < 0.3:
        chance.choice(TREE)(data["_"], Choices(chance.randbytes(30)))
        return
    path = chance.choice(places(data))
    for key in path[:-1]:
        data = data[key]
    data[path[-1]] = chance.choice(ODD)  # type: ignore[index]


def _bytes(content: bytes, chance: random.Random) -> bytes:
    for _ in range(chance.randint(1, 4)):
        at = chance.randrange(len(content) + 1)
        end = at + chance.choice((0, 0, 1, 8, 100, 10**6))
        more = chance.choice(
            (chance.randbytes(3), b"", b"\0", b"[" * 2000, b"*a", b"\n", b"9" * 4000, b"\\ud800", b"\xff")
        )
        content = content[:at] + more + content[end:]
    return content


_MERGES = "a0: &a0 {x: 1}\n" + "".join(f"a{n + 1}: &a{n + 1} {{<<: [*a{n}, *a{n}]}}\n" for n in range(40))
BOMBS = (
    *(
        b"",
        _MERGES.encode(),
        b"[" * 100_000,
        b"- " * 100_000,
        b'{"a":' * 3000,
        b"9" * 100_000,
        b"\0" * 100,
        b"\xff\xfe",
    ),
    *(b'{"a": "\\ud800"}', b"[cache]\ndir = a\0b\n", b"[cache]\ndir = /\n", b"[cache]\na" + b" " * 90_000 + b"b\n"),
    *(
        b"a" + b".a" * 50_000 + b" = 1\n",
        b"{% for i in range(10**9) %}x{% endfor %}",
        b"schema: '2.0'\n" + _MERGES.encode(),
    ),
)


def _sparse(file: Path) -> None:
    with file.open("wb") as stream:
        stream.truncate(2**40)


INSTEAD: dict[str, Callable[[Path], object]] = {
    "link to /": lambda file: file.symlink_to("/"),
    "link out": lambda file: file.symlink_to("/etc/passwd"),
    "link to itself": lambda file: file.symlink_to(file.name),
    "link to nothing": lambda file: file.symlink_to("gone"),
    "endless": lambda file: file.symlink_to("/dev/zero"),
    "pipe": os.mkfifo,
    "folder": Path.mkdir,
    "a terabyte": _sparse,
    "nothing": lambda file: None,
}


def _plain(file: Path) -> bool:
    return file.is_file() and not file.is_symlink() and file.stat().st_size < 10**7


class Bench:
    """A finished project that is broken, looked at by every command, and put right again."""

    def __init__(self, folder: Path) -> None:
        self.root, self.kept = folder / "project", folder / "kept"
        self.root.mkdir()
        os.chdir(self.root)
        self.plan: Plan = finished(self.root)
        shutil.copytree(self.root, self.kept, symlinks=True)
        self.files = [path.relative_to(self.root) for path in sorted(self.root.rglob("*")) if path.is_file()]

    def one(self, seed: int, commands: int = 3) -> Counter[int]:
        """Break something, run some commands, put it right. Raises AssertionError for a broken promise."""
        chance, told, exits = random.Random(seed), [], Counter[int]()
        for _ in range(chance.choice((1, 1, 2, 5))):
            file = chance.choice(self.files)
            if chance.random() < 0.1 and len(file.parts) > 1:
                shutil.rmtree(self.root / file.parts[0] if chance.random() < 0.3 else (self.root / file).parent)
                place = (
                    self.root / file.parts[0] if not (self.root / file.parts[0]).exists() else (self.root / file).parent
                )
                INSTEAD[chance.choice(("link to /", "link to nothing", "pipe"))](place)
                told.append(f"folder of {file}")
                break
            if _plain(self.root / file):  # never through a link that was made before
                told.append(f"{file}: {broken(self.root / file, chance)}")
        if chance.random() < 0.5 and all(each.endswith(("tree", "bytes")) and ".dvc" not in each for each in told):
            lock(self.root, self.plan)
            told.append("locked again")
        try:
            for command in chance.sample(COMMANDS, commands):
                exits[run(command, f"seed {seed}: {'; '.join(told)}: {command}")] += 1
        finally:
            os.chdir("/")
            shutil.rmtree(self.root)
            shutil.copytree(self.kept, self.root, symlinks=True)
            os.chdir(self.root)
        return exits


def run(command: str, about: str) -> int:
    """A command in this process; anything but the exit codes 0, 1 and 2 in time is a broken promise."""
    forget()
    sys.argv, out = ["cotspec", *command.split()], io.StringIO()
    own = {"COTSPEC_DEBUG": "1", "NO_COLOR": "1", "HF_HUB_CACHE": "/hub-cache-of-nobody"}
    before = signal.signal(signal.SIGALRM, _stop)
    signal.alarm(SECONDS)
    try:
        with patch.dict(os.environ, own), redirect_stdout(out), redirect_stderr(out):
            cli.main()
    except SystemExit as stop:
        code = int(stop.code or 0)
    except TooLongError:
        raise AssertionError(f"{about}: it does not end") from None
    except Exception as error:
        raise AssertionError(f"{about}: {type(error).__name__}: {error}") from error
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)
    assert code in (0, 1, 2), f"{about}: exit {code}"
    out.getvalue().encode("utf-8")
    steering = {char for char in out.getvalue() if not char.isprintable()} - {"\n", "\t"}
    assert not steering, f"{about}: {steering}"
    return code


def _stop(_number: int, _frame: FrameType | None) -> None:
    raise TooLongError


def forget() -> None:
    """What a process of its own would not know."""
    for name, module in list(sys.modules.items()):
        if name.startswith("cotspec."):
            for each in list(vars(module).values()):
                if callable(getattr(each, "cache_clear", None)):
                    each.cache_clear()


def main(seconds: float, seed: int) -> None:
    signal.signal(signal.SIGALRM, _stop)
    bench, exits, first, bad = Bench(Path(tempfile.mkdtemp(prefix="fuzz-"))), Counter[int](), seed, 0
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        try:
            exits += bench.one(seed)
        except AssertionError as error:
            bad += 1
            print(error, flush=True)
        seed += 1
    print(
        f"seeds {first} to {seed - 1}: {exits.total()} commands, exits {sorted(exits.items())}, {bad} broken promises"
    )


if __name__ == "__main__":
    main(float(sys.argv[1]), int((sys.argv[2:] or ["0"])[0]))
