"""The reward as TRL calls it: one callable for the whole composite, which logs its parts itself.

One callable, because TRL only adds several rewards up, and a gate decides alone. A completion that cannot be scored is
None (TRL leaves it out of the group's baseline and gives it no advantage), never a number.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Final, NamedTuple, Protocol, TypeVar

from cotspec.cot import voting
from cotspec.cot.answers import extract
from cotspec.cot.grading_rules import Grade
from cotspec.cot.measures import AMONG, VOTED, Measured, Peer, Teacher, among, measure, peer
from cotspec.cot.rewards import CompiledReward, Score
from cotspec.cot.signal import GROUPS, IMITATED, TRUNCATED, UNDECIDED, UNJUDGED, equal_groups
from cotspec.cot.thoughts import reopened
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.stopping import Cut
from cotspec.runtime.trainers.grpo_judges import About, Judges, Verdict
from cotspec.spec.payload import GrpoBody

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_MEASURED: Final = {"accuracy": "correct", "formatted": "formatted", "tokens": "tokens", "steps": "steps"}
"""In the log → the measure."""
T = TypeVar("T")
Log = Callable[[str, float], None]


class Gather(Protocol):
    """The same list of all processes, one after the other."""

    def __call__(self, own: list[T], /) -> list[T]: ...


class State(Protocol):
    """What is read of transformers' TrainerState."""

    global_step: int
    max_steps: int


class Judged(NamedTuple):
    """A completion, and what the reward made of it."""

    said: Cut
    truncated: bool
    measured: Measured
    score: Score
    in_loss: bool
    verdicts: Mapping[str, Verdict] = MappingProxyType({})
    """What judges said, by name; nobody is asked where the reward does not come to it."""


