"""Texts that other models lean on: each token is the one that plain sums of logits choose."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import small

torch = pytest.importorskip("torch", reason="generation tests need the `train` extra")
transformers = pytest.importorskip("transformers", reason="generation tests need the `train` extra")

from conftest import Run, Stage, write_lines  # noqa: E402
from generating import teach, text  # noqa: E402

from cotspec.runtime import lines, models  # noqa: E402
from cotspec.runtime.engine import Draw  # noqa: E402
from cotspec.runtime.engine_transformers import TransformersEngine  # noqa: E402
from cotspec.runtime.records import Rollout  # noqa: E402
from cotspec.runtime.tilt import Lean  # noqa: E402
from cotspec.spec.payload import InputModel, Leaning, Sampling  # noqa: E402

GREEDY = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=9)
DRAWN = GREEDY.model_copy(update={"temperature": 0.8, "top_p": 0.9})
PROMPTS = [small._prompt(k) for k in range(5)]
WEIGHTS = (1.5, -0.7)
PROBLEMS = [{"id": at, "question": prompt, "answer": "1"} for at, prompt in enumerate(PROMPTS)]
TRACE = {"trace": "Step 1: x", "steps": 1, "words": 3, "tokens": 4}
FIELDS = [f"{kind}.tilt.{name}" for kind in ("teach", "text") for name in ("role", "model", "weight")]
"""What a task that writes is told of the models that lean."""


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """A writer, who leans toward it, who leans against it."""
    root = tmp_path_factory.mktemp("leaning")
    for seed, width in ((0, 32), (1, 16), (2, 48)):
        small.save(root / str(seed), seed=seed, width=width)
    return [root / str(seed) for seed in (0, 1, 2)]


def engine(folders: list[Path], batch: int, *, weights: tuple[float, ...] = WEIGHTS) -> TransformersEngine:
    own, *others = [models.ModelSource(folder=each, chat=None, trust_remote_code=False) for each in folders]
    loaded = [models.load_model(each, dtype=torch.float32).eval() for each in others]
    leans = [Lean(*pair) for pair in zip(loaded, weights, strict=False)]
    return TransformersEngine(own, gpus=0, batch=batch, leans=lambda _: leans)


def texts(engine: TransformersEngine, sampling: Sampling) -> list[tuple[str, int, bool]]:
    found = []
    for first in range(0, len(PROMPTS), engine.batch):
        batch = list(enumerate(PROMPTS))[first : first + engine.batch]
        draws = [Draw(ids=engine.encode(prompt), seed=at) for at, prompt in batch]
        found += [(one.text, one.tokens, one.truncated) for one in engine.complete(draws, sampling)]
    return found


def by_hand(folders: list[Path], prompt: str, weights: tuple[float, ...]) -> tuple[str, int, bool]:
    """One token after the other, each from whole forward passes of all models."""
    tokenizer = transformers.AutoTokenizer.from_pretrained(folders[0])
    writers = [transformers.AutoModelForCausalLM.from_pretrained(each) for each in folders]
    ids, new = tokenizer(prompt)["input_ids"], list[int]()
    while len(new) < GREEDY.max_new_tokens and small.END not in new:
        with torch.no_grad():
            own, *others = [each(torch.tensor([[*ids, *new]])).logits[0, -1].log_softmax(-1) for each in writers]
        score = own + sum(weight * other for weight, other in zip(weights, others, strict=False))
        new.append(int(score.argmax()))
    return tokenizer.decode(new, skip_special_tokens=True), len(new), new[-1] != small.END


@pytest.mark.parametrize("weights", [WEIGHTS, (0.4,), (-2.0,)])
def test_each_token_is_the_one_that_sums_of_log_probabilities_choose(
    folders: list[Path], weights: tuple[float, ...]
) -> None:
    used = folders[: 1 + len(weights)]
    found = texts(engine(used, 5, weights=weights), GREEDY)
    assert found == [by_hand(used, prompt, weights) for prompt in PROMPTS]
    assert found != texts(engine(folders[:1], 5), GREEDY)


@pytest.mark.parametrize("sampling", [GREEDY, DRAWN], ids=["greedy", "drawn"])
def test_what_shares_a_batch_with_a_text_changes_nothing(folders: list[Path], sampling: Sampling) -> None:
    one_by_one, *others = [texts(engine(folders, batch), sampling) for batch in (1, 2, 5)]
    assert others == [one_by_one, one_by_one]


def leaning(role: Any, weight: float) -> Leaning:
    return Leaning(role=role, model=InputModel(chat=False, trust_remote_code=False), weight=weight)


@pytest.mark.parametrize("make", [teach, text])
def test_a_task_writes_what_its_models_lean_to(
    make: Any, folders: list[Path], stage: Stage, tmp_path: Path, run_here: Run
) -> None:
    tilt = tuple(leaning(*each) for each in zip(("toward", "against"), WEIGHTS, strict=True))
    body = make(prompt="{{ question }}", sampling=GREEDY, tilt=tilt)
    files = {"problems": write_lines(tmp_path / "problems.jsonl", PROBLEMS), "model": folders[0]}
    files |= {"traces": write_lines(tmp_path / "traces.jsonl", [one | TRACE for one in PROBLEMS])}
    folder = stage("tilted", body, files | {"tilt.toward": folders[1], "tilt.against": folders[2]})
    code, out, err = run_here(folder)
    assert code == 0, err
    assert "leans toward it, weight 1.5" in out
    wrote = [each.text for each in lines.read(folder / "out/rollouts.jsonl", Rollout)]
    assert wrote == [by_hand(folders, prompt, WEIGHTS)[0] for prompt in PROMPTS]


def test_a_model_of_other_tokens_is_refused(
    folders: list[Path], stage: Stage, tmp_path: Path, run_here: Run, tiny_model: Path
) -> None:
    body = teach(prompt="{{ question }}", sampling=GREEDY, tilt=(leaning("toward", 1.5),))
    files = {"problems": write_lines(tmp_path / "problems.jsonl", PROBLEMS), "model": folders[0]}
    code, _, err = run_here(stage("other", body, files | {"tilt.toward": tiny_model}))
    assert code != 0
    assert "two vocabularies" in err
