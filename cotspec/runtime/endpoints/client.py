"""One request to an OpenAI-compatible server, and what went wrong with it in a person's words. The only importer of the
HTTP client; retries and budgets are `asking`'s.

Nothing follows a redirect: texts and key go to the server that was agreed to and to no other.
"""

from __future__ import annotations

import asyncio
import email.utils
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from contextlib import AsyncExitStack
from dataclasses import replace
from difflib import get_close_matches
from types import TracebackType
from typing import Any, Final, NamedTuple, Self

import httpx2

from cotspec.files import plain
from cotspec.runtime.endpoints import replies
from cotspec.runtime.endpoints.places import Place
from cotspec.runtime.endpoints.replies import Reply
from cotspec.runtime.endpoints.streams import Stream
from cotspec.runtime.engine import Heard
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import span
from cotspec.spec.local import LOCAL_FILE
from cotspec.spec.payload import EndpointModel, EndpointSettings, Sampling, Stop

_CONNECT: Final = 15.0
"""Seconds to wait for a connection."""
_LIST: Final = 30.0
"""Seconds to wait for the list of models."""
_MOST: Final = 1 << 26
"""Bytes of a reply."""
_STOPS: Final = 4
"""Stops that servers take; all of them hold, whatever the server does."""
_LATER: Final = frozenset({408, 409, 425, 429})
"""Statuses below 500 after which the same request may work."""
_NO_LIST: Final = frozenset({400, 404, 405, 501})
"""What servers say that do not list their models."""
_OPTIONAL: Final = ("seed", "stream_options", "stream")
"""Fields that a server can do without."""
_LISTED: Final = 10
"""Models that a message names."""
_UNKNOWN: Final = re.compile(
    r"unsupported|not supported|unknown|unrecognized|extra|not permitted|unexpected|not allowed"
)


