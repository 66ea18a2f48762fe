"""Each field of the tasks that generate is in what transformers is called with, or shows in what a task leaves.

transformers' own `generate` is watched and does its work.
"""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import bodies
import pytest
from bodies import MODEL
from conftest import write_lines
from fields import Effect, Ran, Said, Workshop, assert_seen, value_of
from generating import BUILTIN, HUB, ODD, evaluate, gate, gather, mine, pairs, teach, text

from cotspec.spec.payload import (
    AtStep,
    Best,
    BuiltinModel,
    Demand,
    HubModel,
    InputModel,
    PreflightBody,
    Pupil,
    Requirement,
    Sampling,
    SegmentFormat,
)

torch = pytest.importorskip("torch", reason="generation tests need the `train` extra")
pytest.importorskip("trl", reason="generation tests need the `train` extra")

# --- what transformers is called with ---------------------------------------------------------------------------------

SET = {"prompt": "Odd: {{ question }}", "sampling": ODD, "seed": 11}
CALLED: dict[str, tuple[Any, Any]] = {
    "teach": (teach(**SET, model=BUILTIN), teach()),
    "text": (text(**SET, model=BUILTIN), text()),
    "gather": (gather(**SET, model=BUILTIN), gather()),
    "mine": (mine(**SET, model=BUILTIN), mine()),
    "pairs": (pairs(**SET, model=BUILTIN), pairs()),
    "gate": (gate(**SET), gate()),
    "evaluate": (evaluate(**SET, model=BUILTIN), evaluate()),
}
"""By kind: a body whose fields are read back, and another one, which must read otherwise."""


WATCHED = ("input_ids", "generation_config", "logits_processor", "stopping_criteria")


@dataclass
class Call:
    """One call of `generate`."""

    model: Any
    input_ids: Any
    generation_config: Any
    logits_processor: Any
    stopping_criteria: Any
    prompts: list[str] = field(default_factory=list)

    def stop(self, name: str) -> Any:
        """A setting of what ends a completion; None where nothing but the end of the sequence does."""
        ending = (each for each in self.stopping_criteria if hasattr(each, "_stopper"))
        return next((value_of(each._stopper._stop, name) for each in ending), None)

    def warper(self, kind: str, name: str) -> Any:
        """A setting of the step that changes a token's chances before it is drawn; None without such a step."""
        (keyed,) = self.logits_processor
        return next((getattr(step, name) for step in keyed._warp if type(step).__name__ == kind), None)


def drawn_by(seed: int) -> float:
    """The first random number of question 0's first sample, from decision 11."""
    own = hashlib.sha256(f"generate {seed} 0:0".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(own[:8], "big") >> 1)
    return float(torch.rand(1, generator=generator, dtype=torch.float64))


Read = Callable[[list[Call]], Any]
CALLS: dict[str, tuple[Read, Any]] = {
    "model": (lambda calls: Path(calls[0].model.config._name_or_path).name, "tiny-small"),
    "prompt": (lambda calls: calls[0].prompts[0].split(" ")[0], "Odd:"),
    "sampling.n": (lambda calls: sum(len(call.input_ids) for call in calls), 2 * 2),
    "sampling.temperature": (lambda calls: calls[0].warper("TemperatureLogitsWarper", "temperature"), 0.7),
    "sampling.top_p": (lambda calls: calls[0].warper("TopPLogitsWarper", "top_p"), 0.85),
    "sampling.top_k": (lambda calls: calls[0].warper("TopKLogitsWarper", "top_k"), 7),
    "sampling.max_new_tokens": (lambda calls: calls[0].generation_config.max_new_tokens, 9),
    "sampling.stop.texts": (lambda calls: calls[0].stop("texts"), ("zebra",)),
    "sampling.stop.after": (lambda calls: calls[0].stop("after"), "answer"),
    "sampling.stop.format.thinking": (lambda calls: calls[0].stop("format.thinking"), "Musing:"),
    "sampling.stop.format.step": (lambda calls: calls[0].stop("format.step"), "Line {n})"),
    "sampling.stop.format.answer": (lambda calls: calls[0].stop("format.answer"), "Result:"),
    "seed": (
        lambda calls: drawn_by(11) in [float(row[0]) for call in calls for row in call.logits_processor[0]._numbers],
        True,
    ),
}
"""Field → how it is read from the calls, and what it is for a body of `SET`."""
UNUSED = {"gather.sampling.n", "mine.sampling.n", "pairs.sampling.n", "gate.model"}
READ = [f"{kind}.{name}" for kind in CALLED for name in CALLS if f"{kind}.{name}" not in UNUSED]


