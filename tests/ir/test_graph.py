"""Build order over edges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cotspec.ir.graph import CycleError, order


@st.composite
def acyclic(draw: st.DrawFn) -> dict[str, list[str]]:
    size = draw(st.integers(0, 12))
    rank = [str(i) for i in range(size)]
    edges = {rank[i]: draw(st.lists(st.sampled_from(rank[:i]), unique=True)) if i else [] for i in range(size)}
    return {name: edges[name] for name in draw(st.permutations(rank))}


@given(acyclic())
def test_every_node_stands_once_and_after_what_it_needs(edges: dict[str, list[str]]) -> None:
    found = order(edges)
    assert sorted(found) == sorted(edges)
    place = {name: at for at, name in enumerate(found)}
    assert all(place[need] < place[name] for name, needs in edges.items() for need in needs)


def test_nodes_without_ties_keep_their_order() -> None:
    assert order({"c": [], "a": [], "b": []}) == ("c", "a", "b")


def test_a_cycle_is_named_once_around() -> None:
    with pytest.raises(CycleError) as error:
        order({"start": ["a"], "a": ["b"], "b": ["c"], "c": ["a"]})
    assert error.value.names == ("a", "b", "c", "a")


def test_a_need_that_is_no_node_is_an_error() -> None:
    with pytest.raises(KeyError):
        order({"a": ["b"]})


def test_a_chain_longer_than_the_recursion_limit() -> None:
    edges = {str(i): [str(i + 1)] for i in range(5000)} | {"5000": []}
    assert order(edges)[0] == "5000"
