"""A response is scored as training scores it, and what nobody knows is said and not made up."""

from __future__ import annotations

import io
import json
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from cotspec.cot.measures import Teacher, measure
from cotspec.cot.rewards import compile_reward
from cotspec.preview import json as as_json
from cotspec.preview import text as as_text
from cotspec.preview.canvas import Canvas
from cotspec.preview.make import Request, make
from cotspec.spec.payload import GrpoBody
from tests.preview.makings import plan, records, write
from tests.support import Run, sealed, spec_data

RIGHT = "Thinking…\nWell.\n\nStep 1: so.\nAnswer: {answer}"


def terms(**values: str) -> dict[str, object]:
    return {
        "reward": {
            "gates": [{"unless": "correct", "reward": -1.0}],
            "terms": {n: {"value": v} for n, v in values.items()},
        }
    }


def given(project: Path, count: int = 30) -> Path:
    lines = [{"question": r.question, "answer": r.answer, "trace": r.trace, "tokens": r.tokens} for r in records(count)]
    return write(project / "t.jsonl", lines)


@pytest.mark.parametrize("response", ["Step 1: {answer}\nAnswer: {answer}", "Answer: 999", "{answer}", "", "\n\n"])
def test_a_response_gets_the_reward_that_training_gives_it(project: Path, response: str) -> None:
    of = plan(terms(short="1 / (1 + words)", even="steps - teacher_steps + tokens / teacher_tokens"), stage="compress")
    request = Request(spec="", stage="compress", traces=given(project))
    first = make(of, request, root=project)
    text = response.format(answer=first.record.answer)
    asked = Request(spec="", stage="compress", traces=given(project), response=text, tokens=7, progress=0.5)
    scored = make(of, asked, root=project).scored
    assert scored is not None
    body = first.stage.train
    assert isinstance(body, GrpoBody)
    teacher = Teacher(steps=first.record.steps, words=first.record.words, tokens=first.record.tokens)
    measures = measure(text, tokens=7, gold=first.record.answer, teacher=teacher, fmt=body.format).values
    assert scored.measures == measures
    assert scored.breakdown.score == compile_reward(body.reward).score(measures, 0.5)


def test_a_response_is_scored_among_others_of_its_prompt(project: Path) -> None:
    """Alone it has no group, and nothing is made up for it."""
    of = plan(terms(shorter="group.correct * (1 - words / group.right_words) + rank"), stage="compress")
    first = make(of, Request(spec="", stage="compress", traces=given(project)), root=project)
    own, longer = (f"Step 1: {'so ' * more}.\nAnswer: {first.record.answer}" for more in (1, 13))
    request = Request(spec="", stage="compress", traces=given(project), response=own, tokens=7)
    alone = make(of, request, root=project)
    assert alone.scored is not None
    assert alone.scored.breakdown.score.total is None
    page = as_text.render(alone, Canvas(width=100, colour=False, whole=False))
    assert "give each with --beside TEXT" in page
    assert "not known here" in page
    assert "training leaves it out" not in page
    beside = make(of, replace(request, beside=(longer, "Answer: 9999")), root=project).scored
    assert beside is not None
    words = [len(text.split()) for text in (own, longer)]
    assert beside.measures["group.right_words"] == sum(words) / 2
    assert beside.breakdown.score.total == pytest.approx(2 / 3 * (1 - words[0] * 2 / sum(words)) + 1)


def test_a_response_is_one_of_those_that_others_agree_with(project: Path) -> None:
    of = plan(terms(agrees="votes + (1 if majority else 0)"), stage="compress")
    request = Request(spec="", stage="compress", traces=given(project), response="Answer: 1/2", tokens=7)
    scored = make(of, replace(request, beside=("Answer: 0.5", "Answer: 9999")), root=project).scored
    assert scored is not None
    assert (scored.measures["votes"], scored.measures["majority"]) == (2 / 3, True)
    alone = make(of, request, root=project).scored
    assert alone is not None
    assert {"votes", "majority"} <= alone.unknown.keys()


