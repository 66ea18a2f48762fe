"""The report in a real browser: light and dark, on a desk and on a phone, with harmless and with hostile text."""

from __future__ import annotations

from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread

import pytest
import reported
from conftest import Run, Stage
from test_report_page import made

from tests import chromium
from tests.chromium import Browser
from tests.pages import HOSTILE

pytestmark = pytest.mark.skipif(chromium.PROGRAM is None, reason=chromium.WHY)
SHAPES = {"desk": (1280, 900), "phone": (390, 844), "narrow": (320, 600)}
CLIPPED = """
[...document.querySelectorAll('svg text')].filter(each => {
  const own = each.getBoundingClientRect(), all = each.ownerSVGElement.getBoundingClientRect();
  return own.width && (own.left < all.left - 1 || own.right > all.right + 1 || own.bottom > all.bottom + 1);
}).map(each => each.textContent)
"""
"""What is written into a drawing and does not fit there."""


@pytest.fixture(scope="module")
def tab(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium.browser(tmp_path_factory.mktemp("profile")) as found:
        yield found


@pytest.fixture(params=["harmless", "hostile"])
def page(request: pytest.FixtureRequest, stage: Stage, run_here: Run, tmp_path: Path) -> Path:
    say = reported.plain if request.param == "harmless" else lambda text: text + HOSTILE
    folder = reported.report(stage, tmp_path / "in", say)
    made(folder, run_here)
    return folder / "out/report.html"


def test_the_page_asks_for_nothing_complains_of_nothing_and_fits(tab: Browser, page: Path) -> None:
    for width, height in SHAPES.values():
        for dark in (False, True):
            tab.look(width=width, height=height, dark=dark)
            tab.open(page)
            assert tab.requested() == [page.resolve().as_uri()]
            assert tab.complaints() == []
            assert tab.evaluate("document.documentElement.scrollWidth") <= width
            assert tab.evaluate("document.title").startswith("tiny")
            assert tab.evaluate("document.querySelectorAll('script,img,iframe,link,object,embed,form').length") == 0
            red = int(tab.evaluate("getComputedStyle(document.body).backgroundColor").split("(")[1].split(",")[0])
            assert (red < 60) is dark  # the style sheet was let in
            assert tab.evaluate(CLIPPED) == []


def test_on_a_phone_names_stand_whole_and_stay_where_a_table_is_moved(tab: Browser, page: Path) -> None:
    tab.look(width=390, height=844)
    tab.open(page)
    names = "[...document.querySelectorAll('#accuracy tbody th bdi')].filter(each => each.textContent === 'structure')"
    assert set(tab.evaluate(f"{names}.map(each => each.getClientRects().length)")) <= {1}
    left = "document.querySelector('#accuracy tbody th').getBoundingClientRect().x"
    before = tab.evaluate(left)
    table = "document.querySelector('#accuracy .side > .wide')"
    tab.evaluate(f"{table}.scrollLeft = 150")
    assert tab.evaluate(f"{table}.scrollLeft") > 100
    assert tab.evaluate(left) == pytest.approx(before, abs=1)


def test_a_filter_and_a_card_work_without_script(tab: Browser, page: Path) -> None:
    tab.look()
    tab.open(page)
    tab.ask("Emulation.setScriptExecutionDisabled", value=True)
    shown = "[...document.querySelectorAll('#answers .card')].filter(each => each.checkVisibility()).length"
    every = tab.evaluate(shown)
    click(tab, "label[for=s0f0]")
    some = tab.evaluate(shown)
    assert 0 < some < every
    assert tab.evaluate("document.querySelectorAll('#answers .card.s0f0').length") == some
    click(tab, "#answers .card.s0f0 summary")
    assert tab.evaluate("document.querySelector('#answers .card.s0f0').open") is True
    click(tab, "label[for=s0all]")
    assert tab.evaluate(shown) == every
    click(tab, "#answers .page > summary")
    assert tab.evaluate(shown) == every + tab.evaluate("document.querySelectorAll('#answers .page[open] .card').length")
    assert tab.evaluate(shown) > every
    traces = shown.replace("#answers", "#teacher")
    every = tab.evaluate(traces)
    click(tab, "#teacher .page > summary")
    assert tab.evaluate(traces) == every + 50
    click(tab, "#teacher .page .card > summary")
    assert tab.evaluate("document.querySelector('#teacher .page .card[open] .answers').checkVisibility()") is True
    tab.ask("Emulation.setScriptExecutionDisabled", value=False)


@pytest.fixture
def asked() -> Iterator[tuple[str, list[str]]]:
    """A server's address, and what it was asked for."""
    paths: list[str] = []

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            paths.append(self.path)
            self.send_error(404)

        def log_message(self, format: str, *args: object) -> None:
            """Says nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_port}", paths
        server.shutdown()


def test_the_policy_stops_what_would_get_past_the_escaping(
    tab: Browser, tmp_path: Path, page: Path, asked: tuple[str, list[str]]
) -> None:
    broken, (address, paths) = tmp_path / "broken.html", asked
    wedge = f"<img src={address}/x.png><script>document.title='ran'</script><style>body{{display:none}}</style>"
    broken.write_text(page.read_text(encoding="utf-8").replace("<main>", f"<main>{wedge}", 1), encoding="utf-8")
    tab.open(broken)
    assert tab.evaluate("document.title").startswith("tiny")
    assert tab.evaluate("getComputedStyle(document.body).display") == "block"
    assert paths == []
    assert len(tab.complaints()) == 3


def click(tab: Browser, selector: str) -> None:
    """A click of the mouse in the middle of an element."""
    tab.evaluate(f"document.querySelector('{selector}').scrollIntoView({{block: 'center'}})")
    x, y = tab.evaluate(
        f"(box => [box.x + box.width / 2, box.y + box.height / 2])(document.querySelector('{selector}')"
        ".getBoundingClientRect())"
    )
    for kind in ("mousePressed", "mouseReleased"):
        tab.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)