class FailedError(Exception):
    """A request without a text, which may work the next time; `after`: the seconds that the server asks to wait."""

    def __init__(self, message: str, *, after: float | None = None, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.after, self.reply = after, reply


class UnreachableError(FailedError):
    """Nobody answers."""


class RefusedError(Exception):
    """The server will not answer this request, now or later."""

    def __init__(self, message: str, *, reply: Reply | None = None) -> None:
        super().__init__(message)
        self.reply = reply


class _Answer(NamedTuple):
    status: int
    headers: Mapping[str, str]
    raw: bytes
    """Of a stream, the body of a reply that would have come whole."""
    streamed: bool = False


class Client:
    """A server that is asked for the texts of one model. It may be entered again, also in another event loop: what it
    has learnt of the server stays."""

    def __init__(self, ref: EndpointModel, place: Place, settings: EndpointSettings) -> None:
        self._ref, self._place, self._timeout = ref, place, settings.timeout
        self._without: set[str] = set()
        """Fields that the server does not take."""
        self._listed: list[str] | None = None
        self._most = settings.concurrency + 1
        self._stack = AsyncExitStack()

    async def __aenter__(self) -> Self:
        self._http = await self._stack.enter_async_context(
            httpx2.AsyncClient(
                headers={"Authorization": f"Bearer {self._place.key}"} if self._place.key else {},
                timeout=httpx2.Timeout(None, connect=_CONNECT),
                limits=httpx2.Limits(max_connections=self._most, max_keepalive_connections=self._most),
                follow_redirects=False,
            )
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stack.aclose()

    async def check(self) -> None:
        """Ask whether the server is there, takes the key and has the model. Raises TaskError, FailedError."""
        answer = await self._send("GET", "/models")
        if answer.status in _NO_LIST:
            self._listed = None
        elif answer.status != 200:
            raise self._fault(answer)
        else:
            self._listed = replies.names(answer.raw)
        if self._ref.name in (self._listed or ()):
            return
        # A name that is not listed may be another one for a model that is: only a request tells.
        body = self._body("Hello", Sampling(n=1, temperature=1.0, top_p=1.0, top_k=0, max_new_tokens=1), seed=0)
        answer = await self._post(body)
        if answer.status != 200:
            fault = self._fault(answer)
            raise TaskError(str(fault)) if isinstance(fault, RefusedError) else fault
        self.understands(replies.read(answer.raw, Stop(), chat=self._ref.chat))

    def understands(self, reply: Reply) -> None:
        """Raises TaskError for what no server sends that speaks the protocol."""
        if reply.other:
            way = "/chat/completions" if self._ref.chat else "/completions"
            raise TaskError(
                f"{self._place.url}{way} sends {reply.other}, and OpenAI's protocol wants one JSON object: is `url` "
                "right, up to `/v1`, and does nothing on the way answers for the server or streams?"
            )

    async def ask(self, prompt: str, sampling: Sampling, *, seed: int, heard: Heard | None = None) -> Reply:
        """A reply with a text; `heard` is told it as it is written, where the server does that. Raises FailedError,
        RefusedError and, where no request can work, TaskError."""
        streamed = {} if heard is None else {"stream": True, "stream_options": {"include_usage": True}}
        answer = await self._post(self._body(prompt, sampling, seed=seed) | streamed, heard)
        if answer.status != 200:
            raise self._fault(answer)
        reply = replies.read(answer.raw, sampling.stop, chat=self._ref.chat)
        if answer.streamed and reply.fault == replies.NO_USAGE:
            self._without.add("stream")  # it may count the tokens of replies that come whole
        reply = replace(reply, fault=self._place.shown(reply.fault))
        if reply.completion is not None:
            return reply
        raise FailedError(reply.fault, reply=reply) if reply.again else RefusedError(reply.fault, reply=reply)

    # --- requests -----------------------------------------------------------------------------------------------------

    def _body(self, prompt: str, sampling: Sampling, *, seed: int) -> dict[str, Any]:
        ref = self._ref
        body: dict[str, Any] = {"model": ref.name, "max_tokens": sampling.max_new_tokens, "seed": seed}
        body["temperature"] = sampling.temperature
        if ref.chat:
            system = [{"role": "system", "content": ref.system}] if ref.system else []
            body["messages"] = [*system, {"role": "user", "content": prompt}]
        else:
            body["prompt"] = prompt
        if sampling.top_p < 1:
            body["top_p"] = sampling.top_p
        if sampling.top_k:  # not OpenAI's own, but of all servers that people run themselves
            body["top_k"] = sampling.top_k
        if sampling.stop.texts:
            body["stop"] = list(sampling.stop.texts[:_STOPS])
        if ref.template:
            body["chat_template_kwargs"] = dict(ref.template)
        return body | dict(ref.request)

    async def _post(self, body: dict[str, Any], heard: Heard | None = None) -> _Answer:
        """A request; again without each field that this server does not know and that decides no text."""
        path = "/chat/completions" if self._ref.chat else "/completions"
        answer = await self._send("POST", path, self._adapted(body), heard)
        while answer.status in (400, 422) and self._learns(replies.complaint(answer.raw)):
            answer = await self._send("POST", path, self._adapted(body), heard)
        return answer

    def _adapted(self, body: dict[str, Any]) -> dict[str, Any]:
        own = {name: value for name, value in body.items() if name not in self._without}
        if "max_tokens" in self._without:
            own["max_completion_tokens"] = body["max_tokens"]
        if "stream" in self._without:
            own.pop("stream_options", None)
        return own

    def _learns(self, said: str) -> bool:
        """Whether a complaint is about a field that can be left out, or has another name."""
        field = ""
        if "max_completion_tokens" in said:
            field = "max_tokens"
        elif _UNKNOWN.search(said.lower()):
            field = next((name for name in _OPTIONAL if re.search(rf"\b{name}\b", said)), "")
        new = bool(field) and field not in self._without
        self._without |= {field} - {""}
        return new

    @property
    def repeatable(self) -> bool:
        """Whether the server takes a seed."""
        return "seed" not in self._without

    async def _send(
        self, method: str, path: str, body: dict[str, Any] | None = None, heard: Heard | None = None
    ) -> _Answer:
        limit = self._timeout if method == "POST" else min(self._timeout, _LIST)
        stream = None if heard is None else Stream(heard, chat=self._ref.chat)
        try:
            async with asyncio.timeout(limit):
                async with self._http.stream(method, self._place.url + path, json=body) as response:
                    raw = bytearray()
                    async for chunk in response.aiter_bytes():
                        raw += chunk
                        if len(raw) > _MOST:
                            raise RefusedError(f"a reply of more than {_MOST >> 20} MB")
                        if stream is not None and response.status_code == 200:
                            stream.add(chunk)
                    streamed = stream is not None and stream.began
                    whole = stream.whole() if stream is not None and streamed else bytes(raw)
                    return _Answer(response.status_code, response.headers, whole, streamed)
        except plain.DataError as error:
            raise FailedError(f"an event of a stream that cannot be read: {error}") from error
        except TimeoutError as error:
            raise FailedError(f"no whole reply within {span(limit)}") from error
        except httpx2.DecodingError as error:
            raise FailedError("half a reply: it cannot be decompressed") from error
        except (httpx2.TransportError, httpx2.InvalidURL, OSError) as error:
            raise self._unreachable(error) from error

    # --- what went wrong ----------------------------------------------------------------------------------------------

    def _fault(self, answer: _Answer) -> Exception:
        url, said = self._place.url, self._place.shown(replies.complaint(answer.raw))
        told = f": {said}" if said else ""
        match answer.status:
            case 401 | 403 if not self._place.variable:
                return TaskError(
                    f"{url} wants a key ({answer.status}{told}): name the variable it is in, `key: NAME`, under "
                    f"`endpoints` of {LOCAL_FILE}"
                )
            case 401:
                return TaskError(f"{url} does not take the key in {self._place.variable} (401{told})")
            case 402:
                return TaskError(f"{url} wants to be paid first (402{told})")
            case 404:
                return TaskError(self._not_found(told))
            case status if 300 <= status < 400:
                where = self._place.shown(answer.headers.get("location", "elsewhere"))
                return TaskError(f"{url} sends one to {where} ({status}): write that address, if you trust it")
            case 429 if "insufficient_quota" in answer.raw[:4000].decode("utf-8", errors="replace"):
                return TaskError(f"{url} says that what you paid for is used up (429{told})")
            case status if status in _LATER or status >= 500:
                return FailedError(f"{status}{told}", after=_retry_after(answer.headers))
            case status:
                return RefusedError(f"{status}{told}")

    def _not_found(self, told: str) -> str:
        url, name = self._place.url, self._ref.name
        way = "/chat/completions" if self._ref.chat else "/completions"
        if name in (self._listed or ()):
            advice = "leave `chat: true` out" if self._ref.chat else "`chat: true` asks it by messages"
            return f"{url} has `{name}` and not {way} for it (404{told}): {advice}"
        if self._listed is None:
            return f"{url}{way} is not there, or has no model `{name}` (404{told}): is `url` right, up to `/v1`?"
        more = len(self._listed) - _LISTED
        has = ", ".join(self._listed[:_LISTED]) + (f" and {more} more" if more > 0 else "")
        return f"{url} has no model `{name}` (404): it has {self._place.shown(has) or 'none'}" + _meant(
            name, self._listed
        )

    def _unreachable(self, error: Exception) -> FailedError:
        url, causes = self._place.url, list(_causes(error))
        for each in causes:
            if isinstance(each, socket.gaierror):
                return UnreachableError(f"the host of {url} has no address (DNS): is it spelt right?")
            if isinstance(each, ssl.SSLError):
                why = getattr(each, "verify_message", "") or each.reason or "TLS"
                return UnreachableError(
                    f"{url} cannot be trusted (TLS: {self._place.shown(str(why))}): install the authority of its "
                    "certificate, or name it in SSL_CERT_FILE"
                )
            if isinstance(each, ConnectionRefusedError):
                return UnreachableError(f"nobody listens at {url} (connection refused): is the server up?")
        if isinstance(error, httpx2.ConnectTimeout):
            return UnreachableError(f"no connection to {url} within {_CONNECT:.0f} s")
        if isinstance(error, httpx2.ConnectError | httpx2.ProxyError | httpx2.UnsupportedProtocol | httpx2.InvalidURL):
            return UnreachableError(f"{url} cannot be reached: {self._place.shown(str(error))}")
        return FailedError("the connection broke off before the reply was whole")


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """An error and what it came from."""
    seen: set[int] = set()
    left = [error]
    while left:
        each = left.pop()
        if each is None or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        left += [each.__cause__, each.__context__, *(each.exceptions if isinstance(each, BaseExceptionGroup) else ())]


def _meant(name: str, listed: list[str]) -> str:
    close = get_close_matches(name, listed, n=1)
    return f"; did you mean `{close[0]}`?" if close else ""


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds that a server asks to wait: a number, or a date."""
    given = headers.get("retry-after", "").strip()
    if not given:
        return None
    try:
        return max(0.0, float(given))
    except ValueError:
        pass
    try:
        return max(0.0, email.utils.parsedate_to_datetime(given).timestamp() - time.time())
    except (TypeError, ValueError):
        return None
