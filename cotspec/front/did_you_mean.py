"""A key the language does not have at its place → what was probably meant. Knows the shape of a spec; not YAML.

Evidence counts in this order: another trainer's name; a misspelling of what must be given and is not; the same key in
another group that lacks it, if the value could stand there; a close misspelling; the same further away or less alike.
"""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import NamedTuple

from cotspec.diagnostics.source_map import Path, dotted
from cotspec.diagnostics.suggest import alike, did_you_mean, either, likeness, near
from cotspec.front import first_language, phrases, shape, trl_keys
from cotspec.front.foreign import ADVICE, NAMES, NAMES_OF, folded
from cotspec.front.groups import Group
from cotspec.front.nodes import Data

_FAR = 2
"""Steps to another group, as in `rows` → stage → `mask`; a key is seldom moved further."""
_SHORT = 3
"""Letters of a word that is like too many others."""
_MOST = 4
"""Groups that are named as the place of a key."""


class Guess(NamedTuple):
    """A guess: what to do, the keys that could stand instead, and the setting that counts as given."""

    help: str
    suggestions: tuple[str, ...] = ()
    home: Path | None = None


def meant(key: str, here: Group, every: Sequence[Group]) -> Guess:
    """The best guess for one key; `every` is all groups of the spec."""
    value, file = here.data[key], here.file(key)
    if earlier := first_language.instead(here.path, key, value):
        return Guess(help=earlier)
    if nested := phrases.nested(key, here.settings(), "…"):
        return Guess(help=nested, home=(*here.path, *key.split(".")))
    free = here.free(file)
    close = _ranked(key, value, here)
    sure = tuple(name for name in close if alike(key, name))
    lost = tuple(name for name in sure if name in here.needed())
    fitting = tuple(name for name in sure if _fits(name, value, here))
    others = [group for group in every if group.path != here.path and group.entry is None]
    return (
        _foreign_here(key, free, here)
        or _foreign_given(key, here)
        or _same(lost and sure, here)
        or elsewhere(key, here, [g for g in others if key in g.free(file) and _fits(key, value, g)])
        or _elsewhere_near(key, value, here, others, lacking=True)
        or _passed(key, here)
        or _advice(key)
        or _foreign(key, value, here, others)
        or _of_kind(key, key, here)
        or _same(fitting and sure, here)
        or _elsewhere_near(key, value, here, others, lacking=False)
        or _same(sure, here)
        or _twice(key, here)
        or _passed_near(key, here)
        or _given(key, key, here, others)
        or _far(key, here, others)
        or _foreign_near(key, free, here)
        or elsewhere(key, here, [g for g in others if key in g.free(file)])
        or _entry(value, here, every)
        or _same(close, here)
        or Guess(help=did_you_mean((), free) or "leave it out")
    )


def elsewhere(key: str, here: Group, homes: Sequence[Group], *, misspelt: bool = False) -> Guess | None:
    """`key` belongs in one of `homes`, which all have room for it: those that lack it, or else the nearest."""
    if not homes:
        return None
    lacking = [group for group in homes if key in group.needed()]
    steps = {group.path: _steps(here.path, group.path) for group in lacking or homes}
    nearest = min(steps.values())
    if nearest > _FAR and not lacking:
        return None
    best = [path for path in steps if steps[path] == nearest]
    where = places(best)
    return Guess(help=f"did you mean `{key}` {where}?" if misspelt else f"it belongs {where}", home=(*best[0], key))


def places(paths: Sequence[Path]) -> str:
    """Groups by their dotted paths: ``in `teach` or `evaluate` ``."""
    if () in paths:
        return "at the top of the spec"
    # exceptions of several files stand one after another: their numbers are nobody's
    words = list(dict.fromkeys(dotted(path[:1] if path[0] == "allow" else path) for path in paths))
    if len(words) <= _MOST:
        return f"in {either(words)}"
    return f"in {', '.join(f'`{word}`' for word in words[: _MOST - 1])} or another"


def _far(key: str, here: Group, others: Sequence[Group]) -> Guess | None:
    """A setting that is known, only far from here."""
    homes = [group.path for group in others if key in group.free(here.file(key))]
    return Guess(help=f"it belongs {places(homes)}") if homes and len(key) > _SHORT else None


def _same(names: tuple[str, ...], here: Group) -> Guess | None:
    return Guess(help=did_you_mean(names), suggestions=names, home=(*here.path, names[0])) if names else None


def _twice(key: str, here: Group) -> Guess | None:
    """A misspelling of what is given already."""
    given = next((name for name in near(key, here.settings()) if alike(key, name) and name in here.data), None)
    return Guess(help=f"`{given}` is given already: leave this one out") if given else None


def _given(key: str, name: str, here: Group, others: Sequence[Group]) -> Guess | None:
    """A setting that stands where it belongs already, nearby or everywhere it could."""
    steps = {g.path: _steps(here.path, g.path) for g in others if name in g.data and name in g.settings()}
    nearest = min(steps.values(), default=_FAR + 1)
    anywhere = any(name in g.free(here.file(key)) for g in others)
    if not steps or (nearest > _FAR and (anywhere or len(name) <= _SHORT)):
        return None
    best = [path for path in steps if steps[path] == nearest]
    if not any(_within(path, here.path) or _within(here.path, path) for path in best):
        return Guess(help=f"{_called(key, name)}it belongs {places(best)}, which has it: leave this one out")
    return Guess(help=f"{_called(key, name)}it is given {places(best)} already: leave this one out")


def _within(path: Path, outer: Path) -> bool:
    return path[: len(outer)] == outer


