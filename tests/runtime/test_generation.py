"""Generation and what is built on it, on a tiny random model."""

from __future__ import annotations

import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from bodies import FORMAT, GREEDY, MODEL, SAMPLED
from conftest import SOLVE, Run, Stage, contents, start, write_lines

from cotspec.history import unfinished
from cotspec.runtime import generate
from cotspec.runtime.engine import Completion, Draw, Tick
from cotspec.runtime.generate import Job, Request
from cotspec.spec.payload import (
    Best,
    EvaluateBody,
    Final,
    GateBody,
    MineBody,
    Range,
    Requirement,
    Sampling,
    TeachBody,
)

torch = pytest.importorskip("torch", reason="generation tests need the `train` extra")
pytest.importorskip("transformers", reason="generation tests need the `train` extra")


def read(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]


def teach(**changes: Any) -> TeachBody:
    values: dict[str, Any] = {"model": MODEL, "prompt": SOLVE, "sampling": SAMPLED, "seed": 5}
    return TeachBody(**(values | changes))


class Fake:
    """An engine that says its seed, and may fail at one batch."""

    def __init__(self, *, fails_at: int = -1) -> None:
        self.batch, self._fails_at = 2, fails_at
        self.asked: list[list[int]] = []

    def encode(self, prompt: str, begin: str = "") -> list[int]:
        return list(prompt.encode())

    def complete(self, draws: Sequence[Draw], sampling: Sampling, tick: Tick | None = None) -> list[Completion]:
        if len(self.asked) == self._fails_at:
            raise KeyboardInterrupt
        self.asked.append([len(draw.ids) for draw in draws])
        return [Completion(text=f"{draw.seed} é", tokens=3, truncated=False) for draw in draws]


REQUESTS = [Request(key=str(k), prompt="x" * length) for k, length in enumerate((3, 9, 1, 7, 5))]


def test_prompts_of_like_length_share_a_batch_and_results_keep_their_order(tmp_path: Path) -> None:
    engine = Fake()
    done: dict[int, Completion] = {}
    generate.complete(engine, REQUESTS, Job(what="x", sampling=SAMPLED, seed=1, partial=tmp_path / "p"), done)
    assert engine.asked == [[9, 7], [5, 3], [1]]
    assert [done[k].text.split()[0] for k in range(5)] == [str(generate.seed_of(1, str(k))) for k in range(5)]


@pytest.mark.parametrize("torn", [b"", b'[2, "2", "ha'], ids=["between batches", "in a line"])
def test_a_stopped_generation_goes_on_after_its_last_whole_line(tmp_path: Path, torn: bytes) -> None:
    job = Job(what="x", sampling=SAMPLED, seed=1, partial=tmp_path / "p")
    whole: dict[int, Completion] = {}
    generate.complete(Fake(), REQUESTS, Job(what="x", sampling=SAMPLED, seed=1, partial=tmp_path / "q"), whole)
    with pytest.raises(KeyboardInterrupt):
        generate.complete(Fake(fails_at=1), REQUESTS, job, {})
    job.partial.write_bytes(job.partial.read_bytes() + torn)
    resumed = dict(generate.finished(job.partial, REQUESTS))
    assert sorted(resumed) == [1, 3]
    engine = Fake()
    generate.complete(engine, REQUESTS, job, resumed)
    assert engine.asked == [[5, 3], [1]]
    assert resumed == whole
    assert job.partial.read_bytes() == (tmp_path / "q").read_bytes()


@pytest.mark.parametrize("at", [0, 1, 2, 3])
def test_a_damaged_line_of_a_stopped_generation_is_made_again_with_those_after_it(
    tmp_path: Path, at: int, capsys: pytest.CaptureFixture[str]
) -> None:
    job = Job(what="x", sampling=SAMPLED, seed=1, partial=tmp_path / "p")
    whole: dict[int, Completion] = {}
    generate.complete(Fake(), REQUESTS, job, whole)
    bytes_ = job.partial.read_bytes()
    lines = bytes_.splitlines(keepends=True)
    lines[at] = lines[at].replace(b"true", b"false") if b"true" in lines[at] else lines[at].replace(b"false", b"true")
    job.partial.write_bytes(b"".join(lines))
    resumed = dict(generate.finished(job.partial, REQUESTS))
    assert len(resumed) == at
    assert "was damaged after it was written" in capsys.readouterr().out
    generate.complete(Fake(), REQUESTS, job, resumed)
    assert resumed == whole
    assert set(job.partial.read_bytes().splitlines()) == set(bytes_.splitlines())  # a batch is written whole, again