def test_a_response_goes_on_from_what_begins_the_answer(project: Path) -> None:
    of = plan({**terms(short="-0.01 * words"), "begin": 1}, stage="compress")
    first = make(of, Request(spec="", stage="compress", traces=given(project)), root=project)
    assert first.begin
    assert first.record.trace.startswith(first.begin)
    rest = first.record.trace.removeprefix(first.begin)
    assert rest.startswith("Step 2")
    scored = []
    for response in (rest, True):
        asked = Request(spec="", stage="compress", traces=given(project), response=response)
        found = make(of, asked, root=project)
        assert found.scored is not None
        scored.append(found.scored)
        page = as_text.render(found, Canvas(width=100, colour=False, whole=False))
        assert "The answer begins   the teacher's first 1 step, without loss" in page
    assert scored[0].trace.text == scored[1].trace.text
    assert scored[0].measures["words"] == scored[1].measures["words"] == first.record.words
    assert scored[0].measures["correct"]


def test_a_response_ends_at_its_stop_and_nothing_after_it_is_rewarded(project: Path) -> None:
    sampling = {"max_new_tokens": 60, "stop": {"texts": ["Question:"], "after": "answer"}}
    train = spec_data("small")["stages"]["compress"]["train"] | {"sampling": sampling}
    of = plan({**terms(short="-0.01 * words"), "train": train}, stage="compress")
    first = make(of, Request(spec="", stage="compress", traces=given(project)), root=project)
    kept = f"Step 1: x\nAnswer: {first.record.answer}"
    shown = {}
    for response in (kept, f"{kept}\nAnswer: 999\nQuestion: next?"):
        asked = Request(spec="", stage="compress", traces=given(project), response=response, tokens=7)
        shown[response] = make(of, asked, root=project)
    one, other = (preview.scored for preview in shown.values())
    assert one is not None
    assert other is not None
    assert (one.left_out, other.left_out) == ("", "\nAnswer: 999\nQuestion: next?")
    assert other.response.text == kept
    assert other.measures == one.measures
    assert other.breakdown.score == one.breakdown.score
    pages = [as_text.render(preview, Canvas(width=100, colour=False, whole=False)) for preview in shown.values()]
    assert [" are neither seen nor rewarded" in page for page in pages] == [False, True]
    rules = as_text.render(first, Canvas(width=100, colour=False, whole=False))
    assert "at 'Question:' or after the answer's line" in rules


def test_what_a_chat_model_gets_besides_the_prompt_is_shown(project: Path) -> None:
    data = spec_data("small")
    data["models"]["student"] |= {"chat": True, "system": "Be brief.", "template": {"enable_thinking": False}}
    shown = make(sealed(data).plan, Request(spec="", stage="compress", traces=given(project)), root=project)
    page = as_text.render(shown, Canvas(width=100, colour=False, whole=False))
    assert "system turn: Be brief." in page
    assert "arguments of the template: enable_thinking: false" in page
    assert json.loads(as_json.render(shown))["chat"] == {"system": "Be brief.", "template": {"enable_thinking": False}}


def test_tokens_nobody_counted_spoil_what_reads_them_and_nothing_else(project: Path) -> None:
    of = plan(terms(fixed="1.0", short="-0.01 * tokens"), stage="compress")
    answer = make(of, Request(spec="", stage="compress", traces=given(project)), root=project).record.answer
    text = f"Step 1: x\nAnswer: {answer}"
    unknown = make(of, Request(spec="", stage="compress", traces=given(project), response=text), root=project).scored
    assert unknown is not None
    assert "tokens" not in unknown.measures
    assert unknown.breakdown.score.total is None
    assert [trial.product for trial in unknown.breakdown.terms] == [1.0, None]
    asked = Request(spec="", stage="compress", traces=given(project), response=text, tokens=20)
    known = make(of, asked, root=project).scored
    assert known is not None
    assert known.breakdown.score.total == pytest.approx(0.8)


