"""The compiler, as a table of contents: open this file first. Specs in, files by path out; nothing is written."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from cotspec import driver
from cotspec.back import registry
from cotspec.diagnostics import Sink
from cotspec.front.load import load
from cotspec.ir.plan import Plan
from cotspec.passes.check import check
from cotspec.passes.seal import seal


@dataclass(frozen=True, kw_only=True)
class Built:
    """What was compiled: no plan and no files when a finding is an error."""

    plan: Plan | None = None
    files: Mapping[str, str] = field(default_factory=dict)


def compile_specs(specs: Mapping[str, Path], sink: Sink) -> Built:
    """Compile specs, given by their path in the project; each phase runs on all of them, then errors stop."""
    loaded = {place: load(path, sink) for place, path in specs.items()}
    if driver.stops(sink):
        return Built()
    units = [driver.Unit(place=place, loaded=spec) for place, spec in loaded.items() if spec is not None]
    for unit in units:
        check(unit.loaded.experiment, unit.loaded.source, sink, files=unit.loaded.files)
    driver.distinct(units, sink)
    if driver.stops(sink):
        return Built()
    draft = driver.lowered(units, sink)
    if driver.stops(sink):
        return Built()
    sealed = seal(draft)
    driver.conflicts(sealed.conflicts, units, sink)
    return Built(plan=sealed.plan, files=registry.emit(sealed.plan))
