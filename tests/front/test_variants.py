"""`variants:` are the same experiment, changed in named ways; names say what was changed and never move."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.compiler import compile_specs, plan_specs
from cotspec.diagnostics import Sink
from cotspec.front import variant_names
from cotspec.front.expand import MOST
from cotspec.front.load import Loaded, load
from cotspec.ir.plan import Plan
from cotspec.passes.options import Options
from cotspec.trainers.grpo import Grpo

BASE = (Path(__file__).parents[1] / "passes" / "base.yaml").read_text(encoding="utf-8")
GROUP, LR, EPOCHS = "stages.second.train.group", "stages.second.train.lr", "stages.first.train.epochs"


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / ".git").mkdir()
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write(variants: str, name: str = "spec.yaml", spec: str = BASE) -> None:
    Path(name).write_text(f"{spec}variants:\n{variants}", encoding="utf-8")


def read(variants: str) -> tuple[Loaded | None, Sink]:
    write(variants)
    sink = Sink()
    return load("spec.yaml", sink), sink


def sound(variants: str) -> dict[str, Loaded]:
    """Each variant by its name."""
    loaded, sink = read(variants)
    assert loaded is not None, sink.findings
    assert sink.findings == []
    return {one.variant: one for one in loaded.variants}


def settings(variants: str) -> dict[str, tuple[int, float, int, int]]:
    """(group, lr, epochs, seed) by variant."""
    made = {}
    for name, one in sound(variants).items():
        train = one.experiment.stages["second"].train
        assert isinstance(train, Grpo)
        made[name] = (train.group, train.lr, one.experiment.stages["first"].train.epochs, one.experiment.seed)
    return made


def planned(*names: str) -> Plan:
    sink = Sink()
    plan = plan_specs({name: Path(name) for name in names}, sink)
    assert plan is not None, sink.findings
    return plan


# --- what there is ----------------------------------------------------------------------------------------------------


def test_a_variant_is_the_spec_with_named_settings_changed(folder: Path) -> None:
    assert settings(f"  wide: {{{GROUP}: 8, seed: 3}}\n") == {"wide": (8, 1e-5, 1, 3)}


def test_a_member_of_a_matrix_knows_its_place_there_in_the_words_of_the_spec(folder: Path) -> None:
    matrix = f"{{{LR}: {{slow: 1.0e-6, fast: 0.002}}, {GROUP}: [8, 16]}}"
    found = sound(f"  grid: {{matrix: {matrix}, seeds: [1, 2]}}\n  pair: {{zip: {{{GROUP}: [8], {EPOCHS}: [3]}}}}\n")
    places = {(one.family_name, one.axes) for one in found.values()}
    assert places == {
        *(("grid", ((GROUP, group), (LR, lr))) for group in ("8", "16") for lr in ("slow", "fast")),
        ("pair", ()),
    }


def test_a_matrix_is_every_combination_less_what_is_excluded(folder: Path) -> None:
    text = f"  m:\n    matrix: {{{GROUP}: [2, 8], {EPOCHS}: [2, 3]}}\n    exclude: [{{{GROUP}: 8, {EPOCHS}: 3}}]\n"
    assert settings(text) == {
        "m-epochs-2-group-2": (2, 1e-5, 2, 42),
        "m-epochs-2-group-8": (8, 1e-5, 2, 42),
        "m-epochs-3-group-2": (2, 1e-5, 3, 42),
    }


def test_zip_pairs_values_by_place_and_multiplies_with_seeds_and_fixed_changes(folder: Path) -> None:
    text = f"  z: {{zip: {{{GROUP}: [2, 8], {LR}: [1e-4, 1e-6]}}, seeds: [1, 2], {EPOCHS}: 5}}\n"
    assert settings(text) == {
        "z-group-2-lr-1e-4-seed-1": (2, 1e-4, 5, 1),
        "z-group-2-lr-1e-4-seed-2": (2, 1e-4, 5, 2),
        "z-group-8-lr-1e-6-seed-1": (8, 1e-6, 5, 1),
        "z-group-8-lr-1e-6-seed-2": (8, 1e-6, 5, 2),
    }


def test_values_of_a_matrix_may_be_named(folder: Path) -> None:
    values = f"{GROUP}: {{few: 2, many: 16}}, stages.second.reward.terms: {{plain: {{a: {{value: 1.0 }}}}}}"
    assert {"m-terms-plain-group-few", "m-terms-plain-group-many"} == set(sound(f"  m: {{matrix: {{{values}}}}}\n"))


def test_a_variant_can_take_a_setting_out_add_one_and_change_an_item_of_a_list(folder: Path) -> None:
    made = sound(
        "  out: {stages.first.task: solve, stages.first.shuffle: !remove }\n"
        "  new: {stages.first.train.weight_decay: 0.1, resources.stages.first.per_device_batch: 4}\n"
        "  item: {evaluate.of.2: first, evaluate.of.1: second}\n"
        "  stage: {stages.third: {start: second, train: {by: sft, lr: 1e-4}, rows: {from: teach}, task: solve}}\n"
        "  metric: {stages.second.advance: {require: {train.formatted: '>= 0.9'}}}\n"
    )
    assert made["out"].experiment.stages["first"].shuffle is False
    assert made["new"].experiment.stages["first"].train.weight_decay == 0.1
    assert made["new"].experiment.resources.stages["first"].per_device_batch == 4
    assert made["item"].experiment.evaluate.of == ("base", "second", "first")
    assert list(made["stage"].experiment.stages) == ["first", "second", "third"]


def test_a_dotted_path_reaches_keys_that_hold_dots(folder: Path) -> None:
    spec = BASE.replace("    task: solve\n", "    task: solve\n    advance: {require: {train.formatted: '>= 0.9'}}\n")
    write("  low: {stages.second.advance.require.train.formatted: '>= 0.5'}\n", spec=spec)
    loaded = load("spec.yaml", Sink())
    assert loaded is not None
    advance = loaded.variants[0].experiment.stages["second"].advance
    assert advance is not None
    assert advance.require == {"train.formatted": ">= 0.5"}


def test_a_value_of_a_variant_is_placed_where_the_variant_says_it(folder: Path) -> None:
    text, places = marked(f"  a: {{@@{GROUP}: @@8}}\n  m: {{matrix: {{{LR}: [1e-4, @@1e-6]}}}}\n")
    made = sound(text)
    at = made["a"].source.value(("stages", "second", "train", "group"))
    key = made["a"].source.key(("stages", "second", "train", "group"))
    second = made["m-lr-1e-6"].source.value(("stages", "second", "train", "lr"))
    assert [(span.line, span.column) for span in (key, at, second)] == places


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("stages: {first: {train: {lr: 1e-3}}}", "stages.first.train.lr"),
        ("stages.first.train: {lr: 1e-3}", "stages.first.train.lr"),
    ],
)
def test_a_group_that_would_replace_a_whole_one_is_told_the_path_of_a_single_value(
    change: str, path: str, folder: Path
) -> None:
    loaded, sink = read(f"  v:\n    {change}\n")
    assert loaded is None
    assert {finding.rule for finding in sink.findings} == {"missing-key"}
    assert all(f"`{path}: …` changes one value" in finding.help for finding in sink.findings)
    (new, *_) = read("  v:\n    stages.third: {start: first}\n")[1].findings  # there is no such group
    assert "changes one value" not in new.help


def test_a_spec_that_extends_another_has_its_variants_and_replaces_or_drops_them_whole(folder: Path) -> None:
    write(f"  a: {{{GROUP}: 8}}\n  b: {{{GROUP}: 16, seed: 1}}\n  c: {{seed: 3}}\n", "base.yaml")
    Path("spec.yaml").write_text(f"extends: base.yaml\nname: child\nvariants: {{b: {{{GROUP}: 2}}, c: !remove }}\n")
    loaded = load("spec.yaml", Sink())
    assert loaded is not None
    assert [(v.variant, v.experiment.stages["second"].train.group, v.experiment.seed) for v in loaded.variants] == [  # type: ignore[union-attr]
        ("a", 8, 42),
        ("b", 2, 42),
    ]


# --- names ------------------------------------------------------------------------------------------------------------


def test_adding_or_moving_variants_values_and_dimensions_order_renames_nothing(folder: Path) -> None:
    before = settings(f"  a: {{{GROUP}: 8}}\n  m: {{matrix: {{{LR}: [1e-4, 1e-6], {EPOCHS}: [2, 3]}}}}\n")
    matrix = f"  m: {{matrix: {{{EPOCHS}: [4, 3, 2], {LR}: [3e-4, 1e-6, 0.0001]}}}}\n"
    after = settings(f"{matrix}  b: {{{GROUP}: 2}}\n  a: {{{GROUP}: 8}}\n")
    assert before.items() <= after.items()


@pytest.mark.parametrize(
    ("value", "name"),
    [
        (0.25, "0_25"),
        (1e-5, "1e-5"),
        (0.0001, "1e-4"),
        (1.5e-5, "1_5e-5"),
        (1e300, "1e300"),
        (2.0, "2"),
        (-2.0, "m2"),
        (-0.5, "m0_5"),
        (-7, "m7"),
        (True, "true"),
        (None, "none"),
        ("scattered", "scattered"),
        ("all_wrong", "all_wrong"),
        ("Qwen/Qwen2.5-3B", "qwen-qwen2_5-3b"),
        ("prompts/a.jinja", "prompts-a-jinja"),
        ([0, 2000], "0-2000"),
        ([], "empty"),
    ],
)
def test_a_value_is_called_what_a_person_would_call_it(value: object, name: str) -> None:
    assert variant_names.slug(value) == name  # type: ignore[arg-type]


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


@given(VALUES)
def test_what_a_value_is_called_is_always_a_safe_word(value: object) -> None:
    assert re.fullmatch(r"[a-z0-9]+(?:[-_][a-z0-9]+)*", variant_names.slug(value))  # type: ignore[arg-type]


@given(st.floats(allow_nan=False, allow_infinity=False), st.floats(allow_nan=False, allow_infinity=False))
def test_two_numbers_never_share_a_name(a: float, b: float) -> None:
    assert (variant_names.slug(a) == variant_names.slug(b)) == (
        a == b and str(a).startswith("-") == str(b).startswith("-")
    )


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_a_number_is_called_the_same_however_it_is_written(value: float) -> None:
    assert variant_names.slug(float(f"{value:.17e}")) == variant_names.slug(json.loads(json.dumps(value)))


# --- what is shared ---------------------------------------------------------------------------------------------------


def test_twelve_variants_of_the_last_stage_share_one_teacher_and_one_first_stage(folder: Path) -> None:
    write(f"  m: {{matrix: {{{LR}: [{', '.join(f'{i}e-6' for i in range(1, 10))}, 2e-5, 3e-5, 4e-5]}}}}\n")
    plan = planned("spec.yaml")
    kinds = [task.id.split("-")[0] for task in plan.tasks]
    assert (kinds.count("teach"), kinds.count("traces"), kinds.count("sft"), kinds.count("grpo")) == (1, 1, 1, 13)
    (sft,) = (task for task in plan.tasks if task.id.startswith("sft-"))
    assert len({label.experiment for label in sft.labels}) == 13
    assert len(plan.reports) == 13


def test_a_variant_and_a_spec_that_say_the_same_are_the_same_tasks(folder: Path) -> None:
    write(f"  wide: {{{GROUP}: 8}}\n")
    Path("alone.yaml").write_text(BASE.replace("group: 4", "group: 8").replace("name: example", "name: alone"))
    by_name = {
        name: {
            task.id for task in planned("spec.yaml", "alone.yaml").tasks if name in {x.experiment for x in task.labels}
        }
        for name in ("example--wide", "alone")
    }
    assert by_name["alone"] == by_name["example--wide"]


def test_removing_one_variant_keeps_every_task_the_others_need(folder: Path) -> None:
    write(f"  a: {{{GROUP}: 8}}\n  b: {{{GROUP}: 2}}\n")
    before = {task.id: {x.experiment for x in task.labels} for task in planned("spec.yaml").tasks}
    write(f"  b: {{{GROUP}: 2}}\n")
    after = {task.id for task in planned("spec.yaml").tasks}
    assert after == {id for id, who in before.items() if who != {"example--a"}}


def test_the_dvc_file_of_a_shared_task_names_who_needs_it(folder: Path) -> None:
    write(f"  a: {{{GROUP}: 8}}\n  b: {{{GROUP}: 2}}\n")
    files = compile_specs({"spec.yaml": Path("spec.yaml")}, Sink()).files
    (text,) = (text for path, text in files.items() if re.fullmatch(r"generated/stages/sft-\w+/dvc.yaml", path))
    assert 'desc: "stage first of example, example--a, example--b"' in text
    assert '"generated/reports/example--a/out"' in files["dvc.yaml"]


# --- findings ---------------------------------------------------------------------------------------------------------


HERE = "@@"
"""Stands in these texts right before the place a finding must point at."""


def marked(variants: str) -> tuple[str, list[tuple[int, int]]]:
    """The text without its marks, and the line and column of each in the spec."""
    places = []
    while (at := variants.find(HERE)) >= 0:
        before = BASE + "variants:\n" + variants[:at]
        places.append((before.count("\n") + 1, len(before) - before.rfind("\n")))
        variants = variants[:at] + variants[at + len(HERE) :]
    return variants, places


MISTAKES = [
    ("  a: {stages.second.train.@@grup: 8}\n", "unknown-path", "group"),
    ("  a: {'stages.@@secnd.train.group': 8}\n", "unknown-path", "second"),
    ("  a: {@@modles.base.builtin: x}\n", "unknown-path", "models"),
    ("  a: {evaluate.of.@@7: base}\n", "unknown-path", ""),
    ("  a: {'evaluate.@@of[1]': base}\n", "unknown-path", "of.1"),
    ("  a: {@@name: b}\n", "unknown-path", ""),
    ("  a: {@@about: x}\n", "unknown-path", ""),
    ("  a: {seed.@@x: 1}\n", "unknown-path", ""),
    ("  a: {stages.@@third.train.lr: 1}\n", "unknown-path", ""),
    ("  a: {matrix: {stages.second.train.@@groupx: [1]}}\n", "unknown-path", "group"),
    (f"  a: {{{GROUP}: @@4}}\n", "no-op-change", ""),
    ("  @@a: {}\n", "no-op-change", ""),
    ("  @@a: {seeds: []}\n", "no-op-change", ""),
    (f"  a: {{{GROUP}: 8, seeds: [1], exclude: [@@{{seed: 2}}]}}\n", "no-op-change", ""),
    ("  a: {stages.second.train: {by: sft, lr: 1}, @@stages.second.train.lr: 2}\n", "conflicting-changes", ""),
    ("  a: {seed: 1, seeds: [@@2]}\n", "conflicting-changes", ""),
    (f"  a: {{zip: {{{GROUP}: [2, 8], @@seed: [1]}}}}\n", "uneven-zip", ""),
    (f"  a: {{matrix: {{{GROUP}: [2, @@2]}}}}\n", "variant-name", ""),
    (f"  a: {{matrix: {{{GROUP}: [2]}}}}\n  a-group-2: {{seed: @@1}}\n", "variant-name", ""),
    ("  a: {stages.first.@@mask: !remove }\n", "nothing-to-remove", ""),
    ("  a: {data: {valid: @@!remove , other: {builtin: chains}}}\n", "nothing-to-remove", ""),
    ("  a: {stages.first.@@shufle: !remove }\n", "unknown-path", "shuffle"),
    ("  a: {seeds: [@@x]}\n", "wrong-type", ""),
    ("  a: {matrix: {seed: @@[]}}\n", "wrong-value", ""),
    ("  a: {matrix: {seed: @@3}}\n", "wrong-type", ""),
    ("  @@A: {seed: 3}\n", "wrong-value", ""),
    ("  a: {seed: @@x}\n", "wrong-type", ""),
    (f"  a: {{{GROUP}: @@0}}\n", "wrong-value", ""),
    ("  a: {evaluate.of: [base, @@frist]}\n", "unknown-reference", "first"),
    ("  a: {@@seed: [1, 2]}\n", "unknown-path", "seeds"),
    ("  a: {stages: {first: {task: solve}, @@seeds: [1, 2]}}\n", "unknown-path", ""),
    ("  a: {resources.stages: {first: {gpus: 1}, @@matrix: {seed: [1, 2]}}}\n", "unknown-path", ""),
]


@pytest.mark.parametrize(("text", "rule", "suggestion"), MISTAKES, ids=[text.strip() for text, *_ in MISTAKES])
def test_a_mistake_in_a_variant_is_found_where_it_stands(text: str, rule: str, suggestion: str, folder: Path) -> None:
    variants, places = marked(text)
    write(variants)
    sink = Sink()
    plan_specs({"spec.yaml": Path("spec.yaml")}, sink)
    (finding,) = sink.findings
    assert (finding.rule, [(finding.span.line, finding.span.column)]) == (rule, places)
    assert finding.suggestions[:1] == ((suggestion,) if suggestion else ())


def test_a_mistake_that_only_variants_have_says_which(folder: Path) -> None:
    matrix = f"  m: {{matrix: {{{GROUP}: [@@3, @@5, 8]}}}}\n"
    variants, places = marked(matrix + "  n: {stages.second.train.global_batch: @@18, seeds: [1, 2]}\n")
    write(variants)
    sink = Sink()
    plan_specs({"spec.yaml": Path("spec.yaml")}, sink)
    notes = {(f.span.line, f.span.column): [note for _, note in f.related] for f in sink.findings}
    said = ["in variant `m-group-3`"], ["in variant `m-group-5`"], ["in variant `n-seed-1` and 1 more"]
    assert notes == dict(zip(places, said, strict=True))


def test_a_mistake_of_the_spec_is_found_once_however_many_variants_there_are(folder: Path) -> None:
    write(f"  m: {{matrix: {{{LR}: [1e-4, 1e-6, 1e-7]}}}}\n", spec=BASE.replace("group: 4", "group: 5"))
    sink = Sink()
    plan_specs({"spec.yaml": Path("spec.yaml")}, sink)
    assert [(f.rule, f.related) for f in sink.findings] == [("batch-size", ())]


def test_a_family_past_the_limit_is_refused_before_it_is_made_and_names_the_limit(folder: Path) -> None:
    many = ", ".join(map(str, range(1, 200)))
    _, sink = read(
        f"  a: {{seed: 1}}\n  m: {{matrix: {{{', '.join(f'{k}: [{many}]' for k in (LR, EPOCHS, GROUP, 'seed'))}}}}}\n"
    )
    (finding,) = sink.findings
    assert (finding.rule, finding.span.line, finding.span.column) == ("too-many-variants", BASE.count("\n") + 3, 3)
    assert f"{MOST:,}" in finding.message


def test_what_is_allowed_in_the_spec_is_allowed_in_its_variants_and_used_by_one_is_used(folder: Path) -> None:
    spec = BASE + "allow: [{rule: unpinned-revision, reason: no hub here}]\n"
    write("  hub: {models.base: {hub: a/b}}\n", spec=spec)
    sink = Sink()
    assert plan_specs({"spec.yaml": Path("spec.yaml")}, sink, Options(ci=True)) is not None
    assert sink.findings == []


def test_a_new_model_of_a_variant_that_nothing_there_uses_is_found_and_one_that_another_variant_uses_is_not(
    folder: Path,
) -> None:
    new = "models.more: {builtin: tiny-student}"
    text = f"  typo: {{models.bose: {{builtin: tiny-student}}}}\n  used: {{{new}, stages.first.start: more}}\n"
    write(text, spec=BASE.replace("  tutor:", "  spare: {builtin: tiny-student}\n  tutor:"))
    sink = Sink()
    plan_specs({"spec.yaml": Path("spec.yaml")}, sink)
    assert [(f.rule, "bose" in f.message, "spare" in f.message) for f in sink.sorted()] == [
        ("unused", False, True),
        ("unused", True, False),
    ]
