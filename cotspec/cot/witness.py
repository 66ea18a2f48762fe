"""Completions that show what a reward does: found by trying, computed by the reward itself.

Owns which measures are tried: those at and next to the numbers the expressions name, and sizes as they are common; with
`reward_bounds`, those that a condition leaves. A completion that is shown is one that could be written. Knows no rules.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Callable, Iterator, Sequence
from functools import lru_cache
from itertools import islice
from typing import Final, NamedTuple

from cotspec.cot.expr import UnscorableError
from cotspec.cot.expr import interval as iv
from cotspec.cot.expr.bounds import FaultKind, TooHardError
from cotspec.cot.expr.interval import Interval
from cotspec.cot.expr.world import World
from cotspec.cot.limits import TEACHER, Limits, Measures, around, possible, settle
from cotspec.cot.reward_bounds import Analysis, Part
from cotspec.cot.rewards import Score

_COMMON: Final = (0, 10, 30, 60, 100, 150, 200, 300, 500, 800)
"""Words of responses."""
_WORDS_A_STEP: Final = 20
_MOST_NAMED: Final = 12
"""Numbers of a reward whose neighbourhood is tried."""
_MOST_TRIED: Final = 200
"""Completions that are scored for one example."""
MOST_WORK: Final = 100_000
"""Work (see `expr.bounds`) on the examples of one reward: about 0.2 s, and a hundred times what a usual one takes."""
LONG: Final = 8
"""Steps of a trace that is already long."""


class Shown(NamedTuple):
    """A completion and what it scores."""

    measures: Measures
    score: Score

    @property
    def total(self) -> float:
        """Its reward; only of those that have one."""
        assert self.score.total is not None  # noqa: S101 - who shows it has asked
        return self.score.total


def teachers(limits: Limits) -> Iterator[Measures]:
    """Traces of few, some and many steps, of a common length."""
    least, most = limits.teacher_steps
    for steps in sorted({min(max(least, count), most) for count in (1, 2, 4, LONG)}):
        words = min(max(1, steps) * _WORDS_A_STEP, limits.teacher_tokens)
        tokens = min(words * 4 // 3, limits.teacher_tokens)
        yield {"teacher_steps": min(steps, words), "teacher_words": words, "teacher_tokens": tokens}


def ends(limits: Limits) -> tuple[Measures, ...]:
    """The shortest and the longest of them."""
    found = tuple(teachers(limits))
    return found[:1] + found[-1:] if len(found) > 1 else found


def completions(
    analysis: Analysis, teacher: Measures, *, correct: bool, formatted: bool, longest: int = 0
) -> Iterator[Measures]:
    """Completions for one prompt, differing in what the reward reads; as long as are drawn, or up to `longest`."""
    reads = {name for name, _ in analysis.compiled.measures}
    top = longest or analysis.limits.tokens
    named = [*_lets(analysis, teacher), *(number for number in analysis.numbers if number > 3.0)][:_MOST_NAMED]
    span = Interval(0.0, float(top), True)
    lengths = sorted({*around(named, span), *(n for n in _COMMON if n <= top), top})
    least = 5 if formatted else 1 if correct else 0
    for steps in _steps(teacher, reads, formatted=formatted):
        fitting = [words for words in lengths if words >= max(least, 3 * steps + 2 * (steps > 0))]
        for words in fitting if reads & {"words", "tokens"} else fitting[:1]:
            for tokens in {max(1, words), min(top, max(1, words * 4 // 3))} if "tokens" in reads else {max(1, words)}:
                yield {
                    "correct": correct,
                    "formatted": formatted,
                    "steps": steps,
                    "words": words,
                    "tokens": tokens,
                    **teacher,
                }


def _steps(teacher: Measures, reads: set[str], *, formatted: bool) -> Sequence[int]:
    usual = int(teacher["teacher_steps"]) or 1
    if "steps" not in reads:
        return (min(usual, 2),) if formatted else (0,)
    return sorted({1, 2, usual, usual + 2, 12}) if formatted else (0, usual)


def _lets(analysis: Analysis, teacher: Measures) -> Iterator[float]:
    """Values of `let` names, and of what `words` or `tokens` are compared with, that depend on the trace only."""
    world: World | None = analysis.start
    for name in TEACHER:
        world = None if world is None else world.with_range(name, iv.point(float(teacher[name])), settle)
    trees = [parsed.tree for place, parsed in analysis.parts.items() if place[0] == "let"]
    trees += [side for _, _, side in analysis.compared]
    analysis.bounds.work = 0
    for tree in trees:
        try:
            value = None if world is None else analysis.bounds.value(tree, world)
        except TooHardError:
            return
        if value is not None and value.fixed:
            yield value.low


def scored(analysis: Analysis, found: Iterator[Measures], progress: float = 0.0) -> list[Shown]:
    """Those that have a reward."""
    shown = [Shown(measures, analysis.compiled.score(measures, progress)) for measures in found]
    return [one for one in shown if one.score.total is not None]


# --- a wrong answer that beats a right one ----------------------------------------------------------------------------


@lru_cache(maxsize=256)
def upset(analysis: Analysis) -> tuple[Shown, Shown, float] | None:
    """(a wrong answer, a right one of the same form and prompt that scores less, the place in the run), the worst."""
    for progress in analysis.ends():
        for formatted in (True, False):
            if _safe(analysis, progress, formatted=formatted):
                continue
            pairs = [
                pair
                for teacher in teachers(analysis.limits)
                if (pair := _worst(analysis, teacher, progress, formatted))
            ]
            if pairs:
                wrong, right = max(pairs, key=lambda pair: pair[0].total - pair[1].total)
                return wrong, right, progress
    return None


def _safe(analysis: Analysis, progress: float, *, formatted: bool) -> bool:
    """Whether it is proven that no wrong answer beats a right one."""
    form = iv.TRUE if formatted else iv.FALSE
    try:
        right = analysis.total(progress, {"formatted": form, "correct": iv.TRUE})
        wrong = analysis.total(progress, {"formatted": form, "correct": iv.FALSE})
    except TooHardError:
        return False
    return right is None or wrong is None or right.low >= wrong.high


def _worst(analysis: Analysis, teacher: Measures, progress: float, formatted: bool) -> tuple[Shown, Shown] | None:
    right, wrong = (
        scored(analysis, completions(analysis, teacher, correct=correct, formatted=formatted), progress)
        for correct in (True, False)
    )
    if not right or not wrong:
        return None
    best, worst = max(wrong, key=lambda one: one.total), min(right, key=lambda one: one.total)
    return (best, worst) if best.total > worst.total else None


# --- a completion for which a part does what it must not --------------------------------------------------------------


def example(
    analysis: Analysis, part: Part, target: Interval | None, shows: Callable[[Measures], bool]
) -> Measures | None:
    """Measures that show something about a part whose value is then within `target`; None when none was found."""
    if analysis.spent > MOST_WORK:
        return None
    analysis.bounds.work = 0
    try:
        for found in islice(_boxed(analysis, part, target), _MOST_TRIED):
            analysis.spent += analysis.size
            if analysis.spent > MOST_WORK:
                return None
            if shows(found):
                return found
    except TooHardError:
        return None
    finally:
        analysis.spent += analysis.bounds.work
    return None


def _boxed(analysis: Analysis, part: Part, target: Interval | None) -> Iterator[Measures]:
    flags = [(c, f) for c in (iv.TRUE, iv.FALSE) for f in (iv.TRUE, iv.FALSE)]
    for teacher in (None, *teachers(analysis.limits)):
        for correct, formatted in flags:
            world: World | None = analysis.start
            fixed = {"correct": correct, "formatted": formatted}
            fixed |= {name: iv.point(float(value)) for name, value in (teacher or {}).items()}
            for name, value in fixed.items():
                world = None if world is None else world.with_range(name, value, settle)
            for number in range(len(analysis.reward.gates) if part.place[0] != "gates" else 0):
                tree = analysis.parts["gates", number, "unless"].tree
                world = None if world is None else analysis.bounds.where(tree, iv.TRUE, world)
            if world is not None and target is not None:
                world = analysis.bounds.where(part.tree, target, world)
            if world is not None:
                yield from _points(analysis, part, target, world)


def _points(analysis: Analysis, part: Part, target: Interval | None, world: World) -> Iterator[Measures]:
    """Corners and middles of a box, one measure after the other, each narrowing the rest."""
    reads = {name for name, _ in analysis.compiled.measures}
    open_names = sorted(
        (name for name, value in world.ranges.items() if not value.fixed), key=lambda name: (name not in reads, name)
    )
    if not open_names:
        found: Measures = {name: int(value.low) for name, value in world.ranges.items()}
        found |= {name: bool(found[name]) for name in ("correct", "formatted")}
        if possible(found):
            yield found
        return
    name = open_names[0]
    value = world.ranges[name]
    middle = float(round((value.low + value.high) / 2))
    for at in dict.fromkeys((value.low, value.high, middle) if name in reads else (value.low,)):
        inside = world.with_range(name, iv.point(at), settle)
        if inside is not None and target is not None:
            inside = analysis.bounds.where(part.tree, target, inside)
        if inside is not None:
            yield from _points(analysis, part, target, inside)


class Undefined(NamedTuple):
    """What a completion's score says has no value."""

    said: str
    measures: Measures


