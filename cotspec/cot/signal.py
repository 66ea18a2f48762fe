"""Learning signal: which optimizer steps could teach anything, from a run's own numbers, and what to say when none did.

A GRPO group teaches by the differences between its rewards. Where all of them are equal every advantage is 0, whatever
the KL term or rounding does to the gradient, so signal is read from the rewards first and from the gradient second.
Knows logs and metrics as plain numbers; no trainers and no files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from math import copysign, inf
from struct import pack, unpack
from typing import Final

GROUPS: Final = "groups_without_signal"
"""Share of a generation's groups that teach nothing."""
IMITATED: Final = "imitated"
"""Share of a generation's prompts of whose completions none was right, and whose demonstration was imitated."""
REDRAWN: Final = "redrawn"
"""Times that a prompt's completions were drawn anew, as a mean over the prompts of a generation."""
UNDECIDED: Final = "groups_without_majority"
"""Share of a generation's groups in which no answer leads, where the reward asks who agrees."""
TRUNCATED: Final = "truncated"
"""Share of a generation's completions that were cut at the token limit."""
UNJUDGED: Final = "unjudged"
"""With the name of a judge, the share of a generation's completions of which its text does not say what the reward
asks."""
STEPS: Final = "steps_without_signal"
"""Optimizer steps of a run that could not teach anything."""

Entry = Mapping[str, float]
"""One step of a log."""
Scored = tuple[float | None, bool]
"""Reward of a completion (None: it cannot be scored), and whether its tokens are in the loss."""


def equal_groups(completions: Sequence[Scored], group: int) -> frozenset[int]:
    """The numbers of the groups that teach nothing; `completions` are whole groups, one after the other."""
    groups = (completions[first : first + group] for first in range(0, len(completions), group))
    return frozenset(number for number, one in enumerate(groups) if not _teaches(one))


def _teaches(group: Sequence[Scored]) -> bool:
    """Whether a completion that is in the loss has another reward than the mean of its group. Compared as the trainer
    holds them, in 32 bits: what differs less than that is equal to it."""
    rewards = [(_single(reward), kept) for reward, kept in group if reward is not None]
    values = [reward for reward, _ in rewards]
    if len(set(values)) < 2:
        return False
    mean = sum(values) / len(values)
    return any(kept and reward != mean for reward, kept in rewards)


def _single(value: float) -> float:
    """The nearest 32-bit number."""
    try:
        return float(unpack("f", pack("f", value))[0])
    except OverflowError:
        return copysign(inf, value)


class Streak:
    """The optimizer steps at the end of a log that had no signal, one after the other.

    Only what the log says is read, and the log is part of a checkpoint: a resumed run counts as if it never stopped.
    """

    def __init__(self, log: Iterable[Entry] = ()) -> None:
        self.entries: list[Entry] = []
        self._groups = 0.0
        for entry in log:
            self.add(entry)

    def add(self, entry: Entry) -> bool:
        """One more line of the log; whether it is a step without signal. One that is no optimizer step changes nothing.

        A generation that serves several steps (μ above 1) is logged in the first of them.
        """
        if "loss" not in entry:
            return False
        self._groups = entry.get(GROUPS, self._groups)
        idle = self._groups >= 1.0 or entry.get("grad_norm") == 0.0
        if idle:
            self.entries.append(entry)
        else:
            self.entries.clear()
        return idle

    def __len__(self) -> int:
        return len(self.entries)

    def mean(self, name: str) -> float | None:
        """Mean of a number over these steps; None where none of them has it."""
        return mean(self.entries, name)


def steps_without_signal(log: Iterable[Entry]) -> int:
    """How many optimizer steps of a log had none."""
    streak = Streak()
    return sum(streak.add(entry) for entry in log)


def counted(log: Iterable[Entry]) -> dict[str, float | int]:
    """The same under its name in metrics.json."""
    return {STEPS: steps_without_signal(log)}


def mean(log: Iterable[Entry], name: str) -> float | None:
    """Mean of a number over the lines of a log that have it."""
    values = [entry[name] for entry in log if name in entry]
    return sum(values) / len(values) if values else None


# --- what a finished run says of itself -------------------------------------------------------------------------------

FEW: Final = 0.8
"""Share of groups without signal above which a run is said to have learnt little."""
HALF: Final = 0.5
"""Share of optimizer steps without signal above which it is."""


_LARGEST: Final = 1e15
_SMALLEST: Final = 1e-30
"""Between these every number of a run is that is not 0; what is not a number is not."""


def numbers(record: object) -> dict[str, float]:
    """The numbers of a metrics.json, which in a stranger's project may hold anything."""
    known = record.items() if isinstance(record, dict) else ()
    real = {name: value for name, value in known if type(value) in (int, float)}
    return {name: value for name, value in real.items() if value == 0 or _SMALLEST < abs(value) < _LARGEST}


def notes(metrics: Entry) -> list[str]:
    """What a reader of a finished stage should know, from its metrics.json: rows left out for length, little learnt."""
    sentences = []
    rows = metrics.get("rows", 0)
    long, beyond = metrics.get("rows_too_long", 0), metrics.get("rows_beyond_last_batch", 0)
    if rows and long:
        sentences.append(f"{long:,} of {rows:,} rows ({percent(long / rows)}) were left out as too long")
    if rows and beyond > 0.1 * rows:
        sentences.append(f"{beyond:,} of {rows:,} rows ({percent(beyond / rows)}) fill no batch and were not used")
    steps, idle, groups = metrics.get("steps", 0), metrics.get(STEPS, 0), metrics.get(GROUPS, 0.0)
    if steps and idle >= steps:
        sentences.append(f"it learnt nothing: none of its {steps:,} steps had a signal")
    elif steps and (idle > HALF * steps or groups > FEW):
        share = f", {percent(groups)} of the groups taught nothing" if GROUPS in metrics else ""
        sentences.append(f"it learnt little: {idle:,} of {steps:,} steps had no signal{share}")
    cut = metrics.get(TRUNCATED, 0.0)
    if cut > HALF:
        sentences.append(f"{percent(cut)} of its completions were cut at `max_new_tokens`")
    return sentences


MANY: Final = 0.02
"""Share of answers cut at the limit above which an accuracy is said to be that of the limit, too."""


def cut_answers(truncated: float, answers: int) -> str:
    """What a reader of an accuracy of so many answers should know; "" where few of them or none were cut."""
    if truncated <= MANY:
        return ""
    return f"{round(truncated * answers):,} of {answers:,} answers ({percent(truncated)}) were cut at `max_new_tokens`"


def percent(share: float) -> str:
    """`12 %`; what is neither none nor all is never rounded to it."""
    whole = round(100 * share)
    if 0 < share < 1 and whole in (0, 100):
        return "under 1 %" if whole == 0 else "over 99 %"
    return f"{whole} %"
