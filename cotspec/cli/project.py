"""Where the project is and which specs are its own. Reads pyproject.toml; writes nothing."""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from itertools import takewhile
from pathlib import Path
from typing import Final

from cotspec.cli.errors import ProblemError

DEFAULT: Final = ("specs/*.yaml",)
_LARGEST: Final = 200_000
"""Bytes of pyproject.toml."""
_MOST_DOTS: Final = 500
"""In a line of it."""
_PLACE: Final = "pyproject.toml, [tool.cotspec]"


def find_root(start: Path) -> Path:
    """The nearest folder from `start` upwards that is a project; else `start`."""
    from cotspec.front.paths import project_root

    return project_root(start / "spec.yaml").resolve()


def chosen(root: Path, specs: Sequence[Path]) -> dict[str, Path]:
    """The specs to read, by their path in the project: those given, else the project's set. Raises ProblemError.

    In the order of their paths and not of the arguments, so that `build a b` and `build b a` write the same bytes.
    """
    paths = {_inside(root, path): path for path in specs or _own(root)}
    return {name: paths[name] for name in sorted(paths)}


def everything(root: Path) -> list[Path]:
    """Every spec that is known to be the project's own: the set, and what stands in `specs/`. Raises ProblemError."""
    there = (_as_typed(path) for pattern in DEFAULT for path in sorted(root.glob(pattern)))
    return list(dict.fromkeys((*_own(root), *there)))


def known(root: Path, named: Iterable[Path] = ()) -> list[Path]:
    """Specs that were named, and those of the project as far as its settings can be read."""
    try:
        return [*named, *everything(root)]
    except ProblemError:
        return list(named)


def _inside(root: Path, path: Path) -> str:
    from cotspec.front.paths import is_project, project_root

    real = Path(os.path.realpath(path))  # unlike `resolve`, it takes a link that leads to itself
    owner = project_root(real)
    if owner != root.resolve() and is_project(owner):
        raise ProblemError(f"{path} belongs to the project {owner}: run the command there")
    try:
        return real.relative_to(root.resolve()).as_posix()
    except ValueError as error:
        raise ProblemError(f"{path} is not in the project {root}: run the command in the spec's own project") from error


def _own(root: Path) -> list[Path]:
    patterns = _patterns(root)
    paths: list[Path] = []
    for pattern in patterns or DEFAULT:
        matches = sorted(root.glob(pattern)) if _stays(root, pattern) else []
        if not matches and patterns:
            raise ProblemError(f"{_PLACE} specs: nothing matches `{pattern}`")
        paths.extend(matches)
    if not paths:
        raise ProblemError("there are no specs: name one, or run `cotspec init` to begin with one that works")
    return [_as_typed(path) for path in paths]


def _stays(root: Path, pattern: str) -> bool:
    """Whether the folder a pattern begins in is one of the project, also when it is a link."""
    from cotspec.files.regular import inside

    fixed = takewhile(lambda part: not set(part) & set("*?["), Path(pattern).parts)
    return inside(root.joinpath(*fixed), root)


def _as_typed(path: Path) -> Path:
    """The path as a person in this folder would write it."""
    return Path(os.path.relpath(path))


def _patterns(root: Path) -> tuple[str, ...]:
    """What pyproject.toml names; empty when it says nothing."""
    settings = _settings(root)
    unknown = sorted(settings.keys() - {"specs"})
    if unknown:
        raise ProblemError(f"{_PLACE}: there is no setting `{unknown[0]}`, only `specs`")
    specs = settings.get("specs", [])
    if not isinstance(specs, list) or not all(isinstance(pattern, str) and pattern for pattern in specs):
        raise ProblemError(f'{_PLACE}: `specs` is a list of paths, e.g. ["specs/*.yaml"]')
    if any(Path(pattern).is_absolute() or ".." in Path(pattern).parts for pattern in specs):
        raise ProblemError(f"{_PLACE} specs: paths are relative to the project and stay in it")
    return tuple(specs)


def _text(path: Path, folder: Path) -> str:
    """The text of a file of the project, which may be a stranger's. Raises ProblemError, UnicodeDecodeError."""
    from cotspec.files import regular

    try:
        raw = regular.content(path, most=_LARGEST, within=(folder,))
    except OSError as error:
        raise ProblemError(f"{path} cannot be read: {error.strerror}") from error
    if any(line.count(b".") > _MOST_DOTS for line in raw.splitlines()):  # Python takes the square of a key's parts
        raise ProblemError(f"{path} has a line with more than {_MOST_DOTS:,} dots, and cotspec does not read it")
    return raw.decode()


def _settings(folder: Path) -> dict[str, object]:
    import tomllib  # here: who names the specs does not need it

    path = folder / "pyproject.toml"
    if not os.path.lexists(path):
        return {}
    try:
        table = tomllib.loads(_text(path, folder))
    except (ValueError, RecursionError) as error:
        raise ProblemError(f"{path} is not TOML: {error}") from error
    tools = table.get("tool", {})
    settings = tools.get("cotspec", {}) if isinstance(tools, dict) else None
    if not isinstance(settings, dict):
        raise ProblemError("pyproject.toml: tool.cotspec is not a table")
    return settings
