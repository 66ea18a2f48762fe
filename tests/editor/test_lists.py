"""What a server takes for a name, an expression or a whole spec is what a check takes for one."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

from cotspec.compiler import check_specs
from cotspec.diagnostics import Sink
from cotspec.diagnostics.source_map import Path as Setting
from cotspec.editor import loose, names, scopes
from cotspec.front import nodes, text_files, yaml_source
from cotspec.front.expand import without
from cotspec.front.nodes import ScalarNode
from cotspec.spec.experiment import Experiment
from cotspec.spec.named_files import EXPRESSIONS, NAMED_KEYS, REFERENCES, fits

ROOT = Path(__file__).parents[2]
EVERYTHING = ROOT / "tests/specs/everything.yaml"
WHOLE = sorted(
    path
    for path in (*(ROOT / "specs").rglob("*.yaml"), EVERYTHING)
    if "\nmodels:" in (text := path.read_text(encoding="utf-8")) and "\nextends:" not in text
)
EXPRESSION_RULES = {"reward-expression", "keep-condition"}


def tree(spec: Path) -> nodes.Node:
    root = yaml_source.parse_nodes(spec.read_text(encoding="utf-8"), "spec", Sink())
    assert root is not None
    return without(root)


@pytest.mark.parametrize("spec", WHOLE, ids=lambda path: path.relative_to(ROOT).as_posix())
def test_of_a_whole_spec_everything_fits(spec: Path) -> None:
    data = nodes.plain(tree(spec))
    assert loose.experiment(data) == Experiment.model_validate_json(json.dumps(data), by_alias=True, by_name=False)


def scalars(node: nodes.Node, path: Setting = ()) -> Iterator[tuple[Setting, ScalarNode]]:
    match node:
        case ScalarNode():
            yield path, node
        case nodes.MappingNode():
            for each in node.entries:
                yield from scalars(each.node, (*path, each.key))
        case nodes.SequenceNode():
            for at, item in enumerate(node.items):
                yield from scalars(item, (*path, at))


def rules_with_another_word(spec: Path, at: ScalarNode) -> set[str]:
    """The rules that find something at a value when it is a word of nothing."""
    lines = spec.read_text(encoding="utf-8").split("\n")
    line = lines[at.span.line - 1]
    lines[at.span.line - 1] = f"{line[: at.span.column - 1]}wrods{line[at.span.end_column - 1 :]}"
    sink = Sink()
    with text_files.unsaved({str(spec): "\n".join(lines)}):
        check_specs({"spec.yaml": spec}, sink)
    here = (at.span.line, at.span.column)
    return {one.rule for one in sink.findings if (one.span.line, one.span.column) == here}


def words() -> list[tuple[Path, Setting, ScalarNode]]:
    """A value of each setting of a few specs that holds a name or an expression, on one line."""
    found: dict[tuple[str | int, ...], tuple[Path, Setting, ScalarNode]] = {}
    patterns = (*REFERENCES, *EXPRESSIONS)
    for spec in (EVERYTHING, *WHOLE):
        root = tree(spec)
        defined = {
            each.name for group in ("models", "data", "generate", "stages") for each in names.defined(root, group)
        }
        for path, node in scalars(root):
            pattern = next((each for each in patterns if fits(path, each)), None)
            other = tuple("*" if at == 1 or isinstance(step, int) else step for at, step in enumerate(path))
            text = isinstance(node.value, str) and node.span.line == node.span.end_line
            if text and (pattern or node.value in defined):
                found.setdefault(pattern or other, (spec, path, node))
    return list(found.values())


WORDS = words()


@pytest.mark.parametrize(("spec", "path", "node"), WORDS, ids=[".".join(map(str, path)) for _, path, _ in WORDS])
def test_a_server_knows_a_name_and_an_expression_where_a_check_does(
    spec: Path, path: Setting, node: ScalarNode
) -> None:
    rules = rules_with_another_word(spec, node)
    assert ("unknown-reference" in rules) <= bool(names.kinds_of(path))
    assert bool(EXPRESSION_RULES & rules) <= scopes.is_expression(path)
    if names.kinds_of(path) or scopes.is_expression(path):
        assert rules, "a check finds nothing wrong with a name of nothing"


def test_every_place_of_a_name_is_tried() -> None:
    tried = {pattern for _, path, _ in WORDS for pattern in (*REFERENCES, *EXPRESSIONS) if fits(path, pattern)}
    untried = {*REFERENCES, *EXPRESSIONS} - tried
    assert not untried
    written = nodes.plain(tree(EVERYTHING))
    assert all(_there(written, pattern) for pattern in NAMED_KEYS)


def _there(data: nodes.Data, pattern: Setting) -> bool:
    if not pattern:
        return True
    if not isinstance(data, dict):
        return False
    below = data.values() if pattern[0] == "*" else [data.get(str(pattern[0]))]
    return any(_there(each, pattern[1:]) for each in below)
