"""Completions that leave no room for a prompt."""

from __future__ import annotations

from collections.abc import Iterator

from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check.context import Context, finding

_STAGE = "start: base, rows: {from: teach}, task: solve, reward: {terms: {a: {value: 1 if correct else 0}}}, train:"

RULE = Rule(
    slug="completion-length",
    claim="Where a stage trains on its own texts, `max_length` is longer than `sampling.max_new_tokens`.",
    why="`max_length` holds the prompt and the completion; without room for a prompt every row is refused when the "
    "training starts.",
    failing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5, max_length: 512}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE} {{by: grpo, lr: 1e-5, max_length: 1024}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every stage whose model writes what it learns from."""
    for path, _, stage in context.stages():
        drawn, whole = stage.train.drawn, stage.train.max_length
        if drawn is not None and drawn.max_new_tokens >= whole:
            own = (*path, "train", "sampling", "max_new_tokens")
            place = own if own in context.source.values else (*path, "train", "max_length")
            message = f"`max_new_tokens` {drawn.max_new_tokens} leaves no room for a prompt in `max_length` {whole}"
            advice = "raise `max_length`, or lower `sampling.max_new_tokens`"
            yield finding(RULE, context.source.value(place), message, advice)
