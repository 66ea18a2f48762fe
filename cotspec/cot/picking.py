"""Which of several good rollouts of one record goes on. Knows lengths; not rollouts, not files.

`mixed` is mix-length distillation (arXiv 2502.12143): short traces for some questions, long ones for the others.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from typing import assert_never

from cotspec.spec.payload import Pick


def picked(rule: Pick, lengths: Sequence[int], *, question: int) -> Sequence[int]:
    """Indices of the rollouts to keep: all of them, or the one that `pick` says."""
    return range(len(lengths)) if rule.kind == "all" else (pick(rule, lengths, question=question),)


def pick(rule: Pick, lengths: Sequence[int], *, question: int) -> int:
    """Index of the one rollout to keep; `lengths` are tokens, in the order the rollouts were drawn.

    Of equal lengths the first counts. A `mixed` choice depends on the seed and the question alone.
    """
    match rule.kind:
        case "first":
            return 0
        case "shortest":
            return lengths.index(min(lengths))
        case "longest":
            return lengths.index(max(lengths))
        case "mixed":
            short = _share(rule.seed, question) < rule.shortest
            return lengths.index(min(lengths) if short else max(lengths))
        case "all":
            raise ValueError("all rollouts are kept, not one")
        case _:
            assert_never(rule.kind)


def _share(seed: int, question: int) -> float:
    """A number in [0, 1) that is the same on every machine."""
    digest = hashlib.sha256(json.dumps(["pick", seed, question]).encode()).digest()
    return int.from_bytes(digest[:7]) / 2**56
