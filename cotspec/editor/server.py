"""`cotspec lsp`: a language server on stdin and stdout. The one module that knows the protocol, and pygls."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import Final

from lsprotocol import types
from pygls.lsp.server import LanguageServer
from pygls.uris import from_fs_path, to_fs_path

from cotspec.cli.explain import rules
from cotspec.cli.version import version
from cotspec.diagnostics import Diagnostic, Severity, Span
from cotspec.diagnostics.suggest import did_you_mean
from cotspec.editor import checked
from cotspec.editor.completing import Candidate
from cotspec.editor.documents import Documents
from cotspec.editor.ranges import Lines
from cotspec.front.paths import project_root
from cotspec.front.text_files import shown

PAUSE: Final = 0.25
"""Seconds without a key after which a spec is checked."""
_SEVERITIES: Final[dict[Severity, types.DiagnosticSeverity]] = {
    "error": types.DiagnosticSeverity.Error,
    "warning": types.DiagnosticSeverity.Warning,
    "note": types.DiagnosticSeverity.Information,
}
_PAGES: Final = Path(__file__).parents[2] / "docs" / "rules"
"""The pages of the rules, where cotspec runs from its repository."""


class SpecServer(LanguageServer):
    """What it remembers of the documents that are open."""

    def __init__(self) -> None:
        # whole texts: a spec is small, and a part that was put into the wrong place would stay there
        super().__init__("cotspec", version(), text_document_sync_kind=types.TextDocumentSyncKind.Full)
        self.documents = Documents(self.texts)
        self.checker = checked.Checker()
        self.running: dict[str, asyncio.Task[None]] = {}
        """The check of each document that is waiting or running."""
        self.found: dict[str, dict[str, list[types.Diagnostic]]] = {}
        """By document, what its last check found in which file."""
        self.made_of: dict[str, frozenset[str]] = {}
        """By document, the files that it was made of when it was last checked."""
        self.pages, self.rules = _pages(), rules()

    # --- documents ---

    def texts(self) -> dict[str, str]:
        """What is open, by absolute path."""
        documents = self.workspace.text_documents.values()
        return {path: each.source for each in documents if (path := to_fs_path(each.uri)) is not None}

    def lines(self, file: Path) -> Lines:
        """The lines of a file."""
        return Lines(self.documents.lines(file), self.workspace.position_codec.client_num_units)

    def uri(self, file: str) -> str:
        """What the editor calls a file, where it has it open."""
        opened = (uri for uri in self.workspace.text_documents if to_fs_path(uri) == file)
        return next(opened, None) or str(from_fs_path(file))

    def at(self, uri: str, position: types.Position) -> tuple[Path, int, int] | None:
        """The file, the line and the character of a place; None for a line that is not there."""
        path = to_fs_path(uri)
        if path is None:
            return None
        lines = self.lines(Path(path))
        there = position.line < len(lines.lines)
        return (Path(path), position.line, lines.column(position.line, position.character)) if there else None

    # --- findings ---

    def touched(self, uri: str, after: float = 0.0) -> None:
        """Check a document whose text is another now, and those that are made of it."""
        file = shown(Path(str(to_fs_path(uri))))
        above = [other for other, files in self.made_of.items() if file in files and other != uri]
        for each in (uri, *above):
            self.check(each, after)

    def check(self, uri: str, after: float = 0.0) -> None:
        """Check a document in so many seconds, unless it is to be checked again before that."""
        before = self.running.pop(uri, None)
        if before is not None:
            before.cancel()
        self.made_of.pop(uri, None)
        path = Path(to_fs_path(uri) or "")
        if self.documents.is_local(path) or self.documents.is_spec(path):
            self.running[uri] = asyncio.get_running_loop().create_task(self._check(uri, after))
        else:
            self.publish(uri, {})

    async def _check(self, uri: str, after: float) -> None:
        await asyncio.sleep(after)
        spec = Path(str(to_fs_path(uri)))
        root = project_root(spec)
        self.made_of[uri] = self.documents.made_of(spec)
        try:
            findings = await self.checker.findings(spec, root, self.texts())
        except checked.CheckError as error:
            self.window_show_message(types.ShowMessageParams(types.MessageType.Error, str(error)))
            return
        by_file: dict[str, list[types.Diagnostic]] = {uri: []}
        for finding in findings:
            file = self.uri(str(root.joinpath(finding.span.file)))
            by_file.setdefault(file, []).append(self._diagnostic(finding, root))
        self.publish(uri, by_file)

    def publish(self, uri: str, found: dict[str, list[types.Diagnostic]]) -> None:
        """Show what the check of a document found, beside what those of other documents found in the same files."""
        files = {*self.found.pop(uri, {}), *found}
        if found:
            self.found[uri] = found
        for file in sorted(files):
            findings = self.shown_in(file)
            self.text_document_publish_diagnostics(types.PublishDiagnosticsParams(uri=file, diagnostics=findings))

    def _diagnostic(self, finding: Diagnostic, root: Path) -> types.Diagnostic:
        advice = finding.help or did_you_mean(finding.suggestions)
        page = self.pages.get(finding.rule)
        place = self.location(finding.span, root)
        return types.Diagnostic(
            range=place.range,
            message=f"{finding.message}\n{advice}" if advice else finding.message,
            severity=_SEVERITIES[finding.severity],
            code=finding.rule,
            code_description=None if page is None else types.CodeDescription(page),
            source="cotspec",
            related_information=[
                types.DiagnosticRelatedInformation(self.location(span, root), note) for span, note in finding.related
            ],
            data={"written": self.written(place.uri, place.range), "instead": list(finding.suggestions)},
        )

    def location(self, span: Span, root: Path) -> types.Location:
        """Where a span is; its file is named from `root`."""
        file = str(root.joinpath(span.file))
        start, end = self.lines(Path(file)).spots(span)
        return types.Location(self.uri(file), types.Range(types.Position(*start), types.Position(*end)))

    def shown_in(self, uri: str) -> list[types.Diagnostic]:
        """The findings that are shown in a file, each once: as its own check has it, where there was one."""
        own = self.found.get(uri, {}).get(uri, [])
        others = (one for each in self.found.values() for one in each.get(uri, ()))
        return list({_key(one): one for one in [*others, *own]}.values())

    def written(self, uri: str, at: types.Range) -> str:
        """What stands in a range of one line of a file; "" in any other."""
        path = to_fs_path(uri)
        if path is None or at.start.line != at.end.line:
            return ""
        lines = self.lines(Path(path))
        start, end = (lines.column(at.start.line, each.character) for each in (at.start, at.end))
        return lines.line(at.start.line)[start:end]


def _key(one: types.Diagnostic) -> tuple[object, ...]:
    """Equal for the same finding, whichever document's check found it."""
    start, end = one.range.start, one.range.end
    return one.code, one.message, start.line, start.character, end.line, end.character


