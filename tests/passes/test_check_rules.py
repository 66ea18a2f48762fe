"""The examples of every rule that ties a spec together, run on a small complete spec."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink
from cotspec.diagnostics.rule import Rule
from cotspec.front import yaml_source
from cotspec.front.load import load
from cotspec.front.nodes import MappingNode, Node, Removal, ScalarNode, SequenceNode
from cotspec.front.rules import FILE_RULES
from cotspec.front.rules import RULES as FRONT
from cotspec.passes import allow
from cotspec.passes.check import RULES, check
from cotspec.passes.check.context import Context
from cotspec.passes.lint import RULES as LINTS
from cotspec.passes.lint import lint

ROOT = Path(__file__).parents[2]
BASE = Path(__file__).with_name("base.yaml")
ALL = (*RULES.values(), *LINTS.values(), *allow.RULES.values(), *FRONT.values())
EXAMPLES = [rule for rule in ALL if rule.failing and not rule.in_shell and rule.slug not in FILE_RULES]


def findings(text: str, folder: Path) -> Sink:
    file = folder / "spec.yaml"
    file.write_text(text, encoding="utf-8")
    sink = Sink()
    loaded = load(file, sink)
    if loaded is not None:
        context = Context(experiment=loaded.experiment, source=loaded.source, files=loaded.files)
        check(context, sink)
        if not sink.failed:
            lint(context, sink)
    return sink


def changed(example: str) -> str:
    """The small spec with what the example gives in place of its own, at the second level."""
    spec, given = plain(BASE.read_text(encoding="utf-8")), plain(example)
    for key, value in given.items():
        if isinstance(value, list):
            spec[key] = value
        elif key == "stages":
            value = {**value, "second": {**spec["stages"]["second"], "start": next(iter(value))}}
            spec["stages"], spec["evaluate"]["of"] = value, ["base", "second"]
        elif isinstance(value, dict) and key not in ("generate", "evaluate"):
            spec[key] = {**spec.get(key, {}), **value}
        else:
            spec[key] = value
    return json.dumps(spec).replace(f'"{yaml_source.REMOVE}"', f"{yaml_source.REMOVE} ")


def plain(text: str) -> dict[str, Any]:
    root = yaml_source.parse_nodes(text, "example", Sink())
    assert isinstance(root, MappingNode)
    return data_of(root)


def data_of(node: Node) -> Any:
    """Plain data in which `!remove` is a text."""
    match node:
        case MappingNode():
            return {entry.key: data_of(entry.node) for entry in node.entries}
        case SequenceNode():
            return [data_of(item) for item in node.items]
        case Removal():
            return yaml_source.REMOVE
        case ScalarNode():
            return node.value


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.slug)
def test_failing_example_has_the_finding(rule: Rule, tmp_path: Path) -> None:
    assert rule.slug in {f.rule for f in findings(changed(rule.failing), tmp_path).findings}


@pytest.mark.parametrize("rule", EXAMPLES, ids=lambda rule: rule.slug)
def test_passing_example_has_no_finding(rule: Rule, tmp_path: Path) -> None:
    # What an example adds to the small spec, nothing there may use: that is one rule's business only.
    found = [
        f for f in findings(changed(rule.passing), tmp_path).findings if f.rule != "unused" or rule.slug == "unused"
    ]
    assert found == []


@pytest.mark.parametrize("spec", sorted((ROOT / "specs").glob("*.yaml")), ids=lambda p: p.name)
def test_specs_of_this_repository_have_nothing_but_unpinned_revisions(spec: Path) -> None:
    # The hub can be asked for commits only where there is one: `cotspec check --ci` refuses them.
    sink = Sink()
    plan_specs({f"specs/{spec.name}": spec}, sink)
    assert {f.rule for f in sink.findings} <= {"unpinned-revision"}


def lines(old: str, new: str, tmp_path: Path) -> list[tuple[str, str]]:
    """(rule, message) of the small spec with one text replaced."""
    text = BASE.read_text(encoding="utf-8")
    assert old in text
    return [(f.rule, f.message) for f in findings(text.replace(old, new), tmp_path).sorted()]


def test_cycle_of_stages_is_one_finding_that_points_at_the_later_stage(tmp_path: Path) -> None:
    assert lines("start: base", "start: second", tmp_path) == [
        ("stage-order", "stage `first` uses `second`, which comes later")
    ]


def test_misspelt_stage_suggests_the_near_name(tmp_path: Path) -> None:
    text = BASE.read_text(encoding="utf-8").replace("start: first", "start: frist")
    (finding,) = findings(text, tmp_path).findings
    assert (finding.rule, finding.suggestions[0], finding.span.column) == ("unknown-reference", "first", 12)


def test_misspelt_measure_in_a_folded_expression_is_marked_where_it_stands(tmp_path: Path) -> None:
    expression = "1 if correct else\n            -0.5 * wrods"
    text = BASE.read_text(encoding="utf-8").replace(
        "{terms: {solved: {value: 1 if correct else 0}}}",
        f"\n      terms:\n        solved:\n          value: >-\n            {expression}",
    )
    (finding,) = findings(text, tmp_path).findings
    row = text.split("\n")[finding.span.line - 1]
    assert row[finding.span.column - 1 : finding.span.end_column - 1] == "wrods"
    assert finding.suggestions == ("words",)


def test_choosing_a_checkpoint_by_test_data_is_refused(tmp_path: Path) -> None:
    found = lines("task: solve\n", "task: solve\n    advance: {require: {test.accuracy: '>= 0.5'}}\n", tmp_path)
    assert [rule for rule, _ in found] == ["advance-metric"]


def test_more_gpus_than_divide_the_batch_name_both_numbers(tmp_path: Path) -> None:
    found = lines("train: {gpus: 0}", "train: {gpus: 3, per_device_batch: 4}", tmp_path)
    assert [rule for rule, _ in found] == ["batch-size", "batch-size"]
    assert "32" in found[0][1]
    assert "3 processes" in found[0][1]


def test_disjoint_slices_of_one_file_may_train_and_test(tmp_path: Path) -> None:
    text = BASE.read_text(encoding="utf-8")
    train, test = "{builtin: chains, split: train, size: 200}", "{builtin: chains, split: test, size: 50}"
    apart = text.replace(train, "{file: a.jsonl, slice: [0, 10]}").replace(test, "{file: a.jsonl, slice: [10, 20]}")
    meeting = apart.replace("[10, 20]", "[9, 20]")
    assert findings(apart, tmp_path).findings == []
    assert [f.rule for f in findings(meeting, tmp_path).findings] == ["evaluation-on-train"]


def test_names_to_choose_from_are_listed_once(tmp_path: Path) -> None:
    text = BASE.read_text(encoding="utf-8").replace("start: base", "start: zzz", 1).replace("  second:", "  base:")
    helps = [f.help for f in findings(text, tmp_path).sorted() if f.rule == "unknown-reference"]
    assert helps
    assert all(advice.count("`base`") <= 1 for advice in helps)


def test_completions_as_long_as_the_whole_are_marked_where_their_length_stands(tmp_path: Path) -> None:
    new = "{by: grpo, lr: 1e-5, group: 4, max_length: 300, sampling: {max_new_tokens: 300}}"
    found = lines("{by: grpo, lr: 1e-5, group: 4}", new, tmp_path)
    assert ("completion-length", "`max_new_tokens` 300 leaves no room for a prompt in `max_length` 300") in found


@pytest.mark.parametrize("key", ["hub", "split", "revision", "config", "question", "answer"])
def test_a_name_of_something_elsewhere_is_not_empty(key: str, tmp_path: Path) -> None:
    given = {"hub": "a/b", "split": "train", key: ""}
    text = changed(json.dumps({"data": {"more": given}}))
    assert [(f.rule, f.message) for f in findings(text, tmp_path).findings] == [
        ("wrong-value", f"`{key}` must not be empty")
    ]


def test_a_model_is_split_by_vllm_only(tmp_path: Path) -> None:
    new = "resources:\n  generate: {gpus: 4, tensor_parallel: 4}\n"
    said = "`tensor_parallel` has no effect on the engine `transformers`"
    assert lines("resources:\n", new, tmp_path) == [("device", said)]
    assert lines("resources:\n", new.replace("{", "{engine: vllm, "), tmp_path) == []


@pytest.mark.parametrize("source", ["path: /mnt/student", "path: ../../student", "hub: /mnt/student", "hub: ./student"])
def test_a_model_that_lies_elsewhere_is_told_how_it_is_named(source: str, tmp_path: Path) -> None:
    (tmp_path / ".git").mkdir()
    text = BASE.read_text(encoding="utf-8").replace("base: {builtin: tiny-student}", f"base: {{{source}}}")
    found = [f for f in findings(text, tmp_path).sorted() if f.severity == "error"]
    assert [f.rule for f in found] == ["hub-id" if source.startswith("hub") else "project-path"]
    assert f"`models: {{lab/name: {source.partition(': ')[2]}}}`" in found[0].help
