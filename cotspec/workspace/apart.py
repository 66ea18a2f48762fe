"""A piece of work in a process of its own, which goes on when the process that asked for it is killed."""

from __future__ import annotations

import contextlib
import os
import traceback
from collections.abc import Callable
from typing import NoReturn

from cotspec.workspace.errors import WorkspaceError

_DONE = b"."
_REFUSED = b"!"
"""Before the message of a WorkspaceError."""


def run(work: Callable[[], None]) -> None:
    """Do `work` in a fork with a session of its own, and wait for it: signals for this process or its group miss it.

    It holds what this process holds, locks of files too, until it ends. Raises the WorkspaceError that `work` raises;
    another when it was killed itself.
    """
    reads, writes = os.pipe()
    try:
        child = os.fork()
    except OSError as error:
        os.close(reads)
        os.close(writes)
        raise WorkspaceError(f"no process can be started to write with: {error.strerror}") from error
    if child == 0:
        os.close(reads)
        _work(work, writes)
    os.close(writes)
    with open(reads, "rb") as stream:
        told = stream.read()
    with contextlib.suppress(ChildProcessError):  # whoever started this process had it ignore the end of children
        os.waitpid(child, 0)
    if told == _DONE:
        return
    if told.startswith(_REFUSED):
        raise WorkspaceError(os.fsdecode(told.removeprefix(_REFUSED)))
    if told:
        raise RuntimeError(os.fsdecode(told))
    raise WorkspaceError("the process that writes was killed: run `cotspec build` again, which finishes what was begun")


def _work(work: Callable[[], None], answer: int) -> NoReturn:
    """Whatever happens, this process ends here: what its caller would clean up is another process's to clean up."""
    try:
        os.setsid()
        told = _told(work)
        with contextlib.suppress(BrokenPipeError):  # nobody is there any more to be told
            os.write(answer, told)
    finally:
        os._exit(0)


def _told(work: Callable[[], None]) -> bytes:
    try:
        work()
    except WorkspaceError as error:
        return _REFUSED + os.fsencode(str(error))
    except BaseException:  # noqa: BLE001 - told to who asked for it
        return os.fsencode(traceback.format_exc())
    return _DONE