def test_what_a_prompt_gets_does_not_depend_on_the_batch_it_is_in(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path
) -> None:
    inputs = {"problems": problems, "model": tiny_model}
    small, large = stage("teach-a", teach(), inputs, generate_batch=1), stage("teach-b", teach(), inputs)
    assert run_here(small)[0] == run_here(large)[0] == 0
    assert contents(small / "out") == contents(large / "out")
    rollouts = read(small / "out/rollouts.jsonl")
    assert [rollout["id"] for rollout in rollouts] == list(range(12))
    assert all(rollout["tokens"] == 12 for rollout in rollouts if rollout["truncated"])


def test_samples_of_one_prompt_differ_and_another_seed_gives_others(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path
) -> None:
    inputs = {"problems": problems, "model": tiny_model}
    twice = SAMPLED.model_copy(update={"n": 2})
    one, other = stage("teach-a", teach(sampling=twice), inputs), stage("teach-b", teach(seed=6), inputs)
    assert run_here(one)[0] == run_here(other)[0] == 0
    texts = [rollout["text"] for rollout in read(one / "out/rollouts.jsonl")]
    assert len(set(texts)) > 20
    assert texts[::2] != [rollout["text"] for rollout in read(other / "out/rollouts.jsonl")]


def test_draws_follow_the_models_distribution() -> None:
    from cotspec.runtime.engine_transformers import Keyed

    rows = 4000
    scores = torch.tensor([[0.5, 0.3, 0.15, 0.05]]).log().repeat(rows, 1)
    sampling = Sampling(n=1, temperature=1.0, top_p=0.9, top_k=0, max_new_tokens=1)
    drawn = Keyed(range(rows), sampling, prompt=3)(torch.zeros(rows, 3, dtype=torch.long), scores).argmax(-1)
    shares = torch.bincount(drawn, minlength=4) / rows
    expected = torch.tensor([0.5, 0.3, 0.15, 0.0]) / 0.95
    assert shares[3] == 0
    assert torch.allclose(shares, expected, atol=0.03)


