"""An editor of the tests: pygls' own client, which drives a real `cotspec lsp` in a second process over its pipes."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections import defaultdict
from collections.abc import Coroutine, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

from lsprotocol import types
from pygls.lsp.client import LanguageClient

T = TypeVar("T")
SECONDS = 60


class Editor:
    """Open documents, and what the server has said of them."""

    def __init__(self, client: LanguageClient, loop: asyncio.AbstractEventLoop) -> None:
        self.client, self.loop = client, loop
        self.versions: dict[str, int] = {}
        self.published: defaultdict[str, asyncio.Queue[Sequence[types.Diagnostic]]] = defaultdict(asyncio.Queue)
        self.messages: list[str] = []

    def wait(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(asyncio.wait_for(work, SECONDS), self.loop).result()

    def _tell(self, say: Any, params: Any) -> None:
        async def told() -> None:
            say(params)

        self.wait(told())

    # --- documents ---

    def open(self, file: Path, text: str | None = None) -> None:
        given = file.read_text(encoding="utf-8") if text is None else text
        self.versions[file.as_uri()] = 1
        item = types.TextDocumentItem(file.as_uri(), "yaml", 1, given)
        self._tell(self.client.text_document_did_open, types.DidOpenTextDocumentParams(item))

    def change(self, file: Path, text: str) -> None:
        uri = file.as_uri()
        self.versions[uri] += 1
        about = types.VersionedTextDocumentIdentifier(uri=uri, version=self.versions[uri])
        whole = types.TextDocumentContentChangeWholeDocument(text)
        self._tell(self.client.text_document_did_change, types.DidChangeTextDocumentParams(about, [whole]))

    def close(self, file: Path) -> None:
        about = types.TextDocumentIdentifier(file.as_uri())
        self._tell(self.client.text_document_did_close, types.DidCloseTextDocumentParams(about))

    def save(self, file: Path) -> None:
        about = types.TextDocumentIdentifier(file.as_uri())
        self._tell(self.client.text_document_did_save, types.DidSaveTextDocumentParams(about))

    # --- answers ---

    def findings(self, file: Path) -> list[types.Diagnostic]:
        """What the server says next of a file."""
        return list(self.wait(self.published[file.as_uri()].get()))

    def until_clean(self, file: Path) -> None:
        """Wait until nothing is found in a file; what is said of it before may be of an older text."""
        while self.findings(file):
            pass

    def fixes(self, file: Path, at: types.Range) -> list[types.CodeAction]:
        about = types.TextDocumentIdentifier(file.as_uri())
        params = types.CodeActionParams(about, at, types.CodeActionContext([]))
        found = self.wait(self.client.text_document_code_action_async(params)) or []
        return [each for each in found if isinstance(each, types.CodeAction)]

    def completion(self, file: Path, at: types.Position) -> list[types.CompletionItem]:
        params = types.CompletionParams(types.TextDocumentIdentifier(file.as_uri()), at)
        found = self.wait(self.client.text_document_completion_async(params))
        return list(found.items) if isinstance(found, types.CompletionList) else []

    def hover(self, file: Path, at: types.Position) -> str:
        params = types.HoverParams(types.TextDocumentIdentifier(file.as_uri()), at)
        found = self.wait(self.client.text_document_hover_async(params))
        return found.contents.value if found is not None and isinstance(found.contents, types.MarkupContent) else ""

    def definition(self, file: Path, at: types.Position) -> types.Location | None:
        params = types.DefinitionParams(types.TextDocumentIdentifier(file.as_uri()), at)
        found = self.wait(self.client.text_document_definition_async(params))
        return found if isinstance(found, types.Location) else None


def cursor(text: str) -> tuple[str, types.Position]:
    """A text without its `‸`, and where that was, as editors count."""
    before, _, after = text.partition("‸")
    line = before.replace("\r\n", "\n").split("\n")
    return before + after, types.Position(len(line) - 1, len(line[-1].encode("utf-16-le")) // 2)


def edited(text: str, edit: types.TextEdit) -> str:
    """A text after an edit on one line."""
    lines = text.split("\n")
    units = lines[edit.range.start.line].encode("utf-16-le")
    start, end = 2 * edit.range.start.character, 2 * edit.range.end.character
    new = units[:start] + edit.new_text.encode("utf-16-le") + units[end:]
    lines[edit.range.start.line] = new.decode("utf-16-le")
    return "\n".join(lines)


@contextmanager
def editing(folder: Path) -> Iterator[Editor]:
    """An editor with a folder open, and its server."""
    loop = asyncio.new_event_loop()
    thread = threading.Thread(target=loop.run_forever, daemon=True)
    thread.start()
    client = LanguageClient("tests", "1")
    editor = Editor(client, loop)
    publish = client.feature(types.TEXT_DOCUMENT_PUBLISH_DIAGNOSTICS)
    publish(lambda said: editor.published[said.uri].put_nowait(said.diagnostics))
    client.feature(types.WINDOW_SHOW_MESSAGE)(lambda said: editor.messages.append(said.message))
    try:
        editor.wait(client.start_io(sys.executable, "-P", "-m", "cotspec", "lsp", cwd=folder))
        params = types.InitializeParams(capabilities=types.ClientCapabilities(), root_uri=folder.as_uri())
        editor.wait(client.initialize_async(params))
        editor._tell(client.initialized, types.InitializedParams())
        yield editor
        editor.wait(client.shutdown_async(None))
        editor._tell(client.exit, None)
        editor.wait(client.stop())
    finally:
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
