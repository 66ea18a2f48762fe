"""Judges of a reward: who can be one, what it is shown, and what the reward asks of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from linting import TRAIN, Change, changed, second

from cotspec.compiler import plan_specs
from cotspec.diagnostics import Sink

SHOWN = "{{ question }} {{ response }}"
REWARD = ("{value: 1 if correct else 0}", "{value: liked.correct}")


def judged(judge: str = "liked: {by: tutor, prompt: judge.jinja}") -> Change:
    return second("{from: teach}", f"    judges: {{{judge}}}\n")


def told(folder: Path, prompt: str, *changes: Change) -> list[tuple[str, str, str, str]]:
    """Rule, marked text, message and help of what is found."""
    (folder / "judge.jinja").write_text(prompt, encoding="utf-8")
    file, sink = folder / "spec.yaml", Sink()
    file.write_text(changed(changes), encoding="utf-8")
    plan_specs({"spec.yaml": file}, sink)
    lines = file.read_text(encoding="utf-8").split("\n")
    return [
        (f.rule, lines[f.span.line - 1][f.span.column - 1 : f.span.end_column - 1], f.message, f.help)
        for f in sink.sorted()
        if f.span.file.endswith("spec.yaml")
    ]


def test_a_model_and_an_earlier_stage_may_judge_and_see_what_a_row_has(tmp_path: Path) -> None:
    prompt = "{{ question }} {{ response }} {{ answer }} {{ teach }}"
    assert told(tmp_path, prompt, judged(), REWARD) == []
    stage = "liked: {by: first, prompt: judge.jinja, sampling: {temperature: 0.7, max_new_tokens: 9}}"
    verdict = ("evaluate:", "trace: {critic: {opens: 'Verdict:', label: [T, F]}}\nevaluate:")
    asked = (REWARD[0], "{value: liked.critic.T}")
    assert told(tmp_path, SHOWN, judged(stage), verdict, asked) == []


CASES: dict[str, tuple[str, list[Change], tuple[str, str, str, str]]] = {
    "a prompt without the response": (
        "{{ question }}",
        [judged(), REWARD],
        (
            "judges",
            "judge.jinja",
            "`judge.jinja` does not show the response",
            "put {{ response }} into it",
        ),
    ),
    "a prompt that shows the trace": (
        f"{SHOWN} {{{{ trace }}}}",
        [judged(), REWARD],
        (
            "judges",
            "judge.jinja",
            "`judge.jinja` shows `trace`, which a judge is not told",
            "did you mean {{ teach }}?",
        ),
    ),
    "a response elsewhere": (
        SHOWN,
        [
            judged(),
            REWARD,
            ("{by: tutor, over: train}", "{by: tutor, over: train, prompt: judge.jinja}"),
        ],
        (
            "prompt-variable",
            "judge.jinja",
            "`judge.jinja` shows `response`, which its records do not have",
            "it has the question to show",
        ),
    ),
    "nobody of that name": (
        SHOWN,
        [judged("liked: {by: tutro, prompt: judge.jinja}"), REWARD],
        ("unknown-reference", "tutro", "there is no model or stage `tutro`", "did you mean `tutor`?"),
    ),
    "itself": (
        SHOWN,
        [judged("liked: {by: second, prompt: judge.jinja}"), REWARD],
        ("stage-order", "second", "stage `second` uses itself", "there is `base`, `tutor` or `first` to use"),
    ),
    "a judge that nobody asks": (
        SHOWN,
        [judged()],
        (
            "judges",
            "liked",
            "the reward asks nothing of the judge `liked`",
            "ask about its text (`liked.correct`, or a label of it), or leave it out",
        ),
    ),
    "a measure that there is not": (
        SHOWN,
        [judged(), ("{value: 1 if correct else 0}", "{value: liked.corect}")],
        ("reward-expression", "liked.corect", "there is no measure `liked.corect`", "did you mean `liked.correct`?"),
    ),
    "a stage that is not rewarded": (
        SHOWN,
        [("    task: reconstruct\n", "    task: reconstruct\n    judges: {liked: {by: tutor, prompt: judge.jinja}}\n")],
        ("stage-kind", "judges", "stage `first` trains by sft, which asks no judges", "leave it out, or train by grpo"),
    ),
    "the name of a text": (
        SHOWN,
        [judged("teach: {by: tutor, prompt: judge.jinja}"), ("{value: 1 if correct else 0}", "{value: teach.correct}")],
        (
            "name-clash",
            "teach",
            "`teach` is already the name of a text, which the reward asks about, too",
            "give the judge another name",
        ),
    ),
    "a word of expressions": (
        SHOWN,
        [judged("group: {by: tutor, prompt: judge.jinja}")],
        ("name-clash", "group", "`group` is a word of conditions and prompts", "give the judge another name"),
    ),
    "several texts": (
        SHOWN,
        [judged("liked: {by: tutor, prompt: judge.jinja, sampling: {n: 4, temperature: 1.0}}"), REWARD],
        (
            "sampling",
            "4",
            "`n` is not used here: a judge writes one text about each completion",
            "leave it out",
        ),
    ),
    "more tokens than there are positions": (
        SHOWN,
        [judged("liked: {by: tutor, prompt: judge.jinja, sampling: {max_new_tokens: 4096}}"), REWARD],
        (
            "context-length",
            "4096",
            "`max_new_tokens` 4096 leaves no room for a prompt in the 1024 positions of `tutor`",
            "lower it",
        ),
    ),
    "a model that is split": (
        SHOWN,
        [judged(), REWARD, (TRAIN, "  train: {gpus: 2, per_device_batch: 8, strategy: zero3}\n")],
        (
            "judges",
            "judges",
            "stage `second` loads judges, and `strategy: zero3` splits every model that is loaded",
            "use `ddp` or `zero2`",
        ),
    ),
}


@pytest.mark.parametrize(("prompt", "changes", "finding"), CASES.values(), ids=CASES)
def test_a_judge_that_cannot_be_is_found_at_its_place(
    prompt: str, changes: list[Change], finding: tuple[str, str, str, str], tmp_path: Path
) -> None:
    assert finding in told(tmp_path, prompt, *changes)


def test_a_server_may_judge_also_where_every_model_that_is_loaded_is_split(tmp_path: Path) -> None:
    far = ("  base: {", "  far: {endpoint: {model: m}}\n  base: {")
    split = (TRAIN, "  train: {gpus: 2, per_device_batch: 8, strategy: zero3}\n")
    found = told(tmp_path, SHOWN, judged("liked: {by: far, prompt: judge.jinja}"), REWARD, far, split)
    assert sorted({rule for rule, *_ in found}) == ["unpinned-endpoint"]


def test_what_a_judge_says_differs_between_answers_to_a_question(tmp_path: Path) -> None:
    """No rule takes its verdict for what a whole group shares, or for a reward that is always the same."""
    assert told(tmp_path, SHOWN, judged(), REWARD) == []
    words = ("{value: 1 if correct else 0}", "{value: (1 if correct else 0) - 0.001 * liked.words}")
    assert told(tmp_path, SHOWN, judged(), words) == []
