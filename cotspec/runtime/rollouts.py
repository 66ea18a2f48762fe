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
    advice = too_short(cut, len(rollouts))
    say(f"{len(rollouts)} {what}, {mean:.0f} tokens on average, {cut} cut at the token limit{advice}")


def too_short(cut: int, texts: int) -> str:
    """What to do where most texts were cut at the token limit, which no filter and no pair takes; else ""."""
    advice = "; most were cut: raise `max_new_tokens` of `sampling`, or say in its `stop` what ends a text"
    return advice if 2 * cut > texts else ""
