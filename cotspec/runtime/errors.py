"""What a task may end with besides success. Owns exit codes; knows nothing of tasks."""

from __future__ import annotations

from typing import ClassVar


class TaskError(Exception):
    """The task cannot be done as asked: an input, a setting or the machine is wrong. The message says what to do."""

    exit_code: ClassVar[int] = 2


class StoppedError(TaskError):
    """The task was done and its finding is that the pipeline must stop (a gate that did not pass)."""

    exit_code: ClassVar[int] = 1
