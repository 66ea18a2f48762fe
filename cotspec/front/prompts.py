"""The files a spec names: paths that stay in the project, and prompt templates that can be used.

Knows where a spec names files; not what is done with them.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path as File
from typing import TYPE_CHECKING

from cotspec.cot.prompting import VARIABLES
from cotspec.diagnostics import Diagnostic, Sink, Span
from cotspec.diagnostics.source import Path, SourceMap
from cotspec.diagnostics.suggest import did_you_mean, listed, near
from cotspec.front.paths import Named, locate, project_root, text_of
from cotspec.front.read import shown
from cotspec.spec.experiment import Experiment, FailureRows

if TYPE_CHECKING:
    from jinja2.nodes import Template

_PLAIN = re.compile(rf"(?<!\{{)\{{\{{ *(?:{'|'.join(sorted(VARIABLES))}) *\}}\}}")


def load_prompts(experiment: Experiment, *, source: SourceMap, spec: File, sink: Sink) -> dict[str, str]:
    """Text of each prompt file by its path as written; findings for paths, files and templates that cannot be used."""
    root = project_root(spec)

    def named(written: str, path: Path) -> Named:
        return Named(written=written, key=str(path[-1]), spec=spec, root=root, span=source.value(path))

    for path, written in _paths(experiment):
        locate(named(written, path), sink)
    texts: dict[str, str] = {}
    for path, written in prompt_paths(experiment):
        text = texts[written] if written in texts else _text(named(written, path), sink)
        if text is not None:
            texts[written] = text
    return texts


def prompt_paths(experiment: Experiment) -> Iterator[tuple[Path, str]]:
    """Every place that names a prompt file, with what it names."""
    named: list[tuple[Path, str | None]] = [(("teach", "prompt"), experiment.teach.prompt)]
    for name, stage in experiment.stages.items():
        named.append((("stages", name, "prompt"), stage.prompt))
        if isinstance(stage.rows, FailureRows):
            named.append((("stages", name, "rows", "prompt"), stage.rows.prompt))
    named.append((("evaluate", "prompt"), experiment.evaluate.prompt))
    return ((path, written) for path, written in named if written is not None)


def _paths(experiment: Experiment) -> Iterator[tuple[Path, str]]:
    """Every place that names another file or folder."""
    for name, model in experiment.models.items():
        if model.path is not None:
            yield ("models", name, "path"), model.path
    for name, data in experiment.data.items():
        if data.file is not None:
            yield ("data", name, "file"), data.file


def _text(named: Named, sink: Sink) -> str | None:
    """The text of a prompt file that can be used."""
    found = text_of(named, sink, rule="prompt-file")
    if found is None:
        return None
    faults = list(_faults(found[1], shown(found[0])))
    sink.extend(faults)
    return None if faults else found[1]


def _faults(text: str, file: str) -> Iterator[Diagnostic]:
    # Most prompts only insert their names. That needs no parser, and jinja2 would be a tenth of a whole check.
    return iter(()) if not re.search(r"\{[{%#]", _PLAIN.sub(" ", text)) else _jinja_faults(text, file)


def _jinja_faults(text: str, file: str) -> Iterator[Diagnostic]:
    from jinja2 import TemplateError, TemplateSyntaxError, meta
    from jinja2.sandbox import SandboxedEnvironment

    try:
        tree = SandboxedEnvironment().parse(text)
        unknown = meta.find_undeclared_variables(tree) - VARIABLES
        others = list(meta.find_referenced_templates(tree))
        SandboxedEnvironment().compile(tree)
    except TemplateSyntaxError as error:
        message = f"the template cannot be read: {error.message or 'syntax error'}"
        yield _fault(message, _line(text, file, error.lineno), "see https://jinja.palletsprojects.com/templates")
        return
    except TemplateError as error:
        yield _fault(f"the template cannot be used: {error.message}", _line(text, file, 1), "")
        return
    if others:
        yield _fault("a prompt cannot include or import another template", _line(text, file, 1), "write its text here")
    for name in sorted(unknown):
        close = near(name, VARIABLES)
        advice = did_you_mean(close) or f"there is {listed(sorted(VARIABLES))}"
        yield _fault(f"a prompt has no name `{name}`", _use(text, file, tree, name), advice, close)


def _fault(message: str, span: Span, advice: str, suggestions: tuple[str, ...] = ()) -> Diagnostic:
    return Diagnostic(rule="prompt-template", message=message, span=span, help=advice, suggestions=suggestions)


def _use(text: str, file: str, tree: Template, name: str) -> Span:
    """Where a name is first used; Jinja knows the line, the column is the first place on it that reads so."""
    from jinja2 import nodes

    line = min((node.lineno for node in tree.find_all(nodes.Name) if node.name == name), default=1)
    whole = _line(text, file, line)
    at = text.split("\n")[line - 1].find(name)
    return whole if at < 0 else Span(file, line, at + 1, line, at + 1 + len(name))


def _line(text: str, file: str, line: int) -> Span:
    return Span(file, line, 1, line, len(text.split("\n")[line - 1]) + 1)
