"""The files a spec names: paths that stay in the project, and prompt templates that can be used.

Knows where a spec names files; not what is done with them.
"""

from __future__ import annotations

import re
from pathlib import Path as File

from cotspec.cot import template
from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.source_map import Path, SourceMap
from cotspec.diagnostics.suggest import did_you_mean, listed, near
from cotspec.front.paths import Named, check_content, project_root, text_of
from cotspec.front.text_files import shown
from cotspec.spec.experiment import Experiment
from cotspec.spec.named_files import content_paths, text_names
from cotspec.spec.named_files import prompt_paths as prompt_paths


def load_prompts(experiment: Experiment, *, source: SourceMap, spec: File, sink: Sink) -> dict[str, str]:
    """Text of each prompt file by its path as written; findings for paths, files and templates that cannot be used."""
    root = project_root(spec)

    def named(written: str, path: Path) -> Named:
        return Named(written=written, key=str(path[-1]), spec=spec, root=root, span=source.value(path))

    for path, written in content_paths(experiment):
        check_content(named(written, path), sink, folder=path[-1] == "path")
    texts: dict[str, str] = {}
    judged = template.JUDGED if any(stage.judges for stage in experiment.stages.values()) else ()
    names = text_names(experiment).union(judged)
    for path, written in prompt_paths(experiment):
        if written not in texts and (text := _text(named(written, path), names, sink)) is not None:
            texts[written] = text
    return texts


def _text(named: Named, names: frozenset[str], sink: Sink) -> str | None:
    """The text of a prompt file that can be used."""
    read = text_of(named, sink, rule="prompt-file")
    if read is None:
        return None
    file, text = read
    faults = template.faults(text, names)
    sink.extend(_finding(fault, text, shown(file), names) for fault in faults)
    return None if faults else text


def _finding(fault: template.Fault, text: str, file: str, names: frozenset[str]) -> Diagnostic:
    known = sorted(template.VARIABLES | names)
    gold = fault.unknown == template.GOLD
    close = near(fault.unknown, known) if fault.unknown and not gold else ()
    advice = fault.help or (template.HINT if gold else "") or did_you_mean(close) or f"there is {listed(known)}"
    span = _span(text, file, fault)
    return Diagnostic(rule="prompt-template", message=fault.message, span=span, help=advice, suggestions=close)


def _span(text: str, file: str, fault: template.Fault) -> Span:
    """Where a fault is. Jinja knows the line; the column is the first place from its first tag on that reads so."""
    line = text.split("\n")[fault.line - 1]
    tag = re.search(r"\{[{%]", line)
    word = re.compile(rf"(?<!\w){re.escape(fault.word)}(?!\w)" if fault.word.isidentifier() else re.escape(fault.word))
    match = word.search(line, tag.start() if tag else 0) if fault.word else None
    first, last = match.span() if match else (0, len(line))
    return Span(file, fault.line, first + 1, fault.line, last + 1)