def _pages() -> dict[str, str]:
    """By rule, where its page is."""
    from cotspec.cli import rules_page

    places = {slug: _PAGES / place for slug, place in rules_page.places().items()}
    return {slug: f"{file.as_uri()}#{slug}" for slug, file in places.items() if file.is_file()}


def serve() -> None:
    """Serve until the editor ends. Nothing but messages is written to stdout."""
    server = SpecServer()
    _findings(server)
    _completion(server)
    _meanings(server)
    stdout, sys.stdout = sys.stdout.buffer, sys.stderr
    server.start_io(stdout=stdout)


def _findings(server: SpecServer) -> None:
    @server.feature(types.INITIALIZED)
    def initialized(_params: types.InitializedParams) -> None:
        server.checker.prepare()

    @server.feature(types.TEXT_DOCUMENT_DID_OPEN)
    def opened(params: types.DidOpenTextDocumentParams) -> None:
        server.touched(params.text_document.uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CHANGE)
    def changed(params: types.DidChangeTextDocumentParams) -> None:
        server.touched(params.text_document.uri, PAUSE)

    @server.feature(types.TEXT_DOCUMENT_DID_SAVE)
    def saved(_params: types.DidSaveTextDocumentParams) -> None:
        for uri in server.workspace.text_documents:
            server.check(uri)

    @server.feature(types.TEXT_DOCUMENT_DID_CLOSE)
    def closed(params: types.DidCloseTextDocumentParams) -> None:
        server.documents.forget(Path(str(to_fs_path(params.text_document.uri))))
        server.touched(params.text_document.uri)

    @server.feature(
        types.TEXT_DOCUMENT_CODE_ACTION, types.CodeActionOptions(code_action_kinds=[types.CodeActionKind.QuickFix])
    )
    def fixes(params: types.CodeActionParams) -> list[types.CodeAction]:
        """What a finding suggests, in place of what it is about."""
        return [
            types.CodeAction(
                title=f"Replace it with `{text}`",
                kind=types.CodeActionKind.QuickFix,
                diagnostics=[one],
                edit=types.WorkspaceEdit(changes={params.text_document.uri: [types.TextEdit(one.range, text)]}),
                is_preferred=at == 0,
            )
            for one in server.shown_in(params.text_document.uri)
            if _touches(one.range, params.range) and one.data is not None
            if server.written(params.text_document.uri, one.range) == one.data["written"]  # else typed over since then
            for at, text in enumerate(one.data["instead"])
        ]


