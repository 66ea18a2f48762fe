"""What must hold of the compiler whatever it is given."""

from __future__ import annotations

import json
import time
import unicodedata
from functools import cache
from pathlib import Path

import yaml

from cotspec.cli.explain import rules
from cotspec.compiler import compile_specs
from cotspec.diagnostics import Diagnostic, Sink
from cotspec.diagnostics import github as github_form
from cotspec.diagnostics import json as json_form
from cotspec.diagnostics import terminal as text_form
from cotspec.front.paths import texts
from cotspec.passes.options import Options
from cotspec.spec.payload import Payload

ROOT = Path(__file__).parents[2]
STEERING = "\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
"""Characters that turn the direction of what follows."""
SECONDS = 20.0
"""CPU time a spec may take; the slowest shipped one takes half a second."""


def project(folder: Path) -> Path:
    """A project with what the shipped specs name; returns the place of the spec."""
    (folder / ".git").mkdir(parents=True, exist_ok=True)
    specs = folder / "specs"
    (specs / "prompts").mkdir(parents=True, exist_ok=True)
    for prompt in (*(ROOT / "specs/prompts").glob("*"), *(ROOT / "tests/specs/prompts").glob("*")):
        (specs / "prompts" / prompt.name).write_bytes(prompt.read_bytes())
    for name in ("recipe.yaml", "bridge-gsm8k.yaml", "bridge-tiny.yaml"):
        source = next((ROOT / "specs").rglob(name))
        (specs / name).write_bytes(source.read_bytes())
    (specs / "base.yaml").write_bytes((ROOT / "tests/passes/base.yaml").read_bytes())
    return specs / "a.yaml"


def judge(text: str, spec: Path) -> Sink:
    """Compile a text and look at all that comes out. Raises AssertionError; any other exception is a bug as well."""
    spec.write_text(text, encoding="utf-8", errors="surrogatepass")
    started = time.process_time()
    sink = Sink()
    built = compile_specs({"specs/a.yaml": spec}, sink, Options(ci=len(text) % 2 == 0))
    taken = time.process_time() - started
    assert taken < SECONDS, f"{taken:.1f} s"
    assert (built.plan is None) == sink.failed, "a plan exactly when no finding is an error"
    for finding in sink.findings:
        _finding(finding)
    _shown(sink)
    for path, content in built.files.items():
        _file(path, content)
    return sink


def _finding(finding: Diagnostic) -> None:
    assert finding.rule in known(), finding.rule
    assert finding.message.strip(), finding
    for span in (finding.span, *(span for span, _ in finding.related)):
        lines = Path(span.file).read_bytes().decode(errors="replace").removeprefix("\ufeff").replace("\r\n", "\n")
        rows = lines.replace("\r", "\n").split("\n")
        assert 1 <= span.line <= span.end_line <= len(rows) + 1, (span, finding)
        assert 1 <= span.column <= len((rows[span.line - 1 :] or [""])[0]) + 2, (span, finding)
        assert (span.line, span.column) <= (span.end_line, span.end_column), (span, finding)


@cache
def known() -> frozenset[str]:
    return frozenset(rules())


def _shown(sink: Sink) -> None:
    shown = text_form.render(sink.sorted(), texts(sink.findings), colour=False)
    assert not {char for char in shown if unicodedata.category(char) in ("Cc", "Zl", "Zp") or char in STEERING} - {
        *"\n\t"
    }, shown
    assert len(json.loads(json_form.render(sink.sorted()))) == len(sink.findings)
    assert github_form.render(sink.sorted()).count("\n") == len(sink.findings)


def _file(path: str, content: str) -> None:
    assert path == "dvc.yaml" or path.startswith("generated/"), path
    assert ".." not in path.split("/"), path
    content.encode("utf-8")
    if path.endswith("payload.json") and "trace" in path:  # one kind is enough: they are many
        Payload.model_validate_json(content)
    if path == "dvc.yaml":
        assert set(yaml.safe_load(content)) == {"stages"}
