"""The texts of a spec: which are made over which, and what the filter of each asks. Knows no tasks and no positions.

A condition is split into what a task does by itself and counts under a name of its own (a right answer, numbers of
steps, what nobody got right) and the rest, which it evaluates as it is.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from functools import lru_cache
from itertools import takewhile
from typing import Final, Literal, NamedTuple

from cotspec.cot.conditions import SCORE, called, rename, scope
from cotspec.cot.expr import Problem, read, scope_of
from cotspec.cot.expr.parsing import parse
from cotspec.ir.bodies import trace_format
from cotspec.spec.base import Slice
from cotspec.spec.experiment import BestTexts, Experiment, Generation, Pairs, Rows, RowSource, Stage
from cotspec.spec.payload import Form

_TURNED: Final = {ast.Lt: ast.Gt, ast.LtE: ast.GtE, ast.Gt: ast.Lt, ast.GtE: ast.LtE, ast.Eq: ast.Eq}
"""Comparison → the same with its sides exchanged."""
_OPPOSITE: Final = {ast.Lt: ast.GtE, ast.GtE: ast.Lt, ast.Gt: ast.LtE, ast.LtE: ast.Gt, ast.NotEq: ast.Eq}
"""Comparison → what holds where it does not."""


class Filter(NamedTuple):
    """What goes on of a generation."""

    correct: bool = False
    """Only texts whose answer equals the gold answer."""
    at_least: int = 0
    """Fewest steps of a text."""
    at_most: int | None = None
    """Most steps of a text."""
    failed: Literal["", "all_wrong", "any_wrong"] = ""
    """Records of which all, or any, texts are wrong."""
    rest: str = ""
    """What else must hold, as payloads write it."""
    problems: tuple[Problem, ...] = ()
    """Mistakes in the condition; the other fields then say nothing."""


# --- the graph --------------------------------------------------------------------------------------------------------


def chain(spec: Experiment, name: str) -> tuple[str, ...]:
    """A text, the one it is made over, …, the one that is made over a data set, or is a column of one. A cycle ends
    it."""
    names: list[str] = []
    while name in spec.generate and name not in names:
        names.append(name)
        over = spec.generate[name].over
        name = "" if over in spec.data and spec.data[over].trace is None else over
    return (*names, name) if name in spec.data and spec.data[name].trace is not None else tuple(names)


def circle(spec: Experiment, name: str) -> tuple[str, ...]:
    """The generations that go from one back to itself; none where it goes back to data."""
    names = chain(spec, name)
    last = spec.generate[names[-1]].over if names and names[-1] in spec.generate else ""
    return names if names[:1] == (last,) and last not in spec.data else ()


def root(spec: Experiment, name: str) -> str:
    """The text that a text goes back to, made over a data set or a column of one; "" for what is none."""
    names = chain(spec, name)
    return names[-1] if names else ""


def data_of(spec: Experiment, name: str) -> str:
    """The data set whose questions a text, or a data set itself, is about; "" where there is none."""
    last = root(spec, name) or name
    data = spec.generate[last].over if last in spec.generate else last
    return data if data in spec.data else ""


def longest(spec: Experiment, name: str) -> int | None:
    """Most tokens of the texts called `name`; None where a person wrote them."""
    given = spec.generate.get(name)
    return None if given is None else given.sampling.max_new_tokens


def over_data(spec: Experiment) -> Iterator[tuple[str, Generation]]:
    """The generations that are made over data sets, by name."""
    return ((name, each) for name, each in spec.generate.items() if each.over in spec.data)


def sources(spec: Experiment) -> Iterator[tuple[Stage, RowSource]]:
    """Everything that rows come from."""
    return ((stage, each) for stage in spec.stages.values() for each in stage.sources)


def used(spec: Experiment) -> tuple[str, ...]:
    """The generations that rows are made from or that stages read, and those that they are made over, in the order of
    the spec."""
    names = {name for _, each in sources(spec) for name in chain(spec, each.from_)}
    names |= {name for stage in spec.stages.values() for read in stage.reads for name in chain(spec, read)}
    return tuple(name for name in spec.generate if name in names)


def taught(spec: Experiment) -> dict[str, str]:
    """The data sets whose questions are trained on, by the role that the task which compares sets knows them by:
    `taught`, `taught_2`, …"""
    roots = (name for s in spec.stages.values() for name in (*(each.from_ for each in s.sources), *s.reads))
    sets = dict.fromkeys(data for name in roots if (data := data_of(spec, name)))
    return {"taught" if at == 1 else f"taught_{at}": name for at, name in enumerate(sets, 1)}


def kept_is_read(spec: Experiment, name: str) -> bool:
    """Whether anything that is used reads what the filter of a generation left, and not only pairs of what was
    written."""
    plain = any(each.from_ == name and _pairs(each) is None for _, each in sources(spec))
    return plain or any(spec.generate[each].over == name for each in used(spec))


def over_texts(spec: Experiment, name: str) -> Generation | None:
    """The generation of that name where it is made over other texts."""
    generation = spec.generate.get(name)
    return generation if generation is not None and len(chain(spec, name)) > 1 else None


def tries(spec: Experiment, name: str) -> Generation | None:
    """The generation of that name where it does no more than to try the questions of the texts it is made over: which
    of those are failed is all that goes on, or pairs of a right and a wrong try."""
    generation = over_texts(spec, name)
    if generation is None or len(chain(spec, name)) > 2 or generation.keep.chooses or _several(spec, generation.over):
        return None
    if generation.gather is not None or generation.others or any(each.over == name for each in spec.generate.values()):
        return None
    asked = [each for _, each in sources(spec) if each.from_ == name]
    failed = bool(_failures(generation.keep.where or "", name).failed)
    whole = generation.keep.where is None or failed
    pairs = [each for each in asked if each.target in (None, name) and _right(_pairs(each), name)]
    plain = [each for each in asked if failed and _pairs(each) is None and each.where is None]
    return generation if whole and len(pairs) + len(plain) == len(asked) else None


def failed(spec: Experiment, name: str) -> bool:
    """Whether what a generation over texts keeps is what nobody, or not everybody, got right."""
    generation = over_texts(spec, name)
    return generation is not None and bool(_failures(generation.keep.where or "", name).failed)


def _pairs(source: RowSource) -> Pairs | None:
    return source.pairs if isinstance(source, Rows) else None


def _right(pairs: Pairs | None, name: str) -> bool:
    """Whether pairs are of a right and a wrong text, one of each record."""
    return pairs is not None and (pairs.better, pairs.gap, pairs.most) == (f"{name}.correct", 0.0, 1)


def _several(spec: Experiment, name: str) -> bool:
    """Whether several texts of one record go on."""
    return name in spec.generate and spec.generate[name].keep.several


def traces_of(spec: Experiment, source: RowSource) -> tuple[str, Slice | None]:
    """The text that rows are made of, and which of its records they can be."""
    tried = tries(spec, source.from_)
    if tried is not None:
        return root(spec, source.from_), tried.slice
    name = target_of(spec, source)
    return name, source.slice if name == source.from_ else None


def depth(spec: Experiment, source: RowSource) -> int:
    """How many generations before the text of `from` the one is that a row is made of."""
    texts = chain(spec, source.from_)
    return texts.index(source.target) if source.target in texts else 0


def of_record(spec: Experiment, source: RowSource, *, pairs: bool) -> tuple[str, ...]:
    """The texts of the records that rows are made from, the nearest first: of tries, which are several, none; of pairs,
    those from the compared one on."""
    texts = chain(spec, source.from_)
    if tries(spec, source.from_) is not None:
        return texts[1:]
    return texts[depth(spec, source) :] if pairs else texts


def asked_texts(spec: Experiment, stage: Stage) -> tuple[str, ...]:
    """The texts that a reward can ask about: those that every row of a stage has, at the same place."""
    texts = [of_record(spec, each, pairs=False) for each in stage.sources]
    same = takewhile(lambda names: len(set(names)) == 1, zip(*texts, strict=False))
    return tuple(names[0] for names in same)


def target_of(spec: Experiment, source: RowSource) -> str:
    """The text that a row is made of; "" where there is none."""
    texts = chain(spec, source.from_)
    return source.target or (texts[0] if texts else "")


# --- filters ----------------------------------------------------------------------------------------------------------


def filter_of(spec: Experiment, name: str) -> Filter:
    """What a generation keeps; of a data set all."""
    where = spec.generate[name].keep.where if name in spec.generate else None
    if where is None:
        return Filter()
    if tries(spec, name) is not None:
        return _failures(where, name)
    return _filter(where, chain(spec, name), _form(spec))


def condition(
    spec: Experiment, name: str, where: str | None, *, written: bool = False
) -> tuple[str, tuple[Problem, ...]]:
    """A condition on the records of a text as payloads write it ("" asks nothing), or its mistakes; on all texts as
    they were `written`, or on those that were kept."""
    if where is None:
        return "", ()
    names = chain(spec, name)
    voted = names[:1] if written else ()
    return _expression(where, names, _form(spec), about=names, scored=names[:1], voted=voted, expect=bool)


def best(spec: Experiment, name: str, given: BestTexts) -> tuple[str, tuple[Problem, ...]]:
    """What says which texts of a generation are best, as payloads write it, or its mistakes."""
    names = chain(spec, name)
    return _expression(given.by, names, _form(spec), about=names, scored=names[:1], voted=names[:1], expect=float)


def better(spec: Experiment, source: RowSource, pairs: Pairs) -> tuple[str, tuple[Problem, ...]]:
    """What says which of two texts is better, as payloads write it, or its mistakes. It asks about the two texts and
    those they were made over; of two texts which others were made over, about these, too, and their score."""
    names, at = chain(spec, source.from_), depth(spec, source)
    scored, voted = (names[at : at + 1], ()) if at else ((), names[:1])
    return _expression(pairs.better, names, _form(spec), about=names, scored=scored, voted=voted, expect=None)


def right_in(spec: Experiment, source: RowSource) -> frozenset[str]:
    """The texts that are right in every record that rows are made of, because `where` asks for it."""
    own, _ = condition(spec, source.from_, source.where)
    asked = {ast.unparse(part) for part in _conjuncts(ast.parse(own, mode="eval").body)} if own else ()
    names = enumerate(chain(spec, source.from_))
    return frozenset(name for depth, name in names if f"{called(depth)}.correct" in asked)


@lru_cache(maxsize=256)
def _expression(
    text: str,
    names: tuple[str, ...],
    form: Form,
    *,
    about: tuple[str, ...],
    scored: tuple[str, ...],
    voted: tuple[str, ...],
    expect: type | None,
) -> tuple[str, tuple[Problem, ...]]:
    """An expression `about` some of the texts of a record, which are called `names`, as payloads write it."""
    problems = read(text, scope_of(scope(about, form, scored=scored, voted=voted)), expect=expect).problems
    parsed = parse(text)
    if problems or isinstance(parsed, list):
        return "", problems
    own = _renamed(parsed.tree, names)
    return own, _grown(own, len(text), len(names), form)


def _form(spec: Experiment) -> Form:
    return trace_format(spec.trace).form


def _grown(own: str, length: int, texts: int, form: Form) -> tuple[Problem, ...]:
    """What is wrong with a condition as payloads write it: it may be too long to read then."""
    names = [called(depth) for depth in range(texts)]
    kinds = scope(names, form, scored=names[:2], voted=names[:1])
    problems = read(own, scope_of(kinds)).problems if own else ()
    return (problems[0]._replace(column=1, length=length),) if problems else ()


@lru_cache(maxsize=256)
def _filter(where: str, names: tuple[str, ...], form: Form) -> Filter:
    """The condition on a text that was made over the others of `names`."""
    kinds = scope(names, form, scored=names[:1], voted=names[:1])
    problems = read(where, scope_of(kinds), expect=bool).problems
    parsed = parse(where)
    if problems or isinstance(parsed, list):
        return Filter(problems=problems)
    filter_ = Filter()
    rest: list[str] = []
    for part in _conjuncts(parsed.tree):
        known = _known(filter_, part, names[0])
        if known is None:
            rest.append(_renamed(part, names))
        filter_ = known or filter_
    own = " and ".join(rest)
    grown = _grown(own, len(where), len(names), form)
    return Filter(problems=grown) if grown else filter_._replace(rest=own)


@lru_cache(maxsize=256)
def _failures(where: str, name: str) -> Filter:
    """Which records are failed, where the condition asks for nothing else; else an empty filter."""
    parsed = parse(where)
    if isinstance(parsed, list):
        return Filter()
    filter_: Filter | None = Filter()
    for part in _conjuncts(parsed.tree):
        filter_ = _failed(filter_, part, name) if filter_ is not None else None
    return filter_ or Filter()


def _conjuncts(tree: ast.expr) -> Iterator[ast.expr]:
    """What must all hold: a chain of comparisons is several, and a comparison that must not hold is its opposite."""
    match tree:
        case ast.BoolOp(op=ast.And()):
            for part in tree.values:
                yield from _conjuncts(part)
        case ast.Compare():
            chain = (tree.left, *tree.comparators)
            yield from (ast.Compare(a, [op], [b]) for a, op, b in zip(chain, tree.ops, chain[1:], strict=False))
        case ast.UnaryOp(op=ast.Not(), operand=ast.Compare(left, [op], sides)) if type(op) in _OPPOSITE:
            yield ast.Compare(left, [_OPPOSITE[type(op)]()], sides)
        case _:
            yield tree


def _known(filter_: Filter, part: ast.expr, name: str) -> Filter | None:
    """The filter with a part that has a name of its own; None for any other."""
    if ast.unparse(part) == f"{name}.correct":
        return filter_._replace(correct=True)
    compared = _compared(part)
    if compared is None:
        return None
    left, op, number = compared
    return _steps(filter_, op, int(number)) if left == f"{name}.steps" and number == int(number) else None


def _failed(filter_: Filter, part: ast.expr, name: str) -> Filter | None:
    """The filter of tries at the questions of other texts, with a part that asks how many are right."""
    match _compared(part):
        case (left, ast.Eq, 0) if left == f"{name}.{SCORE}":
            return filter_._replace(failed="all_wrong")
        case (left, ast.Lt, 1) if left == f"{name}.{SCORE}":
            return filter_._replace(failed=filter_.failed or "any_wrong")
        case _:
            return None


def _steps(filter_: Filter, op: type[ast.cmpop], number: int) -> Filter | None:
    least = {ast.GtE: number, ast.Gt: number + 1, ast.Eq: number}.get(op)
    most = {ast.LtE: number, ast.Lt: number - 1, ast.Eq: number}.get(op)
    if (least is None and most is None) or (most is not None and most < 1):
        return None  # no steps at most: for the task, 0 is no bound
    if most is not None:
        most = most if filter_.at_most is None else min(most, filter_.at_most)
    return filter_._replace(
        at_least=max(filter_.at_least, least or 0), at_most=filter_.at_most if most is None else most
    )


def _compared(part: ast.expr) -> tuple[str, type[ast.cmpop], float] | None:
    """A name, how it is compared, and with which number."""
    match part:
        case ast.Compare(left=left, ops=[op], comparators=[ast.Constant(value=int(number) | float(number))]):
            return ast.unparse(left), type(op), number
        case ast.Compare(left=ast.Constant(value=int(number) | float(number)), ops=[op], comparators=[right]):
            turned = _TURNED.get(type(op))
            return None if turned is None else (ast.unparse(right), turned, number)
        case _:
            return None


def _renamed(part: ast.expr, names: tuple[str, ...]) -> str:
    """A part of a condition as payloads write it."""
    tree = ast.parse(ast.unparse(part), mode="eval").body
    rename(tree, names)
    text = ast.unparse(tree)
    return f"({text})" if isinstance(part, ast.BoolOp | ast.IfExp) else text
