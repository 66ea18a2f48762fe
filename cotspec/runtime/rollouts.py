"""What a model wrote → rollouts.jsonl: what `teach` and `text` end with."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from cotspec.runtime import lines
from cotspec.runtime.progress import say
from cotspec.runtime.records import Rollout


def write(result: Path, rollouts: Sequence[Rollout], *, what: str) -> None:
    """Write them and say how long they are; `what` they are called."""
    lines.write(result / "rollouts.jsonl", rollouts)
    cut = sum(rollout.truncated for rollout in rollouts)
    mean = sum(rollout.tokens for rollout in rollouts) / max(1, len(rollouts))
    say(f"{len(rollouts)} {what}, {mean:.0f} tokens on average, {cut} cut at the token limit")
