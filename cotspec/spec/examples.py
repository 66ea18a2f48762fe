"""Values a key could have, for editors. Tests hold each to the key's own type. Knows the classes of a spec only."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import BaseModel

from cotspec.spec import experiment, reward, training, variants

EXAMPLES: Final[Mapping[tuple[type[BaseModel], str], tuple[Any, ...]]] = {
    (experiment.Experiment, "extends"): ("bridge-gsm8k.yaml",),
    (experiment.Experiment, "name"): ("bridge-gsm8k",),
    (experiment.Model, "hub"): ("Qwen/Qwen2.5-3B",),
    (experiment.Model, "builtin"): ("tiny-student", "tiny-teacher"),
    (experiment.Model, "endpoint"): ({"url": "https://api.deepseek.com/v1", "model": "deepseek-reasoner"},),
    (experiment.Data, "hub"): ("openai/gsm8k",),
    (experiment.Data, "builtin"): ("chains",),
    (experiment.Data, "file"): ("data/problems.jsonl",),
    (experiment.Data, "split"): ("train", "test"),
    (experiment.Data, "answer"): ({"field": "answer", "after": "####"},),
    (experiment.Data, "slice"): ([0, 1000],),
    (experiment.Segment, "opens"): ("Step {n}:", "Answer:", "<critic>"),
    (experiment.Segment, "label"): (["T", "F"],),
    (experiment.Segment, "when"): ("critic.F",),
    (experiment.Keep, "where"): ("teach.correct and teach.steps >= 2", "tries.score == 0"),
    (experiment.Pairs, "better"): ("tries.correct",),
    (experiment.RegexUnit, "regex"): (r"\b[A-Z]\w+",),
    (experiment.Mask, "share"): (0.5, {"from": 0.25, "to": 1.0}),
    (experiment.Stage, "loss"): (["step", "answer"], {"answer": "answer.correct", "critic": True}),
    (experiment.Advance, "checkpoint"): ({"best": "valid.accuracy"}, {"step": 400}),
    (experiment.Advance, "require"): ({"train.formatted": ">= 0.9"},),
    (experiment.Allowed, "rule"): ("unpinned-revision",),
    (experiment.Allowed, "at"): ("stages.compress.reward",),
    (reward.Gate, "unless"): ("correct", "formatted and steps > 1"),
    (reward.Term, "value"): (
        1.0,
        "clip(teacher_steps - steps, 0, 3)",
        "curve(words / teacher_words, [0.5, 2], [1, 0])",
    ),
    (reward.Term, "weight"): (0.3, {"from": 0.0, "to": 1.0}),
    (reward.Reward, "let"): ({"budget": "35 * teacher_steps"},),
    (training.Lora, "targets"): (["q_proj", "v_proj"],),
    (variants.Variant, "matrix"): ({"stages.compress.mask.share": [0.25, 0.5, 0.75]},),
    (variants.Variant, "zip"): ({"stages.structure.train.lr": [1e-4, 1e-3], "stages.structure.train.epochs": [5, 2]},),
    (variants.Variant, "seeds"): ([1, 2, 3],),
    (variants.Variant, "exclude"): ([{"stages.compress.mask.share": 0.75, "seed": 3}],),
}
