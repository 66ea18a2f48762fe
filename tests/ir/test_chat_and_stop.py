"""How a model is asked and what ends its texts reaches every task it has to reach, and no other id."""

from __future__ import annotations

from typing import Any

import pytest

from cotspec.cot.measures import formatted
from cotspec.cot.prompting import default_prompt, render
from cotspec.cot.segment import segment
from cotspec.spec.payload import (
    EvaluateBody,
    GateBody,
    GrpoBody,
    MineBody,
    SftBody,
    Stop,
    TeachBody,
    TraceFormat,
    UsualFormat,
)
from tests.support import sealed, spec_data

FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
SYSTEM, ARGUMENTS = "Be brief.", {"enable_thinking": False}


def bodies(data: dict[str, Any]) -> list[Any]:
    return [task.body for task in sealed(data).plan.tasks]


def test_stages_talk_to_their_model_as_its_chain_began() -> None:
    data = spec_data("small")
    data["models"]["student"] |= {"chat": True, "system": SYSTEM, "template": ARGUMENTS}
    asked = [
        getattr(body, "start", None) or getattr(body, "model", None) or body
        for body in bodies(data)
        if isinstance(body, SftBody | GrpoBody | MineBody | GateBody | EvaluateBody)
    ]
    assert len(asked) == 9
    for model in asked:
        assert (model.chat, model.system, model.template) == (True, SYSTEM, ARGUMENTS)
    [teacher] = [body.model for body in bodies(data) if isinstance(body, TeachBody)]
    assert (teacher.chat, teacher.system, teacher.template) == (False, "", {})


@pytest.mark.parametrize(
    ("place", "kind"),
    [
        (("generate", "teach"), TeachBody),
        (("stages", "compress", "train"), GrpoBody),
        (("generate", "tries"), MineBody),
        (("evaluate",), EvaluateBody),
        (("evaluate",), GateBody),
    ],
)
def test_a_stop_reaches_whatever_samples_there(place: tuple[str, ...], kind: type) -> None:
    data = spec_data("small")
    part = data
    for key in place:
        part = part[key]
    stop = {"texts": ["Question:", "#", "Question:"], "after": "answer"}
    part["sampling"] = {"max_new_tokens": 60, **part.get("sampling", {}), "stop": stop}
    stops = [body.sampling.stop for body in bodies(data) if isinstance(body, kind)]
    assert stops
    usual = UsualFormat(thinking=FORMAT.thinking, step=FORMAT.step, answer=FORMAT.answer)
    assert set(map(repr, stops)) == {repr(Stop(texts=("#", "Question:"), after="answer", format=usual))}
    others = [body.sampling.stop for body in bodies(data) if hasattr(body, "sampling") and not isinstance(body, kind)]
    assert Stop() in others


@pytest.mark.parametrize(
    ("trace", "kept", "broken"),
    [
        ({"answer": {"opens": "####"}}, "2 + 2 = 4\n#### 4", "2 + 2 = 4"),
        ({"thinking": {"opens": "<think>"}, "answer": {"opens": "####"}}, "<think>Hm</think>\n#### 4", "2 + 2 = 4"),
        ({"step": {"opens": "Step {n}:"}, "answer": {"opens": "####"}}, "Step 1: 2 + 2\n#### 4", "2 + 2 = 4\n#### 4"),
        ({}, "Step 1: 2 + 2\nAnswer: 4", "2 + 2 = 4\nAnswer: 4"),
    ],
)
def test_steps_are_part_of_the_form_unless_a_spec_names_an_answer_and_none(
    trace: dict[str, object], kept: str, broken: str
) -> None:
    data = spec_data("small") | {"trace": trace}
    (format,) = {body.format for body in bodies(data) if isinstance(body, EvaluateBody)}
    assert formatted(segment(kept, format))
    assert not formatted(segment(broken, format))


def test_a_teacher_without_a_prompt_is_asked_for_the_form_the_filter_wants() -> None:
    data = spec_data("small")
    assert [body.prompt for body in bodies(data) if isinstance(body, TeachBody)] == [default_prompt("solve")]
    data["models"]["teacher"] = {"path": "models/teacher"}
    data["trace"] = {"step": {"opens": "{n})"}, "answer": {"opens": "{{ Ergebnis }}"}}
    data["generate"]["teach"]["keep"] = {"where": "teach.steps >= 2 and 6 >= teach.steps"}
    [prompt] = [body.prompt for body in bodies(data) if isinstance(body, TeachBody)]
    said = render(prompt, question="HOW MANY?", trace="")
    for part in ("HOW MANY?", '"1)", "2)"', "{{ Ergebnis }}", "at least 2 and at most 6"):
        assert part in said
