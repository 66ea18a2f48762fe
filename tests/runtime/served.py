"""An OpenAI-compatible server of a builtin model, small enough to read: `python served.py`, a process of its own that
really generates, through transformers. `POST /control` makes it misbehave, `GET /asked` tells what it was asked.
"""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.request import Request, urlopen

NAME = "tiny-teacher"
FINGERPRINT = "fp-of-the-tests"
FAR = "https://far.example/v1"
"""What specs write; cotspec.local.yaml has the tests' own server in its place."""
DRAWN = {"n": 1, "temperature": 0.8, "top_p": 0.95, "top_k": 0, "max_new_tokens": 16}
GREEDY = DRAWN | {"temperature": 0.0, "top_p": 1.0}


class Server:
    """The other process, as a test sees it."""

    def __init__(self, port: int, process: subprocess.Popen[str]) -> None:
        self.root, self.process = f"http://127.0.0.1:{port}", process
        self.url = f"{self.root}/v1"

    def control(self, **settings: Any) -> None:
        """Have it answer otherwise; what is not given is as it should be.

        `faults` hold for the next requests, one each (`null`: none); `on` maps a text to the fault of every prompt that
        has it; `all` is the fault of every request; `key` is wanted; `thoughts` go beside the text; `listed` are the
        models it tells of; `no` is a path it has not; `wait` is how long a text takes, `pause` a piece of a stream;
        `sends` is the body of every reply, whatever it was asked. `streams` says how it answers who wants a stream:
        whole (`no`), with an error (`refused`, `refused options`), or without the tokens it took (`uncounted`).
        """
        data = json.dumps(settings).encode()
        urlopen(Request(f"{self.root}/control", data=data, method="POST")).read()

    def asked(self) -> list[dict[str, Any]]:
        """The bodies of all requests for texts, without those of checks and self-tests."""
        found: list[dict[str, Any]] = json.loads(urlopen(f"{self.root}/asked").read())
        return [body for body in found if body["max_tokens"] not in (1, 32)]

    def everything(self) -> list[dict[str, Any]]:
        """The bodies of all requests for texts."""
        return list(json.loads(urlopen(f"{self.root}/asked").read()))

    def most(self) -> int:
        """How many requests it had at a time."""
        return int(urlopen(f"{self.root}/most").read())


@contextmanager
def serve() -> Iterator[Server]:
    """A running server."""
    command = [sys.executable, __file__]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        try:
            yield Server(int(process.stdout.readline()), process)
        finally:
            process.kill()


# --- tasks that ask it ------------------------------------------------------------------------------------------------


def settings(**changes: Any) -> Any:
    """How it is asked."""
    from cotspec.spec.payload import EndpointSettings

    return EndpointSettings(**({"concurrency": 3, "retries": 2, "timeout": 30.0} | changes))


def model(**changes: Any) -> Any:
    """Its model, as a body names it."""
    from cotspec.spec.payload import EndpointModel

    return EndpointModel(**({"name": NAME, "url": FAR, "chat": False} | changes))


def agree(root: Path, url: str, key: str = "") -> None:
    """Have the owner of this machine agree to a server."""
    given = f'url: "{url}"' + (f", key: {key}" if key else "")
    (root / "cotspec.local.yaml").write_text(f'endpoints: {{"{FAR}": {{{given}}}}}\n', encoding="utf-8")


def questions(root: Path, number: int = 12) -> Path:
    """problems.jsonl of a project."""
    from conftest import QUESTIONS, write_lines

    records = [{"id": i, "question": q, "answer": a} for i, (q, a) in enumerate(QUESTIONS[:number])]
    return write_lines(root / "problems.jsonl", records)


def task(root: Path, name: str = "one", *, of: Any = None, **changes: Any) -> Path:
    """A task that has it write a text to each of the questions."""
    from conftest import lay_out
    from generating import teach

    how = {key: changes.pop(key) for key in list(changes) if key in type(settings()).model_fields}
    given: dict[str, Any] = {"model": of or model(), "sampling": DRAWN, "prompt": "{{ question }}\n"}
    problems = {"problems": root / "problems.jsonl"}
    return lay_out(root, name, teach(**(given | changes)), problems, endpoint=settings(**how))


def written(folder: Path) -> list[dict[str, Any]]:
    """The texts that a task left."""
    return [json.loads(line) for line in (folder / "out/rollouts.jsonl").read_text(encoding="utf-8").splitlines()]


