"""The compiler, as a table of contents: open this file first. Specs in, files by path out; nothing is written."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

from cotspec import driver
from cotspec.diagnostics import Sink
from cotspec.front.load import load
from cotspec.ir.plan import Plan
from cotspec.passes.check import check
from cotspec.passes.lint import lint
from cotspec.passes.options import LOOKING, Options
from cotspec.passes.seal import Sealed, of_experiments, seal


class Built(NamedTuple):
    """What was compiled: no plan and no files when a finding is an error."""

    plan: Plan | None = None
    files: Mapping[str, str] = MappingProxyType({})


class Checked(NamedTuple):
    """Specs without errors: their experiments and the plan of all of them."""

    units: Sequence[driver.Unit]
    sealed: Sealed

    def of(self, units: Sequence[driver.Unit]) -> Checked:
        """Some of the experiments alone, with the tasks that they need."""
        return Checked(units=units, sealed=of_experiments(self.sealed, {unit.name for unit in units}))


def check_specs(
    specs: Mapping[str, Path],
    sink: Sink,
    options: Options = LOOKING,
    only: Mapping[str, Collection[str]] = MappingProxyType({}),
) -> Checked | None:
    """Check specs, given by their path in the project; each phase runs on all of them, then errors stop. `only` are the
    variants of a spec that are looked at, where not all are."""
    loaded = {place: load(path, sink, only.get(place, ())) for place, path in specs.items()}
    units = driver.units(loaded, driver.lock_of(specs.values(), sink))
    if driver.stops(sink):
        return None
    driver.judge(check, units, sink, options)
    driver.distinct(units, sink)
    if driver.stops(sink):
        return None
    draft = driver.lowered(units, sink)
    if driver.stops(sink):
        return None
    sealed = seal(draft)
    driver.conflicts(sealed.conflicts, units, sink)
    driver.judge(lint, units, sink, options, sealed)
    return None if driver.stops(sink, options) else Checked(units=units, sealed=sealed)


def plan_specs(specs: Mapping[str, Path], sink: Sink, options: Options = LOOKING) -> Plan | None:
    """Check specs and return the plan alone."""
    checked = check_specs(specs, sink, options)
    return None if checked is None else checked.sealed.plan


def compile_specs(specs: Mapping[str, Path], sink: Sink, options: Options = LOOKING) -> Built:
    """Check specs and emit the files of all back ends, and the settings of each experiment."""
    from cotspec.back import registry  # here: who only checks needs no back end
    from cotspec.views import settings

    checked = check_specs(specs, sink, options)
    if checked is None:
        return Built()
    plan = checked.sealed.plan
    return Built(plan=plan, files=registry.emit(plan) | settings.files(checked.units))
