"""`cotspec lock`: write cotspec.lock, or with `--check` compare it; `--upgrade` asks the hub once more.

Exit codes: 0 when every input is locked (with `--check`: as the specs read it), 1 when one is not, 2 usage.
"""

from __future__ import annotations

import signal
import sys
from collections.abc import Collection, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import findings, project
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import named

if TYPE_CHECKING:
    from cotspec.diagnostics import Sink
    from cotspec.driver import Unit
    from cotspec.lock.update import Updated, Wanted
    from cotspec.spec.lock import Key

_UNPINNED: Final = "unpinned-revision"


def run(names: Sequence[str], *, specs: Sequence[str], check_only: bool, upgrade: bool) -> int:
    """Return the exit code. Raises ProblemError."""
    from cotspec.diagnostics import Sink
    from cotspec.lock.resolver import Resolver
    from cotspec.lock.update import update

    if names and not upgrade:
        raise ProblemError(f"`{names[0]}`: names go with `--upgrade`; a spec is named by `--spec`")
    if check_only and upgrade:
        raise ProblemError("`--check` asks nobody, so it does not go with `--upgrade`")
    root = project.find_root(Path.cwd())
    sink = Sink()
    units = _units(root, specs, sink)
    if sink.failed or not units:
        findings.show(sink, stream=sys.stderr)
        return 1
    old = units[0].source.locked
    wanted = _wanted(units, old, names)
    again = _named(wanted, names) if upgrade else ()
    with _sockets():
        updated = update(wanted, old, resolve=Resolver(root, hub=not check_only).resolve, again=again, drop=not specs)
    return _compare(updated) if check_only else _write(root, updated, sink)


@contextmanager
def _sockets() -> Iterator[None]:
    """While the hub is asked, a connection that was closed is an error of that connection and not the end of the
    command, as a closed pipe is everywhere else in the command line."""
    if not hasattr(signal, "SIGPIPE"):
        yield
        return
    before = signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGPIPE, before)


def _units(root: Path, specs: Sequence[str], sink: Sink) -> list[Unit]:
    """The experiments of the project. A mistake of judgement does not keep their inputs from being locked."""
    from cotspec import driver
    from cotspec.front.load import load

    given = named(root, specs or [path.as_posix() for path in project.everything(root)])
    lock = driver.lock_of(given.specs.values(), sink)
    units = driver.units({place: load(path, sink) for place, path in given.specs.items()}, lock)
    return units if sink.failed else given.of(units)


def _wanted(units: Sequence[Unit], old: Collection[Key], names: Sequence[str]) -> list[Wanted]:
    """What they read, each thing where it is named. What a spec accepts to be unpinned, as it does of a model that is
    on no hub, is asked for only where the lock has it, or by name."""
    from cotspec.builtin import digest
    from cotspec.ir.inputs import inputs
    from cotspec.lock.update import Wanted
    from cotspec.passes import allow

    digests, wanted = digest.manifest(), []
    for unit in units:
        spec, source = unit.loaded.experiment, unit.loaded.source
        for one in inputs(unit.source, digests):
            span = source.value(one.where)
            asked = not one.on_hub or one.key in old or {one.key[1], str(one.where[1])} & {*names}
            if not asked and allow.accepts(spec.allow, _UNPINNED, span, source):
                continue
            wanted.append(Wanted(input=one, span=span))
    return wanted


def _named(wanted: Sequence[Wanted], names: Sequence[str]) -> Collection[Key]:
    """The entries of the hub that are called so, by their id or by their name in a spec; without names, all of them."""
    from cotspec.diagnostics.suggest import did_you_mean, near

    hub = [each.input for each in wanted if each.input.on_hub]
    known = sorted({name for one in hub for name in (one.key[1], str(one.where[1]))})
    for name in names:
        if name not in known:
            advice = did_you_mean(near(name, known), known[:10]) or "nothing that could be locked is on the hub"
            raise ProblemError(f"no spec reads `{name}` from the hub: {advice}")
    return {one.key for one in hub if not names or one.key[1] in names or str(one.where[1]) in names}


def _compare(updated: Updated) -> int:
    """Say what a `cotspec lock` would do, and that nothing can be said of files that are not there."""
    from cotspec.lock import report

    differs = False
    for line, bad in report.compared(updated):
        print(line)
        differs = differs or bad
    print("run `cotspec lock`" if differs else f"up to date: {report.number(updated.count('kept'), 'input')}")
    return 1 if differs else 0


def _write(root: Path, updated: Updated, sink: Sink) -> int:
    from cotspec import workspace
    from cotspec.lock import render, report
    from cotspec.spec.lock import LOCK_FILE

    sink.extend(report.failures(updated))
    findings.show(sink, stream=sys.stderr)
    try:
        if updated.entries:
            workspace.write_lock(root / LOCK_FILE, render.render(updated.entries))
    except workspace.WorkspaceError as error:
        raise ProblemError(str(error)) from error
    for line in report.told(updated):
        print(line)
    print(f"{LOCK_FILE}: {report.summary(updated)}")
    return 1 if updated.failures else 0