# --- the process ------------------------------------------------------------------------------------------------------


class _State:
    def __init__(self) -> None:
        from cotspec.builtin.digest import MODELS
        from cotspec.runtime.engine_transformers import TransformersEngine
        from cotspec.runtime.models import ModelSource

        origin = ModelSource(folder=MODELS / NAME, chat=None, trust_remote_code=False)
        self.engine = TransformersEngine(origin, gpus=0, batch=1)
        self.lock = threading.Lock()
        self.settings: dict[str, Any] = {}
        self.asked: list[dict[str, Any]] = []
        self.now = self.most = 0

    def fault(self, prompt: str) -> dict[str, Any]:
        """What is to go wrong with a request, if anything."""
        with self.lock:
            given = self.settings.get("faults") or []
            if given:
                return given.pop(0) or {}
        told = next((fault for text, fault in self.settings.get("on", {}).items() if text in prompt), None)
        return told or self.settings.get("all") or {}

    def complete(self, body: dict[str, Any], prompt: str, heard: Callable[[str], None] | None = None) -> dict[str, Any]:
        """The text, in the words of the API."""
        from cotspec.runtime.engine import Draw
        from cotspec.spec.payload import Sampling, Stop

        sampling = Sampling(
            n=1,
            temperature=float(body["temperature"]),
            top_p=float(body.get("top_p", 1.0)),
            top_k=int(body.get("top_k", 0)),
            max_new_tokens=int(body.get("max_tokens") or body["max_completion_tokens"]),
            stop=Stop(texts=tuple(body.get("stop", ()))),
        )
        self.now += 1
        self.most = max(self.most, self.now)
        time.sleep(self.settings.get("wait", 0))
        self.now -= 1
        with self.lock:
            ids = self.engine.encode(prompt)
            (made,) = self.engine.complete([Draw(ids=ids, seed=int(body.get("seed", 0)))], sampling, heard=heard)
        usage = {"prompt_tokens": len(ids), "completion_tokens": made.tokens}
        ended = "length" if made.truncated else "stop"
        choice: dict[str, Any] = {"index": 0, "finish_reason": ended}
        choice |= {"message": self._message(made.text)} if "messages" in body else {"text": made.text}
        return {"model": NAME, "system_fingerprint": FINGERPRINT, "choices": [choice], "usage": usage}

    def _message(self, text: str) -> dict[str, Any]:
        thoughts, step, rest = text.partition("Step 1:")
        if not self.settings.get("thoughts"):
            return {"role": "assistant", "content": text}
        own = thoughts.removeprefix("Thinking…").strip()
        return {"role": "assistant", "reasoning_content": own, "content": step + rest or None}


