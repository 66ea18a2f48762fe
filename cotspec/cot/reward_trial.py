"""A reward tried on responses that nobody has written yet: what it does to each, computed by the reward itself.

The responses are made from the measures' own descriptions (`measures.TABLE`), at common values, at the ends of what is
possible, and at and next to every number the reward names or computes from the teacher's trace; the questions from the
lengths of an earlier run's traces, or from common ones. Nothing is proven: what happens in no response that was tried
may still happen, and what happens in one does. Knows no rules and no files.
"""

from __future__ import annotations

import ast
import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import cached_property, lru_cache
from itertools import product
from typing import Final, NamedTuple

from cotspec.cot import conditions
from cotspec.cot.expr import Node, Symbol, UnscorableError, bind, read, scope_of
from cotspec.cot.expr.parsing import Parsed, parse
from cotspec.cot.expr.tree import Walk
from cotspec.cot.measures import AMONG, TABLE, Measure, Value, names, table
from cotspec.cot.reward_trial_prompts import (
    Limits,
    Measures,
    Question,
    in_group,
    of_judges,
    of_texts,
    questions,
    variants,
    with_texts,
)
from cotspec.cot.rewards import CompiledReward, Place, RewardError, Score, compile_reward
from cotspec.spec.payload import Form, Reward

MOST: Final = 3_000
"""Most responses that are tried."""
MOST_WORK: Final = 400_000
"""Most responses times parts of expressions: about 0.2 s, and many times what a usual reward takes."""
_NAMED: Final = 12
"""Most numbers of a reward whose neighbouring values are tried."""
_GRID: Final = 4
"""Values of each measure that are combined with those of all others."""
_FLAGS: Final = 12
"""Most conditions that are combined with one another …"""
_TOGETHER: Final = 120
"""… and most of their combinations that are tried."""


class Tried(NamedTuple):
    """A response, and what the reward does to it at the start of the run."""

    measures: Measures
    question: Question
    usual: bool
    """Whether the response and its question are usual ones, not extremes."""
    score: Score

    @property
    def total(self) -> float:
        """Its reward. Must only be asked of a response that has one."""
        assert self.score.total is not None  # noqa: S101 - who asks has looked
        return self.score.total


class SubExpression(NamedTuple):
    """A part of an expression and where that expression stands in the reward."""

    place: Place
    parsed: Parsed
    tree: ast.expr
    node: Node

    @property
    def text(self) -> str:
        """The text of the part as the spec has it, shortened."""
        return self.parsed.source(self.tree)

    @property
    def whole(self) -> bool:
        """Whether it is a whole expression."""
        return self.tree is self.parsed.tree


class Branch(NamedTuple):
    """A value of an `if … else` that was taken by none of the responses that came to it."""

    part: SubExpression
    test: SubExpression
    taken: bool
    """What the test was for every response that came to it."""
    by_gates: bool
    """Whether a response that a gate decides would take it."""


@lru_cache(maxsize=256)
def tried(reward: Reward, limits: Limits) -> Trial | None:
    """The trial of a reward; None for one with mistakes."""
    try:
        return Trial(reward, compile_reward(reward, limits.form, (*limits.texts, *limits.judges)), limits)
    except RewardError:
        return None


class Undefined(NamedTuple):
    """What a score says has no value, and the first response it says so of."""

    said: str
    part: SubExpression | None
    measures: Measures
    reads: frozenset[str]
    """The measures that it depends on: of a division, those of the divisor."""


