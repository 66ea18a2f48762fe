"""The reward as the trainer calls it, without a trainer."""

from __future__ import annotations

import json
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import bodies
import pytest
import yaml

pytest.importorskip("transformers", reason="training tests need the `train` extra")

from cotspec.cot.rewards import compile_reward
from cotspec.ir import bodies as bodies_of
from cotspec.runtime.errors import TaskError
from cotspec.runtime.trainers.grpo_reward import CompositeReward
from cotspec.spec.reward import Reward as SpecReward


@dataclass
class State:
    global_step: int = 0
    max_steps: int = 10


class Letters:
    """A tokenizer of which each token is the letter of its code."""

    def batch_decode(self, ids: list[list[int]], *, skip_special_tokens: bool) -> list[str]:
        assert skip_special_tokens
        return ["".join(map(chr, row)) for row in ids]


def score(
    value: str, *texts: str, times: int = 1, thinking: bool = False
) -> tuple[list[float | None], dict[str, list[float]]]:
    body = bodies.grpo(reward=bodies.reward(value))
    reward = CompositeReward(compile_reward(body.reward), body, cast(Any, Letters()))
    logged: dict[str, list[float]] = defaultdict(list)
    same = {key: [1] * len(texts) for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
    for _ in range(times):
        found = reward(
            completion_ids=[list(map(ord, text)) for text in texts],
            answer=["5"] * len(texts),
            thinking=[thinking] * len(texts),
            trainer_state=State(),
            log_metric=lambda name, number: logged[name].append(number),
            **same,
        )
    return found, logged


def test_a_completion_that_cannot_be_scored_is_left_out_counted_and_explained_once(
    capsys: pytest.CaptureFixture[str],
) -> None:
    found, logged = score("log(words - 1)", "one", "one two", "one two three four", times=2)
    assert found[0] is None
    assert found[1] == 0.0
    assert logged["unscorable"] == [1 / 3, 1 / 3]
    assert logged["unscorable/brevity"] == [1 / 3, 1 / 3]
    told = capsys.readouterr().out.splitlines()
    assert len(told) == 1
    assert "brevity cannot be scored" in told[0]


def page() -> tuple[str, list[list[str]]]:
    """The worked example of the page of rewards: the spec of a reward, and a table of completions."""
    text = (Path(__file__).parents[2] / "docs/rewards.md").read_text(encoding="utf-8")
    lines = [line.strip("| ").split(" | ") for line in text.splitlines() if line.startswith(("| right |", "| wrong |"))]
    return text.split("```yaml\n")[1].split("```")[0], lines


def test_the_reward_of_a_group_on_the_page_is_what_training_gives() -> None:
    """And it is the same when each half of the group lies in a process of its own."""
    written, table = page()
    reward = bodies_of.reward(SpecReward.model_validate_json(json.dumps(yaml.safe_load(written)["reward"])))
    said = {"right": 5, "wrong": 7}
    texts = [f"Step 1: {'so ' * (int(words) - 4)}\nAnswer: {said[kind]}" for kind, words, *_ in table]
    wanted = [float(line[-1]) for line in table]
    body = bodies.grpo(reward=reward, group=4)

    def rewards(texts: list[str], gather: Any = list, process: int = 0) -> list[float | None]:
        composite = CompositeReward(compile_reward(reward), body, cast(Any, Letters()), gather=gather, process=process)
        same = {key: [1] * len(texts) for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
        return composite(
            completion_ids=[list(map(ord, text)) for text in texts],
            answer=["5"] * len(texts),
            thinking=[False] * len(texts),
            trainer_state=State(),
            log_metric=lambda *_: None,
            **same,
        )

    assert rewards(texts) == pytest.approx(wanted)
    assert [rewards(texts[:1] * 4)[0], rewards([texts[0], *texts[3:] * 3])[0]] == [1.0, 1.0]
    told: list[list[Any]] = []
    rewards(texts, lambda own: told.append(own) or own)
    halves = [[iter([values[:2] for values in told]), iter([values[2:] for values in told])] for _ in range(2)]
    for process, half in enumerate((texts[:2], texts[2:])):
        both = lambda own, parts=halves[process]: [*next(parts[0]), *next(parts[1])]  # noqa: E731
        assert rewards(half, both, process) == pytest.approx(wanted[2 * process : 2 * process + 2])


def test_what_a_group_does_not_have_is_left_out_and_counted() -> None:
    right, wrong = "Step 1: x\nAnswer: 5", "Step 1: x y\nAnswer: 4"
    found, logged = score("rank", right, wrong, wrong, wrong)
    assert found == [1.0, None, None, None]
    assert logged["unscorable/brevity"] == [0.75]
    with pytest.raises(TaskError, match=r"none of 4 completions can be scored: .*`group\.right_words` has no usable"):
        score("group.right_words", wrong, wrong, wrong, wrong)


def voted(texts: list[str], gather: Any = list, process: int = 0) -> tuple[list[float | None], dict[str, float]]:
    """What completions of groups of four earn by who agrees with them; a `~` ends by itself."""
    body = bodies.grpo(reward=bodies.reward("votes + (10 if majority else 0)"), group=4)
    body = body.model_copy(update={"sampling": body.sampling.model_copy(update={"max_new_tokens": 40})})
    composite = CompositeReward(compile_reward(body.reward), body, cast(Any, Letters()), gather=gather, process=process)
    composite.ends = frozenset({ord("~")})
    logged: dict[str, float] = {}
    found = composite(
        completion_ids=[list(map(ord, text)) for text in texts],
        answer=["5"] * len(texts),
        thinking=[False] * len(texts),
        trainer_state=State(),
        log_metric=logged.__setitem__,
        **{key: [1] * len(texts) for key in ("teacher_steps", "teacher_words", "teacher_tokens")},
    )
    return found, logged


def test_a_completion_earns_what_the_others_of_its_prompt_agree_on_in_any_process() -> None:
    said = ["7", "7.0", "5", "cut", "5", "5", "6", "6", "", "8", "", ""]
    texts = [f"Step 1: x\nAnswer: {each}" if each else "Step 1: no" for each in said]
    texts[3] = f"Step 1: {'x' * 30}\nAnswer: 7"
    assert len(texts[3]) >= 40
    wanted = [10.5, 10.5, 0.25, 0.0, *[0.5] * 4, 0.0, 10.25, 0.0, 0.0]
    found, logged = voted(texts)
    assert found == wanted
    assert logged["groups_without_majority"] == pytest.approx(1 / 3)
    assert logged["accuracy"] == 3 / 12, "measured by the gold answer as ever"
    told: list[list[Any]] = []
    voted(texts, lambda own: told.append(own) or own)
    parts = [[iter([values[:6] for values in told]), iter([values[6:] for values in told])] for _ in range(2)]
    for process, half in enumerate((texts[:6], texts[6:])):
        both = lambda own, of=parts[process]: [*next(of[0]), *next(of[1])]  # noqa: E731
        assert voted(half, both, process)[0] == wanted[6 * process : 6 * process + 6]


def test_an_ungradable_answer_is_not_right_and_is_counted() -> None:
    _, logged = score("1", *(f"Step 1: x\nAnswer: {said}" for said in ("5", "4", "more than 5", "5 or 6")))
    assert logged["ungradable"] == [0.5]
    assert logged["accuracy"] == [0.25]


def beside(*totals: float | None) -> Any:
    """A process whose completions earn this; of theirs nothing else is told."""
    return lambda own: [*own, *((total, True) for total in totals)] if len(own[0]) == 2 else own


def test_a_group_that_lies_in_two_processes_is_judged_whole() -> None:
    """All rewards here are equal; the other half of the group earns another one, or the same."""
    body = bodies.grpo(reward=bodies.reward("1"), group=4)
    same = {key: [1] * 2 for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
    for elsewhere, share in ((0.5, 0.0), (1.0, 1.0)):
        logged: dict[str, float] = {}
        reward = CompositeReward(
            compile_reward(body.reward),
            body,
            cast(Any, Letters()),
            gather=beside(elsewhere, None),
        )
        reward(
            completion_ids=[[65], [66]],
            answer=["5"] * 2,
            thinking=[False] * 2,
            trainer_state=State(),
            log_metric=logged.__setitem__,
            **same,
        )
        assert logged["groups_without_signal"] == share


def test_a_process_without_a_score_waits_for_the_others() -> None:
    """It must not stop alone: the others would wait for it for ever."""
    body = bodies.grpo(reward=bodies.reward("log(0 * words)"), group=4)
    reward = CompositeReward(compile_reward(body.reward), body, cast(Any, Letters()), gather=beside(1.0, 1.0))
    same = {key: [1] * 2 for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
    found = reward(
        completion_ids=[[65], [66]],
        answer=["5"] * 2,
        thinking=[False] * 2,
        trainer_state=State(),
        log_metric=lambda *_: None,
        **same,
    )
    assert found == [None, None]


def test_a_completion_is_cut_when_it_is_as_long_as_the_limit_and_does_not_end_by_itself() -> None:
    body = bodies.grpo(reward=bodies.reward("tokens"), group=4)
    reward = CompositeReward(compile_reward(body.reward), body, cast(Any, Letters()))
    reward.ends = frozenset({ord("!")})
    most = body.sampling.max_new_tokens
    texts = ["a" * most, "a" * (most - 1) + "!", "stop", "!"]
    logged: dict[str, float] = {}
    same = {key: [1] * 4 for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
    ids = [list(map(ord, text)) for text in texts]
    reward(
        completion_ids=ids,
        answer=["5"] * 4,
        thinking=[False] * 4,
        trainer_state=State(),
        log_metric=logged.__setitem__,
        **same,
    )
    assert logged["truncated"] == 0.25


@pytest.mark.parametrize(
    ("text", "thinking", "right"),
    [
        ("Step 1: a\nAnswer: 5", False, 1.0),
        ("Step 1: a\nAnswer: 5", True, 0.0),
        ("Step 1: a\nAnswer: 7\n</think>\nStep 1: b\nAnswer: 5", True, 1.0),
    ],
)
def test_what_was_cut_off_inside_thoughts_that_the_prompt_opened_is_no_answer(
    text: str, thinking: bool, right: float
) -> None:
    found, logged = score("correct", text, thinking=thinking)
    assert (found, logged["accuracy"]) == ([right], [right])


def test_what_a_reward_asks_about_the_texts_of_a_row_is_that_rows_own() -> None:
    written = SpecReward.model_validate({"terms": {"verdict": {"value": "1 if correct == draft.correct else 0"}}})
    verdict = bodies_of.reward(written, ("refined", "draft"))
    body = bodies.grpo(reward=verdict)
    reward = CompositeReward(compile_reward(verdict, texts=("text", "text_1")), body, cast(Any, Letters()))
    same = {key: [1] * 4 for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
    found = reward(
        completion_ids=[list(map(ord, text)) for text in ("Answer: 5", "Answer: 5", "Answer: 6", "Answer: 6")],
        answer=["5"] * 4,
        texts=[{"text_1.correct": right} for right in (True, False, True, False)],
        thinking=[False] * 4,
        trainer_state=State(),
        log_metric=lambda *_: None,
        **same,
    )
    assert found == [1.0, 0.0, 0.0, 1.0]
