"""Small graphs by functions from a node to the next ones: what can be reached, and what can reach itself."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping
from typing import TypeVar

Node = TypeVar("Node", bound=Hashable)


class OutOfBudgetError(Exception):
    """More was looked at than was allowed."""


class Budget:
    """Counts work, so that no input can take long."""

    def __init__(self, steps: int) -> None:
        self.left = steps

    def spend(self, steps: int) -> None:
        """Raises OutOfBudgetError."""
        self.left -= steps
        if self.left < 0:
            raise OutOfBudgetError


def reachable(starts: Iterable[Node], after: Callable[[Node], Iterable[Node]], budget: Budget) -> set[Node]:
    """The starts and all that can be reached from them."""
    found = set(starts)
    open_ = list(found)
    while open_:
        for node in after(open_.pop()):
            budget.spend(1)
            if node not in found:
                found.add(node)
                open_.append(node)
    return found


def components(after: Mapping[int, Iterable[int]]) -> list[frozenset[int]]:
    """Sets of nodes that all reach one another, each set after those it can be reached from."""
    order = _finished(after, list(after))
    back: dict[int, list[int]] = {node: [] for node in after}
    for node, others in after.items():
        for other in others:
            back[other].append(node)
    seen: set[int] = set()
    found = []
    for node in reversed(order):
        if node not in seen:
            group = {node}
            open_ = [node]
            while open_:
                fresh = [other for other in back[open_.pop()] if other not in seen and other not in group]
                group.update(fresh)
                open_.extend(fresh)
            seen |= group
            found.append(frozenset(group))
    return found


def _finished(after: Mapping[int, Iterable[int]], starts: Iterable[int]) -> list[int]:
    """Nodes in the order a depth-first walk leaves them; a stack and no recursion."""
    seen: set[int] = set()
    order = []
    for start in starts:
        if start in seen:
            continue
        seen.add(start)
        stack = [(start, iter(after[start]))]
        while stack:
            node, others = stack[-1]
            step = next((other for other in others if other not in seen), None)
            if step is None:
                order.append(node)
                stack.pop()
            else:
                seen.add(step)
                stack.append((step, iter(after[step])))
    return order
