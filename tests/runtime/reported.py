"""A report with everything it can show, made by hand: three models, two stages, a filter, a gate, samples, failures.

`say` makes every text of it, so that a test can put what it likes into every field.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

from conftest import Stage, write_lines

from cotspec.cot.stats import wilson
from cotspec.spec.payload import ReportBody, ReportTable

Say = Callable[[str], str]
MODELS = ("student", "structure", "compress")
RIGHT = {"student": 0.5, "structure": 0.85, "compress": 0.8}
TOKENS = {"student": 100, "structure": 98, "compress": 75}
QUESTIONS = 200
GROUPS = 24


def plain(text: str) -> str:
    """Texts as they are."""
    return text


def predictions(model: str, say: Say, draw: random.Random, samples: int) -> list[dict[str, Any]]:
    """Answers of a model, in which every kind of failure occurs."""
    found = []
    for id in range(QUESTIONS):
        for _ in range(samples):
            right = draw.random() < RIGHT[model]
            kind = "" if right else draw.choice(["wrong", "wrong", "cut", "ungradable", "form"])
            answer = str(2 * id) if right else str(2 * id + 1)
            found.append(
                {
                    "id": id,
                    "question": say(f"Ann has {id} apples and buys as many. How many has she?"),
                    "answer": say(str(2 * id)),
                    "text": say(f"Step 1: {id} + {id} = {answer}.\nAnswer: {answer}"),
                    "tokens": TOKENS[model] + draw.randrange(-20, 20),
                    "correct": right,
                    "ungradable": kind == "ungradable",
                    "formatted": kind not in ("form", "cut"),
                    "truncated": kind == "cut",
                }
            )
    return found


def metrics(answers: list[dict[str, Any]], samples: int) -> dict[str, Any]:
    """What `evaluate` writes of them."""
    count, right = len(answers), sum(each["correct"] for each in answers)
    low, high = wilson(right, count)
    found: dict[str, Any] = {
        "n": count // samples,
        "accuracy": right / count,
        "accuracy_low": low,
        "accuracy_high": high,
        "tokens": sum(each["tokens"] for each in answers) / count,
        "formatted": sum(each["formatted"] for each in answers) / count,
        "truncated": sum(each["truncated"] for each in answers) / count,
        "ungradable": sum(each["ungradable"] for each in answers),
    }
    if samples > 1:
        pass_at = [{"k": samples, "share": found["accuracy"], "low": low, "high": high}]
        found |= {"samples": samples, "pass_at": pass_at}
    return found


def log(steps: int, *, grpo: bool, draw: random.Random) -> list[dict[str, Any]]:
    """A stage's log.jsonl; terms are missing in some steps."""
    found = []
    for step in range(1, steps + 1):
        at = step / steps
        entry: dict[str, Any] = {
            "step": step,
            "loss": 2 - at + draw.random() / 5,
            "lr": 1e-4 * (1 - at),
            "grad_norm": 1.0,
        }
        if grpo:
            entry |= {"reward": at + draw.random() / 4, "reward_std": 0.3, "accuracy": 0.5 + at / 3, "formatted": 0.97}
            entry |= {"tokens": 100 - 30 * at, "kl": 0.01 * at, "entropy": 1 - at / 2, "truncated": 0.02}
            entry |= {"groups_without_signal": 0.3, "gate/1": 0.4 - at / 4, "gate/2": 0.03, "unscorable": 0.0}
            entry |= {} if 40 < step < 55 else {"term/solved": 0.5 + at / 3, "term/brevity": at / 2}
        found.append(entry)
    return found


def group(step: int, say: Say, draw: random.Random) -> dict[str, Any]:
    """A line of samples.jsonl."""
    completions = []
    for number in range(6):
        right = draw.random() < 0.6
        gated, unscorable = not right and number % 2 == 0, number == 5 and step % 20 == 0
        text = say(f"Step 1: {step}.\nAnswer: {step}")
        completions.append(
            {
                "text": text,
                "characters": len(text) + (5000 if number == 4 else 0),
                "tokens": 60 + number,
                "truncated": number == 4,
                "grade": "right" if right else "wrong",
                "reward": None if unscorable else -1.0 if gated else 1.2 - number / 10,
                "terms": {} if gated else {say("solved"): 1.0, "brevity": 0.2},
                "gate": 1 if gated else 0,
                "problem": say("brevity cannot be scored: the logarithm of 0") if unscorable else "",
                "advantage": draw.random() - 0.5,
                "in_loss": not unscorable,
            }
        )
    return {
        "step": step,
        "id": step,
        "prompt": say("Complete the masked solution.\nQuestion: …"),
        "begin": say("Step 1:"),
        "answer": say("12"),
        "imitated": step == 0,
        "completions": completions,
        "others": 2,
    }


