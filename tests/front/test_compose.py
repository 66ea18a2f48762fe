"""`extends:` makes one spec of a chain of files, and every value keeps the place it was written at."""

from __future__ import annotations

from pathlib import Path

import pytest

from cotspec.compiler import compile_specs
from cotspec.diagnostics import Sink
from cotspec.front.load import Loaded, load
from cotspec.spec.named_files import ANY, NAMES_A_FILE, content_paths, prompt_paths
from tests.support import experiment, spec_data

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    (tmp_path / "base.yaml").write_text(BASE, encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    return tmp_path


def read(text: str) -> tuple[Loaded | None, Sink]:
    Path("child.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    return load("child.yaml", sink), sink


def sound(text: str) -> Loaded:
    loaded, sink = read(text)
    assert loaded is not None, sink.findings
    assert sink.findings == []
    return loaded


def found(text: str) -> list[tuple[str, str, int, int]]:
    """(rule, file, line, column) of each finding."""
    return [(f.rule, f.span.file, f.span.line, f.span.column) for f in read(text)[1].sorted()]


def test_groups_merge_and_values_and_lists_replace(folder: Path) -> None:
    spec = sound(
        "extends: base.yaml\nname: child\nstages: {second: {train: {group: 8}}}\nevaluate: {of: [base, second]}\n"
    ).experiment
    assert spec.name == "child"
    assert (spec.stages["second"].train.lr, spec.stages["second"].train.group) == (1e-5, 8)  # type: ignore[union-attr]
    assert list(spec.stages) == ["first", "second"]
    assert spec.evaluate.of == ("base", "second")
    assert spec.evaluate.data == "test"


def test_remove_drops_a_key_with_all_below_it(folder: Path) -> None:
    text = "extends: base.yaml\nstages:\n  second: !remove\nevaluate: {of: [base, first]}\ndata: {valid: !remove }\n"
    spec = sound(text).experiment
    assert list(spec.stages) == ["first"]
    assert list(spec.data) == ["train", "test"]


def test_a_chain_of_files_is_followed_and_the_nearest_says_what_counts(folder: Path) -> None:
    (folder / "middle.yaml").write_text("extends: base.yaml\nname: middle\nseed: 7\nabout: middle\n")
    spec = sound("extends: middle.yaml\nname: child\nseed: 8\n").experiment
    assert (spec.name, spec.seed, spec.about) == ("child", 8, "middle")


def test_a_value_of_another_file_keeps_its_place_there(folder: Path) -> None:
    source = sound("extends: base.yaml\nname: child\nstages: {second: {train: {group: 8}}}\n").source
    lr, group = (source.value(("stages", "second", "train", key)) for key in ("lr", "group"))
    assert (lr.file, lr.line) == ("base.yaml", 20)
    assert (group.file, group.line, group.column) == ("child.yaml", 3, 34)
    assert set(source.texts) == {"base.yaml", "child.yaml"}


def test_a_finding_in_another_file_names_the_lines_that_lead_there(folder: Path) -> None:
    (folder / "base.yaml").write_text(BASE.replace("group: 4", "grop: 4"))
    (folder / "middle.yaml").write_text("extends: base.yaml\nname: middle\n")
    (finding,) = read("name: child\nextends: middle.yaml\n")[1].findings
    assert (finding.rule, finding.span.file, finding.span.line) == ("unknown-key", "base.yaml", 20)
    assert finding.suggestions == ("group",)
    assert [(span.file, span.line, span.column) for span, _ in finding.related] == [
        ("child.yaml", 2, 10),
        ("middle.yaml", 1, 10),
    ]


def test_a_mistake_in_a_shared_file_is_found_once_for_all_specs_that_extend_it(folder: Path) -> None:
    (folder / "base.yaml").write_text(BASE.replace("start: base", "start: bose"))
    for name in ("one", "two"):
        (folder / f"{name}.yaml").write_text(f"extends: base.yaml\nname: {name}\n")
    sink = Sink()
    compile_specs({name: Path(name) for name in ("one.yaml", "two.yaml", "base.yaml")}, sink)
    (finding,) = sink.findings
    assert (finding.rule, finding.span.file, finding.related) == ("unknown-reference", "base.yaml", ())


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("extends: base.yaml\nname: child\nstages: {first: !remove }\n", (3, 10)),
        ("extends: base.yaml\nname: child\nvariants:\n  v:\n    seed: 1\n    stages.first: !remove\n", (6, 5)),
    ],
)
def test_what_still_refers_to_what_was_removed_leads_to_where_it_was(
    text: str, place: tuple[int, int], folder: Path
) -> None:
    Path("child.yaml").write_text(text, encoding="utf-8")
    sink = Sink()
    compile_specs({"child.yaml": Path("child.yaml")}, sink)
    assert [(one.span.file, one.span.line) for one in sink.findings] == [("base.yaml", 19), ("base.yaml", 24)]
    for one in sink.findings:
        removed = [span for span, note in one.related if note == "is removed here"]
        assert [(span.file, span.line, span.column) for span in removed] == [("child.yaml", *place)]


