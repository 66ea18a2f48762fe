"""A stage's log.jsonl as charts: what each number of a step is called and which numbers stand in one chart."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cotspec.cot import signal
from cotspec.page import charts
from cotspec.page.figures import number, percent
from cotspec.page.safe_text import brief
from cotspec.runtime import lines

if TYPE_CHECKING:
    from markupsafe import Markup

_ORDER: Final[Mapping[str, tuple[str, bool]]] = {
    "reward": ("reward", False),
    "term/": ("terms of the reward, weighted", False),
    "gate/": ("stopped by a gate of the reward", True),
    "accuracy": ("accuracy", True),
    "formatted": ("well-formed", True),
    "tokens": ("length in tokens", False),
    "steps": ("steps of an answer", False),
    "kl": ("KL from the reference", False),
    "entropy": ("entropy", False),
    "loss": ("loss", False),
    "pair_accuracy": ("pairs in the right order", True),
    "margin": ("margin between the texts of a pair", False),
    "chosen_reward": ("reward of the better text of a pair", False),
    "rejected_reward": ("reward of the worse text of a pair", False),
    signal.GROUPS: ("groups without signal", True),
    signal.UNDECIDED: ("groups without a majority", True),
    signal.REDRAWN: ("draws more a prompt", False),
    signal.TRUNCATED: ("cut at the limit", True),
    "ungradable": ("ungradable", True),
    "unscorable": ("not scorable", True),
    "unscorable/": ("not scorable, by part", True),
    f"{signal.UNJUDGED}/": ("left open by a judge", True),
    signal.IMITATED: ("imitated", True),
    "reward_std": ("spread of the reward in a group", False),
    "token_accuracy": ("accuracy by token", True),
    "grad_norm": ("norm of the gradient", False),
    "lr": ("learning rate", False),
}
"""Number, or what begins numbers of one chart → what it is called, and whether it is a share; in the order of the page.
Any other number has a chart under its own name, below."""
_STEP: Final = "step"
NAMES: Final = tuple(_ORDER)
"""All numbers that have a place of their own."""


@dataclass(frozen=True)
class Key:
    """A line of a chart."""

    colour: int
    name: str


@dataclass(frozen=True, kw_only=True)
class Chart:
    """A chart with what stands above it."""

    name: str
    keys: tuple[Key, ...]
    """Of several lines."""
    ends: str
    """Where the line begins and ends."""
    drawing: Markup


Log = Sequence[Mapping[str, float]]


def read(path: Path) -> Log:
    """The steps of a log."""
    return [signal.numbers(entry) for entry in lines.iterate(path, dict[str, Any])]


def of(log: Log, gates: Sequence[str] = ()) -> list[Chart]:
    """The charts of a log; a number that was never logged has none. `gates` are the conditions of those of the
    reward."""
    words = {f"gate/{at}": f"{at}: not {brief(condition)}" for at, condition in enumerate(gates, 1)}
    names = dict.fromkeys(name for entry in log for name in entry if name != _STEP)
    charts = [(title, share, list(_members(names, key))) for key, (title, share) in _ORDER.items()]
    told = {name for _, _, members in charts for name in members}
    charts += [(name, False, [name]) for name in sorted(names) if name not in told]
    return [chart for title, share, members in charts if (chart := _chart(log, title, members, words, share=share))]


def _members(names: Mapping[str, None], key: str) -> Iterator[str]:
    return (name for name in names if name == key or (key.endswith("/") and name.startswith(key)))


def _chart(log: Log, title: str, members: Sequence[str], words: Mapping[str, str], *, share: bool) -> Chart | None:
    series = [charts.Series(words.get(name, name.rpartition("/")[2]), _points(log, name)) for name in members]
    series = [each for each in series if each.points]
    if not series:
        return None
    several = len(series) > 1 or "/" in members[0]
    keys = tuple(Key(at % charts.COLOURS, each.name) for at, each in enumerate(series)) if several else ()
    ends = "" if len(series) > 1 else _ends(series[0].points, share=share)
    drawing = charts.lines(series, title=title, percent=share, noisy=members[0] != "lr")
    return Chart(name=title, keys=keys, ends=ends, drawing=drawing)


def _points(log: Log, name: str) -> list[charts.Point]:
    return [(entry[_STEP], entry[name]) for entry in log if _STEP in entry and name in entry]


def _ends(points: Sequence[charts.Point], *, share: bool) -> str:
    """Means of the first and of the last tenth."""
    some = max(1, len(points) // 10)
    said = percent if share else number
    first, last = ([value for _, value in part] for part in (points[:some], points[-some:]))
    return f"{said(sum(first) / len(first))} → {said(sum(last) / len(last))}"