@pytest.mark.slow
def test_a_killed_generation_resumes_to_the_same_bytes(
    stage: Stage, run_here: Run, tmp_path: Path, tiny_model: Path
) -> None:
    many = [{"id": k, "question": f"Ann has {k} apples.", "answer": str(k)} for k in range(120)]
    inputs = {"problems": write_lines(tmp_path / "many.jsonl", many), "model": tiny_model}
    whole, killed = stage("teach-a", teach(), inputs), stage("teach-b", teach(), inputs)
    assert run_here(whole)[0] == 0
    process = start(killed)
    until = time.monotonic() + 200
    scratch = tmp_path / ".cotspec/scratch"
    while not any(p.stat().st_size for p in scratch.glob("teach-*/partial.jsonl")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert not (killed / "out").exists()
    code, out, err = run_here(killed)
    assert code == 0, err
    assert "resuming at" in out
    assert contents(killed / "out") == contents(whole / "out")


def test_an_evaluation_counts_right_answers_with_their_interval(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path
) -> None:
    body = EvaluateBody(model=MODEL, prompt=SOLVE, sampling=GREEDY, format=FORMAT, seed=1)
    folder = stage("evaluate-1", body, {"problems": problems, "model": tiny_model})
    code, out, err = run_here(folder)
    assert code == 0, err
    predictions = read(folder / "out/predictions.jsonl")
    metrics = json.loads((folder / "out/metrics.json").read_text())
    assert metrics["n"] == len(predictions) == 12
    assert metrics["accuracy"] == sum(p["correct"] for p in predictions) / 12
    assert metrics["accuracy_low"] <= metrics["accuracy"] < metrics["accuracy_high"]
    assert metrics["tokens"] == sum(p["tokens"] for p in predictions) / 12
    assert "accuracy" in out


def test_mining_keeps_what_the_model_fails_with_its_attempts(
    stage: Stage, run_here: Run, traces: Path, tiny_model: Path
) -> None:
    body = MineBody(
        model=MODEL,
        prompt=SOLVE,
        sampling=SAMPLED,
        attempts=3,
        keep="all_wrong",
        slice=Range(first=2, end=7),
        format=FORMAT,
        seed=1,
    )
    folder = stage("mine-1", body, {"traces": traces, "model": tiny_model})
    code, _, err = run_here(folder)
    assert code == 0, err
    failures = read(folder / "out/failures.jsonl")
    assert [failure["id"] for failure in failures] == [2, 3, 4, 5, 6]
    assert all(len(failure["attempts"]) == 3 for failure in failures)
    assert json.loads((folder / "out/counts.json").read_text())["attempts"] == 15


def gate(**changes: Any) -> GateBody:
    values: dict[str, Any] = {
        "checkpoint": Final(),
        "require": (Requirement(metric="train.formatted", op=">=", value=0.9),),
        "otherwise": "stop",
        "chat": False,
        "trust_remote_code": False,
        "prompt": SOLVE,
        "sampling": GREEDY,
        "format": FORMAT,
        "seed": 1,
    }
    return GateBody(**(values | changes))


@pytest.fixture
def trained_stage(tmp_path: Path, tiny_model: Path) -> Path:
    import shutil

    folder = tmp_path / "trained"
    folder.mkdir()
    shutil.copytree(tiny_model, folder / "model")
    for step, reward in ((10, 0.9), (20, 0.4)):
        shutil.copytree(tiny_model, folder / "checkpoints" / str(step))
        record = json.dumps({"steps": step, "train.reward": reward})
        (folder / "checkpoints" / str(step) / "metrics.json").write_text(record)
    (folder / "metrics.json").write_text(json.dumps({"steps": 25, "train.reward": 0.5, "train.formatted": 0.8}))
    return folder


def test_a_gate_that_does_not_pass_stops_with_the_reason_and_writes_nothing(
    stage: Stage, run_here: Run, trained_stage: Path
) -> None:
    folder = stage("gate-1", gate(), {"stage": trained_stage})
    code, out, err = run_here(folder)
    assert code == 1
    assert err == ("cotspec: the gate stops the pipeline here: train.formatted >= 0.9 does not hold: it is 0.8\n")
    (left,) = unfinished.scratch_states(folder.parents[2]).values()
    assert left == ("failed gate", err.removeprefix("cotspec: ").strip())
    assert "does not hold" in out
    assert not (folder / "out").exists()


def test_a_gate_that_warns_passes_the_model_on_and_records_that_it_did_not_pass(
    stage: Stage, run_here: Run, trained_stage: Path
) -> None:
    folder = stage("gate-1", gate(otherwise="warn"), {"stage": trained_stage})
    assert run_here(folder)[0] == 0
    record = json.loads((folder / "out/gate.json").read_text())
    assert record["checkpoint"] == "model"
    assert record["passed"] is False


def test_a_gate_takes_the_best_candidate_and_the_next_task_loads_that_one(
    stage: Stage, run_here: Run, trained_stage: Path, problems: Path
) -> None:
    chooses = stage(
        "gate-1", gate(checkpoint=Best(metric="train.reward", every=10), require=()), {"stage": trained_stage}
    )
    assert run_here(chooses)[0] == 0
    decided = chooses / "out/gate.json"
    assert json.loads(decided.read_text())["checkpoint"] == "checkpoints/10"
    (trained_stage / "model/config.json").unlink()  # whoever loads the final weights now fails
    body = EvaluateBody(model=MODEL, prompt=SOLVE, sampling=GREEDY, format=FORMAT, seed=1)
    inputs = {"problems": problems, "model": trained_stage, "gate": decided}
    code, _, err = run_here(stage("evaluate-1", body, inputs))
    assert code == 0, err


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED.model_copy(update={"n": 2})], ids=["greedy", "two answers"])
def test_a_gate_measures_validation_metrics_by_generating(
    stage: Stage, run_here: Run, trained_stage: Path, problems: Path, sampling: Sampling
) -> None:
    require = (Requirement(metric="valid.tokens", op="<=", value=12.0),)
    body = gate(require=require, sampling=sampling)
    folder = stage("gate-1", body, {"stage": trained_stage, "problems": problems})
    code, _, err = run_here(folder)
    assert code == 0, err
    check = json.loads((folder / "out/gate.json").read_text())["checks"][0]
    assert check["passed"]
    assert 1 <= check["measured"] <= 12


def test_a_gate_that_validates_its_choice_still_says_what_it_chose_from(
    stage: Stage, run_here: Run, trained_stage: Path, problems: Path
) -> None:
    require = (Requirement(metric="valid.tokens", op="<=", value=12.0),)
    body = gate(checkpoint=Best(metric="train.reward", every=10), require=require)
    folder = stage("gate-1", body, {"stage": trained_stage, "problems": problems})
    code, _, err = run_here(folder)
    assert code == 0, err
    record = json.loads((folder / "out/gate.json").read_text())
    assert record["reason"] == "highest `train.reward` of 3 candidates: 0.9 at step 10"
    assert record["checks"][0]["passed"]