COUNTS = {
    "data/train": {"problems": 400, "bad_rows": 2, "first_bad_rows": ["train.jsonl, line 7: not JSON"]},
    "data/test": {"problems": 200, "gold_answers_nothing_can_equal": 3},
    "kept/teach": {"rollouts": 400, "traces": 371, "dropped": {"truncated": 9, "wrong_answer": 20}},
    "kept/tries": {
        "questions": 371,
        "failures": 80,
        "attempts": 742,
        "correct_attempts": 600,
        "ungradable_attempts": 4,
        "by_correct": {"0": 80, "1": 40, "2": 251},
    },
    "stages/structure/rows": {
        "records": 371,
        "rows": 700,
        "masked_rows": 640,
        "units": 2100,
        "hidden_units": 1400,
        "sealed": {"rows": 12, "statement": 8, "answer": 4, "repeat": 0},
        "dropped": {"no_steps": 2, "nothing_supervised": 0, "leak_rows": 4, "leak": [3]},
        "leaks": {"3": "the answer 12 stands in step 2"},
    },
    "stages/compress/rows": {"rows": [371, 80], "used": [371, 40]},
    "stages/compress/rows/1": {"records": 371, "rows": 371, "masked_rows": 0, "units": 0, "hidden_units": 0},
}


SETTINGS = """\
# tiny: a value stands in specs/tiny.yaml, unless something else stands behind it
seed: 42
stages:
  compress:
    train: {by: grpo, lr: 0.0002}
    mask:
      share: 0.75    # variant mask-0.75
      leave: 0       # default
"""


def gate(say: Say) -> dict[str, Any]:
    """gate.json."""
    checks = [
        {"metric": "train.formatted", "op": ">=", "value": 0.9, "measured": 0.97, "passed": True, "problem": ""},
        {
            "metric": "valid.accuracy",
            "op": ">=",
            "value": 0.9,
            "measured": None,
            "passed": False,
            "problem": say("`valid.accuracy` was not measured"),
        },
    ]
    return {"checkpoint": "model", "step": 250, "reason": say("the final weights"), "passed": False, "checks": checks}


def trace(id: int, say: Say) -> dict[str, Any]:
    """A line of traces.jsonl."""
    text = say(f"Step 1: {id} + {id} = {2 * id}.\nAnswer: {2 * id}")
    asked = "Ann has 0 apples and buys as many. How many has she?" if id == 0 else f"Ann has {id} apples."
    question = say(asked)  # the first one is asked in the evaluation, too
    return {
        "id": id,
        "question": question,
        "answer": say(str(2 * id)),
        "trace": text,
        "steps": 1,
        "words": 9,
        "tokens": 20,
        "before": [say(f"Draft: {2 * id}.")],
        "before_tokens": [4],
    }


def inputs(folder: Path, say: Say = plain, *, samples: int = 1, sets: tuple[str, ...] = ("",)) -> dict[str, Path]:
    """Every file of the report, by role."""
    draw, found = random.Random(7), dict[str, Path]()

    def put(role: str, name: str, text: str) -> None:
        path = folder / role.replace("/", "-").removesuffix(f"-{name}") / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        found[role] = path

    def put_lines(role: str, name: str, records: list[dict[str, Any]]) -> None:
        put(role, name, "")
        write_lines(found[role], records)

    for set in sets:
        for model in MODELS:
            answers, table = predictions(model, say, draw, samples), ReportTable(name=set, labels=MODELS)
            put(table.role(model), "metrics.json", json.dumps(metrics(answers, samples)))
            put_lines(table.answers(model), "predictions.jsonl", answers)
    for stage in ("structure", "compress"):
        told = {"rows": 700, "rows_used": 688, "rows_too_long": 8, "rows_beyond_last_batch": 4, "steps": 120}
        put(f"stage.{stage}", "metrics.json", json.dumps(told))
        put_lines(f"stages/{stage}/train/log.jsonl", "log.jsonl", log(120, grpo=stage == "compress", draw=draw))
    put_lines("stages/helper/train/log.jsonl", "log.jsonl", log(20, grpo=False, draw=draw))  # no row descends from it
    put("stages/helper/gate/gate.json", "gate.json", json.dumps(gate(say) | {"passed": True, "checks": []}))
    groups = [group(step, say, draw) for step in range(0, 120, 120 // GROUPS)]
    put_lines("stages/compress/train/samples.jsonl", "samples.jsonl", groups)
    for part, record in COUNTS.items():
        quoted = {key: [*map(say, value)] for key, value in record.items() if key == "first_bad_rows"}
        put(f"{part}/counts.json", "counts.json", json.dumps(record | quoted))
    put("spec/settings.yaml", "settings.yaml", say(SETTINGS))
    put("stages/structure/gate/gate.json", "gate.json", json.dumps(gate(say)))
    put_lines("kept/teach/traces.jsonl", "traces.jsonl", [trace(id, say) for id in range(120)])
    failed = [{**trace(id, say), "attempts": [say("Answer: 1"), say("")]} for id in range(0, 60, 3)]
    put_lines("kept/tries/failures.jsonl", "failures.jsonl", failed)
    return found


def report(stage: Stage, folder: Path, say: Say = plain, *, samples: int = 1, sets: tuple[str, ...] = ("",)) -> Path:
    """The report's task on disk."""
    tables = tuple(ReportTable(name=set, labels=MODELS) for set in sets if set)
    about = say("What masking teaches.\nSecond line.")
    body = ReportBody(name=say("tiny"), about=about, labels=MODELS, stages=("structure", "compress"), sets=tables)
    return stage("report-tiny", body, inputs(folder, say, samples=samples, sets=sets))
