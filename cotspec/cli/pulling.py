"""Results that another machine made, taken from the DVC remote (`cotspec run --pull`)."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Final

from cotspec.cli import ready
from cotspec.cli.errors import ProblemError
from cotspec.files import plain

if TYPE_CHECKING:
    from cotspec.compiler import Checked
    from cotspec.history.results import Standing

_LOG: Final = ".cotspec/logs/pull.log"
_BEGIN_ANEW: Final = "from dvc.repo import Repo; Repo().drop_data_index()"
_CANNOT_CHECK_OUT: Final = "Checkout failed"


def standings(root: Path, checked: Checked, wanted: Mapping[str, str], *, pull: bool) -> Mapping[str, Standing]:
    """Where all tasks stand. `wanted`, with their folders, are those whose results may be elsewhere: they are pulled
    where that is asked for. Raises ProblemError."""
    from cotspec.history import results

    found = results.standings(root, checked.sealed.plan)
    away = _elsewhere(found, wanted)
    if not away:
        return found
    if not pull:
        told = f"{len(away)} tasks ran already and their results are not on this machine"
        print(f"{told}: they run again (`--pull` takes them from the DVC remote)", file=sys.stderr)
        return found
    print(f"pulling the results of {len(away)} tasks from the DVC remote", flush=True)
    said = ""
    for again in (False, True):
        if again:  # DVC goes by the list of what to fetch that one which was killed began to write
            _called(root, "-c", _BEGIN_ANEW)
        said = _called(root, "-m", "dvc", "pull", *_targets(root, away.values()))
        found = results.standings(root, checked.sealed.plan)
        # Not by the exit code: a remote may lack the preflight's result, which is made again in two seconds.
        if not _elsewhere(found, away):
            return found
        if said and _CANNOT_CHECK_OUT not in said:
            break
    log = root / _LOG
    log.parent.mkdir(parents=True, exist_ok=True)
    log.write_text(said, encoding="utf-8")
    advice = "what came is kept; run this again, or without --pull to make the rest anew"
    raise ProblemError(f"not all results came: {_why_not(said)} ({_LOG}); {advice}")


def _elsewhere(standings: Mapping[str, Standing], folders: Mapping[str, str]) -> dict[str, str]:
    return {id: folder for id, folder in folders.items() if standings[id].elsewhere}


def _targets(root: Path, folders: Iterable[str]) -> list[str]:
    from cotspec.back import places

    targets = [places.target(folder) for folder in folders]
    if (root / places.PREFLIGHT / "dvc.lock").is_file():
        targets.append(places.target(places.PREFLIGHT))
    return targets


def _called(root: Path, *arguments: str) -> str:
    """Python with what DVC shows of its progress; returns what it says of a failure, "" when there was none."""
    done = subprocess.run(  # noqa: S603 - our own command line
        (sys.executable, "-P", *arguments),
        cwd=root,
        env=ready.environment(jobs=1),
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.stderr if done.returncode else ""


def _why_not(said: str) -> str:
    """What `dvc pull` complains of. That the remote lacks a file and that it is gone are one thing to it."""
    if "no default remote set" in said:
        return "there is no DVC remote, `dvc remote add -d NAME URL` names one"
    last = [line.removeprefix("ERROR: ") for line in said.splitlines() if line.startswith("ERROR: ")][-1:]
    if not last or _CANNOT_CHECK_OUT in last[0]:
        return (
            "the DVC remote cannot be reached (`dvc remote list` says where it is), or lacks some: a `dvc push` where "
            "they were made sends them (docs/running.md, Sharing results)"
        )
    return plain.sentence(last[0])