def _of_kind(key: str, name: str, here: Group) -> Guess | None:
    """A setting of groups of another kind, as one of `grpo` where a stage trains by `sft`."""
    form = {kind: shape.forms(model).get(name) for kind, model in here.kinds.items()}
    able = [kind for kind, each in form.items() if each is not None and shape.fits(each, here.data[key])]
    return Guess(help=f"{_called(key, name)}`{name}` is a setting of {either(able)}: leave it out") if able else None


def _called(key: str, name: str) -> str:
    return "" if name == key else f"cotspec calls it `{name}`; "


def _ranked(key: str, value: Data, here: Group) -> tuple[str, ...]:
    """Free settings that look like the key; what is needed and what the value fits come first among equals."""

    def rank(name: str) -> float:
        return likeness(key, name) + 0.1 * (name in here.needed()) + 0.1 * _fits(name, value, here)

    return tuple(sorted(near(key, here.free(here.file(key))), key=rank, reverse=True))


def _fits(key: str, value: Data, group: Group) -> bool:
    return shape.fits(group.settings()[key], value)


def _steps(one: Path, other: Path) -> int:
    """Groups to go through from one place to another; the items of a list lie in the list's own group."""
    a, b = ([step for step in path if isinstance(step, str)] for path in (one, other))
    common = next((i for i, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), min(len(a), len(b)))
    return len(a) + len(b) - 2 * common


def _foreign_here(key: str, free: Collection[str], here: Group) -> Guess | None:
    """Another trainer's name for a setting of this group."""
    last = next((name for name in _ours(key, here) if name in free and name != key), None)
    return _same((last,), here) if last else None


def _foreign_given(key: str, here: Group) -> Guess | None:
    """Another trainer's name for a setting that stands beside it."""
    last = next((name for name in _ours(key, here) if name in here.data and name in here.settings()), None)
    return Guess(help=f"cotspec calls it `{last}`, which is given already: leave this one out") if last else None


def _ours(key: str, here: Group) -> tuple[str, ...]:
    """What we call a setting that goes by another trainer's name, without the groups that it lies in: in general, and
    in TRL where this group is the settings of a trainer."""
    if own := NAMES_OF.get(here.kind, {}).get(folded(key)):
        return (own,)
    return NAMES.get(folded(key), "").rpartition(".")[2], trl_keys.called(key, here).rpartition(".")[2]


def _advice(key: str) -> Guess | None:
    """What to do about another trainer's name that nothing here answers to."""
    return Guess(help=ADVICE[folded(key)]) if folded(key) in ADVICE else None


def _passed(key: str, here: Group) -> Guess | None:
    """A setting of TRL that is not passed on; one that has a name of ours counts as given."""
    other = trl_keys.known(here).get(folded(key))
    if other is None:
        return None
    return Guess(help=other.advice, home=(*here.path[:-1], *other.ours.split(".")) if other.ours else None)


def _passed_near(key: str, here: Group) -> Guess | None:
    close = trl_keys.near_known(key, here)
    return Guess(help=f"TRL's `{close[0]}` is not passed on: {close[1].advice}") if close else None


def _foreign(key: str, value: Data, here: Group, others: Sequence[Group]) -> Guess | None:
    """Another trainer's name for a setting of another group."""
    ours = NAMES.get(folded(key))
    if ours is None:
        return None
    last = ours.rpartition(".")[2]
    homes = [g for g in others if last in g.free(here.file(key)) and _named(g.path, ours) and _fits(last, value, g)]
    guess = elsewhere(last, here, homes, misspelt=last != key) if homes else None
    if not homes and last == ours:
        guess = _of_kind(key, last, here) or _given(key, last, here, others)
    where = f", {places([group.path for group in homes])}" if homes else ""
    return guess or Guess(help=f"it is `{ours}`" if folded(key) == last else f"cotspec calls it `{ours}`{where}")


def _named(path: Path, ours: str) -> bool:
    """Whether our dotted name can end with a key of this group: `lora.r` lies in any `lora`."""
    above = ours.split(".")[:-1]
    return not above or list(path[-len(above) :]) == above


def _foreign_near(key: str, free: Collection[str], here: Group) -> Guess | None:
    """Another trainer's name, misspelt."""
    close = [name for name in near(key, {**NAMES, **ADVICE}) if alike(key, name)] if len(key) > _SHORT else []
    if not close or close[0] in ADVICE:
        return _advice(close[0]) if close else None
    return _foreign_here(close[0], free, here) or Guess(help=f"cotspec calls it `{NAMES[close[0]]}`")


def _elsewhere_near(key: str, value: Data, here: Group, others: Sequence[Group], *, lacking: bool) -> Guess | None:
    """A misspelt key of another group; with `lacking`, of one that cannot do without it."""
    likely: list[tuple[float, str]] = []
    file = here.file(key)
    for group in others:
        if _steps(here.path, group.path) <= _FAR:
            free = group.needed() if lacking else group.free(file)
            fitting = (name for name in near(key, free) if alike(key, name) and _fits(name, value, group))
            likely += [(likeness(key, name), name) for name in fitting]
    if not likely:
        return None
    name = max(likely)[1]
    return elsewhere(name, here, [g for g in others if name in g.free(file) and _fits(name, value, g)], misspelt=True)


def _entry(value: Data, here: Group, every: Sequence[Group]) -> Guess | None:
    """A whole named entry that lies outside its group."""
    if not isinstance(value, dict) or not value:
        return None
    near_by = [g for g in every if g.entry is not None and _steps(here.path, g.path) <= _FAR]
    homes = [g.path for g in near_by if shape.models(g.entry) and shape.fits(g.entry, value)]
    return Guess(help=f"an entry like this belongs {places(homes)}", home=(*homes[0], "")) if homes else None
