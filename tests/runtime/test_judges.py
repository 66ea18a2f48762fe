"""Judges: what they are asked, what their texts do to rewards, and that nothing else changes them."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path
from typing import Any, cast

import bodies
import pytest
import small
from conftest import Run, Stage, contents, write_lines

pytest.importorskip("torch", reason="training tests need the `train` extra")
pytest.importorskip("trl", reason="training tests need the `train` extra")

from reference.compare import same_weights
from test_reward import Letters, State

from cotspec.cot.rewards import compile_reward
from cotspec.runtime import models
from cotspec.runtime.engine import Completion, Draw
from cotspec.runtime.errors import TaskError
from cotspec.runtime.trainers.grpo_judges import Beside, Judges, Loaded
from cotspec.runtime.trainers.grpo_reward import CompositeReward
from cotspec.spec.payload import (
    GrpoBody,
    InputModel,
    Judge,
    Ramp,
    Reward,
    RewardGate,
    RewardTerm,
    Sampling,
    SegmentFormat,
)

FORM = (SegmentFormat(name="critic", opens="Verdict:", closes="", label=("T", "F")),)
FORMAT = bodies.FORMAT.model_copy(update={"form": FORM})
LIMIT = 10


def judge(temperature: float = 0.0, **changes: Any) -> Judge:
    drawn = Sampling(n=1, temperature=temperature, top_p=1.0, top_k=0, max_new_tokens=LIMIT)
    given = {"name": "liked", "model": InputModel(chat=False, trust_remote_code=False), "sampling": drawn}
    return Judge(**(given | {"prompt": "{{ question }}{{ response }}\n"} | changes))


def reward(value: str, gates: tuple[RewardGate, ...] = ()) -> Reward:
    term = RewardTerm(name="judged", value=value, weight=Ramp(first=1.0, last=1.0))
    return Reward(gates=gates, let=(), terms=(term,))


class Scripted:
    """An engine that answers by what its prompt ends with, and notes what it was asked."""

    batch = 2

    def __init__(self, says: dict[str, str]) -> None:
        self.says, self.asked = says, list[Draw]()

    def encode(self, prompt: str, begin: str = "") -> list[int]:
        return list(map(ord, prompt))

    def complete(self, draws: Sequence[Draw], sampling: Sampling) -> list[Completion]:
        self.asked += draws
        assert len(draws) <= self.batch
        return [self._one("".join(map(chr, draw.ids)), sampling) for draw in draws]

    def _one(self, prompt: str, sampling: Sampling) -> Completion:
        text = next(text for ending, text in self.says.items() if prompt.strip().endswith(ending))
        cut = len(text) > sampling.max_new_tokens
        return Completion(text=text[: sampling.max_new_tokens], tokens=len(text) + 1, truncated=cut)


SAYS = {"yes": "Verdict: T", "no": "Verdict: F", "long": "Verdict: T, and more", "mute": "?"}


class Judged:
    """A reward with one scripted judge."""

    def __init__(self, given: Reward, *, temperature: float = 0.0, positions: int = 0) -> None:
        self.engine, one = Scripted(SAYS), judge(temperature)
        body = bodies.grpo(format=FORMAT, reward=given, judges=(one,), group=2)
        compiled = compile_reward(given, FORM, ("liked",))
        loaded = Loaded(one, Beside(cast(Any, self.engine), one.sampling, positions))
        judges = Judges([loaded], body, {name for name, _ in compiled.measures})
        self.reward = CompositeReward(compiled, body, cast(Any, Letters()), judges=judges)
        self.logged: dict[str, list[float]] = defaultdict(list)

    def __call__(self, *texts: str, step: int = 0) -> list[float | None]:
        same = {key: [1] * len(texts) for key in ("teacher_steps", "teacher_words", "teacher_tokens")}
        return self.reward(
            completion_ids=[list(map(ord, text)) for text in texts],
            answer=["5"] * len(texts),
            shown=[{"question": f"{at // 2}? "} for at in range(len(texts))],
            thinking=[False] * len(texts),
            trainer_state=State(step),
            log_metric=lambda name, number: self.logged[name].append(number),
            **same,
        )

    @property
    def prompts(self) -> list[str]:
        return ["".join(map(chr, draw.ids)) for draw in self.engine.asked]


def test_what_a_judge_says_is_the_reward_and_what_it_leaves_open_is_counted_and_no_number(
    capsys: pytest.CaptureFixture[str],
) -> None:
    judged = Judged(reward("liked.critic.T"))
    assert judged("yes", "no", "mute", "long") == [1.0, 0.0, None, None]
    assert sorted(judged.prompts) == ["0? no\n", "0? yes\n", "1? long\n", "1? mute\n"]
    assert judged.logged["unjudged/liked"] == [0.5]
    assert judged.logged["unscorable/judged"] == [0.5]
    told = capsys.readouterr().out
    assert told.count("judge `liked`") == 1
    assert {name: one.text for name, one in judged.reward.last[1].verdicts.items()} == {"liked": "Verdict: F"}


def test_a_judge_that_says_nothing_at_all_stops_the_run() -> None:
    with pytest.raises(TaskError, match="none of 2 completions can be scored"):
        Judged(reward("liked.critic.T"))("mute", "long")


def test_whether_there_is_a_verdict_may_be_asked_and_is_no_gap() -> None:
    judged = Judged(reward("1 if liked.critic.given and liked.words > 1 else 0"))
    assert judged("yes", "mute") == [1.0, 0.0]
    assert judged.logged["unjudged/liked"] == [0.0]


def test_nobody_is_asked_about_what_a_gate_decides_nor_twice_about_the_same() -> None:
    gates = (RewardGate(unless="words < 2", reward=-1.0),)
    judged = Judged(reward("liked.critic.T", gates))
    assert judged("yes", "yes", "two words", "no") == [1.0, 1.0, -1.0, 0.0]
    assert sorted(judged.prompts) == ["0? yes\n", "1? no\n"]
    assert judged.reward.last[2].verdicts == {}
    judged("yes", "yes", "two words", "no")  # as when some of a generation is drawn anew
    assert len(judged.prompts) == 2
    judged("yes", "yes", "two words", "no", step=1)
    assert len(judged.prompts) == 4


def test_a_completion_that_is_too_long_for_a_judge_is_counted_and_not_cut(capsys: pytest.CaptureFixture[str]) -> None:
    judged = Judged(reward("liked.critic.T"), positions=LIMIT + 8)
    assert judged("yes", "and yes") == [1.0, None]
    assert judged.prompts == ["0? yes\n"]
    assert "too long for its positions" in capsys.readouterr().out


def test_drawn_verdicts_have_random_numbers_of_their_place_and_step() -> None:
    seeds = []
    for step in (0, 1):
        judged = Judged(reward("liked.critic.T"), temperature=0.7)
        judged("yes", "yes", step=step)
        seeds += [draw.seed for draw in judged.engine.asked]
    assert len(set(seeds)) == len(seeds) == 4


def test_each_of_several_processes_has_its_judges_on_its_own_gpu(monkeypatch: pytest.MonkeyPatch) -> None:
    """They are loaded before a trainer tells torch which one that is."""
    monkeypatch.setattr("torch.cuda.is_available", lambda: True)
    monkeypatch.setenv("LOCAL_RANK", "1")
    assert models.device(2) == "cuda:1"


# --- a run ------------------------------------------------------------------------------------------------------------

ROWS, GROUP = 4, 4
ASKED = judge(1.0, prompt="{{ question }}How many? {{ response }}\n")
VALUE = "-0.1 * liked.words"


def body(**changes: Any) -> GrpoBody:
    optim = bodies.OPTIM.model_copy(update={"warmup_steps": 0})
    values = {"optim": optim, "reward": reward(VALUE), "judges": (ASKED,), "iterations": 1, "group": GROUP}
    return bodies.grpo(**(values | changes))


def rows() -> list[dict[str, Any]]:
    return [row | {"shown": {"question": f"Ann has {row['row']} apples. "}} for row in small.grpo_rows(ROWS)]


@pytest.fixture
def make(stage: Stage, tmp_path: Path, small_model: Path, small_teacher: Path) -> Any:
    def call(name: str, given: GrpoBody, **settings: Any) -> Path:
        files = {"rows": write_lines(tmp_path / f"{name}.jsonl", rows()), "model": small_model}
        return stage(name, given, files | {"judge.liked": small_teacher}, **({"per_device_batch": 8} | settings))

    return call


def ran(result: tuple[int, str, str]) -> str:
    assert result[0] == 0, result[2]
    return result[1]


def test_a_run_asks_a_judge_what_the_library_would_and_no_split_or_stop_changes_it(
    make: Any, run_here: Run, small_teacher: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    greedy = body(judges=(ASKED.model_copy(update={"sampling": judge().sampling}),))
    whole = make("greedy", greedy)
    ran(run_here(whole))
    groups = [json.loads(line) for line in (whole / "out/samples.jsonl").read_text().splitlines()]
    found = [(group["id"], one) for group in groups for one in group["completions"]]
    wanted = by_hand(small_teacher, found)
    assert [(one["judges"]["liked"], one["reward"]) for _, one in found] == wanted
    assert None in {reward for _, reward in wanted}
    assert small.metrics(whole)["unjudged/liked"] == small.metrics(whole)["unscorable"] > 0

    drawn = make("drawn", body(), save_steps=1)
    ran(run_here(drawn))
    for device, accumulation in ((4, 2), (2, 4)):
        other = make(f"drawn-{device}", body(), per_device_batch=device, accumulation=accumulation, save_steps=1)
        ran(run_here(other))
        same_weights(small.weights(drawn), small.weights(other), lr=body().optim.lr)
        for one, another in zip(small.log(drawn), small.log(other), strict=True):
            assert one == pytest.approx(another, rel=1e-4, abs=1e-6)
    stopped = make("stopped", body(), save_steps=1)
    interrupted(run_here, stopped, monkeypatch)
    ran(run_here(stopped))
    assert contents(stopped / "out") == contents(drawn / "out")


def by_hand(folder: Path, completions: list[tuple[int, dict[str, Any]]]) -> list[tuple[str, float | None]]:
    """What the judge writes of each, one at a time, by the library alone; and the reward of it."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    model, tokenizer = AutoModelForCausalLM.from_pretrained(folder), AutoTokenizer.from_pretrained(folder)
    found = []
    for id, one in completions:
        ids = tokenizer(f"Ann has {id} apples. How many? {one['text'].strip()}\n", return_tensors="pt")
        made = model.generate(**ids, do_sample=False, max_new_tokens=LIMIT, pad_token_id=tokenizer.eos_token_id)
        new = made[0, ids["input_ids"].shape[1] :].tolist()
        text = tokenizer.decode(new, skip_special_tokens=True)
        found.append((text, -0.1 * len(text.split()) if new[-1] == tokenizer.eos_token_id else None))
    return found


def interrupted(run_here: Run, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run as far as the first step's checkpoint."""
    from transformers import Trainer

    step, steps = Trainer.training_step, iter(range(1))

    def once(self: Any, *arguments: Any, **options: Any) -> Any:
        if next(steps, None) is None:
            raise KeyboardInterrupt
        return step(self, *arguments, **options)

    with monkeypatch.context() as patch:
        patch.setattr(Trainer, "training_step", once)
        assert run_here(folder)[0] != 0
