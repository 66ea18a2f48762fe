"""One mistake in a spec is one finding, at its place, that says what was meant: every key and reference of every spec
of this repository, misspelt, doubled, moved and of the wrong type. `mutations.py` makes the mistakes."""

from __future__ import annotations

import shutil
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import jsonschema
import pytest
import spec_text
import yaml
from mutations import MISSPELLINGS, Mutation, misspelt, mutations

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Diagnostic, Sink

ROOT = Path(__file__).parents[2]
STARTER = "cotspec/cli/starter/specs/bridge-tiny.yaml"
HOLDS = ("still valid", "new name")
"""Verdicts on changes that leave a good spec: text where text or a group may stand, a dotted path to a new model."""
FOLDERS = ("tests/specs", "specs", "cotspec/cli/starter/specs")
SPECS = [path.relative_to(ROOT).as_posix() for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.yaml"))]


@cache
def all_mutations() -> dict[str, list[Mutation]]:
    """By spec. A key that an earlier spec had gets one mistake of each sort, so that the test stays quick."""
    seen: set[str] = set()
    made = {spec: list(mutations(spec_text.read((ROOT / spec).read_text("utf-8")), seen)) for spec in SPECS}
    made[STARTER] = made[STARTER][::4]  # it is specs/bridge-tiny.yaml without a comment, as another test says
    return made


@dataclass(frozen=True)
class Outcome:
    mutation: Mutation
    findings: tuple[Diagnostic, ...]

    @property
    def verdict(self) -> str:
        """`right`, or the first thing that is not."""
        change, found = self.mutation, self.findings
        if not found:
            valid = "new name" if change.kind.startswith("path") else "still valid"
            return valid if change.may_hold and good_by_schema(change.text) else "not found"
        if len(found) > 1:
            return "cascade"
        (one,) = found
        wide = one.span.line != one.span.end_line or one.span.end_column - one.span.column != change.width
        spot = (one.span.line, one.span.column)
        inside = change.also != (0, 0) and spot[0] == change.line and spot[1] > change.column
        if spot not in ((change.line, change.column), change.also) and not inside:
            return "place"
        told = change.home in one.help or " or another" in one.help  # of many alike, the help names the first few
        if (change.width and wide) or (change.rule and one.rule != change.rule) or not told:
            return "words"
        return "suggestion" if change.right and one.suggestions[:1] != (change.right,) else "right"

    def __str__(self) -> str:
        change = self.mutation
        lines = [f"{self.verdict}: {change.kind} {change.path}, {change.line}:{change.column} {change.right}"]
        lines += [f"    {f.rule} {f.span.line}:{f.span.column} {f.message} | {f.help}" for f in self.findings[:4]]
        return "\n".join([*lines, f"    | {change.text.splitlines()[change.line - 1]}"])


def good_by_schema(text: str) -> bool:
    """Whether the schema takes it; a spec that extends another need not be whole."""
    data = spec_text.plain(yaml.compose(text, Loader=yaml.SafeLoader))
    schema = {**spec_text.root_schema(), **({"required": []} if "extends" in data else {})}
    return bool(jsonschema.Draft202012Validator(schema).is_valid(data))


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").touch()
    return tmp_path


def checked(spec: str, texts: Iterator[str], project: Path) -> Iterator[tuple[Diagnostic, ...]]:
    """The errors of each text in the place of a spec, with all that lies beside it."""
    shutil.copytree(ROOT / Path(spec).parent, project / "specs", ignore=shutil.ignore_patterns("*.py", "__pycache__"))
    if (data := ROOT / Path(spec).parents[1] / "data").is_dir():
        shutil.copytree(data, project / "data")
    file = project / "specs" / Path(spec).name
    for text in texts:
        file.write_text(text, encoding="utf-8")
        sink = Sink()
        plan_specs({"specs/a.yaml": file}, sink)
        yield tuple(f for f in sink.sorted() if f.severity == "error")


@pytest.mark.parametrize("spec", SPECS)
def test_every_mistake_is_one_finding_at_its_place_that_says_what_was_meant(spec: str, project: Path) -> None:
    changes = all_mutations()[spec]
    found = checked(spec, (change.text for change in changes), project)
    outcomes = [Outcome(change, errors) for change, errors in zip(changes, found, strict=True)]
    counts = Counter(outcome.verdict for outcome in outcomes)
    spelled = [outcome for outcome in outcomes if outcome.mutation.right]
    placed = sum(counts[verdict] for verdict in ("right", "suggestion", "words", *HOLDS)) / len(outcomes)
    suggested = sum(outcome.verdict == "right" for outcome in spelled) / len(spelled)
    misses = [str(outcome) for outcome in outcomes if outcome.verdict not in ("right", *HOLDS)]
    print(f"{spec}: {len(outcomes)} mistakes, {placed:.2%} placed, {suggested:.2%} suggested;", dict(counts))
    print(*misses, sep="\n")
    assert placed == 1.0
    assert counts["words"] == 0
    assert suggested >= 0.98
    assert counts["still valid"] <= 0.01 * len(outcomes)


def test_every_sort_of_mistake_is_made_at_every_key() -> None:
    """The keys of the language, wherever they stand, and the names a person chose: none is passed over."""
    made: dict[str, set[str]] = {}
    for spec, changes in all_mutations().items():
        shapes = {".".join(map(str, e.path)): e for e in spec_text.read((ROOT / spec).read_text("utf-8")).entries}
        for change in changes:
            entry = shapes.get(change.path.replace("[", ".").replace("]", ""))
            if entry is not None and not entry.shared and entry.kinds != {"null"}:
                made.setdefault(entry.shape, set()).add(change.kind.split()[0] + ("*" if entry.free else ""))
    assert len(made) > 150
    wanted = {False: {"key", "doubled", "type"}, True: {"doubled*", "type*"}}
    assert {shape: sorted(kinds) for shape, kinds in made.items() if not wanted[shape.endswith("*")] <= kinds} == {}
    unmoved = {shape for shape, kinds in made.items() if not {"moved", "moved*"} & kinds}
    assert unmoved == set()


def test_a_mistake_in_a_spec_that_another_extends_stands_in_its_own_file(project: Path) -> None:
    spec = "specs/bridge-tiny.yaml"
    shutil.copytree(ROOT / "specs", project / "specs")
    child = project / "specs" / "child.yaml"
    child.write_text("extends: bridge-tiny.yaml\nname: child\n", encoding="utf-8")
    changes = [one for one in all_mutations()[spec][::7] if not one.may_hold]
    assert len(changes) > 50
    for change in changes:
        (project / spec).write_text(change.text, encoding="utf-8")
        sink = Sink()
        plan_specs({"specs/child.yaml": child}, sink)
        (one,) = (f for f in sink.findings if f.severity == "error")
        assert (Path(one.span.file).name, *one.span[1:3]) == ("bridge-tiny.yaml", change.line, change.column), change
        assert not change.right or one.suggestions[0] == change.right
        assert any(Path(span.file).name == "child.yaml" and span.line == 1 for span, _ in one.related)


@pytest.mark.parametrize("spec", SPECS)
def test_a_name_that_is_misspelt_where_it_is_given_is_found_at_each_use(spec: str, project: Path) -> None:
    read = spec_text.read((ROOT / spec).read_text("utf-8"))
    cases = [renamed(read, entry) for entry in read.entries if entry.shape in ("models.*", "stages.*")]
    for (_, wrong, uses), errors in zip(cases, checked(spec, (text for text, *_ in cases), project), strict=True):
        assert {(f.span.line, f.span.column) for f in errors} == uses
        assert {f.suggestions[:1] for f in errors} <= {(wrong,)}


def renamed(spec: spec_text.Spec, entry: spec_text.Entry) -> tuple[str, str, set[tuple[int, int]]]:
    """The text with another name at its definition, that name, and where the old one is used."""
    name, start = entry.key.value, entry.key.start_mark.index
    wrong = misspelt(name, "doubled letter", name)
    text = spec.text[:start] + wrong + spec.text[start + len(name) :]
    data = ("generate.*.over", "evaluate.data", "evaluate.sets.*.data", "stages.*.rows.from", "stages.*.rows.target")
    others = (*data, "evaluate.sets.*.of.*", "evaluate.suites.*.of.*")  # those are names of `evaluate.of`
    kinds = ("name", "stage", "path")
    used = [r for r in spec.references if r.word == name and r.what in kinds and r.shape not in others]
    early = [r for r in used if r.what == "path"]  # variants are made before names are looked up
    return text, wrong, {place(text, r.start + (len(wrong) - len(name)) * (r.start > start)) for r in early or used}


def place(text: str, at: int) -> tuple[int, int]:
    return text.count("\n", 0, at) + 1, at - (text.rfind("\n", 0, at) + 1) + 1


def test_a_misspelling_is_never_the_word_itself() -> None:
    for how in MISSPELLINGS:
        for word in ("n", "by", "aa", "max_new_tokens", "zero2", "x" * 60):
            assert all(misspelt(word, how, salt) != word for salt in "abcdefgh")
