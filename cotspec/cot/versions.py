"""Versions of the kernel's parts. Raise one when its *results* change: its tasks then get new ids and run again."""

from __future__ import annotations

from types import MappingProxyType

KERNEL = MappingProxyType(
    {
        "problems": 1,
        "contamination": 1,
        "segment": 4,
        "answers": 2,
        "tagged": 1,  # only where a tag such as `<answer>` opens the answer
        "picking": 1,
        "distinct": 2,  # only where equal texts are looked for
        "selecting": 1,  # only where a filter has a condition that no field of its own says
        "mask": 1,
        "pattern": 1,  # only where a mask's unit is a regular expression (decision 31)
        "rows": 1,
        "measures": 1,
        "rewards": 1,
        "judges": 1,  # only where a reward has some
        "mining": 1,
        "pairing": 1,
        "mixing": 1,
        "gates": 1,
        "stats": 1,
        "generate": 2,
        "endpoint": 1,  # only where a model is behind a server
        "sft": 2,
        "grpo": 2,
        "dpo": 1,
        "orpo": 1,
        "distill": 1,
        "probabilities": 1,
        "suite": 1,
        "report": 1,
    }
)
