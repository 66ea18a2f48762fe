"""Experiments of a project by the names that `cotspec results` prints: `own`, and `own--faster` for a variant.

Reads no more of a spec than its name, so that one with a mistake is found, too, and its findings are shown."""

from __future__ import annotations

from contextlib import suppress
from pathlib import Path
from typing import NamedTuple

from cotspec.cli import project
from cotspec.cli.errors import ProblemError


class Found(NamedTuple):
    """What a name stands for."""

    path: Path
    """The spec, as a person in this folder would write it."""
    variant: str
    """"" is the spec itself; whether it has a variant of another name is not known yet."""


def by_name(root: Path, name: str) -> Found | None:
    """What `name` stands for. Raises ProblemError when two specs have it."""
    own, _, variant = name.partition("--")
    paths = known(root).get(own, [])
    if len(paths) > 1:
        several = " and ".join(path.as_posix() for path in paths)
        raise ProblemError(f"`{own}` is the name of {several}: name one by its path")
    return Found(paths[0], variant) if paths else None


def known(root: Path) -> dict[str, list[Path]]:
    """The specs of the project by the names of their experiments, variants left out."""
    from cotspec.front import nodes
    from cotspec.front.compose import sketch
    from cotspec.front.yaml_source import parse_nodes

    named: dict[str, list[Path]] = {}
    specs: list[Path] = []
    with suppress(ProblemError):  # a project without specs has no names
        specs = project.everything(root)
    for path in specs:
        composed = sketch(path, root, parse_nodes)
        entry = None if composed is None else nodes.entry(composed.root, "name")
        if entry is not None and isinstance(entry.node, nodes.ScalarNode):
            named.setdefault(str(entry.node.value), []).append(path)
    return named