def undefined(analysis: Analysis, part: Part, kind: FaultKind) -> Undefined | None:
    """A completion that cannot be scored because of a part."""
    told: list[str] = []

    def shows(measures: Measures) -> bool:
        problem = analysis.compiled.score(measures, 0.0).problem
        at = problem.find(f"`{part.text}` ")
        told.extend([problem[at:].split("; ")[0]] if at >= 0 else [])
        return bool(told)

    found = example(analysis, *cause(part, kind), shows)
    return None if found is None else Undefined(told[0], found)


def cause(part: Part, kind: FaultKind) -> tuple[Part, Interval | None]:
    """The operand of a part that makes it fail, and with which values."""
    operand, target = part.tree, None
    match part.tree, kind:
        case ast.BinOp(op=ast.Pow(), left=operand), "zero":
            target = iv.point(0.0)
        case ast.BinOp(right=operand), "zero":
            target = iv.point(0.0)
        case ast.BinOp(left=operand), "power":
            target = iv.EVERY.below()
        case ast.Call(args=[operand]), "log":
            target = Interval(-iv.EVERY.high, 0.0)
        case ast.Call(args=[operand]), "sqrt":
            target = iv.EVERY.below()
        case _:
            operand = part.tree
    return Part(place=part.place, parsed=part.parsed, tree=operand), target


