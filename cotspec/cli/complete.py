"""What a shell completes: specs and names of experiments, behind `@` the variants of one, behind `:` its models.
Imported when a shell asks."""

from __future__ import annotations

import io
import os
import re
from collections.abc import Callable, Iterator, MutableMapping, Sequence
from contextlib import redirect_stdout, suppress
from glob import escape, glob
from pathlib import Path
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from cotspec.front.load import Loaded
    from cotspec.spec.experiment import Experiment

_BREAKS: Final = "[@:]"
"""Where bash ends a word."""


def specs(incomplete: str) -> list[str]:
    """YAML files that begin so, and folders on the way to them."""
    return sorted(_files(incomplete))


def members(incomplete: str) -> list[str]:
    """The same and names of experiments, SPEC@VARIANT and SPEC@ alone, REV:SPEC@VARIANT and SPEC@VARIANT:MODEL."""
    before, colon, after = incomplete.rpartition(":")
    if colon and (models := _models(before)):
        return [f"{before}:{name}" for name in models if name.startswith(after)]
    if colon:  # a git revision, whose specs are mostly those of now
        return [f"{before}:{each}" for each in members(after)]
    place, at, start = incomplete.partition("@")
    if not at:
        return specs(incomplete) + _experiments(incomplete)
    spec, _ = _spec(place)
    family = _family(spec) if not start else _family(spec)[1:]
    return [f"{place}@{each.variant}" for each in family if each.variant.startswith(start)]


def _experiments(start: str) -> list[str]:
    """Names that begin so; those of variants, too, where one spec alone is left."""
    from cotspec.cli import experiment_names, project

    own = start.partition("--")[0]
    known = experiment_names.known(project.find_root(Path.cwd())) if start else {}
    found = {name: paths for name, paths in known.items() if name.startswith(own)}
    if len(found) != 1:
        return [name for name in found if name.startswith(start)]
    (((path, *_),),) = [found.values()]
    return [each.name for each in _family(str(path)) if each.name.startswith(start)]


def _spec(name: str) -> tuple[str, str]:
    """File and variant of what is named by a path or by the name of an experiment; "" where there is none."""
    from cotspec.cli import experiment_names, project

    if os.path.isfile(name):
        return name, ""
    paths = experiment_names.known(project.find_root(Path.cwd())).get(name.partition("--")[0], [])
    return (str(paths[0]), name.partition("--")[2]) if paths else ("", "")


def _files(start: str) -> Iterator[str]:
    for path in glob(f"{escape(start)}*"):
        if os.path.isdir(path):
            yield f"{path}/"
        elif path.endswith((".yaml", ".yml")):
            yield path


def _family(place: str) -> Sequence[Loaded]:
    """A spec and its variants; nothing where there is none."""
    from cotspec.diagnostics import Sink
    from cotspec.front.load import load

    loaded = load(place, Sink()) if os.path.isfile(place) else None
    return () if loaded is None else loaded.family


def _models(text: str) -> list[str]:
    """Who is evaluated by SPEC@VARIANT, and its stages."""
    from cotspec.spec.evaluation import sets_of

    one = _experiment(text)
    if one is None:
        return []
    return list(dict.fromkeys([*(name for given in sets_of(one.evaluate) for name in given.of), *one.stages]))


def parts(spec: str, incomplete: str, *, texts: bool = False, models: bool = False) -> list[str]:
    """Stages of SPEC@VARIANT that begin so, and its texts or models."""
    one = None if ":" in spec else _experiment(spec)
    if one is None:
        return []
    names = [*one.stages, *(one.generate if texts else ()), *(one.models if models else ())]
    return [name for name in names if name.startswith(incomplete)]


def compared(given: Sequence[str], incomplete: str) -> list[str]:
    """What `compare` may take behind what is given: models of the spec that stands first, or of any."""
    own = _models(given[0]) if given and ":" not in given[0] else []
    return [name for name in own if name.startswith(incomplete)] or members(incomplete)


def _experiment(text: str) -> Experiment | None:
    """SPEC@VARIANT; None where there is none."""
    place, _, variant = text.partition("@")
    spec, named = _spec(place)
    return next((each.experiment for each in _family(spec) if each.variant == (variant or named)), None)


def in_bash(answer: Callable[[], None]) -> None:
    """Have Typer answer bash, which ends a word at `@` and `:`: `a.yaml`, `@` and `v` are one word to us, of which bash
    replaces what stands behind the `@`."""
    rejoin(os.environ)
    said = io.StringIO()
    with redirect_stdout(said), suppress(SystemExit):
        answer()
    for line in said.getvalue().splitlines():
        print(re.split(_BREAKS, line)[-1])


def rejoin(environment: MutableMapping[str, str]) -> None:
    """Put the words of bash's `COMP_WORDS` together around `@` and `:`, and count them anew up to the current one."""
    words = environment.get("COMP_WORDS", "").split("\n")
    current = int(environment.get("COMP_CWORD", "0"))
    while breaks := [place for place, word in enumerate(words) if place and _ends_a_word(word)]:
        at = breaks[0]
        after = [word for word in words[at + 1 : at + 2] if at < current and not _ends_a_word(word)]
        words[at - 1 : at + 1 + len(after)] = ["".join((words[at - 1], words[at], *after))]
        current -= (1 + len(after)) if at <= current else 0
    environment["COMP_WORDS"], environment["COMP_CWORD"] = "\n".join(words), str(current)


def _ends_a_word(word: str) -> bool:
    return re.fullmatch(f"{_BREAKS}+", word) is not None
