"""Options that all tests share. Helpers are in tests/support.py."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from cotspec import cli
from tests.support import Run


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--update-golden", action="store_true", help="write golden files anew (look at the diff)")


# A shared machine is now and then too slow for a time limit on an example; CI tries the same examples each time.
settings.register_profile("suite", deadline=None, derandomize=bool(os.environ.get("CI")))
settings.load_profile("suite")


def pytest_configure(config: pytest.Config) -> None:
    if config.getoption("--update-golden") and os.environ.get("CI"):
        raise pytest.UsageError("--update-golden is for people: in CI a golden that differs is a failure")
    if signal.getsignal(signal.SIGINT) == signal.SIG_IGN:
        # A shell that starts the tests in the background has them and what they start ignore Ctrl-C.
        signal.signal(signal.SIGINT, signal.default_int_handler)
    if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN:
        signal.signal(signal.SIGHUP, signal.SIG_DFL)  # `nohup pytest` would have what is tested ignore it, too


_LONG = ("e2e", "runtime", "kill")
"""Folders whose files take longest. Each file runs on one core, so a long one must not be the last to begin."""


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def late(item: pytest.Item) -> bool:
        place = item.path.relative_to(Path(__file__).parent)
        return len(place.parts) > 1 and place.parts[0] not in _LONG

    items.sort(key=late)


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """`cotspec ARGUMENTS…` in this process, which takes a tenth of the time of one of its own."""

    def call(*arguments: str, folder: Path | None = None) -> tuple[int, str, str]:
        monkeypatch.chdir(folder or Path.cwd())
        monkeypatch.setattr(sys, "argv", ["cotspec", *arguments])
        capsys.readouterr()
        with pytest.raises(SystemExit) as stop:
            cli.main()
        signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # the command's own is not for a process that goes on
        out, err = capsys.readouterr()
        return int(stop.value.code or 0), out, err

    return call


@pytest.fixture(autouse=True)
def pipes() -> Iterator[None]:
    """The command line lets a closed pipe end its process; run inside the tests, it must not end theirs."""
    yield
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