def test_the_teachers_own_trace_has_the_tokens_of_its_record(project: Path, run: Run) -> None:
    path = given(project)
    out = run("specs/small.yaml", "compress", "--traces", path.name, "--try", "teacher", "--format", "json")[1]
    shown = json.loads(out)
    assert shown["reward"]["measures"]["tokens"] == shown["teacher"]["tokens"] > 0
    assert shown["reward"]["unknown"] == {}
    assert shown["reward"]["response"]["text"] == shown["trace"]["text"]
    write(path, [{"question": r.question, "answer": r.answer, "trace": r.trace} for r in records(30)])
    shown = json.loads(
        run("specs/small.yaml", "compress", "--traces", path.name, "--try", "teacher", "--format", "json")[1]
    )
    assert shown["teacher"]["tokens"] is None
    assert set(shown["reward"]["unknown"]) == {"tokens", "teacher_tokens"}
    assert shown["reward"]["measures"]["tokens"] is None


def test_a_response_comes_as_text_from_a_file_or_from_stdin(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = "Step 1: ½ of it…\nAnswer: 5"
    (project / "response.txt").write_bytes(text.replace("\n", "\r\n").encode())
    outs = []
    for given in (text, "@response.txt", "-"):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
        code, out, _ = run("specs/bridge-tiny.yaml", "compress", "--response", given)
        assert code == 0
        outs.append(out)
    assert outs[0] == outs[1] == outs[2]
    assert "Step 1: ½ of it…" in outs[0]


def test_a_gate_decides_alone_and_the_terms_are_shown_as_not_counted(project: Path, run: Run) -> None:
    out = run("specs/bridge-tiny.yaml", "compress", "--response", "Answer: 1000")[1]
    assert "gate 1             failed: the reward is -1 and nothing else counts   unless correct" in out
    assert "gate 2             not reached   unless formatted" in out
    assert out.count("not counted") == 2
    assert out.endswith("   total              -1\n")


def test_weights_that_move_are_read_at_the_rows_place_or_where_asked(project: Path) -> None:
    moving = {"reward": {"terms": {"late": {"value": 1.0, "weight": {"from": 0.0, "to": 4.0}}}}}
    of = plan(moving, stage="compress")
    request = Request(spec="", stage="compress", traces=given(project), response="x")
    shown = make(of, request, root=project)
    assert shown.scored is not None
    assert shown.scored.progress == shown.picked.attempt.progress == 0.0
    asked = Request(spec="", stage="compress", traces=given(project), response="x", progress=0.25)
    later = make(of, asked, root=project)
    assert later.scored is not None
    assert later.scored.breakdown.score.total == 1.0


def test_a_gold_answer_that_cannot_be_graded_here_is_said(
    project: Path, run: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "math_verify", None)  # a core install has no math-verify
    write(project / "t.jsonl", [{"question": "Q", "answer": r"$\sqrt{2}$", "trace": "Step 1: x\nAnswer: 2"}])
    response = r"Step 1: so\nAnswer: $x^2+\sqrt{2}$".replace(r"\n", "\n")
    code, out, _ = run("specs/bridge-tiny.yaml", "compress", "--traces", "t.jsonl", "--response", response)
    assert code == 0
    assert "correct            ?       grading a formula needs math-verify" in out
    assert "total              none, and training leaves it out: gate 1 cannot be scored" in out


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("structure", "--response", "x"), "stage `structure` trains by sft, where no response is rewarded"),
        (("structure", "--try", "teacher"), "stage `structure` trains by sft, where no response is rewarded"),
        (("structure", "--progress", "0.5"), "stage `structure` trains by sft"),
        (("compress", "--tokens", "5"), "--tokens counts a response: give one with --response"),
        (("compress", "--response", "x", "--try", "teacher"), "--response and --try both choose what is scored"),
        (("compress", "--response", "@none.txt"), "the response 'none.txt' cannot be read: No such file or directory"),
        (
            ("compress", "--response", "@/dev/zero"),
            "the response '/dev/zero' cannot be read: it has more than 16,",
        ),
        (("compress", "--traces", "/dev/zero"), "/dev/zero cannot be read: it has more than 1,073,741,824 bytes"),
        (("compress", "--row", "1", "--id", "1"), "--row and --id both choose the row"),
        (("compress", "--epoch", "1"), "--epoch goes with --id"),
        (
            ("compres",),
            "`bridge-tiny` has no stage `compres`, and no text `compres` that something uses: did you mean `compress`?",
        ),
        (
            ("xyz",),
            "`bridge-tiny` has no stage `xyz`, and no text `xyz` that something uses: "
            "there is `structure`, `compress`, `rewrite`, ",
        ),
    ],
)
def test_what_cannot_be_asked_is_usage(project: Path, run: Run, arguments: tuple[str, ...], says: str) -> None:
    code, out, err = run("specs/bridge-tiny.yaml", *arguments)
    assert (code, out) == (2, "")
    assert err.startswith(f"cotspec: {says}")


