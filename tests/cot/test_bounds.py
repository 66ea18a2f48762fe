"""Bounds of expressions: they hold every value there is, narrow by what conditions say, and name what can go wrong."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from test_expr_properties import NAMES, Pair, conditions, numbers

from cotspec.cot.expr import FUNCTION_NAMES, UnscorableError, read, scope_of
from cotspec.cot.expr.bounds import Bounds, TooHardError
from cotspec.cot.expr.interval import EITHER, FALSE, TRUE, Interval, point
from cotspec.cot.expr.text import Parsed, parse
from cotspec.cot.expr.world import World

KINDS = {"steps": 9, "words": 500, "teacher_words": 500}


def parsed(text: str) -> Parsed:
    found = parse(text)
    assert isinstance(found, Parsed), found
    return found


def bounds(
    text: str, lets: dict[str, str] | None = None, **ranges: tuple[float, float]
) -> tuple[Interval | None, Bounds]:
    """The interval of an expression whose names are whole numbers from 0 unless given."""
    known = {name: Interval(float(low), float(high), True) for name, (low, high) in ranges.items()}
    tree, all_lets = parsed(text), {name: parsed(body) for name, body in (lets or {}).items()}
    asked = Bounds(all_lets, lambda _: True)
    asked.learn(tree)
    start = {name: Interval(0.0, float(top), True) for name, top in KINDS.items()}
    start |= {"correct": EITHER, "formatted": EITHER}
    return asked.value(tree.tree, World(start | known)), asked


@pytest.mark.parametrize(
    ("text", "low", "high"),
    [
        ("words - steps", -9, 500),
        ("2 * words + 1", 1, 1001),
        ("-words", -500, 0),
        ("words / 2 - 1", -1, 249),
        ("1 / (words + 1)", 1 / 501, 1),
        ("words // 7", -1, 71),
        ("words % 7", 0, 7),
        ("(steps - 4) ** 2", 0, 25),
        ("(steps - 4) ** 3", -64, 125),
        ("min(words, 10) + max(steps, 3)", 3, 19),
        ("abs(steps - 4)", 0, 5),
        ("clip(steps - 4, -1, 2)", -1, 2),
        ("sqrt(words + 4)", 2, 504**0.5),
        ("curve(words, [10, 1], [20, 3], [30, 0])", 0, 3),
        ("1 if words > 10 else -1", -1, 1),
        ("words if words > 10 else 0", 0, 500),
        ("words if 10 < words < 20 else 15", 11, 19),
        ("1 / words if words > 0 else 0", 0, 1),
        ("1 / words if not words == 0 else 0", 0, 1),
        ("1 / (words - steps) if words > steps else 1", 1 / 500, 1),
        ("100 - words if words - 10 <= 5 else 85", 85, 100),
        ("steps if words / 100 < 1 and steps >= 2 else 2", 2, 9),
        ("words if words < 5 or words > 490 else 0", 0, 500),
        ("0 if words >= 3 or words < 1 else words", 0, 2),
    ],
)
def test_bounds_are_as_narrow_as_can_be_told(text: str, low: float, high: float) -> None:
    found, _ = bounds(text)
    assert found is not None
    assert (found.low, found.high) == pytest.approx((low, high), abs=1e-9)


def test_a_name_of_let_carries_what_is_known_of_its_expression() -> None:
    found, _ = bounds("1 / spare if spare > 0 else 0", {"spare": "words - 3 * steps"})
    assert found == Interval(0.0, 1.0)


@pytest.mark.parametrize(
    ("text", "kinds"),
    [
        ("1 / words", {"zero"}),
        ("1 / (words + 1)", set()),
        ("1 / words if words else 0", None),
        ("words % steps", {"zero"}),
        ("words ** -1", {"zero"}),
        ("(steps - 4) ** 0.5", {"power"}),
        ("log(words)", {"log"}),
        ("log(words + 1)", set()),
        ("log(words) if words >= 1 else 0", set()),
        ("sqrt(words - 1)", {"sqrt"}),
        ("sqrt(words - steps) if words >= steps else 0", set()),
        ("exp(words)", set()),
        ("exp(2 * words)", {"large"}),
        ("10 ** words", {"large"}),
        ("clip(words, steps, 5)", {"limits"}),
        ("1 / (words - words)", {"zero"}),
        ("0 if words == 0 else 1 / words", set()),
        ("1 if words == 0 or 1 / words > 0.5 else 0", set()),
    ],
)
def test_what_can_go_wrong_is_named_and_nothing_else(text: str, kinds: set[str] | None) -> None:
    if kinds is None:
        assert read(text, scope_of(NAMES)).problems  # a number is no condition: nothing to bound
        return
    _, asked = bounds(text)
    assert set().union(*asked.faults.values()) == kinds


@pytest.mark.parametrize(
    ("text", "taken"),
    [
        ("1 if words >= 0 else 2", {True}),
        ("1 if words > 500 else 2", {False}),
        ("1 if words > 400 else 2", {True, False}),
        ("1 if steps > 3 and steps < 4 else 2", {False}),
        ("1 if words > 3 * words + 1 else 2", {True, False}),
    ],
)
def test_branches_that_are_never_taken_are_known(text: str, taken: set[bool]) -> None:
    _, asked = bounds(text)
    assert list(asked.taken.values()) == [taken]


BOX = st.fixed_dictionaries(
    {name: st.tuples(st.integers(0, top), st.integers(0, top)).map(sorted) for name, top in KINDS.items()}
)


@settings(max_examples=400, deadline=None)
@given(
    pair=st.one_of(numbers(3), conditions(3)), box=BOX, flags=st.tuples(st.booleans(), st.booleans()), data=st.data()
)
def test_the_bounds_hold_every_value(
    pair: Pair, box: dict[str, list[int]], flags: tuple[bool, bool], data: st.DataObject
) -> None:
    node = read(pair[0], scope_of(NAMES)).node
    if node is None:
        return  # a part of it has no value for any measures
    point_in = {name: float(data.draw(st.integers(low, high), label=name)) for name, (low, high) in box.items()}
    found, asked = bounds(pair[0], **{name: (low, high) for name, (low, high) in box.items()})
    try:
        value = node.run({**point_in, "correct": flags[0], "formatted": flags[1]})
    except UnscorableError:
        assert asked.faults
        return
    assert found is not None
    assert found.holds(float(value))
    assert not found.whole or float(value).is_integer()


@settings(max_examples=400, deadline=None)
@given(
    pair=conditions(3),
    numbers_in=st.fixed_dictionaries({n: st.integers(0, t) for n, t in KINDS.items()}),
    flags=st.tuples(st.booleans(), st.booleans()),
)
def test_narrowing_keeps_what_makes_a_condition_so(
    pair: Pair, numbers_in: dict[str, int], flags: tuple[bool, bool]
) -> None:
    node = read(pair[0], scope_of(NAMES)).node
    if node is None:
        return
    env = {**{name: float(value) for name, value in numbers_in.items()}, "correct": flags[0], "formatted": flags[1]}
    try:
        value = node.run(dict(env))
    except UnscorableError:
        return
    tree = parsed(pair[0])
    asked = Bounds({}, lambda _: True)
    asked.learn(tree)
    ranges = {name: Interval(0.0, float(top), True) for name, top in KINDS.items()}
    world = World(ranges | {"correct": EITHER, "formatted": EITHER})
    inside = asked.where(tree.tree, TRUE if value else FALSE, world)
    assert inside is not None
    assert all(inside.ranges[name].holds(float(given)) for name, given in env.items())
    for key, fact in inside.facts.items():
        text = f"({key[1]}) - ({key[2]})" if len(key) == 3 else key[0]
        part = read(text, scope_of(NAMES)).node
        assert part is not None
        assert fact.holds(float(part.run(dict(env))))


def test_conditions_that_would_take_for_ever_are_given_up() -> None:
    text = "words > 0"
    while len(text) < 900:
        text = f"({text} or steps > {len(text)}) and words < {len(text)}"
    with pytest.raises(TooHardError):
        bounds(f"1 if {text} else 2")


@pytest.mark.parametrize("name", sorted(FUNCTION_NAMES))
def test_every_function_of_the_language_has_bounds(name: str) -> None:
    known = {"curve": "words, [0, 1], [9, 2]", "clip": "words, 0, 1", "min": "words, steps", "max": "words, steps"}
    found, _ = bounds(f"{name}({known.get(name, 'words')})")
    assert found is not None


def test_a_point_is_bounded_by_itself() -> None:
    found, _ = bounds("0.1 + 0.2")
    assert found == point(0.1 + 0.2)