def test_a_model_folder_that_is_none_is_named(stage: Stage, run_here: Run, problems: Path, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    body = EvaluateBody(model=MODEL, prompt=SOLVE, sampling=GREEDY, format=FORMAT, seed=1)
    code, _, err = run_here(stage("evaluate-1", body, {"problems": problems, "model": tmp_path / "empty"}))
    assert code == 2
    assert err == "cotspec: empty: not a model folder (no config.json)\n"


@pytest.mark.parametrize("sampling", [GREEDY, SAMPLED], ids=["greedy", "sampled"])
def test_a_models_own_generation_settings_do_not_change_what_is_asked_for(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path, tmp_path: Path, sampling: Sampling
) -> None:
    import shutil

    opinionated = tmp_path / "opinionated"
    shutil.copytree(tiny_model, opinionated)
    file = opinionated / "generation_config.json"
    settings = {"do_sample": True, "repetition_penalty": 5.0, "top_k": 1, "min_new_tokens": 12}
    file.write_text(json.dumps(json.loads(file.read_text()) | settings))
    one = stage("teach-1", teach(sampling=sampling), {"problems": problems, "model": tiny_model})
    two = stage("teach-2", teach(sampling=sampling), {"problems": problems, "model": opinionated})
    assert run_here(one)[0] == run_here(two)[0] == 0
    assert contents(one / "out") == contents(two / "out")


def test_a_prompt_that_reaches_into_a_value_is_refused_with_a_clear_message(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path
) -> None:
    folder = stage("teach-1", teach(prompt="{{ question.text }}"), {"problems": problems, "model": tiny_model})
    code, _, err = run_here(folder)
    assert code == 2
    assert err.startswith("cotspec: line 1 of the prompt template: a prompt cannot reach into a value")
    assert err.count("\n") == 1


def test_a_prompt_without_text_is_a_clear_message(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path
) -> None:
    code, _, err = run_here(stage("teach-1", teach(prompt="{{ '' }}"), {"problems": problems, "model": tiny_model}))
    assert code == 2
    assert err.startswith("cotspec: a prompt is empty")


def test_weights_that_were_cut_off_are_a_clear_message(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path, tmp_path: Path
) -> None:
    import shutil

    cut = tmp_path / "cut"
    shutil.copytree(tiny_model, cut)
    (cut / "model.safetensors").write_bytes((tiny_model / "model.safetensors").read_bytes()[:-100])
    code, _, err = run_here(stage("teach-1", teach(), {"problems": problems, "model": cut}))
    assert code == 2
    assert err.startswith("cotspec: cannot load the model cut: ")


def test_a_prompt_that_leaves_no_room_is_refused(stage: Stage, run_here: Run, problems: Path, tiny_model: Path) -> None:
    long = GREEDY.model_copy(update={"max_new_tokens": 600})
    body = EvaluateBody(model=MODEL, prompt=SOLVE, sampling=long, format=FORMAT, seed=1)
    code, _, err = run_here(stage("evaluate-1", body, {"problems": problems, "model": tiny_model}))
    assert code == 2
    assert "do not fit the model's 512 positions" in err


def test_a_gpu_that_is_not_there_is_a_clear_message(
    stage: Stage, run_here: Run, problems: Path, tiny_model: Path
) -> None:
    if torch.cuda.is_available():
        pytest.skip("this machine has a GPU")
    body = EvaluateBody(model=MODEL, prompt=SOLVE, sampling=GREEDY, format=FORMAT, seed=1)
    code, _, err = run_here(stage("evaluate-1", body, {"problems": problems, "model": tiny_model}, gpus=1))
    assert code == 2
    assert "set `gpus: 0`" in err


def test_a_completion_whose_prompt_left_thoughts_open_says_so_where_nothing_closes_them(
    stage: Stage, tmp_path: Path, tiny_model: Path, problems: Path, run_here: Run
) -> None:
    """Else an answer that was only tried out before the limit would be graded."""

    def texts(prompt: str, name: str) -> list[str]:
        body = EvaluateBody(model=MODEL, prompt=prompt, sampling=GREEDY, format=FORMAT, seed=1)
        folder = stage(name, body, {"problems": problems, "model": tiny_model})
        code, _, err = run_here(folder)
        assert code == 0, err
        return [json.loads(line)["text"] for line in (folder / "out/predictions.jsonl").read_text().splitlines()]

    plain, opened = texts("{{ question }}\n", "a"), texts("{{ question }}\n<think>\n", "b")
    assert all(text.startswith("<think>") for text in opened)
    assert not any("<think>" in text for text in plain)
