"""What models behind a server cannot do, and what is said of them without use."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import GRPO, SFT, TRAIN, Change, Told, found
from test_stage_rules import WITHOUT_REWARD

TUTOR = "{builtin: tiny-teacher}"
SERVED = (TUTOR, '{endpoint: {url: "http://localhost:8000/v1", model: m}}')


def served(more: str) -> Change:
    return TUTOR, f'{{endpoint: {{url: "http://localhost:8000/v1", model: m, {more}}}}}'


def resources(of: str) -> Change:
    return TRAIN, f"{TRAIN}  endpoints: {of}\n"


HITS: dict[str, tuple[list[Change], Told]] = {
    "a stage that starts from it": (
        [SERVED, ("start: base", "start: tutor")],
        (
            "error",
            "endpoint-use",
            "tutor",
            "stage `first` starts from `tutor`, a server that gives no weights to train",
        ),
    ),
    "a teacher of probabilities": (
        [SERVED, (GRPO, "{by: distill, lr: 1e-5, teacher: tutor}"), WITHOUT_REWARD],
        (
            "error",
            "endpoint-use",
            "tutor",
            "stage `second` learns the probabilities of `tutor`, and a server gives texts only",
        ),
    ),
    "a field that sampling has": (
        [served("request: {temperature: 0.2}")],
        ("error", "endpoint-settings", "temperature", "`temperature` of a request is set by cotspec"),
    ),
    "a budget of money without prices": (
        [SERVED, resources("{tutor: {budget: {cost: 5.0}}}")],
        ("error", "endpoint-settings", "cost", "a budget of money needs the prices of tokens"),
    ),
    "a budget of nothing": (
        [SERVED, resources("{tutor: {budget: {}}}")],
        ("error", "endpoint-settings", "budget", "this is no limit"),
    ),
    "prices of nothing": (
        [SERVED, resources("{tutor: {price: {input: 0, output: 0}, budget: {cost: 5.0}}}")],
        ("error", "endpoint-settings", "cost", "with prices of 0 no cost is ever reached"),
    ),
    "an address of one kind of request": (
        [(TUTOR, '{endpoint: {url: "http://localhost:8000/v1/chat/completions", model: m}}')],
        (
            "error",
            "endpoint-settings",
            '"http://localhost:8000/v1/chat/completions"',
            "an address goes up to `/v1`",
        ),
    ),
    "settings of a model that is loaded": (
        [resources("{tutor: {concurrency: 2}}")],
        ("error", "endpoint-settings", "tutor", "`tutor` is not behind a server"),
    ),
    "settings of a model that is not there": (
        [SERVED, resources("{tuto: {concurrency: 2}}")],
        ("error", "endpoint-settings", "tuto", "there is no model `tuto`"),
    ),
    "two places": (
        [(TUTOR, "{builtin: tiny-teacher, endpoint: {model: m}}")],
        ("error", "source-choice", "endpoint", "model `tutor` has `builtin` and `endpoint`"),
    ),
    "a revision": (
        [(TUTOR, "{endpoint: {model: m}, revision: main}")],
        ("error", "source-settings", "revision", "`revision` has no effect on `endpoint`"),
    ),
    "an address with a password": (
        [(TUTOR, '{endpoint: {url: "https://me:secret@host/v1", model: m}}')],
        ("error", "wrong-value", '"https://me:secret@host/v1"', ""),
    ),
    "an address with a query": (
        [(TUTOR, '{endpoint: {url: "https://host/v1?key=secret", model: m}}')],
        ("error", "wrong-value", '"https://host/v1?key=secret"', ""),
    ),
    "a key in place of its variable's name": (
        [(TUTOR, "{endpoint: {model: m, key: sk-abc}}")],
        ("error", "wrong-value", "sk-abc", ""),
    ),
}


@pytest.mark.parametrize("name", HITS, ids=lambda name: name.replace(" ", "_"))
def test_a_mistake_is_found_at_its_place(name: str, tmp_path: Path) -> None:
    changes, (severity, rule, marked, message) = HITS[name]
    told = [each for each in found(tmp_path, *changes) if each[1] != "endpoint-consent"]
    assert [each[:3] for each in told] == [(severity, rule, marked)]
    assert message in told[0][3]


def test_who_writes_texts_and_is_evaluated_is_fine_and_asks_for_consent_alone(tmp_path: Path) -> None:
    told = found(tmp_path, SERVED, ("of: [base, first, second]", "of: [base, first, second, tutor]"))
    assert [(severity, rule, marked) for severity, rule, marked, _ in told] == [
        ("error", "endpoint-consent", '"http://localhost:8000/v1"')
    ]


def test_text_that_a_student_learns_may_come_from_a_server_and_its_student_may_not(tmp_path: Path) -> None:
    rules = {each[1] for each in found(tmp_path, SERVED, (SFT, "{by: sft, lr: 1e-4, epochs: 2}"))}
    assert rules == {"endpoint-consent"}
