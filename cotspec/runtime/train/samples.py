"""A few groups of a run as they were: a prompt, its completions, what each earned and why → samples.jsonl.

Which generations are kept follows from the length of the run alone, and each lies in a file of its own in the scratch
until the run ends. A run that was stopped writes those after its checkpoint again: the result has the same bytes as one
that was never stopped. It only looks: no weight and no number of a run depends on it.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from cotspec.runtime import lines
from cotspec.runtime.records import JudgedCompletion, SampledCompletion, SampledGroup
from cotspec.spec.payload import GrpoBody

if TYPE_CHECKING:
    from cotspec.runtime.trainers.grpo_reward import CompositeReward, Gather, Judged, State

FILE: Final = "samples.jsonl"
FOLDER: Final = "samples"
"""In the scratch."""
MOST_GROUPS: Final = 32
"""Groups of a run, evenly over its generations; of a shorter run one group of each."""
MOST_COMPLETIONS: Final = 16
"""Completions of a group; how many more there were is counted."""
MOST_CHARACTERS: Final = 8000
"""Characters of a text; of a longer one the beginning, with its whole length."""


class Samples:
    """Keeps groups of a run in `folder`, with what `reward` made of them.

    A group may lie in several processes: `gather` joins them.
    """

    def __init__(self, folder: Path, reward: CompositeReward, body: GrpoBody, *, gather: Gather, process: int) -> None:
        self._folder, self._reward, self._gather, self._process = folder, reward, gather, process
        self._group, self._uses, self._skips_equal = body.group, body.iterations, body.equal_groups == "skip"
        if process == 0:
            folder.mkdir(parents=True, exist_ok=True)

    def __call__(self, rows: Sequence[Mapping[str, Any]], advantages: Sequence[float], state: State) -> None:
        """One generation, as it was rewarded: a row and an advantage for each completion of this process. Called in
        every process."""
        number, kept = state.global_step // self._uses, wanted(math.ceil(state.max_steps / self._uses))
        if number not in kept:
            return
        groups = sum(self._gather([len(rows)])) // self._group
        chosen = kept[number] % groups
        left_out = self._skips_equal and chosen in self._reward.equal
        completions = self._gather(
            [
                (
                    row["id"],
                    row["prompt"],
                    row.get("begin", ""),
                    row["answer"],
                    _completion(one, advantage, left_out=left_out),
                )
                for place, (row, one, advantage) in enumerate(
                    zip(rows, self._reward.last, advantages, strict=True), start=self._process * len(rows)
                )
                if place // self._group == chosen
            ]
        )
        if self._process == 0:
            self._write(number, _group(state.global_step, completions, imitated=chosen in self._reward.imitated))

    def _write(self, number: int, group: SampledGroup) -> None:
        half = self._folder / f"{number}.half"
        half.write_bytes(lines.encode(group))
        half.replace(self._folder / f"{number}.json")


def wanted(generations: int) -> dict[int, int]:
    """The generations that are kept, the first and the last among them, each with its number among the kept ones."""
    if generations <= MOST_GROUPS:
        return {number: number for number in range(generations)}
    return {at * (generations - 1) // (MOST_GROUPS - 1): at for at in range(MOST_GROUPS)}


def _completion(one: Judged, advantage: float, *, left_out: bool) -> SampledCompletion:
    score = one.score
    said = {name: each.text[:MOST_CHARACTERS] for name, each in one.verdicts.items()}
    judged: dict[str, Any] = {"judges": said} if said else {}
    return (JudgedCompletion if said else SampledCompletion)(
        **judged,
        text=one.said.text[:MOST_CHARACTERS],
        characters=len(one.said.text),
        tokens=one.said.tokens,
        truncated=one.truncated,
        grade=one.measured.grade.value,
        reward=score.total,
        terms=dict(score.terms),
        gate=0 if score.gate is None else score.gate + 1,
        problem=score.problem[:MOST_CHARACTERS],
        advantage=advantage,
        in_loss=one.in_loss and not left_out,
    )


def _group(
    step: int, completions: Sequence[tuple[int, str, str, str, SampledCompletion]], *, imitated: bool
) -> SampledGroup:
    id, prompt, begin, answer, _ = completions[0]
    return SampledGroup(
        step=step,
        id=id,
        prompt=prompt[:MOST_CHARACTERS],
        begin=begin[:MOST_CHARACTERS],
        answer=answer[:MOST_CHARACTERS],
        imitated=imitated,
        completions=tuple(one for *_, one in completions[:MOST_COMPLETIONS]),
        others=len(completions[MOST_COMPLETIONS:]),
    )


def finish(work: Path, result: Path) -> None:
    """Join what was kept, in the order of the run. A trainer that samples always leaves the file: reports read it."""
    if (work / FOLDER).is_dir():
        files = sorted((work / FOLDER).glob("*.json"), key=lambda path: int(path.stem))
        (result / FILE).write_bytes(b"".join(path.read_bytes() for path in files))