# --- what shows in the result -----------------------------------------------------------------------------------------


def mentioned(text: str) -> Callable[[Ran], bool]:
    return lambda ran: text in ran.out + ran.err


def right(ran: Ran) -> list[bool]:
    return [prediction["correct"] for prediction in ran.read("predictions.jsonl")]


def failed(ran: Ran) -> list[int]:
    return [failure["id"] for failure in ran.read("failures.jsonl")] if ran.code == 0 else []


def compared(ran: Ran) -> list[str]:
    """The answers of the first pair, the right one first."""
    first = ran.read("pairs.jsonl")[0]
    return [first["chosen"], first["rejected"]]


def decided(name: str) -> Callable[[Ran], Any]:
    return lambda ran: ran.read("gate.json")[name]


def checked(name: str) -> Callable[[Ran], Any]:
    """Of the first requirement; None where the gate stopped."""
    return lambda ran: round(ran.read("gate.json")["checks"][0][name], 2) if ran.code == 0 else None


#: What the model had said to three questions whose answer is 3; each is judged otherwise with one opener of `ODD`.
TEXTS = (
    "Musing: so the answer is 3.\nThat is all.",
    "Line 1) \\boxed{3} x\nLine 2) nothing",
    "Result: 3\nDone 4 today.",
)
TRIED = [("0:0", "Answer: 3"), ("0:1", "Answer: 4"), ("1:0", "Answer: 4"), ("1:1", "Answer: 4")]
TWICE = mine(attempts=2)
REWARDED = (Requirement(metric="train.reward", op=">", value=0.5),)
CHOOSING = gate(checkpoint=Best(metric="train.reward", every=10), require=())
STOPPING = gate(checkpoint=AtStep(step=20), require=REWARDED)
TRUSTING = HubModel(id="lab/coded", revision="main", chat=False, trust_remote_code=False)
FORM = (SegmentFormat(name="result", opens="Result:", closes="", grade=True),)
ANSWERED = (
    Effect(name="evaluate.format.thinking", value="Musing:", see=right, want=[False, True, False]),
    Effect(name="evaluate.format.step", value="Line {n})", see=right, want=[True, False, False]),
    Effect(name="evaluate.format.answer", value="Result:", see=right, want=[True, True, True]),
    Effect(name="gate.format.thinking", value="Musing:", see=checked("measured"), want=0.33),
    Effect(name="gate.format.step", value="Line {n})", see=checked("measured"), want=0.33),
    Effect(name="gate.format.answer", value="Result:", see=checked("measured"), want=1.0),
    Effect(name="mine.format.thinking", value="Musing:", see=failed, want=[0, 2]),
    Effect(name="mine.format.step", value="Line {n})", see=failed, want=[1, 2]),
    Effect(name="evaluate.format.form", value=FORM, see=right, want=[True, True, True]),
    Effect(name="gate.format.form", value=FORM, see=checked("measured"), want=1.0),
    Effect(name="mine.format.form", value=FORM, see=lambda ran: ran.code, want=2),
    Effect(name="mine.format.answer", value="Result:", see=lambda ran: ran.code, want=2),
)
LEFT_OUT, UNKNOWN, RAN = mentioned("leaves `system` out"), mentioned("does not read `mood`"), "its own code ran"
SHOWN = (
    Effect(name="mine.attempts", value=3, see=lambda ran: len(ran.read("failures.jsonl")[0]["attempts"]), want=3),
    Effect(name="mine.slice.first", value=1, see=failed, want=[1]),
    Effect(name="mine.slice.end", value=1, see=failed, want=[0]),
    Effect(name="gate.checkpoint.step.step", value=10, see=decided("checkpoint"), want="checkpoints/10"),
    Effect(name="gate.checkpoint.best.metric", value="train.loss", see=decided("step"), want=20, base=CHOOSING),
    Effect(name="gate.require.metric", value="train.loss", see=checked("measured"), want=0.6, base=STOPPING),
    Effect(name="gate.require.op", value="<", see=lambda ran: ran.code, want=0, base=STOPPING),
    Effect(name="gate.require.value", value=0.3, see=checked("value"), want=0.3, base=STOPPING),
    Effect(name="gate.otherwise", value="warn", see=lambda ran: ran.code, want=0, base=STOPPING),
    Effect(name="gate.system", value="Hi", see=LEFT_OUT, want=True, reads="chatty", base=gate(chat=True)),
    Effect(name="gate.template", value={"mood": 1}, see=UNKNOWN, want=True, reads="chatty", base=gate(chat=True)),
    Effect(name="gate.chat", value=True, see=mentioned("has no chat template"), want=True),
    Effect(name="gate.trust_remote_code", value=True, see=mentioned(RAN), want=True, reads="coded"),
)  # fmt: skip
FROM_HUB, FROM_CODE, FROM_HERE = teach(model=HUB), teach(model=TRUSTING), teach(model=BUILTIN)
TALKING = teach(model=InputModel(chat=True, trust_remote_code=False))
TALKING_HUB = teach(model=HubModel(id="lab/chatty", revision="main", chat=True, trust_remote_code=False))
SOURCES = (
    Effect(name="model.hub.system", value="Hi", see=LEFT_OUT, want=True, base=TALKING_HUB),
    Effect(name="model.hub.template", value={"mood": 1}, see=UNKNOWN, want=True, base=TALKING_HUB),
    Effect(name="model.input.system", value="Hi", see=LEFT_OUT, want=True, base=TALKING, reads="chatty"),
    Effect(name="model.input.template", value={"mood": 1}, see=UNKNOWN, want=True, base=TALKING, reads="chatty"),
    Effect(name="model.hub.id", value="lab/other", see=mentioned("model: other"), want=True, base=FROM_HUB),
    Effect(name="model.hub.revision", value="0" * 40, see=mentioned("0 is wanted"), want=True, base=FROM_HUB),
    Effect(name="model.hub.chat", value=True, see=mentioned("no chat template"), want=True, base=FROM_HUB),
    Effect(name="model.hub.trust_remote_code", value=True, see=mentioned(RAN), want=True, base=FROM_CODE),
    Effect(name="model.builtin.name", value="tiny-student", see=mentioned(": tiny-st"), want=True, base=FROM_HERE),
    Effect(name="model.builtin.digest", value="0" * 64, see=mentioned("is not the one"), want=True, base=FROM_HERE),
    Effect(name="model.builtin.chat", value=True, see=mentioned("no chat template"), want=True, base=FROM_HERE),
    Effect(name="model.input.chat", value=True, see=mentioned("no chat template"), want=True, base=teach()),
    Effect(
        name="model.input.trust_remote_code", value=True, see=mentioned(RAN), want=True, base=teach(), reads="coded"
    ),
    Effect(
        name="run.processes", value=2, see=mentioned("and 1 were started"), want=True, base=bodies.sft(global_batch=8)
    ),
)
STUDENT = BuiltinModel(name="tiny-student", digest="", chat=False)
DEMAND = Demand(model=STUDENT, path="", max_new_tokens=5, tensor_parallel=0, targets=(), asked=("one",))
MISTAKEN = PreflightBody(demands=(DEMAND.model_copy(update={"targets": ("nope",)}),))
LOCAL = PreflightBody(demands=(DEMAND.model_copy(update={"model": MODEL, "path": "chatty"}),))
TALKATIVE = STUDENT.model_copy(update={"chat": True})
TEACHING, UNSEEN = (
    PreflightBody(demands=(DEMAND.model_copy(update={"pupils": (Pupil(model=who, path=at, top_k=0),)}),))
    for who, at in ((STUDENT, ""), (MODEL, "nowhere"))
)
TWO_VOCABULARIES = mentioned("two vocabularies")
DEMANDED = (
    Effect(name="preflight.demands.pupils.model", value=HUB, see=TWO_VOCABULARIES, want=True, base=TEACHING),
    Effect(name="preflight.demands.pupils.path", value="chatty", see=TWO_VOCABULARIES, want=True, base=UNSEEN),
    Effect(name="preflight.demands.pupils.top_k", value=999, see=mentioned("than the 544"), want=True, base=TEACHING),
    Effect(name="preflight.demands.model", value=TALKATIVE, see=mentioned("no chat template"), want=True),
    Effect(name="preflight.demands.path", value="none", see=mentioned("no config.json"), want=True, base=LOCAL),
    Effect(name="preflight.demands.max_new_tokens", value=10**6, see=mentioned("leaves no room"), want=True),
    Effect(name="preflight.demands.tensor_parallel", value=7, see=mentioned("cannot be split"), want=True),
    Effect(name="preflight.demands.targets", value=("nope",), see=mentioned("names `nope`"), want=True),
    Effect(name="preflight.demands.asked", value=("two",), see=mentioned("asked by two"), want=True, base=MISTAKEN),
)
#: What the model had said to two questions whose answer is 3; `Answer: 4` is always wrong.
FOUR = (TEXTS[1], TEXTS[0], TEXTS[2], "Answer: 4")
TRIED_TWICE = [*((f"0:{k}", text) for k, text in enumerate(FOUR)), *((f"1:{k}", "Answer: 4") for k in range(4))]
FOURFOLD = pairs(attempts=4)
PAIRED = (
    Effect(name="pairs.format.thinking", value="Musing:", see=compared, want=[TEXTS[1], TEXTS[0]], base=FOURFOLD),
    Effect(name="pairs.format.step", value="Line {n})", see=compared, want=[TEXTS[0], TEXTS[1]], base=FOURFOLD),
    Effect(name="pairs.format.form", value=FORM, see=compared, want=[TEXTS[1], "Answer: 4"], base=FOURFOLD),
    Effect(name="pairs.format.answer", value="Result:", see=compared, want=[TEXTS[1], "Answer: 4"], base=FOURFOLD),
)
UNPAIRED = (
    Effect(name="pairs.attempts", value=3, see=mentioned("6 attempts"), want=True),
    *(Effect(name=f"pairs.slice.{at}", value=1, see=mentioned(" 1 questions"), want=True) for at in ("first", "end")),
)
OVER_TEXTS = (
    Effect(name="mine.keep", value="any_wrong", see=failed, want=[0, 1], base=TWICE),
    *(Effect(name=f"text.slice.{at}", value=1, see=mentioned("1 texts"), want=True) for at in ("first", "end")),
    *(Effect(name=f"gather.slice.{at}", value=1, see=mentioned("over 1 "), want=True) for at in ("first", "end")),
    Effect(name="gather.size", value=2, see=mentioned("1 texts over 2 records"), want=True),
)
BASES = {
    "text": text(),
    "gather": gather(),
    "mine": mine(),
    "pairs": pairs(),
    "gate": gate(),
    "evaluate": evaluate(),
    "preflight": PreflightBody(demands=(DEMAND,)),
}
EFFECTS = (*ANSWERED, *SHOWN, *SOURCES, *DEMANDED, *PAIRED, *UNPAIRED, *OVER_TEXTS)


