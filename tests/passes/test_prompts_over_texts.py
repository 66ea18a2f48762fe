"""Which texts a prompt may show: those of its records, and none that gives away what is asked for."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import FIRST, GRPO, SECOND, SFT, Change, changed, first, second

from cotspec.compiler import plan_specs
from cotspec.cot.template import HINT
from cotspec.diagnostics import Sink

TEXTS = (
    "generate: {teach: {by: tutor, over: train}}",
    "generate: {teach: {by: tutor, over: train}, critique: {by: tutor, over: teach, prompt: one.jinja}, "
    "refined: {by: tutor, over: critique, keep: {where: refined.correct}}, other: {by: tutor, over: train}, "
    "fixed: {by: tutor, over: worked}}",
)


WITHOUT = (", fixed: {by: tutor, over: worked}", "")


def told(folder: Path, prompt: str, *changes: Change) -> list[tuple[str, str, str]]:
    """Rule, message and help of the errors, with `one.jinja` as the first prompt and `two.jinja` as the second."""
    one, _, two = prompt.partition("|")
    (folder / "one.jinja").write_text(one, encoding="utf-8")
    (folder / "two.jinja").write_text(two or "{{ question }}", encoding="utf-8")
    file, sink = folder / "spec.yaml", Sink()
    needed = [] if WORKED in changes else [WITHOUT]
    file.write_text(changed([TEXTS, *needed, *changes]), encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    return [(each.rule, each.message, each.help) for each in sink.sorted() if each.severity == "error"]


LEARN = second("{from: refined}", "    prompt: two.jinja\n")
REBUILD = first("{from: refined, target: critique}", "reconstruct")
WORKED = (
    "  train: {builtin",
    "  worked: {builtin: chains, split: valid, size: 9, seed: 1, trace: trace}\n  train: {builtin",
)
CASES = {
    "a text that is not below": (
        "{{ question }} {{ refined }}",
        [],
        ("prompt-variable", "`one.jinja` shows `refined`, which its records do not have", "there is `teach` to show"),
    ),
    "a text of another chain": (
        "{{ question }} {{ other }}",
        [],
        ("prompt-variable", "`one.jinja` shows `other`, which its records do not have", "there is `teach` to show"),
    ),
    "a name that is nobody's": (
        "{{ question }} {{ taech }}",
        [],
        ("prompt-template", "a prompt has no name `taech`", "did you mean `teach`?"),
    ),
    "the gold answer": (
        "{{ question }} {{ answer }}",
        [],
        ("prompt-template", "a prompt has no name `answer`", HINT),
    ),
    "the gold answer, where a judge may read it": (
        "{{ question }} {{ answer }}|{{ question }} {{ response }}",
        [
            second("{from: teach}", "    judges: {liked: {by: tutor, prompt: two.jinja}}\n"),
            ("{value: 1 if correct else 0}", "{value: liked.correct}"),
        ],
        ("prompt-variable", "`one.jinja` shows `answer`, which its records do not have", HINT),
    ),
    "what a stage learns to write": (
        "{{ question }}|{{ question }} {{ refined }}",
        [(GRPO, SFT), (SECOND, LEARN[1]), ("    reward: {terms: {solved: {value: 1 if correct else 0}}}\n", "")],
        (
            "prompt-variable",
            "`two.jinja` shows `refined`, which is what the stage learns to write",
            "leave {{ refined }} out",
        ),
    ),
    "what was made over that": (
        "{{ question }}|{{ question }} {{ trace }} {{ refined }}",
        [(FIRST, f"{REBUILD[1]}    prompt: two.jinja\n")],
        (
            "prompt-variable",
            "`two.jinja` shows `refined`, which was made over `critique`, and that is what it asks for",
            "leave {{ refined }} out",
        ),
    ),
    "a right answer to a question that is practised": (
        "{{ question }}|{{ question }} {{ refined }}",
        [(SECOND, LEARN[1])],
        (
            "prompt-variable",
            "`two.jinja` shows `refined`, which is kept because it is right: `task: rewrite` shows such a text",
            "leave {{ refined }} out",
        ),
    ),
    "a text that the rows are chosen for": (
        "{{ question }}|{{ question }} {{ teach }}",
        [
            (
                SECOND,
                second("{from: critique, where: teach.correct and critique.words < 90}", "    prompt: two.jinja\n")[1],
            )
        ],
        (
            "prompt-variable",
            "`two.jinja` shows `teach`, which `rows.where` says is right",
            "leave {{ teach }} out",
        ),
    ),
    "a solution of a data set": (
        "{{ question }}|{{ question }} {{ worked }}",
        [WORKED, (SECOND, second("{from: fixed}", "    prompt: two.jinja\n")[1])],
        (
            "prompt-variable",
            "`two.jinja` shows `worked`, which is a solution that a data set gives",
            "leave {{ worked }} out",
        ),
    ),
    "a text before an evaluation": (
        "{{ question }}|{{ question }} {{ teach }}",
        [("evaluate: {", "evaluate: {prompt: two.jinja, ")],
        (
            "prompt-variable",
            "`two.jinja` shows `teach`, which its records do not have",
            "it has the question to show",
        ),
    ),
}


@pytest.mark.parametrize(("prompt", "changes", "wanted"), CASES.values(), ids=CASES)
def test_what_a_prompt_must_not_show_is_told_with_what_it_may(
    prompt: str, changes: list[Change], wanted: tuple[str, str, str], tmp_path: Path
) -> None:
    assert told(tmp_path, prompt, *changes) == [wanted]


@pytest.mark.parametrize(
    ("prompt", "changes"),
    [
        ("{{ question }} {{ teach }}", []),
        ("{{ question }}|{{ question }} {{ critique }} {{ teach }}", [(SECOND, LEARN[1])]),
        ("{{ question }}|{{ question }} {{ trace }} {{ teach }}", [(FIRST, f"{REBUILD[1]}    prompt: two.jinja\n")]),
    ],
    ids=["the text below", "all texts before the one that is practised", "what was there before the target"],
)
def test_a_prompt_may_show_what_came_before(prompt: str, changes: list[Change], tmp_path: Path) -> None:
    assert told(tmp_path, prompt, *changes) == []


REWARD = "reward: {terms: {solved: {value: 1 if correct else 0}}}"


@pytest.mark.parametrize(
    ("rows", "asked", "told_"),
    [
        ("{from: refined}", "1 if correct == teach.correct and words < critique.words else 0", []),
        (
            "{from: refined}",
            "teach.wrods",
            [("reward-expression", "there is no measure `teach.wrods`", "did you mean `teach.words`?")],
        ),
        ("{from: teach}", "1 if critique.correct else 0", ["there is no measure `critique.correct`"]),
        ("{from: refined}", "refined.score", ["there is no measure `refined.score`"]),
        ("{mix: [{from: refined}, {from: critique}]}", "teach.words", ["not all sources of the rows have `teach`"]),
        ("{mix: [{from: refined}, {from: refined, target: teach}]}", "teach.words", []),
        ("{from: train}", "teacher_words", ["the rows from `train` are questions alone, without a trace"]),
        (
            "{mix: [{from: teach}, {from: train}]}",
            "min(words, teacher_words) / teacher_tokens",
            ["the rows from `train` are questions alone, without a trace"] * 2,
        ),
    ],
)
def test_a_reward_asks_about_the_texts_that_every_row_has(
    rows: str, asked: str, told_: list[object], tmp_path: Path
) -> None:
    reward = REWARD.replace("1 if correct else 0", f'"{asked}"')
    found = told(tmp_path, "{{ question }}", (SECOND, second(rows)[1]), (REWARD, reward))
    assert [each if isinstance(wanted, tuple) else each[1] for each, wanted in zip(found, told_, strict=True)] == told_
