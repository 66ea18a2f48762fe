"""No field of a body or of run.json is without a test that shows where it arrives."""

from __future__ import annotations

import pytest

pytest.importorskip("trl", reason="the tables are of what training and generation are given")

import fields_of_training as training
import test_fields_of_data as data
import test_fields_of_endpoints as endpoints
import test_fields_of_generation as generation
import test_fields_of_tables as tables
import test_fields_of_vllm as vllm
import test_kept_texts as kept_texts
import test_probabilities as probabilities
import test_revise as revise
import test_served_judges as served_judges
import test_suite as suites
import test_tilt as tilt
import test_tracking as tracking
from fields import names

#: Fields that nothing reads where they stand, and why they are there.
UNREAD = {
    "gather.sampling.n": "one text of each prompt; the check `gathered` refuses another number",
    "grpo.sampling.n": "it is `group`: lowering copies it, and the check `sampling` refuses another one",
    "grpo.judges.sampling.n": "a judge writes one text of each completion; the check `sampling` refuses another number",
    "distill.sampling.n": "a prompt gets one text in each epoch; the check `sampling` refuses another number",
    "distill.keep.best.metric": "as the others': the gate, which has it too, compares what training has kept",
    "orpo.keep.best.metric": "as the others': the gate, which has it too, compares what training has kept",
    "dpo.keep.best.metric": "training keeps candidates every `every` steps; the gate, which has it too, compares them",
    "pairs.sampling.n": "`attempts` says how often a question is tried; the check `sampling` refuses another one",
    "mine.sampling.n": "`attempts` says how often a question is tried; the check `sampling` refuses another one",
    "sft.keep.best.metric": "training keeps candidates every `every` steps; the gate, which has it too, compares them",
    "grpo.keep.best.metric": "training keeps candidates every `every` steps; the gate, which has it too, compares them",
    "model.builtin.system": "no builtin model has a chat template, without which nothing has a system turn",
    "model.builtin.template": "no builtin model has a chat template, whose arguments these are",
    "model.endpoint.served": "a word of one's own for what is served: another one is another task, asked alike",
    "gate.checkpoint.best.every": "the gate compares every checkpoint that was kept; which are is the stage's `keep`",
}
SHOWN = {effect.name for effect in (*data.EFFECTS, *generation.EFFECTS, *tables.EFFECTS)}
CALLED = {*generation.READ, *generation.ALONE, *endpoints.FIELDS, *probabilities.FIELDS, *tilt.FIELDS, *revise.FIELDS}
CALLED |= suites.FIELDS | tracking.FIELDS | served_judges.FIELDS | vllm.FIELDS | kept_texts.FIELDS
BUILT = {arrives.name for arrives in training.ARRIVES}


@pytest.mark.parametrize("name", names())
def test_the_field_is_shown_to_arrive(name: str) -> None:
    found = name in SHOWN | CALLED | BUILT | set(UNREAD)
    assert found, (
        f"no test shows that `{name}` does anything. Add it to tests/runtime: an `Arrives` in ARRIVES of "
        "fields_of_training.py for what a trainer, an optimizer or an adapter is built with (put a value into "
        "SCENES that is not the library's own); an entry of CALLS in test_fields_of_generation.py for what text is "
        "generated with; else an `Effect` in EFFECTS of test_fields_of_data.py or test_fields_of_generation.py, for "
        "what the task leaves with and without it"
    )


def test_the_tables_name_no_field_that_is_not_there() -> None:
    assert (SHOWN | CALLED | BUILT | set(UNREAD)) - set(names()) == set()


def test_a_field_that_is_shown_to_arrive_is_not_called_unread() -> None:
    assert (SHOWN | CALLED | BUILT) & set(UNREAD) == set()