def outside(analysis: Analysis, part: Part, low: float, high: float) -> tuple[Measures, float] | None:
    """Measures for which a term, computed by itself, is below `low` or above `high`, and its value."""
    run = next(node.run for name, node, _ in analysis.compiled.terms if part.place[1] == name)
    for target in (Interval(-iv.EVERY.high, iv.pred(low)), Interval(iv.succ(high), iv.EVERY.high)):
        found: list[tuple[Measures, float]] = []

        def shows(measures: Measures, found: list[tuple[Measures, float]] = found) -> bool:
            try:
                value = float(run({name: float(given) for name, given in measures.items()}))
            except UnscorableError:
                return False
            if not low <= value <= high and analysis.compiled.score(measures, 0.0).gate is None:
                found.append((measures, value))
            return bool(found)

        if example(analysis, part, target, shows) is not None:
            return found[0]
    return None


# --- lengths beyond the limit -----------------------------------------------------------------------------------------


@lru_cache(maxsize=256)
def best_beyond(analysis: Analysis) -> Shown | None:
    """A right completion longer than is drawn that scores more than every right one of a length that is, or None."""
    limit = analysis.limits.tokens
    for teacher in ends(analysis.limits):
        found = scored(analysis, completions(analysis, teacher, correct=True, formatted=True, longest=4 * limit))
        near = [one.total for one in found if one.measures["tokens"] <= limit]
        far = [one for one in found if one.measures["words"] > limit]
        best = max((one.total for one in far), default=-math.inf)
        if near and best > max(near) + 1e-9:
            return min((one for one in far if one.total == best), key=lambda one: one.measures["words"])
    return None


def step_teachers(analysis: Analysis, tree: ast.expr) -> Iterator[Measures]:
    """Traces of one step more each, for a part that depends on their steps alone."""
    if analysis.names(tree) == {"teacher_steps"}:
        least, most = analysis.limits.teacher_steps
        for steps in range(max(1, least), min(most, LONG) + 1):
            yield {
                "teacher_steps": steps,
                "teacher_words": steps * _WORDS_A_STEP,
                "teacher_tokens": 2 * steps * _WORDS_A_STEP,
            }


def length(analysis: Analysis, tree: ast.expr, steps: int, words: int, tokens: int) -> float | None:
    """What a part that depends on the teacher's trace only is for such a trace."""
    analysis.bounds.work = 0
    ranges = dict(analysis.start.ranges)
    ranges |= {name: iv.point(float(value)) for name, value in zip(TEACHER, (steps, words, tokens), strict=True)}
    try:
        value = analysis.bounds.value(tree, World(ranges))
    except TooHardError:
        return None
    return value.low if value is not None and value.fixed else None