# --- running ----------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def shop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("generation"))


@pytest.fixture(scope="module")
def inputs(shop: Workshop, tiny_model: Path) -> dict[str, dict[str, Path]]:
    """What a task reads: two questions, three, or a model with code of its own."""
    root, size = shop.root, {"trace": "Step 1: x", "steps": 1, "words": 9, "tokens": 20}
    other = Path(shutil.copytree(tiny_model, root / "other/snapshots" / ("1" * 40) / "other"))
    coded = Path(shutil.copytree(tiny_model, root / "coded"))
    settings = json.loads((coded / "tokenizer_config.json").read_text(encoding="utf-8"))
    settings["auto_map"] = {"AutoTokenizer": [None, "own.T"]}
    (coded / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
    (coded / "own.py").write_text("raise ValueError('its own code ran')\n", encoding="utf-8")
    chatty = Path(shutil.copytree(tiny_model, root / "chatty"))
    (chatty / "chat_template.jinja").write_text("{{ messages[-1].content }}", encoding="utf-8")
    pinned = shutil.copytree(tiny_model, root / "pinned/snapshots" / ("1" * 40))
    places = {"lab/tiny": pinned, "lab/other": other, "lab/coded": coded, "lab/chatty": chatty}
    own = {"models": {name: str(place) for name, place in places.items()}}
    (root / "cotspec.local.yaml").write_text(json.dumps(own), encoding="utf-8")

    def of(name: str, questions: int, model: Path) -> dict[str, Path]:
        asked = [{"id": k, "question": f"Ann has {k} apples.", "answer": "3"} for k in range(questions)]
        return {
            "problems": write_lines(root / f"{name}-problems.jsonl", asked),
            "traces": write_lines(
                root / f"{name}-traces.jsonl", [one | {"trace": "Step 1: x"} | size for one in asked]
            ),
            "rows": write_lines(root / f"{name}-rows.jsonl", bodies.sft_rows(8)),
            "model": model,
            "stage": trained(root / f"{name}-stage", model),
        }

    named = {"coded": of("coded", 2, coded), "chatty": of("chatty", 2, chatty)}
    return {"": of("two", 2, tiny_model), "three": of("three", 3, tiny_model), **named}


def trained(folder: Path, model: Path) -> Path:
    """The result of a stage: its last weights and two checkpoints, all of them `model`."""
    metrics = {".": (25, 0.5, 0.9), "checkpoints/10": (10, 0.9, 0.8), "checkpoints/20": (20, 0.4, 0.6)}
    for place, (steps, reward, loss) in metrics.items():
        shutil.copytree(model, folder / (place if place != "." else "model"))
        record = {"steps": steps, "train.reward": reward, "train.loss": loss}
        (folder / place / "metrics.json").write_text(json.dumps(record), encoding="utf-8")
    return folder


class Calls:
    """The calls of `generate` that a task makes, each task run once."""

    def __init__(self, shop: Workshop, inputs: dict[str, Path]) -> None:
        self._shop, self._inputs = shop, inputs
        self._made: dict[str, list[Call]] = {}

    def of(self, body: Any, **run: Any) -> list[Call]:
        if repr((body, run)) not in self._made:
            self._made[repr((body, run))] = self._run(body, **run)
        return self._made[repr((body, run))]

    def _run(self, body: Any, **run: Any) -> list[Call]:
        from transformers import AutoTokenizer, GenerationMixin

        calls: list[Call] = []
        generate = GenerationMixin.generate

        def watch(model: Any, **kwargs: Any) -> Any:
            kept = {name: kwargs[name] for name in WATCHED}
            calls.append(Call(model=model, **kept))
            return generate(model, **kwargs)

        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(GenerationMixin, "generate", watch)
            ran = self._shop.run(body, self._inputs, **run)
        assert ran.code == (2 if body.kind == "pairs" else 0), ran.err  # no answer of the tiny model is right
        for call in calls:
            tokenizer = AutoTokenizer.from_pretrained(call.model.config._name_or_path)
            call.prompts = tokenizer.batch_decode(call.input_ids, skip_special_tokens=True)
        return calls


@pytest.fixture(scope="module")
def calls(shop: Workshop, inputs: dict[str, dict[str, Path]]) -> Calls:
    return Calls(shop, inputs[""])


@pytest.mark.parametrize("name", READ)
def test_the_field_is_what_transformers_is_called_with(name: str, calls: Calls) -> None:
    kind, _, rest = name.partition(".")
    odd, plain = CALLED[kind]
    read, want = CALLS[rest]
    if rest not in ("model", "prompt", "seed", "sampling.n"):
        assert want == value_of(odd, rest)
    assert read(calls.of(odd)) == want
    assert read(calls.of(plain)) != want


def test_as_many_prompts_are_generated_at_a_time_as_the_machine_is_said_to_take(calls: Calls) -> None:
    many = teach(sampling=ODD.model_copy(update={"n": 3}))
    assert [len(call.input_ids) for call in calls.of(many, generate_batch=5)] == [5, 1]
    assert [len(call.input_ids) for call in calls.of(many, generate_batch=2)] == [2, 2, 2]


@pytest.mark.parametrize("effect", EFFECTS, ids=lambda effect: effect.name)
def test_the_field_shows_in_what_the_task_leaves(
    effect: Effect, shop: Workshop, inputs: dict[str, dict[str, Path]]
) -> None:
    base = effect.base or BASES[effect.name.partition(".")[0]]
    said: Said | None = None
    if effect in ANSWERED:
        file = "valid-checkpoints-20.jsonl" if base.kind == "gate" else "partial.jsonl"
        said = {file: [(f"{k}:0", text) for k, text in enumerate(TEXTS)]}
    elif effect in PAIRED:
        said = {"partial.jsonl": TRIED_TWICE}
    elif effect.name == "mine.keep":
        said = {"partial.jsonl": TRIED}
    assert_seen(effect, shop, base, inputs["three" if effect in ANSWERED else effect.reads], said)


def test_the_end_of_sequence_is_counted_where_it_was_generated(calls: Calls, shop: Workshop) -> None:
    from transformers import AutoTokenizer

    from cotspec.builtin.digest import MODELS

    asked = write_lines(shop.root / "real.jsonl", [{"id": 0, "question": QUESTION, "answer": "20"}])
    greedy = Sampling(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=200)
    student = BuiltinModel(name="tiny-student", digest="", chat=False)
    whole = shop.run(teach(model=student, sampling=greedy), {"problems": asked}).read("rollouts.jsonl")[0]
    tokens = AutoTokenizer.from_pretrained(MODELS / "tiny-student")(whole["text"])["input_ids"]
    assert (whole["truncated"], whole["tokens"]) == (False, len(tokens) + 1)
    cut = greedy.model_copy(update={"max_new_tokens": len(tokens)})
    short = shop.run(teach(model=student, sampling=cut), {"problems": asked}).read("rollouts.jsonl")[0]
    assert (short["truncated"], short["tokens"], short["text"]) == (True, len(tokens), whole["text"])


QUESTION = "Jan has 13 books. He sells 3. He buys 3 more. How many books does Jan have now?"
#: Fields that a test of their own holds.
ALONE = ("run.generate_batch", "run.engine", "run.tensor_parallel")
