"""How long an editor waits: for completion, for a meaning, and for the findings of a text after a key; and what of it
is processor time of the server, or of the processes that check."""

from __future__ import annotations

import os
import shutil
import statistics
import time
from collections.abc import Callable
from pathlib import Path

from cotspec.editor.server import PAUSE
from tests.editor.driver import Editor, cursor, editing

ROOT = Path(__file__).parents[2]
TIMES = 30
READING = 2.0
"""Seconds between two changes, in which the process of the next check is made."""
MOST = 60
"""Milliseconds of processor time of an answer."""


def processor(editor: Editor, *, children: bool) -> float:
    """Milliseconds that the server has used, or the processes it has waited for."""
    server = editor.client._server
    assert server is not None
    told = Path(f"/proc/{server.pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    ticks = told[13:15] if children else told[11:13]
    return 1000 * sum(map(int, ticks)) / os.sysconf("SC_CLK_TCK")


def measured(name: str, editor: Editor, work: Callable[[int], object], times: int, *, children: bool = False) -> float:
    """Print the wall time of some work, and return its processor time, in milliseconds."""
    before, wall = processor(editor, children=children), []
    for n in range(times):
        time.sleep(READING if children else 0)
        begin = time.perf_counter()
        work(n)
        wall.append(1000 * (time.perf_counter() - begin))
    used = (processor(editor, children=children) - before) / times
    print(f"{name}: median {statistics.median(wall):.0f} ms, most {max(wall):.0f}, processor {used:.0f} ms")
    return used


def test_an_answer_while_typing_takes_less_than_a_blink(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "specs", tmp_path / "specs")
    (tmp_path / "pyproject.toml").touch()
    with editing(tmp_path) as editor:
        for name, place in (("bridge-tiny.yaml", "by: tea‸cher"), ("tiny/ablations.yaml", "stages.‸compress.start:")):
            file = tmp_path / "specs" / name
            text, at = cursor(file.read_text(encoding="utf-8").replace(place.replace("‸", ""), place, 1))
            editor.open(file, text)
            assert editor.findings(file) == []
            time.sleep(READING)

            def after_a_key(n: int, file: Path = file, text: str = text) -> None:
                editor.change(file, f"{text}# {n}\nseeed: 1\n" if n % 2 == 0 else text)
                while bool(editor.findings(file)) is not (n % 2 == 0):
                    pass

            print(f"\n{name}, {os.getloadavg()[0]:.1f} processes want a core")
            complete = measured("completion", editor, lambda _, f=file, a=at: editor.completion(f, a), TIMES)  # type: ignore[misc]
            measured("meaning", editor, lambda _, f=file, a=at: editor.hover(f, a), TIMES)  # type: ignore[misc]
            measured(f"findings ({PAUSE} s of them the pause)", editor, after_a_key, 6, children=True)
            assert complete < MOST
