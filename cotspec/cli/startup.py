"""Before anything heavy is imported: what makes a command that ends in a moment start and end fast.

Measured by `tests/bench/test_check_speed.py`. Knows Python, its streams and pydantic's plugins; no command.
"""

from __future__ import annotations

import gc
import importlib
import io
import signal
import sys
from types import ModuleType
from typing import Final

_PLUGINS: Final = "pydantic.plugin._loader"


def begin() -> None:
    """Call before the first import of pydantic."""
    _streams()
    # Some ten collections would happen while modules are imported, and find nothing.
    gc.set_threshold(100_000, 20, 20)
    _no_plugins()


def end() -> None:
    """Call when all is done: what is alive now is not looked through once more while Python shuts down."""
    gc.freeze()


def _streams() -> None:
    """What a reader or a terminal cannot do is no bug of ours."""
    if hasattr(signal, "SIGPIPE"):  # `cotspec check | head` ends without a word, like any tool (128 + 13 in a shell)
        signal.signal(signal.SIGPIPE, signal.SIG_DFL)
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")  # a character the terminal's encoding does not have


def _no_plugins() -> None:
    """Keep pydantic from looking for plugins in the metadata of every installed package.

    A plugin watches validations (to log them, say); what a spec means must not depend on it. pydantic's own switch,
    PYDANTIC_DISABLE_PLUGINS, comes after importing `importlib.metadata` and all of `email` for it. Whoever asks the
    loader for anything else gets the real one.
    """
    if _PLUGINS in sys.modules:
        return
    loader = ModuleType(_PLUGINS)

    def other(name: str) -> object:
        if name.startswith("__"):  # asked by the import system itself
            raise AttributeError(name)
        del sys.modules[_PLUGINS]
        return getattr(importlib.import_module(_PLUGINS), name)

    vars(loader).update(get_plugins=lambda: (), __getattr__=other)
    sys.modules[_PLUGINS] = loader
