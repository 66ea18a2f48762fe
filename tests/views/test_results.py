"""The table of results: every number from an evaluation, every difference on the same problems."""

from __future__ import annotations

import csv
import io
import json
import re
from dataclasses import replace

import pytest

from cotspec.cot.stats import paired_difference
from cotspec.views import results
from cotspec.views.outcomes import Figure, Measured, Outcome


def measured(right: str, *, tokens: float = 100.0) -> Measured:
    """Problems that were answered right (1) or wrong (0), by place."""
    share = right.count("1") / len(right)
    cases = {number: float(mark) for number, mark in enumerate(right)}
    return Measured(
        n=len(right),
        accuracy=share,
        low=share - 0.1,
        high=share + 0.1,
        tokens=tokens,
        formatted=1.0,
        truncated=0.0,
        right=cases,
    )


def outcome(
    name: str, right: str = "", *, tokens: float = 100.0, student: str = "", seed: int = 42, alike: str = ""
) -> Outcome:
    return Outcome(
        name=name,
        variant=name.partition("--")[2],
        base=name.partition("--")[0],
        state="done" if right else "part",
        done=3,
        total=3 if right else 5,
        seed=seed,
        alike=alike or name,
        model="last",
        student=measured(student) if student else None,
        last=measured(right, tokens=tokens) if right else None,
    )


SPEC, WIDE = outcome("a", "1100", student="0000"), outcome("a--wide", "1011", tokens=80.0, student="0000")


def test_a_variant_is_compared_with_its_spec_on_the_problems_both_answered() -> None:
    spec, wide = results.records([SPEC, WIDE])
    assert (spec["base"], spec["accuracy_change"], spec["student_change"]) == (None, None, 0.5)
    assert wide["accuracy_change"] == 0.25  # two more, one less, of four
    assert (wide["change_low"], wide["change_high"]) == paired_difference([0, -1, 1, 1])[1:]
    assert wide["tokens_change"] == pytest.approx(-0.2)
    assert wide["student_change"] == 0.75


def test_the_sets_of_an_evaluation_are_rows_each_compared_with_the_same_set_of_the_spec() -> None:
    sets = [
        replace(each, set=name, last=measured(right))
        for each, answers in ((SPEC, ("1100", "0000")), (WIDE, ("1110", "1000")))
        for name, right in zip(("test", "few-shot"), answers, strict=True)
    ]
    told = [(row["experiment"], row["set"], row["base"], row["accuracy_change"]) for row in results.records(sets)]
    assert told == [
        ("a", "test", None, None),
        ("a", "few-shot", None, None),
        ("a--wide", "test", "a", 0.25),
        ("a--wide", "few-shot", "a", 0.25),
    ]
    assert "few-shot" in results.text(sets)
    assert "set" not in results.text([SPEC, WIDE]).split("\n")[0].split()


def test_several_answers_a_question_show_how_many_problems_have_a_right_one() -> None:
    several = replace(measured("1100"), right={0: 1.0, 1: 0.5, 2: 0.5, 3: 0.0}, samples=2, passed=(0.75, 0.4, 0.95))
    spec, wide = replace(SPEC, last=several), replace(WIDE, last=replace(several, right=dict.fromkeys(range(4), 0.5)))
    told, other = results.records([spec, wide])
    assert (told["samples"], told["pass_at_n"], told["pass_low"], told["pass_high"]) == (2, 0.75, 0.4, 0.95)
    assert (other["accuracy_change"], other["change_low"]) == paired_difference([-0.5, 0, 0, 0.5])[:2]
    assert "75.0 % (n = 2)" in results.text([spec, wide])
    assert "pass@n" not in results.text([SPEC, WIDE])


def test_what_is_not_known_is_empty_and_never_a_number() -> None:
    alone, variant = results.records([outcome("a"), outcome("a--wide", "11")])
    assert {key for key, value in alone.items() if value is not None} == {
        "experiment",
        "state",
        "tasks",
        "model",
        "seed",
    }
    assert variant["accuracy"] == 1.0
    assert variant["accuracy_change"] is None


def test_the_forms_say_the_same() -> None:
    outcomes = [SPEC, WIDE, outcome("a--new")]
    plain = results.records(outcomes)
    rows = list(csv.DictReader(io.StringIO(results.as_csv(outcomes))))
    assert [{k: "" if v is None else str(v) for k, v in record.items()} for record in plain] == rows
    assert json.loads(json.dumps(plain)) == plain
    text, page = results.text(outcomes), results.markdown(outcomes)
    for shown in ("75.0 %", "+25.0", "-20.0 %", "part 3/5"):
        assert shown in text
        assert shown in page