def test_a_spec_and_the_same_values_in_one_file_are_the_same_experiment(folder: Path) -> None:
    Path("child.yaml").write_text("extends: base.yaml\nname: child\nstages: {second: {train: {group: 8}}}\n")
    Path("whole.yaml").write_text(BASE.replace("group: 4", "group: 8").replace("name: example", "name: whole"))
    sink = Sink()
    plan = compile_specs({"child.yaml": Path("child.yaml"), "whole.yaml": Path("whole.yaml")}, sink).plan
    assert plan is not None, sink.findings
    assert all({label.experiment for label in task.labels} == {"child", "whole"} for task in plan.tasks)


@pytest.mark.parametrize(
    ("text", "finding"),
    [
        ("extends: bose.yaml\n", ("missing-file", "child.yaml", 1, 10)),
        ("extends: child.yaml\n", ("extends-cycle", "child.yaml", 1, 10)),
        ("extends: ''\n", ("wrong-type", "child.yaml", 1, 10)),
        ("extends: [base.yaml]\n", ("wrong-type", "child.yaml", 1, 10)),
        ("extends: 3\n", ("wrong-type", "child.yaml", 1, 10)),
        ("extends:\n", ("wrong-type", "child.yaml", 1, 1)),
        ("extends: !remove\n", ("wrong-type", "child.yaml", 1, 10)),
        ("extends: /etc/passwd\n", ("project-path", "child.yaml", 1, 10)),
        ("extends: ../../spec.yaml\n", ("project-path", "child.yaml", 1, 10)),
        ("extends: .git\n", ("project-path", "child.yaml", 1, 10)),
        ("extends: base.yaml\nabout: !remove\n", ("nothing-to-remove", "child.yaml", 2, 1)),
        ("extends: base.yaml\nstages: {frist: !remove }\n", ("nothing-to-remove", "child.yaml", 2, 10)),
        ("extends: base.yaml\nevaluate: {of: [!remove ]}\n", ("nothing-to-remove", "child.yaml", 2, 17)),
        ("extends: base.yaml\nresources: {train: {gpus: 0}}\n", ("no-op-change", "child.yaml", 2, 27)),
        ("extends: base.yaml\nevaluate: {of: [base, first, second]}\n", ("no-op-change", "child.yaml", 2, 16)),
        ("extends: base.yaml\nseed: !!int 3\n", ("yaml-tag", "child.yaml", 2, 7)),
        ("extends: base.yaml\nseed: !remove 3\n", ("yaml-tag", "child.yaml", 2, 7)),
        ("extends: base.yaml\nstages: {second: {train: {grup: 8}}}\n", ("unknown-key", "child.yaml", 2, 27)),
    ],
)
def test_what_cannot_be_put_together_is_found_where_it_stands(
    text: str, finding: tuple[str, str, int, int], folder: Path
) -> None:
    assert found(text) == [finding]


def test_a_change_of_an_entry_that_is_not_there_says_which_is_and_nothing_else(folder: Path) -> None:
    for change, column, name in (
        ("stages: {secnd: {train: {lr: 1e-3}}}", 10, "second"),
        ("models: {tuttor: {chat: true}}", 10, "tutor"),
        ("data: {tset: {size: 9}}", 8, "test"),
        ("generate: {taech: {sampling: {n: 2}}}", 12, "teach"),
        ("stages: {second: {reward: {terms: {sloved: {weight: 2}}}}}", 36, "solved"),
    ):
        loaded, sink = read(f"extends: base.yaml\nname: child\n{change}\n")
        assert loaded is None
        (one,) = sink.findings
        assert (one.rule, one.span.line, one.span.column) == ("unknown-entry", 3, column)
        assert one.message.startswith("the spec that is extended has no `")
        assert (one.help, one.suggestions) == (f"did you mean `{name}`?", (name,))
    whole = "start: base, train: {by: sft, lr: 1e-3}, rows: {from: teach}, task: solve"
    sound(f"extends: base.yaml\nname: child\nstages: {{secnd: {{{whole}}}}}\nevaluate: {{of: [base, secnd, second]}}\n")
    assert found("extends: base.yaml\nname: child\nstages: {third: {train: {by: sft, lr: 1}, task: solve}}\n") == [
        ("missing-key", "child.yaml", 3, 10)
    ], "no name is close, so it is a new one"


def test_a_cycle_over_three_files_is_found_once_with_its_lines(folder: Path) -> None:
    for name, next_one in (("child", "b"), ("b", "c"), ("c", "child")):
        (folder / f"{name}.yaml").write_text(f"extends: {next_one}.yaml\n")
    sink = Sink()
    assert load("child.yaml", sink) is None
    (finding,) = sink.findings
    assert (finding.rule, finding.span.file) == ("extends-cycle", "c.yaml")
    assert [span.file for span, _ in finding.related] == ["child.yaml", "b.yaml"]


