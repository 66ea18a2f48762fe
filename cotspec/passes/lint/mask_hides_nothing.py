"""Masks that hide nothing, always or in short traces."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cotspec.cot.hidden_count import hidden_count
from cotspec.diagnostics import Diagnostic
from cotspec.diagnostics.rule import Rule
from cotspec.diagnostics.source_map import Path
from cotspec.history import traces
from cotspec.ir import bodies
from cotspec.passes import trace_steps
from cotspec.passes.check.context import Context, finding, warning
from cotspec.spec import payload
from cotspec.spec.experiment import Mask, Stage

_STAGE = "start: base, train: {by: sft, lr: 1e-5}, rows: {from: teach}, task: complete"

RULE = Rule(
    slug="mask-hides-nothing",
    claim="A mask hides something in every trace of two steps or more.",
    why="`share` is rounded down and `leave` comes last, so that short traces can stay whole: the prompt then shows "
    "every step it asks for.",
    failing=f"stages: {{first: {{{_STAGE}, mask: {{share: 0.25}}}}}}\n",
    passing=f"stages: {{first: {{{_STAGE}, mask: {{share: 0.25, at_least: 1}}}}}}\n",
)


def check(context: Context) -> Iterator[Diagnostic]:
    """Check every mask that says how much it hides."""
    for path, _, stage in context.stages():
        if stage.mask is not None and stage.mask.rows > 0.0:
            yield from _mask(context, (*path, "mask"), stage, stage.mask)


def _mask(context: Context, path: Path, stage: Stage, mask: Mask) -> Iterator[Diagnostic]:
    rule = bodies.mask(mask)
    counts = context.unit_counts(stage)
    if mask.unit == "step":
        bounds = trace_steps.kept(context, stage)
        possible = trace_steps.step_counts(context, stage)
        nothing = [n for n in possible if most(rule, n) == 0]
        if len(possible) and nothing == list(possible) and bounds.at_most is not None:
            yield _never(context, path, mask, possible)
            return
        if not counts and any(n > 1 for n in nothing):
            yield _short(context, path, mask, [n for n in nothing if n > 1])
    # Traces without any unit are another rule's.
    whole = [n for n in counts if most(rule, n) == 0 and n > 0]
    if not traces.rare(len(whole), len(counts)):
        yield _counted(context, path, mask, whole, len(counts))


def most(rule: payload.Mask, n: int) -> int:
    """Units hidden of n at the end of the run at which more are."""
    ends = (0.0, 1.0) if rule.share.first != rule.share.last else (0.0,)
    return max(hidden_count(rule, n, progress=progress) for progress in ends)


def _never(context: Context, path: Path, mask: Mask, possible: range) -> Diagnostic:
    key, text = _cause(mask, possible[-1])
    message = f"{text} never hides anything: traces have at most {possible[-1]} steps"
    return finding(RULE, context.source.value((*path, key)), message, _advice(key))


def _short(context: Context, path: Path, mask: Mask, nothing: Sequence[int]) -> Diagnostic:
    key, text = _cause(mask, nothing[-1])
    message = f"{text} hides nothing in traces of {trace_steps.worded(nothing)} steps"
    return warning(RULE, context.source.value((*path, key)), message, _advice(key))


def _counted(context: Context, path: Path, mask: Mask, nothing: Sequence[int], whole: int) -> Diagnostic:
    key, text = _cause(mask, max(nothing))
    unit = mask.unit if isinstance(mask.unit, str) else "match"
    kinds = f"{unit}es" if unit == "match" else f"{unit}s"
    message = f"{text} hides nothing in {traces.told(len(nothing), whole)}: they have at most {max(nothing)} {kinds}"
    return warning(RULE, context.source.value((*path, key)), message, _advice(key))


def _cause(mask: Mask, n: int) -> tuple[str, str]:
    """The key that decides about n units, and how it reads."""
    rule = bodies.mask(mask)
    if mask.leave and most(rule.model_copy(update={"leave": 0}), n) > 0:
        return "leave", f"`leave: {mask.leave}`"
    if mask.share is None:
        return "select", f"`select: {mask.select}`"
    if isinstance(mask.share, float):
        return "share", f"`share: {mask.share:g}`"
    return "share", f"`share: {{from: {mask.share.from_:g}, to: {mask.share.to:g}}}`"


def _advice(key: str) -> str:
    if key == "leave":
        return "lower it, or keep longer traces with `keep.where` (`… and <text>.steps >= 2`)"
    if key == "select":
        return "select others, or keep longer traces with `keep.where` (`… and <text>.steps >= 2`)"
    return "add `at_least: 1`: the share is rounded down"