_KINDS: Final = {
    "key": types.CompletionItemKind.Property,
    "value": types.CompletionItemKind.EnumMember,
    "name": types.CompletionItemKind.Reference,
    "measure": types.CompletionItemKind.Variable,
    "function": types.CompletionItemKind.Function,
    "path": types.CompletionItemKind.Field,
    "file": types.CompletionItemKind.File,
}


def _completion(server: SpecServer) -> None:
    options = types.CompletionOptions(trigger_characters=list(". {[,/!"))

    @server.feature(types.TEXT_DOCUMENT_COMPLETION, options)
    def complete(params: types.CompletionParams) -> types.CompletionList | None:
        at = server.at(params.text_document.uri, params.position)
        offer = None if at is None else server.documents.offer(*at)
        if at is None or offer is None:
            return None
        file, number, _ = at
        lines = server.lines(file)
        start, end = (types.Position(number, lines.character(number, each)) for each in (offer.start, offer.end))
        items = [_item(each, types.Range(start, end), at) for at, each in enumerate(offer.candidates)]
        # a dotted path goes on behind its dot, where other words are offered
        return types.CompletionList(is_incomplete=any(each.kind == "path" for each in offer.candidates), items=items)


def _meanings(server: SpecServer) -> None:
    @server.feature(types.TEXT_DOCUMENT_HOVER)
    def hover(params: types.HoverParams) -> types.Hover | None:
        """What stands at a place, and why there are the rules of its findings."""
        at = server.at(params.text_document.uri, params.position)
        found = None if at is None else server.documents.meaning(*at)
        here = types.Range(params.position, params.position)
        slugs = dict.fromkeys(
            str(one.code) for one in server.shown_in(params.text_document.uri) if _touches(one.range, here)
        )
        told = [
            f"**{slug}**: {server.rules[slug].claim} {server.rules[slug].why}" for slug in slugs if slug in server.rules
        ]
        text = "\n\n".join([*told, *([] if found is None else [found.text])])
        place = None if found is None or found.span is None else server.location(found.span, Path.cwd()).range
        return types.Hover(types.MarkupContent(types.MarkupKind.Markdown, text), place) if text else None

    @server.feature(types.TEXT_DOCUMENT_DEFINITION)
    def define(params: types.DefinitionParams) -> types.Location | None:
        at = server.at(params.text_document.uri, params.position)
        found = None if at is None else server.documents.definition(*at)
        return None if found is None else server.location(found, Path.cwd())


def _item(each: Candidate, place: types.Range, at: int) -> types.CompletionItem:
    return types.CompletionItem(
        label=each.label,
        kind=_KINDS[each.kind],
        detail=each.what or None,
        documentation=types.MarkupContent(types.MarkupKind.Markdown, each.about) if each.about else None,
        sort_text=f"{int(each.late)}{at:04d}",
        filter_text=each.label,
        text_edit=types.TextEdit(place, each.text),
    )


def _touches(one: types.Range, other: types.Range) -> bool:
    begins, ends = (one.start.line, one.start.character), (one.end.line, one.end.character)
    return begins <= (other.end.line, other.end.character) and ends >= (other.start.line, other.start.character)