class CompositeReward:
    """Scores a batch of completions and logs accuracy, form, length, gates, terms, what could not be scored, and how
    much of it can teach anything.

    A group may lie in several processes: `gather` joins them.
    """

    __name__ = "reward"  # TRL names its own log entries after the callable

    def __init__(
        self,
        reward: CompiledReward,
        body: GrpoBody,
        tokenizer: PreTrainedTokenizerBase,
        *,
        gather: Gather = list,
        process: int = 0,
        judges: Judges | None = None,
    ) -> None:
        self._reward, self._format, self._tokenizer = reward, body.format, tokenizer
        self._judges = judges
        self._body, self._gather, self._process = body, gather, process
        self._by_group = any(name in AMONG for name, _ in reward.measures)
        self._by_vote = any(name in VOTED for name, _ in reward.measures)
        self.imitated: frozenset[int] = frozenset()
        """Of the last generation, in all processes, the numbers of the groups that imitate their demonstration …"""
        self.equal: frozenset[int] = frozenset()
        """… and of those whose rewards teach nothing."""
        self.ends: frozenset[int] = frozenset()
        """Tokens a completion ends with by itself; the trainer knows them."""
        self._gates = len(body.reward.gates)
        self._terms = tuple(term.name for term in body.reward.terms)
        self._last = body.iterations
        """The last generation of a run serves this many steps, so the ramp ends that many before the end."""
        self._told = False
        self.last: tuple[Judged, ...] = ()
        """The completions of this process that were scored last."""

    def __call__(
        self,
        *,
        completion_ids: Sequence[Sequence[int]],
        trainer_state: State,
        log_metric: Log,
        thinking: Sequence[bool],
        cuts: Sequence[Cut | None] = (),
        without_loss: Sequence[bool] = (),
        **rows: Sequence[Any],
    ) -> list[float | None]:
        """One reward a completion. `rows` are the columns of their rows. Raises TaskError when not a single one can be
        scored."""
        progress = self._progress(trainer_state)
        judged, everywhere, peers = self._judged(
            completion_ids, rows, thinking, cuts, without_loss, progress=progress, step=trainer_state.global_step
        )
        scores = [one.score for one in judged]
        if self._body.all_failed == "imitate":
            self.imitated = _failed(peers, self._body.group)
            log_metric(IMITATED, len(self.imitated) * self._body.group / len(peers))
        if self._by_vote:
            log_metric(UNDECIDED, _undecided(peers, self._body.group))
        if all(total is None for total, _ in everywhere) and not self.imitated:
            raise TaskError(f"none of {len(everywhere)} completions can be scored: {scores[0].problem}")
        self.equal = equal_groups(everywhere, self._body.group) - self.imitated
        log_metric(GROUPS, len(self.equal) * self._body.group / len(everywhere))
        self._tell(scores)
        self._log(judged, log_metric)
        self.last = judged
        return [score.total for score in scores]

    def equal_among(
        self,
        completion_ids: Sequence[Sequence[int]],
        rows: Sequence[Mapping[str, Any]],
        *,
        thinking: Sequence[bool],
        cuts: Sequence[Cut | None],
        without_loss: Sequence[bool],
        state: State,
    ) -> frozenset[int]:
        """The numbers of the groups, in all processes, whose rewards would teach nothing. Logs nothing."""
        columns = {name: [row[name] for row in rows] for name in rows[0]}
        _, everywhere, _ = self._judged(
            completion_ids,
            columns,
            thinking,
            cuts,
            without_loss,
            progress=self._progress(state),
            step=state.global_step,
        )
        return equal_groups(everywhere, self._body.group)

    def _judged(
        self,
        completion_ids: Sequence[Sequence[int]],
        rows: Mapping[str, Sequence[Any]],
        thinking: Sequence[bool],
        cuts: Sequence[Cut | None],
        without_loss: Sequence[bool],
        *,
        progress: float,
        step: int,
    ) -> tuple[tuple[Judged, ...], list[tuple[float | None, bool]], list[Peer]]:
        """The completions of this process; of all processes their rewards and, where somebody asks, how each stands
        among the others."""
        sizes = (rows[f"teacher_{name}"] for name in ("steps", "words", "tokens"))
        teachers = [Teacher(steps=s, words=w, tokens=t) for s, w, t in zip(*sizes, strict=True)]
        completions = self._completions(completion_ids, cuts, thinking)
        if "begin" in rows:
            completions = [
                one._replace(text=begun + one.text) for begun, one in zip(rows["begin"], completions, strict=True)
            ]
        measured = [
            measure(cut.text, tokens=cut.tokens, gold=gold, teacher=teacher, fmt=self._format)
            for cut, gold, teacher in zip(completions, rows["answer"], teachers, strict=True)
        ]
        if "texts" in rows:  # what is asked about the texts of the row
            measured = [
                one._replace(values={**one.values, **own}) for one, own in zip(measured, rows["texts"], strict=True)
            ]
        cut = [self._is_cut(ids) for ids in completion_ids]
        asks = self._by_group or self._body.all_failed == "imitate"
        peers = self._gather([peer(one.values) for one in measured]) if asks else []
        if self._by_vote:
            texts = (None if short else one.text for one, short in zip(completions, cut, strict=True))
            own = [None if text is None else extract(text, self._format) for text in texts]
            peers = self._voters(peers, self._gather(own))
        if self._by_group:
            measured = self._in_groups(measured, peers)
        scores = [self._reward.score(one.values, progress) for one in measured]
        verdicts: list[dict[str, Verdict]] = [{} for _ in scores]
        if self._judges:
            verdicts = self._verdicts(self._judges, completions, scores, rows, step=step)
            said = [{name: v for each in own.values() for name, v in each.values.items()} for own in verdicts]
            measured = [one._replace(values={**one.values, **own}) for one, own in zip(measured, said, strict=True)]
            scores = [self._reward.score(one.values, progress) for one in measured]
        kept = [not (one and self._body.mask_truncated) for one in cut]
        kept = [one and not bare for one, bare in zip(kept, without_loss, strict=True)] if without_loss else kept
        everywhere = self._gather([(score.total, one) for score, one in zip(scores, kept, strict=True)])
        return tuple(map(Judged, completions, cut, measured, scores, kept, verdicts)), everywhere, peers

    def _verdicts(
        self,
        judges: Judges,
        completions: Sequence[Cut],
        scores: Sequence[Score],
        rows: Mapping[str, Sequence[Any]],
        *,
        step: int,
    ) -> list[dict[str, Verdict]]:
        """What judges say of the completions that have no score without them: a gate may have decided before."""
        shown, first = rows.get("shown", [{}] * len(scores)), self._process * len(scores)
        about = {
            at: About(first + at, completions[at].text, shown[at], rows["answer"][at])
            for at, score in enumerate(scores)
            if score.total is None
        }
        verdicts = dict(zip(about, judges.ask(list(about.values()), step=step), strict=True))
        return [verdicts.get(at, {}) for at in range(len(scores))]

    def _voters(self, peers: Sequence[Peer], answers: Sequence[str | None]) -> list[Peer]:
        """The completions of all processes, each with which of its group's answers it gives; one that was cut gives
        none."""
        group = self._body.group
        ballots = [voting.ballot(answers[first : first + group]) for first in range(0, len(answers), group)]
        given = [answer for each in ballots for answer in each.answers]
        return [one._replace(answer=answer) for one, answer in zip(peers, given, strict=True)]

    def _in_groups(self, measured: Sequence[Measured], peers: Sequence[Peer]) -> list[Measured]:
        """The same with what each is among the completions of its prompt, wherever these were written."""
        with_group, group = [], self._body.group
        for place, one in enumerate(measured, start=self._process * len(measured)):
            first = place - place % group
            values = one.values | among(peers[place], peers[first : first + group])
            with_group.append(one._replace(values=values))
        return with_group

    def _is_cut(self, ids: Sequence[int]) -> bool:
        """Whether a completion was ended by the limit and not by itself."""
        return len(ids) >= self._body.sampling.max_new_tokens and ids[-1] not in self.ends

    def _completions(
        self, completion_ids: Sequence[Sequence[int]], cuts: Sequence[Cut | None], thinking: Sequence[bool]
    ) -> list[Cut]:
        """What each completion says and its length: up to its stop where it was stopped (`cuts` is empty without)."""
        texts = self._tokenizer.batch_decode(list(map(list, completion_ids)), skip_special_tokens=True)
        whole = [Cut(len(ids), text) for ids, text in zip(completion_ids, texts, strict=True)]
        kept = [cut or own for cut, own in zip(cuts, whole, strict=True)] if cuts else whole
        return [
            one._replace(text=reopened(one.text, thinking=thinks)) for thinks, one in zip(thinking, kept, strict=True)
        ]

    def _progress(self, state: State) -> float:
        """0 at the first generation of the run, 1 at its last."""
        return min(1.0, state.global_step / max(1, state.max_steps - self._last))

    def _tell(self, scores: Sequence[Score]) -> None:
        """Say once a run why completions are left out; how many is in the log and in metrics.json."""
        why = next((score.problem for score in scores if score.total is None), "")
        if why and not self._told:
            say(f"a completion that cannot be scored is left out, here and from now on: {why}")
            self._told = True

    def _log(self, judged: Sequence[Judged], log: Log) -> None:
        """Means over the completions of all processes: one process may have more that are scored than another."""
        everywhere = self._gather([(self._numbers(one), dict(one.score.terms), one.score.unscored) for one in judged])
        for name in everywhere[0][0]:
            log(name, _mean([numbers[name] for numbers, _, _ in everywhere]))
        for term in self._terms:
            values = [terms[term] for _, terms, _ in everywhere if term in terms]
            if values:
                log(f"term/{term}", _mean(values))
        for part in sorted({name for _, _, parts in everywhere for name in parts}):
            log(f"unscorable/{part}", _mean([float(part in parts) for _, _, parts in everywhere]))

    def _numbers(self, one: Judged) -> dict[str, float]:
        """What every completion has."""
        values, score = one.measured.values, one.score
        return {
            **{name: float(values[key]) for name, key in _MEASURED.items()},
            TRUNCATED: float(one.truncated),
            "ungradable": float(one.measured.grade is Grade.UNGRADABLE),
            **{f"gate/{gate + 1}": float(score.gate == gate) for gate in range(self._gates)},
            "unscorable": float(score.total is None),
            **{
                f"{UNJUDGED}/{name}": float(not _read(one.verdicts, name))
                for name in (self._judges.names if self._judges else ())
            },
        }


def _read(verdicts: Mapping[str, Verdict], name: str) -> bool:
    return name not in verdicts or verdicts[name].read


def _failed(peers: Sequence[Peer], group: int) -> frozenset[int]:
    """The numbers of the groups in which none is right."""
    groups = (peers[first : first + group] for first in range(0, len(peers), group))
    return frozenset(number for number, one in enumerate(groups) if not any(peer.right for peer in one))


def _undecided(peers: Sequence[Peer], group: int) -> float:
    """The share of groups in which no answer leads."""
    groups = [[peer.answer for peer in peers[first : first + group]] for first in range(0, len(peers), group)]
    return _mean([not voting.decided(one) for one in groups])


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
