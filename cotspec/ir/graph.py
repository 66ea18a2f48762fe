"""Order over the edges of a plan. Generic over what a node is; knows nothing of tasks."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


class CycleError(ValueError):
    """The edges form a cycle; `names` walks it once."""

    def __init__(self, names: tuple[str, ...]) -> None:
        super().__init__(" → ".join(names))
        self.names = names


def order(edges: Mapping[str, Iterable[str]]) -> tuple[str, ...]:
    """Return the nodes with every node after those it needs; otherwise in the order of `edges`.

    `edges` maps each node to what it needs. Raises KeyError for a need that is no node and CycleError for a cycle.
    """
    done: dict[str, None] = {}
    for start in edges:
        _visit(start, edges=edges, done=done)
    return tuple(done)


def _visit(start: str, *, edges: Mapping[str, Iterable[str]], done: dict[str, None]) -> None:
    # Iterative: a chain of stages may be longer than Python's recursion limit.
    path: dict[str, list[str]] = {}
    stack = [start]
    while stack:
        node = stack[-1]
        if node in done:
            stack.pop()
            continue
        if node not in path:
            path[node] = [need for need in edges[node] if need not in done]
        if not path[node]:
            done[stack.pop()] = None
            del path[node]
            continue
        need = path[node].pop(0)
        if need in path:
            names = list(path)
            raise CycleError((*names[names.index(need) :], need))
        stack.append(need)