class _Handler(BaseHTTPRequestHandler):
    state: _State
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: object) -> None:
        """Quiet."""

    def do_GET(self) -> None:
        if self.path == "/asked":
            self._send(200, self.state.asked)
        elif self.path == "/most":
            self._send(200, self.state.most)
        elif self._denied():
            return
        elif self.path == "/v1/models":
            names = self.state.settings.get("listed", [NAME])
            fault = self.state.settings.get("models")
            self._send(fault or 200, {"data": [{"id": name, "object": "model"} for name in names]})
        else:
            self._error(404, "no such path")

    def do_POST(self) -> None:
        raw = self.rfile.read(int(self.headers["Content-Length"]))
        body = json.loads(raw)
        if self.path == "/control":
            self.state.settings, self.state.asked, self.state.most = body, [], 0
            self._send(200, {})
            return
        if self._denied():
            return
        chat = self.path == "/v1/chat/completions"
        if (not chat and self.path != "/v1/completions") or self.path.removeprefix("/v1/") == self.state.settings.get(
            "no"
        ):
            self._error(404, "no such path")
            return
        self.state.asked.append(body)
        prompt = "\n".join(turn["content"] for turn in body["messages"]) if chat else body["prompt"]
        if body["model"] != NAME:
            self._error(404, f"the model `{body['model']}` does not exist")
            return
        self._answer(body, prompt, self.state.fault(prompt) if body.get("max_tokens") not in (1, 32) else {})

    def _answer(self, body: dict[str, Any], prompt: str, fault: dict[str, Any]) -> None:
        time.sleep(fault.get("hang", 0))
        if "sends" in self.state.settings:
            self._send(200, self.state.settings["sends"].encode())
            return
        if "status" in fault:
            headers = {"Retry-After": str(fault["after"])} if "after" in fault else {}
            self._error(fault["status"], fault.get("says", "try later"), headers)
            return
        if body.get("stream") and fault.get("cut") != "before" and self.state.settings.get("streams") != "no":
            self._stream(body, prompt, fault)
            return
        reply = self.state.complete(body, prompt)
        if fault.get("drop") == "usage":
            del reply["usage"]
        elif fault.get("drop") == "choices":
            reply["choices"] = []
        elif "finish" in fault:
            reply["choices"][0]["finish_reason"] = fault["finish"]
        elif fault.get("empty"):
            reply["choices"][0] |= {"text": " ", "message": {"content": None}}
        content = json.dumps(reply).encode()
        if "cut" in fault:
            self._cut(content, fault["cut"])
        else:
            self._send(200, content)

    def _stream(self, body: dict[str, Any], prompt: str, fault: dict[str, Any]) -> None:
        """Events, as the text is written, up to the third where one is to fail: the server says why, ends the reply
        without its end (`cut: stream`), or the connection breaks off (`cut: reply`)."""
        how = self.state.settings.get("streams", "")
        refused = {"refused": "stream", "refused options": "stream_options"}.get(how, "")
        if refused in body:
            self._error(400, f"Unrecognized request argument supplied: {refused}")
            return
        self.send_response(200)
        self.send_header("Content-Type", "text/event-stream")
        self.send_header("Connection", "close")
        if fault.get("cut") == "reply":
            self.send_header("Content-Length", "100000")
        self.end_headers()
        self.wfile.write(b": a comment, as some servers send\n\n")
        said: list[str] = []
        fails = "error" in fault or "cut" in fault

        def event(choices: list[dict[str, Any]], **more: Any) -> None:
            data = json.dumps({"model": NAME, "system_fingerprint": FINGERPRINT, "choices": choices} | more)
            self.wfile.write(f"data: {data}\r\n\r\n".encode())
            self.wfile.flush()

        def heard(piece: str) -> None:
            said.append(piece)
            time.sleep(self.state.settings.get("pause", 0))
            if len(said) == 3 and "error" in fault:
                event([], error={"message": fault["error"]})
            if len(said) < 3 or not fails:
                event([{"index": 0, "finish_reason": None} | self._piece(body, piece)])

        try:
            whole = self.state.complete(body, prompt, heard)
            if not fails:
                rest = whole["choices"][0]
                event([{"index": 0, "finish_reason": rest["finish_reason"]} | self._piece(body, "")])
                if body.get("stream_options") and how != "uncounted":
                    event([], usage=whole["usage"])
                self.wfile.write(b"data: [DONE]\n\n")
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has gone
        self.close_connection = True

    def _piece(self, body: dict[str, Any], piece: str) -> dict[str, Any]:
        return {"delta": {"content": piece}} if "messages" in body else {"text": piece}

    def _cut(self, content: bytes, how: str) -> None:
        """The connection breaks off, or half of the reply is sent as if it were all of it."""
        half = content[: len(content) // 2]
        if how == "half":
            self._send(200, half)
            return
        if how == "reply":
            self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(content) + half)
            self.wfile.flush()
        self.connection.shutdown(socket.SHUT_RDWR)
        self.close_connection = True

    def _denied(self) -> bool:
        key = self.state.settings.get("key")
        denied = bool(key) and self.headers.get("Authorization") != f"Bearer {key}"
        if denied:
            self._error(401, f"wrong key: {self.headers.get('Authorization')}")  # some servers repeat it
        return denied

    def _error(self, status: int, says: str, headers: dict[str, str] | None = None) -> None:
        self._send(status, {"error": {"message": says}}, headers)

    def _send(self, status: int, value: Any, headers: dict[str, str] | None = None) -> None:
        content = value if isinstance(value, bytes) else json.dumps(value).encode()
        try:
            self.send_response(status)
            for name, text in {"Content-Length": str(len(content)), **(headers or {})}.items():
                self.send_header(name, text)
            self.end_headers()
            self.wfile.write(content)
        except (BrokenPipeError, ConnectionResetError):
            pass  # whoever asked has gone


def main() -> None:
    """Serve until the process is ended."""
    _Handler.state = _State()
    ThreadingHTTPServer.request_queue_size = 64
    server = ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
    server.daemon_threads = True
    print(server.server_address[1], flush=True)
    server.serve_forever()


if __name__ == "__main__":
    sys.path.insert(0, str(Path(__file__).parents[2]))
    main()
