"""What findings call a file: relative to the folder that whoever reads them counts from. Knows folders, not specs."""

from __future__ import annotations

import os
from collections.abc import Iterable, Mapping
from pathlib import Path

from cotspec.diagnostics import Diagnostic, Span, ordered


def repository(root: Path) -> Path:
    """The root of the repository a project lies in: a project may be a folder of it. Without git, the project."""
    folder = Path(os.path.abspath(root))
    return next((each for each in (folder, *folder.parents) if (each / ".git").exists()), folder)


def moved(findings: Iterable[Diagnostic], base: Path) -> list[Diagnostic]:
    """The findings with file names relative to `base`, in the order of these names."""
    return ordered(_moved(finding, base) for finding in findings)


def names(texts: Mapping[str, str], base: Path) -> dict[str, str]:
    """Texts by the name their file has from `base`."""
    return {name(file, base): text for file, text in texts.items()}


def name(file: str, base: Path) -> str:
    """A file, named from the current folder or from the root of the disk, as it is named from `base`.

    Links on the way to it are followed, as `base` has none; the file's own name stays.
    """
    path = Path(file)
    return Path(os.path.relpath(path.parent.resolve() / path.name, base.resolve())).as_posix()


def _moved(finding: Diagnostic, base: Path) -> Diagnostic:
    related = tuple((_span(span, base), note) for span, note in finding.related)
    return finding._replace(span=_span(finding.span, base), related=related)


def _span(span: Span, base: Path) -> Span:
    return span._replace(file=name(span.file, base))