def test_answers_that_were_cut_are_counted_below_the_table_in_every_form_and_none_is_no_word() -> None:
    cut = [replace(each, limit="raise `evaluate.sampling.max_new_tokens`, now 512") for each in (SPEC, WIDE)]
    cut[1] = replace(cut[1], last=replace(measured("1100" * 25), truncated=0.07, samples=2), set="hard")
    told = "a--wide:last on hard: 14 of 200 answers (7 %) were cut at `max_new_tokens`: "
    for shown in (results.text(cut), results.markdown(cut)):
        assert f"{told}raise `evaluate.sampling.max_new_tokens`, now 512\n" in shown
        assert shown.count("were cut") == 1
    assert [record["truncated"] for record in results.records(cut)] == [0.0, 0.07]
    assert "cut" not in results.text([SPEC, WIDE])
    many = [replace(cut[1], name=f"a--{at}") for at in range(3)] + [replace(cut[1], limit="raise another")]
    shown = results.text(many)
    assert (
        "a--0:last on hard: 14 of 200 answers (7 %) were cut at `max_new_tokens` (and some in 2 more rows): " in shown
    )
    assert shown.count("were cut") == 2


@pytest.mark.parametrize("width", [60, 80, 100, 200])
def test_on_a_narrow_terminal_rows_are_folded_and_nothing_is_lost(width: int) -> None:
    rows = [replace(each, name=each.name.replace("a", "bridge-arithmetic", 1)) for each in (SPEC, WIDE)]
    rows = [replace(each, base="bridge-arithmetic", limit="raise it " * 20) for each in rows]
    rows[1] = replace(rows[1], last=replace(measured("1011", tokens=80.0), truncated=0.5))
    folded, plain = results.text(rows, width=width), results.text(rows)
    assert max(map(len, folded.splitlines())) <= width
    assert sorted(folded.split()) == sorted(plain.split())
    if width > max(map(len, plain.splitlines()[:3])):
        assert folded.splitlines()[:3] == plain.splitlines()[:3]
    else:
        assert "\nbridge-arithmetic--wide\n  done   last " in folded
    assert ESCAPES.sub("", results.text(rows, width=width, colour=True)) == folded


def test_a_column_that_no_row_has_is_left_out_on_a_terminal() -> None:
    alone = [outcome("bridge-arithmetic-and-more", "1100", student="0000"), outcome("bridge-arithmetic-and-others")]
    assert "to base" in results.text(alone)
    for width in (80, 200):
        shown = results.text(alone, width=width)
        assert "to base" not in shown
        assert "to student" in shown


ESCAPES = re.compile(r"\x1b\[[0-9;]*m")


def test_colour_only_adds_and_marks_states_and_changes_whose_interval_leaves_out_0() -> None:
    better, worse = outcome("a--better", "1" * 40, student="0" * 40), outcome("a--worse", "1100" * 10, student="1" * 40)
    shown = [
        outcome("a", "1100" * 10, student="0000" * 10),
        better,
        replace(worse, base="a--better"),
        outcome("a--new"),
    ]
    painted = results.text(shown, colour=True)
    assert ESCAPES.sub("", painted) == results.text(shown)
    line = {each.split()[0]: each for each in painted.splitlines()}
    assert "\x1b[32m+50.0" in line["a--better"]
    assert "\x1b[31m-50.0" in line["a--worse"]
    assert line["a"].count("\x1b[") == 2  # its state alone
    assert "\x1b[1mexperiment" in painted.splitlines()[0]


def test_figures_of_suites_are_a_table_of_their_own_with_the_change_from_the_base() -> None:
    figure = Figure(suite="standard", task="arc_easy", name="acc", model="last", n=50, value=0.5, error=0.07)
    both = [replace(SPEC, figures=(figure,)), replace(WIDE, figures=(replace(figure, value=0.625, error=None),))]
    rows = [row for row in results.records(both) if row["suite"]]
    assert [(row["experiment"], row["suite_task"], row["figure"], row["n"]) for row in rows] == [
        ("a", "arc_easy", "acc", 50),
        ("a--wide", "arc_easy", "acc", 50),
    ]
    assert [(row["base"], row["value"], row["stderr"], row["value_change"]) for row in rows] == [
        (None, 0.5, 0.07, None),
        ("a", 0.625, None, 0.125),
    ]
    shown = results.text(both).split("suites   ")[1].splitlines()
    assert shown[1].split() == ["a", "standard", "last", "arc_easy", "acc", "50", "0.5000", "±", "0.0700"]
    assert shown[2].split() == ["a--wide", "standard", "last", "arc_easy", "acc", "50", "0.6250", "+0.1250"]
    assert "| a--wide | standard | last | arc_easy | acc | 50 | 0.6250 | +0.1250 |" in results.markdown(both)
    assert "suites" not in results.text([SPEC, WIDE])
