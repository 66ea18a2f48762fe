"""`cotspec build`: compile and write, or with `--check` compile and compare."""

from __future__ import annotations

import os
import shlex
import sys
from collections.abc import Sequence
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cli import findings, project, queue, ready
from cotspec.cli.errors import ProblemError
from cotspec.cli.selection import named
from cotspec.passes.options import Options

if TYPE_CHECKING:
    from cotspec.cli.selection import Named
    from cotspec.ir.plan import Plan
    from cotspec.workspace import Changes


def run(specs: Sequence[str], *, check_only: bool, options: Options) -> int:
    """Return the exit code. Raises ProblemError."""
    from cotspec import workspace
    from cotspec.back import places
    from cotspec.compiler import compile_specs
    from cotspec.diagnostics import Sink
    from cotspec.front import local

    root = project.find_root(Path.cwd())
    given, sink = named(root, specs), Sink()
    _refuse_variants(given)
    built = compile_specs(given.specs, sink, options)
    local.check(root, sink, lambda: project.known(root, given.specs.values()))
    if options.ci:
        sink.harden()
    findings.show(sink, stream=sys.stderr)
    if built.plan is None or sink.failed:
        return 1
    try:
        if check_only:
            return _compare(workspace.check(root, built.files))
        kept = sorted(_kept(root, built.plan))
        changes = workspace.write(root, built.files, [places.stage_folder(id) for id in kept])
    except workspace.WorkspaceError as error:
        raise ProblemError(str(error)) from error
    for path in changes.edited:
        print(f"warning: {path} was changed by hand; what cotspec makes is there again", file=sys.stderr)
    print(f"{_experiments(built.plan)}, {_count(len(places.folders(built.plan)), 'task')}: {_summary(changes)}")
    print(_next(root, built.plan))
    return 0


def _refuse_variants(given: Named) -> None:
    """A build makes the project be what is asked for and removes the rest, other variants too."""
    for each in given.selections:
        if each.alone:
            spec = each.path.as_posix()
            one = f"`cotspec run {each.text}` or `dvc repro $(cotspec targets {each.text})`"
            raise ProblemError(
                f"a spec is built with all its variants, since a build removes what is not asked for; to run this one "
                f"alone: `cotspec build {spec}`, then {one}"
            )


def _kept(root: Path, plan: Plan) -> set[str]:
    """Tasks that are no longer asked for and that a process of this machine, or a job of SLURM, is at work on; all of
    them where SLURM cannot say."""
    from cotspec.back import places
    from cotspec.history import locks, unfinished

    there = {folder for folder in locks.folders(root) if folder.startswith(f"{places.STAGES}/")}
    dropped = {Path(folder).name for folder in there} - {task.id for task in plan.tasks}
    if not dropped:
        return set()
    try:
        sent = {job.task for job in queue.jobs(root, plan.tasks) or ()}
    except ProblemError as error:
        print(f"warning: {error}\nso folders that are no longer asked for stay where they are", file=sys.stderr)
        return dropped
    busy = dropped & (unfinished.running(root) | sent)
    for id in sorted(busy):
        state = "has a job of SLURM and is" if id in sent else "is running and"
        print(f"note: {id} {state} no longer asked for: a build after its end removes it", file=sys.stderr)
    return busy


def _compare(changes: Changes) -> int:
    for what, paths in (("missing", changes.missing), ("stale", changes.stale), ("left over", changes.leftover)):
        for path in paths:
            print(f"{what}: {path}")
    if changes.clean:
        print(f"up to date: {_count(len(changes.unchanged), 'file')}")
        return 0
    print("run `cotspec build`")
    return 1


def _experiments(plan: Plan) -> str:
    variants = sum("--" in report.name for report in plan.reports)
    own = _count(len(plan.reports) - variants, "experiment")
    return f"{own} and {_count(variants, 'variant')}" if variants else own


def _summary(changes: Changes) -> str:
    written, unchanged, removed = _count(changes.written, "file"), len(changes.unchanged), len(changes.leftover)
    return f"{written} written, {unchanged} unchanged, {removed} removed"


def _count(number: int, what: str) -> str:
    return f"{number} {what}{'' if number == 1 else 's'}"


def _next(root: Path, plan: Plan) -> str:
    if find_spec("dvc") is None:
        return "next: pip install 'cotspec[train]', then dvc repro"
    if not (root / ".dvc").is_dir():
        return "next: cotspec init (this folder is no DVC project yet), then dvc repro"
    if wide := ready.on_several_machines(plan.tasks):
        return f"next: cotspec submit slurm ({wide}, which dvc repro cannot start)"
    here = os.path.relpath(root)
    return "next: dvc repro" if here == "." else f"next: cd {shlex.quote(here)} && dvc repro"
