"""The documents that an editor has open: which of them are specs or prompts, and what is said of a place in one.

Places are lines and characters, both from 0; files are absolute paths. Knows no protocol.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Final

from cotspec.cli import project
from cotspec.cli.errors import ProblemError
from cotspec.diagnostics import Span
from cotspec.editor import completing, local, looking, prompts, typed
from cotspec.editor.completing import Offer
from cotspec.editor.looking import Meaning
from cotspec.editor.names import Name
from cotspec.editor.ranges import lines_of
from cotspec.editor.view import View, view
from cotspec.front.nodes import Node
from cotspec.front.paths import project_root
from cotspec.front.text_files import LARGEST, raw_text, shown, unsaved
from cotspec.spec.local import LOCAL_FILE

_SPEC: Final = re.compile(r"^(?:cotspec|extends)[ \t]*:", re.MULTILINE)
"""What tells a spec from other YAML."""
_YAML: Final = (".yaml", ".yml")


class Documents:
    """What is open."""

    def __init__(self, texts: Callable[[], Mapping[str, str]]) -> None:
        self.texts = texts
        """The text of each, by absolute path."""
        self._whole: dict[Path, Node] = {}
        """The nodes of a document when all of its lines could last be read."""

    def is_spec(self, file: Path) -> bool:
        """Whether a document is a spec: it says so, or the project does."""
        text = self.texts().get(str(file))
        if text is None or file.suffix not in _YAML:
            return False
        return _SPEC.search(text) is not None or file in _own(project_root(file))

    def is_local(self, file: Path) -> bool:
        """Whether a document is the cotspec.local.yaml of its project."""
        return file.name == LOCAL_FILE and str(file) in self.texts() and file.parent == project_root(file)

    def lines(self, file: Path) -> list[str]:
        """The lines of a file: as they are in the editor, or else on the disk."""
        text = self.texts().get(str(file))
        return lines_of((raw_text(file) or "") if text is None else text)

    def made_of(self, file: Path) -> frozenset[str]:
        """The files that a check of a spec looks at, as spans name them: those it extends, prompts, and what this
        machine has."""
        with unsaved(self.texts()):
            seen = None if self.is_local(file) else self._view(file)
            if seen is None:
                return frozenset()
            return seen.files.union(map(shown, (*prompts.files(seen), seen.root / LOCAL_FILE)))

    def forget(self, file: Path) -> None:
        """A document that is closed."""
        self._whole.pop(file, None)

    # --- places ---

    def offer(self, file: Path, line: int, column: int) -> Offer | None:
        """What may be written at a place of a spec or prompt, or of cotspec.local.yaml."""
        with unsaved(self.texts()):
            lines = self.lines(file)
            if self.is_local(file):
                here = typed.at_cursor(lines, line, column, shown(file))
                return None if here is None else local.offer(here, lines[line], column, self._named(file), file.parent)
            if not self.is_spec(file):
                known = self._shown_in_prompt(file)
                return prompts.offer(known, _before(lines, line, column), lines[line], column) if known else None
            small = sum(map(len, lines)) <= LARGEST
            cursor = typed.at_cursor(lines, line, column, shown(file)) if small else None
            if cursor is None:
                return None
            if not cursor.lost:
                self._whole[file] = cursor.root
            seen = view(file, cursor.root, before=self._whole.get(file) if cursor.lost else None)
            return completing.offer(seen, cursor, lines[line], column)

    def meaning(self, file: Path, line: int, column: int) -> Meaning | None:
        """What stands at a place of a spec or prompt, or of cotspec.local.yaml."""
        with unsaved(self.texts()):
            if self.is_local(file):
                root = typed.nodes("\n".join(self.lines(file)), shown(file))
                place = (line + 1, column + 1)
                return None if root is None else local.meaning(root, place, self._named(file), file.parent)
            if not self.is_spec(file):
                name = self._name_in_prompt(file, line, column)
                return None if name is None else Meaning(looking.told(name), None)
            seen = self._view(file)
            return None if seen is None else looking.meaning(seen, self.lines(file)[line], line, column)

    def definition(self, file: Path, line: int, column: int) -> Span | None:
        """Where that is defined which stands at a place of a spec or prompt."""
        with unsaved(self.texts()):
            if not self.is_spec(file):
                name = self._name_in_prompt(file, line, column)
                return None if name is None else name.span
            seen = self._view(file)
            return None if seen is None else looking.definition(seen, self.lines(file)[line], line, column)

    def _view(self, file: Path) -> View | None:
        text = "\n".join(self.lines(file))
        own = typed.nodes(text, shown(file)) if len(text) <= LARGEST else None
        return None if own is None else view(file, own)

    def _named(self, file: Path) -> local.Known:
        """What the specs of its project call what a machine has; what they extend is one of them, or no matter."""
        return local.named((shown(spec), "\n".join(self.lines(spec))) for spec in _own(project_root(file)))

    # --- prompts ---

    def _name_in_prompt(self, file: Path, line: int, column: int) -> Name | None:
        lines = self.lines(file)
        word = prompts.word(_before(lines, line, column), lines[line], column)
        return self._shown_in_prompt(file).get(word) if word else None

    def _shown_in_prompt(self, file: Path) -> dict[str, Name]:
        """What a document may show that is the prompt of a spec."""
        return {} if file.suffix in _YAML else prompts.shown(file, self._views_about(file))

    def _views_about(self, file: Path) -> Iterator[View]:
        """The specs of its project that may name a prompt file: that say its name, or extend another spec."""
        root = project_root(file)
        opened = (Path(path) for path in self.texts() if self.is_spec(Path(path)))
        for spec in dict.fromkeys((*opened, *_own(root))):
            text = raw_text(spec) or ""
            seen = self._view(spec) if file.name in text or "extends" in text else None
            if seen is not None and seen.root == root:
                yield seen


def _before(lines: list[str], line: int, column: int) -> str:
    return "\n".join([*lines[:line], lines[line][:column]])


def _own(root: Path) -> list[Path]:
    """The specs of a project; none where what it says of them is wrong."""
    try:
        return [Path(os.path.abspath(each)) for each in project.everything(root)]
    except ProblemError:
        return []
