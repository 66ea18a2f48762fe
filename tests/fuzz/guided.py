"""Fuzz the compiler, led by coverage, for as long as one likes: see README.md in this folder. Not part of the tests."""

from __future__ import annotations

import importlib
import os
import pkgutil
import sys
import tempfile
from pathlib import Path

import atheris

with atheris.instrument_imports(include=["cotspec"]):
    import cotspec

    for found in pkgutil.walk_packages(cotspec.__path__, "cotspec."):  # also what is imported late
        if not found.name.startswith("cotspec.runtime") and not found.name.endswith("__main__"):
            importlib.import_module(found.name)
    from cotspec.cot import pattern, prompting, template
    from cotspec.cot.expr import check as check_expression
    from cotspec.cot.measures import MEASURES
    from cotspec.cot.units import UnitError, matches
    from cotspec.diagnostics import Sink
    from cotspec.front import local

sys.path.insert(0, str(Path(__file__).parent))
from judge import judge, project
from mutate import mutated

SPEC = project(Path(tempfile.mkdtemp(prefix="fuzz-", dir="/dev/shm" if os.path.isdir("/dev/shm") else None)))
os.chdir(SPEC.parents[1])


def one(data: bytes) -> None:
    """The first byte says what is broken: a spec most of the time, else one of the small languages in it."""
    kind, rest = data[:1], data[1:]
    if kind < b"\xc0":
        judge(mutated(rest), SPEC)
        return
    text = rest.decode("utf-8", "replace").replace("\ufffd", "?")
    match kind[0] % 4:
        case 0:
            if not template.faults(text):
                assert len(prompting.render(text, question="q" * 50, trace="t" * 50)) <= 50 * len(text) + 100
        case 1:
            if pattern.judge(text) is None:
                try:
                    matches(text, "ab1 x." * 300, limit=10)
                except UnitError as error:
                    raise AssertionError(f"accepted, and slow: {text}") from error
        case 2:
            check_expression(text, MEASURES)
        case _:
            Path("cotspec.local.yaml").write_text(text, encoding="utf-8", errors="replace")
            local.check(Path.cwd(), Sink())
            os.unlink("cotspec.local.yaml")


if __name__ == "__main__":
    atheris.Setup(sys.argv, one)
    atheris.Fuzz()
