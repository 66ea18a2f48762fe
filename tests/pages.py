"""What tests ask of every page: how it reads, and that it is whole without script, network or anything beside it."""

from __future__ import annotations

import base64
import hashlib
import re
from html.parser import HTMLParser

HOSTILE = (
    "<script>document.title='x'</script></style></title></pre></bdi><img src=http://example.com/a.png onerror=alert(1)>"
    "<a href=javascript:alert(1)>{{ 7*7 }}\u202egnp\u2066\x00\x1b[31m&amp;\"'`\r\n" + "W" * 100_000
)
ALLOWED = {
    *("html", "head", "meta", "title", "style", "body", "header", "nav", "main", "footer", "section", "h1", "h2", "h3"),
    *("h4", "p", "ul", "ol", "li", "a", "b", "br", "em", "bdi", "small", "code", "pre", "div", "span", "details"),
    *("summary", "table", "thead", "tbody", "tr", "th", "td", "figure", "figcaption", "input", "label"),
    *("svg", "path", "polyline", "circle", "rect", "text"),
}


class Parsed(HTMLParser):
    """What a browser would make of a page."""

    def __init__(self, page: str) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.words: list[str] = []
        self.style = ""
        self._open: list[str] = []
        self.feed(page)
        self.close()

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))
        self._open.append(tag)

    def handle_data(self, data: str) -> None:
        if self._open[-1:] == ["style"]:
            self.style += data
        else:
            self.words.append(data)

    def handle_endtag(self, tag: str) -> None:
        while self._open and self._open.pop() != tag:
            pass

    @property
    def said(self) -> str:
        """All text, blanks made one."""
        return " ".join(" ".join(self.words).split())


def whole(page: str) -> None:
    """Fails where a page could run, load or send anything, or where a button or a link leads nowhere."""
    parsed = Parsed(page)
    for tag, attributes in parsed.tags:
        assert tag in ALLOWED
        assert not {
            name for name in attributes if name.startswith("on") or name in ("style", "src", "srcset", "action")
        }
        assert (attributes.get("href") or "#").startswith("#")
    assert not re.search(r"url\(|@import|expression\(", parsed.style)
    digest = base64.b64encode(hashlib.sha256(parsed.style.encode()).digest()).decode()
    (policy,) = [each["content"] for _, each in parsed.tags if each.get("http-equiv") == "Content-Security-Policy"]
    assert policy == f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    tags = parsed.tags
    ids = [each["id"] for _, each in tags if "id" in each]
    assert len(ids) == len(set(ids))
    assert {each["for"] for tag, each in tags if tag == "label"} == {each["id"] for tag, each in tags if tag == "input"}
    assert {(each["href"] or "")[1:] for tag, each in tags if tag == "a"} <= set(ids)
