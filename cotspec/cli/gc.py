"""`cotspec gc`: remove results that no spec needs, and say what before. Never what DVC has not stored."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import findings, project, run_lock
from cotspec.cli.bar import bytes_of
from cotspec.cli.errors import ProblemError

if TYPE_CHECKING:
    from cotspec.history.unneeded import Leftover, Work
    from cotspec.ir.plan import Plan

_KEEP: Final = ("--all-commits", "--all-experiments")
_KEEP_TIPS: Final = ("--workspace", "--all-branches", "--all-tags", "--all-experiments")
_WORK: Final = {
    "stored": "copies of finished results of such tasks; DVC's cache keeps them",
    "finished": "finished results of such tasks that DVC has not stored",
    "unfinished": "unfinished work of such tasks",
}
"""What lies in scratch, by its state."""
_REMOVING: Final = "Removing "
"""How DVC begins a line of what it would remove."""


@dataclass(frozen=True, kw_only=True)
class Arguments:
    """The command line, as it was written."""

    yes: bool
    cache: bool
    tips: bool
    """Commits that no branch and no tag ends in need nothing."""
    unfinished: bool


def run(arguments: Arguments) -> int:
    """Return the exit code: 1 when a spec has errors, so that nobody knows what it needs. Raises ProblemError."""
    from cotspec.back import places
    from cotspec.history import unneeded
    from cotspec.workspace import removal

    if arguments.tips and not arguments.cache:
        raise ProblemError("--tips goes with --cache: without it, everything stays in DVC's cache")
    root = project.find_root(Path.cwd())
    plan = _plan(root)
    if plan is None:
        return 1
    needed = _folders(plan)
    old, work = unneeded.leftovers(root, needed), unneeded.work(root, {task.id for _, task in places.folders(plan)})
    with bytes_of("hashing", sum(each.size for each in old)) as advance:
        stored = {each.folder for each in old if unneeded.stored(root, each, advance)}
    _say(old, stored, work, unneeded.unbuilt(root, needed), arguments)
    objects = _objects(root, plan, arguments) if arguments.cache else []
    done = [each for each in work if each.state == "stored" or arguments.unfinished]
    going = sorted(stored), sorted(each.folder for each in done)
    if not (going[0] or going[1] or objects):
        print("there is nothing to remove")
        return 0
    if not arguments.yes:
        print("nothing was removed: --yes does it")
        return 0
    with run_lock.held(root, wait=False):
        for folder in going[0]:
            removal.remove_result(root, folder)
        for folder in going[1]:
            removal.remove_work(root, folder)
        if objects:
            _dvc(root, (*_keep(arguments), "--force"))
    print("removed")
    return 0


def _plan(root: Path) -> Plan | None:
    """What all specs of the project ask for; None after findings were shown."""
    from cotspec.compiler import plan_specs
    from cotspec.diagnostics import Sink
    from cotspec.passes.options import LOOKING

    sink = Sink()
    specs = project.chosen(root, project.everything(root))
    plan = plan_specs(specs, sink, LOOKING._replace(trust_remote_code=True))
    if plan is None:
        findings.show(sink, stream=sys.stderr)
    return plan


def _folders(plan: Plan) -> frozenset[str]:
    from cotspec.back import places

    return frozenset(folder for folder, _ in places.folders(plan))


# --- what goes --------------------------------------------------------------------------------------------------------


def _say(
    old: Sequence[Leftover], stored: set[str], work: Sequence[Work], unbuilt: Sequence[str], arguments: Arguments
) -> None:
    gone = [each for each in old if each.folder in stored]
    _list("results that no spec needs; DVC's cache keeps them", {each.folder: each.size for each in gone})
    left = {each.folder: each.size for each in old if each.folder not in stored}
    _list("not removed: DVC has not stored them whole (`rm -r` it where nobody needs it)", left)
    for state, told in _WORK.items():
        goes = state == "stored" or arguments.unfinished
        sizes = {each.folder: each.size for each in work if each.state == state}
        _list(told if goes else f"not removed: {told} (--unfinished)", sizes)
    if unbuilt:
        print(f"{len(unbuilt)} tasks are built that no spec asks for now: `cotspec build`, then look again")


def _list(head: str, sizes: Mapping[str, int]) -> None:
    if sizes:
        print(f"{head}: {_size(sum(sizes.values()))}")
        for name, size in sorted(sizes.items()):
            print(f"  {name}  {_size(size)}")


def _size(count: int) -> str:
    return f"{count / 1e6:,.1f} MB" if count >= 100_000 else f"{count / 1e3:,.1f} kB"


# --- DVC's cache ------------------------------------------------------------------------------------------------------


def _objects(root: Path, plan: Plan, arguments: Arguments) -> list[Path]:
    """What DVC's own gc would remove. Raises ProblemError where it does not know who needs what."""
    from cotspec.history.locks import Cache
    from cotspec.history.results import RUN_CACHE, standings

    cache = Cache(root).file("00")
    if not cache.is_relative_to(root):
        raise ProblemError(
            "DVC's cache lies outside of this project, and other projects may need what is in it: "
            "`dvc gc --all-commits --projects OTHER…` is told of all that use it"
        )
    only = [id for id, each in standings(root, plan).items() if each.reason == RUN_CACHE]
    if only:
        raise ProblemError(
            f"results of {len(only)} tasks that specs ask for are in DVC's run cache alone, of which its gc knows "
            "nothing: build all specs, `dvc repro` (which takes them from there), and look again"
        )
    lines = _dvc(root, (*_keep(arguments), "--dry", "--force")).splitlines()
    paths = [Path(line.removeprefix(_REMOVING).strip()) for line in lines if line.startswith(_REMOVING)]
    kept = "end of a branch or tag" if arguments.tips else "commit"
    sizes = [path.stat().st_size for path in paths if path.is_file()]
    print(f"DVC's cache: {len(paths):,} objects that no {kept} needs, which nothing brings back: {_size(sum(sizes))}")
    return paths


def _keep(arguments: Arguments) -> tuple[str, ...]:
    return _KEEP_TIPS if arguments.tips else _KEEP


def _dvc(root: Path, options: Sequence[str]) -> str:
    """What `dvc gc` prints. Raises ProblemError."""
    environment = os.environ | {"DVC_NO_ANALYTICS": "1"}
    command = [sys.executable, "-P", "-m", "dvc", "gc", *options]
    done = subprocess.run(command, cwd=root, env=environment, capture_output=True, text=True, check=False)  # noqa: S603
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["it says nothing"])[-1]
        raise ProblemError(f"`dvc gc` failed: {last}")
    return done.stdout
