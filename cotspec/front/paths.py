"""Paths a spec names: which of them stay in the project, and the text of the file behind one.

A spec may come from a stranger. What it names is looked up only inside its own project, and read only when it is a
regular file of bounded size. Knows neither which keys hold paths nor what is done with the files.

The policy. A path is relative to the folder of the spec that names it, with `/` between parts; `..` is fine while it
stays in the project. It counts as it is written (`a/../b` is `b`, whatever `a` is), as it does for DVC. A symbolic link
is followed when its end is in the project too. Hidden files and folders (`.git`, `.dvc`, `.env`) hold what is nobody
else's business, and what a spec names ends up in files that are shared.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from pathlib import Path as File
from pathlib import PurePosixPath
from typing import Final, NamedTuple

from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.suggest import did_you_mean
from cotspec.files.regular import inside, inside_as_written, parts_below
from cotspec.front.text_files import raw_text, read, shown
from cotspec.spec.local import DATA_ELSEWHERE, ELSEWHERE, LOCAL_FILE
from cotspec.spec.lock import LOCK_FILE

_ROOT_SIGNS: Final = (".git", ".dvc", "pyproject.toml", LOCK_FILE, LOCAL_FILE)
LONGEST: Final = 255
"""Bytes of a name in a path: the most that file systems take."""
MOST: Final = 1024
"""Characters of a path; what is longer is no path anybody typed."""


class Named(NamedTuple):
    """A path as a spec writes it: under which key, in which spec file of which project, and where in it."""

    written: str
    key: str
    spec: File
    root: File
    span: Span


def locate(named: Named, sink: Sink) -> File | None:
    """The file or folder that is named, there or not, when it is one of the project; None after a finding."""
    file = File(os.path.normpath(folder_of(named.spec) / named.written))
    why = _malformed(named.written) or _outside(file, named.root)
    if not why:
        return file
    advice = "give a path in the project, relative to the folder of the spec"
    elsewhere = {"path": ELSEWHERE.format(named.written), "file": DATA_ELSEWHERE}.get(named.key, "")
    more = f"; {elsewhere}" if elsewhere and "://" not in named.written else ""
    sink.add(_finding("project-path", f"`{named.key}` {why}", named, advice + more))
    return None


def check_content(named: Named, sink: Sink, *, folder: bool) -> None:
    """Find a model `folder`, or data (a file or a folder of them), that is not one of the project, or is there and
    something else."""
    file = locate(named, sink)
    if file is None or not os.path.lexists(file):
        return
    right = os.path.isdir(file) or (not folder and os.path.isfile(file))  # these never raise, unlike those of Path
    if not right:
        kind = "a folder" if folder else "a regular file"
        advice = f"name {kind}: a task reads it, and DVC keeps track of it"
        sink.add(_finding("project-path", f"`{named.key}` names something that is not {kind}", named, advice))


def text_of(named: Named, sink: Sink, *, rule: str) -> tuple[File, str] | None:
    """The file that is named and its text; None after a finding at the spec's own place.

    `rule` is the slug for a file that is not there or cannot be read (a folder, a pipe, too large, not UTF-8).
    """
    file = locate(named, sink)
    if file is None:
        return None
    own = Sink()
    text = read(file, own)
    for finding in own.findings:
        beside = tuple(str(PurePosixPath(named.written).with_name(File(s).name)) for s in finding.suggestions)
        told = _finding(rule, finding.message, named, did_you_mean(beside) or finding.help)
        sink.add(told._replace(suggestions=beside))
    return None if text is None else (file, text)


def texts(findings: Iterable[Diagnostic]) -> dict[str, str]:
    """The files that findings point into, for showing their lines; a file that cannot be read is left out, and so is a
    link that leads out of the project: the finding says so, and nothing of what is there is shown."""
    names = {span.file for f in findings for span in (f.span, *(related[0] for related in f.related))}
    inner = [name for name in sorted(names) if inside(File(name), project_root(File(name)))]
    return {name: text for name in inner if (text := raw_text(File(name))) is not None}


def project_root(spec: File) -> File:
    """The nearest folder above the spec that is a project; without one the current folder, or the spec's own where
    the spec does not lie below that."""
    folder, here = File(os.path.abspath(spec)).parent, File.cwd()
    marked = next((f for f in (folder, *folder.parents) if is_project(f)), None)
    return marked or (here if folder.is_relative_to(here) else folder)


def is_project(folder: File) -> bool:
    """Whether this very folder is a project: git, DVC, Python, or a file that only a project of cotspec has."""
    return any(os.path.exists(f"{folder}/{sign}") for sign in _ROOT_SIGNS)  # a folder that cannot be read is none


def folder_of(spec: File) -> File:
    """Where the paths of a spec count from: for a spec that is a link, where the spec really lies."""
    return File(os.path.realpath(spec) if spec.is_symlink() else spec).parent


def _malformed(written: str) -> str:
    longest = max(len(part.encode(errors="replace")) for part in written.split("/"))
    if not written.strip() or not written.isprintable() or "\\" in written or longest > LONGEST or len(written) > MOST:
        return "is not a path: name a file, with `/` between folders"
    if "://" in written:
        return "is an address, and only files of the project are read"
    if written.startswith(("/", "~")) or written[1:2] == ":":
        return "is an absolute path, which means nothing on another machine"
    return ""


def _outside(file: File, root: File) -> str:
    below = parts_below(file, root)
    if below is None:
        through = ", through a link" if inside_as_written(file, root) else ""
        return f"leads out of the project (`{shown(root)}`){through}"
    for parts in below:
        if any(part.startswith(".") for part in parts):
            return "names a hidden file or folder, and those are not for sharing"
        if parts[-1:] == [LOCAL_FILE]:
            return f"names `{LOCAL_FILE}`, which is for this machine alone"
    return ""


def _finding(rule: str, message: str, named: Named, advice: str) -> Diagnostic:
    return Diagnostic(rule=rule, message=message, span=named.span, help=advice)