def test_a_spec_with_an_error_prints_its_findings_and_nothing_else(project: Path, run: Run) -> None:
    path = project / "specs/bridge-tiny.yaml"
    path.write_text(path.read_text(encoding="utf-8").replace("epochs:", "epocs:", 1), encoding="utf-8")
    code, out, err = run("specs/bridge-tiny.yaml", "structure", "--format", "json")
    assert (code, out) == (1, "")
    assert err.startswith("error[unknown-key] specs/bridge-tiny.yaml:")
    assert run("specs/none.yaml", "structure")[0] == 1


def test_a_variant_is_previewed_as_it_will_be_trained(project: Path, run: Run) -> None:
    path = project / "specs/small.yaml"
    text = path.read_text(encoding="utf-8")
    path.write_text(
        text + "\nvariants:\n  bare: {stages.structure.mask.count: 2, stages.structure.shuffle: false}\n",
        encoding="utf-8",
    )
    shown = [
        json.loads(run(f"specs/small.yaml{at}", "structure", "--id", "3", "--format", "json")[1])
        for at in ("", "@bare")
    ]
    assert [one["experiment"] for one in shown] == ["small", "small--bare"]
    assert shown[0]["prompt"] != shown[1]["prompt"]
    code, _, err = run("specs/small.yaml@bares", "structure")
    assert (code, err) == (2, "cotspec: `small` has no variant `bares`: did you mean `bare`?\n")
    code, _, err = run("specs/bridge-tiny.yaml@bare", "structure")
    assert (code, err) == (2, "cotspec: `bridge-tiny` has no variants\n")


FORMED = {
    "trace": {
        "step": {"opens": "Step {n}:"},
        "answer": {"opens": "<answer>"},
        "critic": {"opens": "<critic>", "label": ["T", "F"]},
        "revised": {"opens": "<revised>", "grade": True, "when": "critic.F"},
    }
}


def test_segments_of_ones_own_are_shown_with_their_labels_and_what_of_them_carries_loss(project: Path) -> None:
    asked = {"reward": {"terms": {"verdict": {"value": "critic.T == answer.correct"}}}, "loss": ["answer", "critic"]}
    of = plan(asked, stage="compress", spec=FORMED)
    text = "<answer>no</answer>\n<critic>Not at all. F</critic>\n<revised>yes</revised>"
    made = make(of, Request(spec="", stage="compress", response=text, tokens=9), root=project)
    assert made.scored is not None
    assert [text[start:end] for start, end in made.scored.carried] == [text[: text.index("<revised>")]]
    page = as_text.render(made, Canvas(width=100, colour=False, whole=False)).split("\n")
    assert [line for line in page if "<critic>Not" in line] == [" +  critic F │ <critic>Not at all. F</critic>"]
    assert [line for line in page if "<revised>" in line] == [" ·   revised │ <revised>yes</revised>"]
    assert [line.split()[:2] for line in page if line.startswith("   critic.T")] == [["critic.T", "no"]]
    told = json.loads(as_json.render(made))["reward"]["response"]
    assert [segment["label"] for segment in told["segments"]] == [None, "F", None]
    assert told["supervise"] == [[0, text.index("<revised>")]]
    assert any("<critic>" in line and "critic T" in line for line in page), "the sample itself has the form"
