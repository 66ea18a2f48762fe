"""A DVC remote on a web server: a folder that takes GET, HEAD and PUT, and breaks connections when it is told to."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread


class Store(ThreadingHTTPServer):
    """`url` is the remote; `breaks` says from which request of a kind on connections break (0: none)."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), partial(_Handler, directory=str(folder)))
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.breaks: dict[str, int] = {}
        self.seen: dict[str, int] = {}

    def broken(self, kind: str) -> bool:
        """Whether the connection of one more request of a kind breaks."""
        self.seen[kind] = self.seen.get(kind, 0) + 1
        return 0 < self.breaks.get(kind, 0) <= self.seen[kind]

    def handle_error(self, *_: object) -> None:
        """Connections that break are what it is for."""


class _Handler(SimpleHTTPRequestHandler):
    server: Store

    def do_PUT(self) -> None:
        body = b"".join(self._chunks())
        if self.server.broken("PUT"):
            self.close_connection = True
            return
        path = Path(self.translate_path(self.path))
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(body)
        self.send_response(201)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def do_GET(self) -> None:
        """Half a file, where the connection breaks."""
        path = Path(self.translate_path(self.path))
        if not path.is_file() or not self.server.broken("GET"):
            super().do_GET()
            return
        body = path.read_bytes()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body[: len(body) // 2])
        self.close_connection = True

    def _chunks(self) -> Iterator[bytes]:
        if "chunked" not in self.headers.get("Transfer-Encoding", ""):
            yield self.rfile.read(int(self.headers.get("Content-Length", 0)))
            return
        while size := int(self.rfile.readline().split(b";")[0], 16):
            yield self.rfile.read(size)
            self.rfile.readline()
        self.rfile.readline()

    def log_message(self, *_: object) -> None:
        """Nothing is said."""


@contextmanager
def served(folder: Path) -> Iterator[Store]:
    folder.mkdir()
    with Store(folder) as store:
        Thread(target=store.serve_forever, daemon=True).start()
        yield store
        store.shutdown()