class Trial:
    """A reward and the responses it was tried on. What is found is kept: many specs and variants have one reward."""

    def __init__(self, reward: Reward, compiled: CompiledReward, limits: Limits) -> None:
        self.reward, self.compiled, self.limits = reward, compiled, limits
        self.reads = frozenset(name for name, _ in compiled.measures)
        self.parts = tuple(_parts(reward, limits))
        read = {name: each for name, each in of_texts(limits).items() if name in self.reads}
        self._verdicts = {name: each for name, each in of_judges(limits).items() if name in self.reads}
        self.table = {**table(limits.form), **read, **self._verdicts}
        """The measures there are: of the texts of a row, and of judges, those that it asks for."""
        asked = questions(limits, by_group=bool(self.reads & set(AMONG)))
        self.questions = tuple(each for question in asked for each in with_texts(question, read))
        made = [one for question in self.questions for one in self.responses(question)]
        fit = max(50, min(MOST, MOST_WORK // max(1, len(self.parts))))
        stride = -(-len(made) // fit)
        stride |= bool(self._verdicts)  # odd: all that judges can say is tried of whatever is left
        self.all: Sequence[Tried] = self.scored(made[::stride])
        """Every response that was tried."""
        self.stops = [self._stopped(one) for one in self.all]
        """For each, the gate that decided it or could not; the number of gates when it passed them all."""
        self.passed = [one for one, at in zip(self.all, self.stops, strict=True) if at == len(reward.gates)]
        """The responses that passed all gates."""
        self._values: dict[str, list[tuple[Tried, float]]] = {}

    def scored(self, made: Iterable[Made], progress: float = 0.0) -> list[Tried]:
        """Responses with their scores."""
        return [Tried(*one, self.compiled.score(one.measures, progress)) for one in made]

    def _stopped(self, one: Tried) -> int:
        if one.score.gate is not None:
            return one.score.gate
        first = one.score.unscored[:1]
        return next((n for n in range(len(self.reward.gates)) if first == (f"gate {n + 1}",)), len(self.reward.gates))

    def at_progress(self, progress: float) -> Sequence[Tried]:
        """All responses that were tried, scored at another place in the run."""
        if progress == 0.0:
            return self.all
        return self.scored((Made(one.measures, one.question, one.usual) for one in self.all), progress)

    def ends(self) -> tuple[float, ...]:
        """The places in a run that are tried: a weight moves in a straight line between them."""
        return (0.0, 1.0) if any(term.weight.first != term.weight.last for term in self.reward.terms) else (0.0,)

    def values(self, name: str) -> list[tuple[Tried, float]]:
        """A term's value, without its weight, for those that pass the gates."""
        if name not in self._values:
            node = next(node for term, node, _ in self.compiled.terms if term == name)
            values = ((one, value_of(node, one.measures)) for one in self.passed)
            self._values[name] = [(one, value) for one, value in values if value is not None]
        return self._values[name]

    # --- what happened ---

    @cached_property
    def undefined(self) -> Sequence[Undefined]:
        """Everything that had no value for some response, each once."""
        reasons: dict[str, Undefined] = {}
        for one in self.all:
            if one.score.total is None:
                for said in one.score.problem.split("; "):
                    reasons.setdefault(*self._undefined(said, one))
        return tuple(reasons.values())

    def _undefined(self, said: str, one: Tried) -> tuple[str, Undefined]:
        _, _, why = said.rpartition(" cannot be scored: ")
        text = why[1 : why.find("`", 1)] if why.startswith("`") else ""
        part = next((part for part in self.parts if part.text == text), None)
        cause = part
        if part is not None and isinstance(part.tree, ast.BinOp) and why.endswith("divides by zero"):
            cause = self.part(part.tree.right if not isinstance(part.tree.op, ast.Pow) else part.tree.left)
        reads = self.reads if cause is None else cause.node.reads
        # A measure without a value is told by the one that decides that it has none.
        return text or why, Undefined(why, part, one.measures, frozenset(_given(name, one.measures) for name in reads))

    @cached_property
    def untaken(self) -> Sequence[Branch]:
        """Every branch that none of the responses that came to it took."""
        branches: list[Branch] = []
        gated = frozenset[str]().union(*(node.names for node, _ in self.compiled.gates))
        for part in self.parts:
            if part.whole:
                free = part.place[0] == "gates" or (part.place[0] == "let" and part.place[1] in gated)
                branches += self._untaken(part.tree, self.all if free else self.passed, part.place)
        return tuple(branches)

    def _untaken(self, tree: ast.AST, came: Sequence[Tried], place: Place) -> Iterator[Branch]:
        if not came:
            return
        if not isinstance(tree, ast.IfExp):
            for inside in ast.iter_child_nodes(tree):
                yield from self._untaken(inside, came, place)
            return
        test = self.part(tree.test)
        sides: dict[bool, list[Tried]] = {True: [], False: []}
        for one in came:
            value = value_of(test.node, one.measures)
            if value is not None:
                sides[bool(value)].append(one)
        yield from self._untaken(tree.test, came, place)
        for taken, inside in ((True, tree.body), (False, tree.orelse)):
            yield from self._untaken(inside, sides[taken], place)
            if not sides[taken] and sides[not taken]:
                tests = (value_of(test.node, one.measures) for one in self.all)
                by_gates = any(value is not None and bool(value) is taken for value in tests)
                yield Branch(self.part(inside), test, not taken, by_gates)

    def part(self, tree: ast.expr) -> SubExpression:
        """A part by its tree."""
        return self._by_tree[tree]

    @cached_property
    def _by_tree(self) -> dict[ast.expr, SubExpression]:
        return {part.tree: part for part in self.parts}

    # --- responses ---

    def responses(self, question: Question, *, longest: int = 0) -> Iterator[Made]:
        """Responses to one question, differing in what the reward reads and in whether they are right; as long as are
        drawn, or up to `longest`."""
        top = longest or self.limits.tokens
        axes = _axes(self.limits.form)
        near = [value + step for value in self._named(question.measures) for step in (-1, 0, 1)]
        reads = self.reads | ({"words", "tokens"} if question.others else set())
        near += [one.words + step for one in question.others for step in (-1, 0, 1)]
        choices = {name: axes.choices(name, near, top) for name in axes.sizes if name in reads}
        rest: dict[str, Value] = dict.fromkeys(axes.flags, False)
        rest |= {name: axes.table[name].least for name in axes.sizes}
        seen = set()
        for flags in _flags(axes, self.reads, self.limits.form):
            for picked, fixed in _picks(axes, choices, top):
                values = {**rest, **question.measures, **flags, **picked}
                if _settled(axes, values, fixed, top) and (key := tuple(values.values())) not in seen:
                    seen.add(key)
                    usual = all(values[name] >= axes.table[name].typical[0] for name in choices)
                    own = in_group(values, question.others, self.reads)
                    for each, verdicts in product(own, variants(self._verdicts)):
                        yield Made({**each, **verdicts}, question, usual and question.usual)

    def _named(self, question: Measures) -> Sequence[int]:
        """Whole numbers that the reward names or computes from the question alone, those that it computes first."""
        fixed = [p for p in self.parts if p.node.kind == "number" and p.node.reads <= question.keys()]
        fixed.sort(key=lambda part: not part.node.reads)
        fixed = [part for part in fixed[:200] if part.node.reads or (part.node.constant or 0.0) > 3.0]
        values = [value for part in fixed if (value := value_of(part.node, question)) is not None]
        return list(dict.fromkeys(math.floor(value) for value in values if 0.0 <= value < 1e9))[:_NAMED]


class Made(NamedTuple):
    """A response that can be tried."""

    measures: Measures
    question: Question
    usual: bool


def value_of(node: Node, measures: Measures) -> float | None:
    """What an expression is; None when it has no value."""
    try:
        return node.run({name: value if isinstance(value, bool) else float(value) for name, value in measures.items()})
    except UnscorableError:
        return None


# --- measures ---------------------------------------------------------------------------------------------------------


class _Axes(NamedTuple):
    """The measures in which responses to one question differ by themselves."""

    table: Mapping[str, Measure]
    flags: tuple[str, ...]
    sizes: tuple[str, ...]
    pairs: tuple[tuple[str, str], ...]
    """A size and the one that it never exceeds."""
    limited: frozenset[str]
    """Sizes that the longest response limits."""

    def choices(self, name: str, near: Iterable[int], top: int) -> list[int]:
        """The values of a size that are tried."""
        each, limited = self.table[name], name in self.limited
        sizes = {each.least, each.least + 1, *each.typical, *near, *([top] if limited else [])}
        return sorted(value for value in sizes if each.least <= value and (value <= top or not limited))


@lru_cache(maxsize=16)
def _axes(form: Form) -> _Axes:
    rows = {name: each for name, each in table(form).items() if name not in AMONG and not each.of_prompt}
    flags = tuple(name for name, each in rows.items() if each.kind is bool)
    sizes = tuple(name for name in rows if name not in flags)
    pairs = tuple((name, rows[name].at_most) for name in sizes if rows[name].at_most)
    return _Axes(rows, flags, sizes, pairs, frozenset(("tokens", *(name for pair in pairs for name in pair))))


def _flags(axes: _Axes, reads: frozenset[str], form: Form) -> list[dict[str, bool]]:
    """The conditions that a reward reads, and whether a response is right, as they can be true together."""
    asked = [name for name in axes.flags if name in reads or name == "correct"]
    asked = sorted(asked, key=lambda name: name != "correct")[:_FLAGS]
    made = (dict(zip(asked, values, strict=True)) for values in product((True, False), repeat=len(asked)))
    if not form:
        return list(made)
    from cotspec.cot.segment_measures import possible

    none = dict.fromkeys(axes.flags, False)
    consistent = [flags for flags in made if possible({**none, **flags}, reads, form)]
    return consistent[:: -(-len(consistent) // _TOGETHER)]


def _picks(
    axes: _Axes, choices: Mapping[str, Sequence[int]], top: int
) -> Iterator[tuple[dict[str, int], frozenset[str]]]:
    """Each size at all its values with the others as they are common, then some values of each with some of all others;
    and which of them may not be changed to fit."""
    middle = {name: axes.table[name].typical[len(axes.table[name].typical) // 2] for name in choices}
    common = {name: min(value, top) if name in axes.limited else value for name, value in middle.items()}
    for name, values in choices.items():
        for value in values:
            yield {**common, name: value}, frozenset((name,))
    if len(choices) != 1:
        some = [values[:: max(1, (len(values) - 1) // (_GRID - 1))] for values in choices.values()]
        for row in product(*some):
            yield dict(zip(choices, row, strict=True)), frozenset(choices)


def _settled(axes: _Axes, values: dict[str, Value], fixed: frozenset[str], top: int) -> bool:
    """Make what is not fixed fit together, in place; False when no response has such measures."""
    held = set(fixed)
    for small, large in reversed(axes.pairs):
        if values[small] > values[large] and large in held and small not in held:
            values[small] = values[large]
            held.add(small)
    for name in axes.flags:
        needed = axes.table[name].needs
        if values[name] and needed and values[needed] < 1:
            if needed in held:
                return False
            values[needed] = 1
    for small, large in axes.pairs:
        if values[small] > values[large]:
            if large in held:
                return False
            values[large] = values[small]
    return all(values[name] <= top for name in axes.limited)


def _given(name: str, measures: Measures) -> str:
    """The measure that says why another has no value; itself where it has one."""
    return name if name in measures else TABLE[name].given  # those of segments always have one


# --- expressions ------------------------------------------------------------------------------------------------------


class _Recording(Walk):
    """A walk that keeps every node."""

    def __init__(self, parsed: Parsed, scope: Mapping[str, Symbol]) -> None:
        super().__init__(parsed, scope)
        self.nodes: dict[ast.expr, Node] = {}

    def node(self, tree: ast.expr) -> Node | None:
        made = super().node(tree)
        if made is not None:
            self.nodes[tree] = made
        return made


def _parts(reward: Reward, limits: Limits) -> Iterator[SubExpression]:
    """Every part of every expression, the whole before its parts; the reward has been compiled."""
    scope = scope_of({**names(limits.form), **conditions.scope((*limits.texts, *limits.judges), limits.form)})
    texts: list[tuple[Place, str]] = [(("let", binding.name), binding.value) for binding in reward.let]
    texts += [(("gates", number, "unless"), gate.unless) for number, gate in enumerate(reward.gates)]
    texts += [(("terms", term.name, "value"), term.value) for term in reward.terms]
    for place, text in texts:
        parsed = parse(text)
        if not isinstance(parsed, Parsed):
            continue
        walk = _Recording(parsed, scope)
        walk.node(parsed.tree)
        if place[0] == "let":
            scope[str(place[1])] = bind(str(place[1]), read(text, scope))
        for tree in ast.walk(parsed.tree):
            if isinstance(tree, ast.expr) and tree in walk.nodes:
                yield SubExpression(place, parsed, tree, walk.nodes[tree])