def test_a_very_long_chain_is_refused(folder: Path) -> None:
    for number in range(20):
        (folder / f"s{number}.yaml").write_text(f"extends: s{number + 1}.yaml\nname: s{number}\n")
    sink = Sink()
    assert load("s0.yaml", sink) is None
    assert [f.rule for f in sink.findings] == ["extends-cycle"]


def test_a_broken_file_below_is_one_finding_there(folder: Path) -> None:
    (folder / "base.yaml").write_text("a: [1\n")
    assert found("extends: base.yaml\nname: child\n") == [("unclosed-bracket", "base.yaml", 1, 4)]


def test_remove_right_before_a_brace_says_to_put_a_space(folder: Path) -> None:
    (finding,) = read("extends: base.yaml\nstages: {second: !remove}\n")[1].findings
    assert (finding.rule, finding.span.line) == ("yaml-syntax", 2)
    assert "!remove }" in finding.help


@pytest.mark.parametrize(
    ("line", "advice"),
    [
        ("data.test: !remove", "`data: {test: !remove }`"),
        ("generate.teach.keep: !remove", "`generate: {teach: {keep: !remove }}`"),
        ("data.other: {builtin: chains, split: valid}", "`data: {other: …}`"),
        ("stages: {second: {train.lr: 1e-3}}", "`train: {lr: …}`"),
        ("stages: {second: {train.lr: !remove }}", "`train: {lr: !remove }`"),
    ],
)
def test_a_dotted_path_outside_of_variants_is_told_how_it_is_written(line: str, advice: str, folder: Path) -> None:
    (finding,) = read(f"extends: base.yaml\nname: child\n{line}\n")[1].findings
    assert finding.help == f"dotted paths are for `variants`: here write {advice}"


def test_a_file_outside_the_project_is_refused_through_a_link_too(
    folder: Path, tmp_path_factory: pytest.TempPathFactory
) -> None:
    elsewhere = tmp_path_factory.mktemp("elsewhere") / "spec.yaml"
    elsewhere.write_text(BASE)
    (folder / "link.yaml").symlink_to(elsewhere)
    assert found("extends: link.yaml\nname: child\n") == [("project-path", "child.yaml", 1, 10)]


def test_a_path_counts_from_the_folder_of_the_file_that_wrote_it(folder: Path) -> None:
    (folder / "below" / "prompts").mkdir(parents=True)
    (folder / "solve.jinja").write_text("{{ question }}")
    (folder / "below" / "prompts" / "solve.jinja").write_text("Below: {{ question }}")
    base = BASE.replace("evaluate: {", "evaluate: {prompt: prompts/solve.jinja, ")
    more = (
        "  top: {generate.teach.prompt: ../solve.jinja}\n  m: {matrix: {stages.second.prompt: [prompts/solve.jinja]}}\n"
    )
    (folder / "below" / "base.yaml").write_text(f"{base}variants:\n{more}")
    loaded = sound("extends: below/base.yaml\nname: child\n")
    assert loaded.experiment.evaluate.prompt == "below/prompts/solve.jinja"
    assert loaded.files == {"below/prompts/solve.jinja": "Below: {{ question }}"}
    top, matrix = loaded.variants
    assert top.files["solve.jinja"] == "{{ question }}"
    assert matrix.experiment.stages["second"].prompt == "below/prompts/solve.jinja"


def test_exceptions_of_a_file_and_of_what_it_extends_add_up(folder: Path) -> None:
    hub = BASE.replace("  base: {builtin: tiny-student}", "  base: {builtin: tiny-student}\n  one: {hub: a/b}")
    (folder / "base.yaml").write_text(hub + "allow: [{rule: unpinned-revision, reason: no hub here, at: models.one}]\n")
    more = "models: {two: {hub: a/c}}\nallow: [{rule: unpinned-revision, reason: no hub here, at: models.two}]\n"
    loaded = sound(f"extends: base.yaml\nname: child\n{more}")
    assert [entry.at for entry in loaded.experiment.allow] == ["models.one", "models.two"]
    assert loaded.source.value(("allow", 0, "at")).file == "base.yaml"
    assert sound("extends: base.yaml\nname: child\nallow: !remove\n").experiment.allow == ()


def test_every_setting_that_names_a_file_counts_from_the_file_that_wrote_it() -> None:
    everything = experiment(spec_data("everything"))
    named = {path for path, _ in (*prompt_paths(everything), *content_paths(everything))}
    chosen = ("models", "data", "generate", "stages")  # what stands in them is named by a person
    shapes = {(path[0], ANY, *path[2:]) if path[0] in chosen else path for path in named}
    shapes = {(*path[:2], ANY, *path[3:]) if path[:2] == ("evaluate", "sets") else path for path in shapes}
    shapes = {(*path[:3], ANY, *path[4:]) if path[2:3] == ("judges",) else path for path in shapes}
    shapes = {tuple(ANY if isinstance(key, int) else key for key in path) for path in shapes}
    assert shapes == set(NAMES_A_FILE)
