"""A model hub on 127.0.0.1, small enough to read: repositories with commits, branches and files, and the parts of the
hub's API that its own client uses, to read and to write. It can also be told to misbehave.
"""

from __future__ import annotations

import json
import signal
import threading
import time
from base64 import b64decode
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from hashlib import sha1, sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import unquote, urlsplit

Files = Mapping[str, bytes]


@dataclass
class Repo:
    """A model or data set. `lie` makes it answer every commit with the files of another one, as a bad mirror would."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    lie: str = ""
    lie_about: str = ""
    """Of one file only; "" is every file."""

    def push(self, files: Files, *, branch: str = "main", tag: str = "") -> str:
        """Commit files on a branch; return the commit."""
        text = json.dumps([branch, len(self.commits), sorted(sha256(f).hexdigest() for f in files.values())])
        commit = sha1(text.encode()).hexdigest()
        self.commits[commit] = dict(files)
        self.refs[branch] = commit
        if tag:
            self.refs[tag] = commit
        return commit

    def commit(self, revision: str) -> str | None:
        """What a revision is."""
        found = self.refs.get(revision, revision)
        return found if found in self.commits else None


@dataclass
class Hub:
    """What the server has and was asked; change it while it runs."""

    repos: dict[tuple[str, str], Repo] = field(default_factory=dict)
    status: dict[str, tuple[int, str]] = field(default_factory=dict)
    """By repository: status and error code of every answer."""
    delay: float = 0.0
    answer: bytes | None = None
    """Said to every request, whatever it asks."""
    sha: object = None
    """Said to be the commit of everything."""
    asked: list[str] = field(default_factory=list)
    url: str = ""
    token: str = ""
    """Who may write; nobody without one."""
    private: dict[str, bool] = field(default_factory=dict)
    """By repository that a client has made."""
    large: dict[str, bytes] = field(default_factory=dict)
    """Content that was uploaded apart from its commit, by sha256."""

    def model(self, id: str) -> Repo:
        return self.repos.setdefault(("models", id), Repo())

    def data(self, id: str) -> Repo:
        return self.repos.setdefault(("datasets", id), Repo())


@contextmanager
def serve() -> Iterator[Hub]:
    """A running hub."""
    hub = Hub()
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)  # a client that has gone must not end the process the server is in

    class Handler(_Handler):
        state = hub

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    hub.url = f"http://127.0.0.1:{server.server_address[1]}"
    thread = threading.Thread(target=server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield hub
    finally:
        server.shutdown()
        server.server_close()


class _Handler(BaseHTTPRequestHandler):
    state: Hub
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if urlsplit(self.path).path == "/api/agent-harnesses":  # the client asks it once a process, of no repository
            self._error(404, "")
        else:
            self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        path, body = unquote(urlsplit(self.path).path).strip("/"), self._body()
        self.state.asked.append(f"{self.command} {path}")
        if self.state.answer is not None:
            self._send(200, self.state.answer)
        elif path == "api/validate-yaml":
            self._json({"errors": [], "warnings": []})
        elif not self.state.token or self.headers.get("Authorization") != f"Bearer {self.state.token}":
            self._error(401, "")
        else:
            self._write(path, body)

    def do_PUT(self) -> None:
        path, body = urlsplit(self.path).path.strip("/"), self._body()
        self.state.asked.append(f"{self.command} {path}")
        self.state.large[sha256(body).hexdigest()] = body
        self._send(200, b"")

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    def _write(self, path: str, body: bytes) -> None:
        parts = path.split("/")
        if path == "api/repos/create":
            made = json.loads(body)
            id = f"{made['organization']}/{made['name']}"
            if ("models", id) in self.state.repos:
                self._send(409, json.dumps({"url": f"{self.state.url}/{id}"}).encode())
                return
            self.state.private[id] = made["visibility"] == "private"
            self.state.model(id)
            self._json({"url": f"{self.state.url}/{id}"})
        elif path.endswith(".git/info/lfs/objects/batch"):
            objects = [
                each | {"actions": {"upload": {"href": f"{self.state.url}/large"}}}
                for each in json.loads(body)["objects"]
            ]
            self._json({"transfer": "basic", "objects": objects})
        elif parts[4] == "preupload":
            names = [each["path"] for each in json.loads(body)["files"]]
            modes = {name: "lfs" if name.endswith(".safetensors") else "regular" for name in names}
            self._json({"files": [{"path": n, "uploadMode": modes[n], "shouldIgnore": False} for n in names]})
        else:
            self._commit("/".join(parts[2:4]), [json.loads(line) for line in body.splitlines()])

    def _commit(self, id: str, lines: list[dict[str, Any]]) -> None:
        repo = self.state.model(id)
        files = dict(repo.commits.get(repo.refs.get("main", ""), {}))
        for line in lines:
            value = line["value"]
            if line["key"] == "file":
                files[value["path"]] = b64decode(value["content"])
            elif line["key"] == "lfsFile":
                files[value["path"]] = self.state.large[value["oid"]]
        commit = repo.push(files)
        self._json({"commitUrl": f"{self.state.url}/{id}/commit/{commit}", "commitOid": commit, "success": True})

    def _answer(self) -> None:
        path = unquote(urlsplit(self.path).path).strip("/")
        self.state.asked.append(f"{self.command} {path}")
        time.sleep(self.state.delay)
        if self.state.answer is not None:
            self._send(200, self.state.answer)
            return
        parts = path.split("/")
        if parts[0] == "api":
            self._api(parts[1], "/".join(parts[2:4]), parts[4:])
        else:
            kind = "datasets" if parts[0] == "datasets" else "models"
            rest = parts[1:] if kind == "datasets" else parts
            self._file(kind, "/".join(rest[:2]), rest[3] if len(rest) > 3 else "", "/".join(rest[4:]))

    def _api(self, kind: str, id: str, rest: list[str]) -> None:
        repo = self._repo(kind, id)
        if repo is None:
            return
        revision = rest[1] if len(rest) > 1 else "main"
        commit = repo.commit(revision)
        if commit is None:
            self._error(404, "RevisionNotFound")
        elif rest[:1] == ["tree"]:
            self._json([_entry(path, content) for path, content in sorted(repo.commits[commit].items())])
        else:
            files = [{"rfilename": path} for path in sorted(repo.commits[commit])]
            sha = commit if self.state.sha is None else self.state.sha
            self._json({"id": id, "sha": sha, "siblings": files, "private": False, "tags": []})

    def _file(self, kind: str, id: str, revision: str, path: str) -> None:
        repo = self._repo(kind, id)
        if repo is None:
            return
        commit = repo.commit(revision)
        if repo.lie and repo.lie_about in ("", path):
            commit = repo.lie
        if commit is None:
            self._error(404, "RevisionNotFound")
        elif path not in repo.commits[commit]:
            self._error(404, "EntryNotFound", {"X-Repo-Commit": commit})
        else:
            content = repo.commits[commit][path]
            headers = {"X-Repo-Commit": commit, "ETag": f'"{_blob(content)}"', "X-Linked-Size": str(len(content))}
            self._send(200, content, headers, "application/octet-stream")

    def _repo(self, kind: str, id: str) -> Repo | None:
        if id in self.state.status:
            self._error(*self.state.status[id])
            return None
        repo = self.state.repos.get((kind, id))
        if repo is None:
            self._error(401, "RepoNotFound")  # what the hub says of a name it does not know to who is not logged in
        return repo

    def _error(self, status: int, code: str, headers: Mapping[str, str] | None = None) -> None:
        named = {"X-Error-Code": code} if code else {}
        self._send(status, b"{}", {**named, **(headers or {})})

    def _json(self, value: Any) -> None:
        self._send(200, json.dumps(value).encode())

    def _send(
        self, status: int, body: bytes, headers: Mapping[str, str] | None = None, kind: str = "application/json"
    ) -> None:
        try:
            self.send_response(status)
            for name, value in {"Content-Type": kind, "Content-Length": str(len(body)), **(headers or {})}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(body)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has gone


def _entry(path: str, content: bytes) -> dict[str, object]:
    return {"type": "file", "path": path, "size": len(content), "oid": _blob(content)}


def _blob(content: bytes) -> str:
    return sha1(b"blob %d\0" % len(content) + content).hexdigest()
