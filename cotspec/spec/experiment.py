"""What a person may write in a spec: names, defaults and limits of every key (docs/spec.md is made from this file).

Owns the *shape* of a spec. Rules that tie two places together (a name that must exist, a reward on an SFT stage) are in
`cotspec.passes.check`, where a finding can point at both.
"""

from functools import reduce
from operator import or_
from types import MappingProxyType
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import AfterValidator, Field

from cotspec.spec.base import Count, Label, Name, Part, Seed, Share, Slice, Text, TextName, Two, Whole, Yes
from cotspec.spec.data import AnswerField as AnswerField
from cotspec.spec.data import Data as Data
from cotspec.spec.evaluation import Evaluate as Evaluate
from cotspec.spec.mask import Mask as Mask
from cotspec.spec.mask import RegexUnit as RegexUnit
from cotspec.spec.mask import ShareRamp as ShareRamp
from cotspec.spec.models import Endpoint as Endpoint
from cotspec.spec.models import Model as Model
from cotspec.spec.resources import Resources
from cotspec.spec.reward import Judge as Judge
from cotspec.spec.reward import Ramp as Ramp
from cotspec.spec.reward import Reward as Reward
from cotspec.spec.tilt import Tilt as Tilt
from cotspec.spec.training import Lora as Lora
from cotspec.spec.training import OnPolicy as OnPolicy
from cotspec.spec.training import Sampling as Sampling
from cotspec.spec.training import Stop as Stop
from cotspec.spec.training import Taught as Taught
from cotspec.spec.training import Train as Train
from cotspec.spec.variants import Variant
from cotspec.trainers import TRAINERS


class Segment(Part):
    """One kind of segment of a chain of thought. `thinking`, `step` and `answer` are always there; any other name is a
    segment of one's own, and all that are written make the form of a text: in this order. Where `answer` is written and
    `step` is not, a text needs no steps."""

    opens: Text
    """Literal text at the start of the segment, at the start of a line or, a tag (`<critic>`), behind a closer. In that
    of `step`, `{n}` stands for the step's number."""
    closes: Text | None = None
    """Literal text that ends it. Default: of a tag its closer (`</critic>`); any other ends where a segment begins."""
    label: Annotated[tuple[Label, ...], Field(min_length=2)] | None = None
    """Verdicts: the word that it ends with, in this spelling and without what stands around it (`**T**.`), is its
    label; `critic.T` asks for it."""
    grade: bool = False
    """Whether it gives an answer that can be graded: `revised.correct`. That of the last graded one that is given, or
    of `answer`, is the final one."""
    when: Text | None = None
    """The label of a segment above (`critic.F`) with which it belongs to the form; it is to be left out otherwise."""
    many: bool = False
    """Whether it may be given several times in a row."""


def _with_usual(given: dict[str, Segment]) -> dict[str, Segment]:
    """The segments as written, then those of the usual ones that are not."""
    return given | {name: usual for name, usual in USUAL.items() if name not in given}


def _usual(opens: str) -> Segment:
    """A segment that nobody has written."""
    return Segment.model_construct(_fields_set=set(), opens=opens)


USUAL: Final = MappingProxyType(
    {"thinking": _usual("Thinking…"), "step": _usual("Step {n}:"), "answer": _usual("Answer:")}
)
"""Free thought before the first step, which may be missing; numbered steps; the final answer."""


class MixedPick(Part):
    """Short texts for some questions, long ones for the others (mix-length distillation, arXiv 2502.12143)."""

    shortest: Share
    """Share of the questions that keep their shortest good text; the others keep their longest."""


class BestTexts(Part):
    """The best texts of all questions together, as LIMO and s1 choose theirs (arXiv 2502.03387, 2501.19393)."""

    by: Text
    """A number in the language of rewards, over the texts of a record: those with the highest go on, `teach.words` or
    `1 - tries.score`. Of equal ones the earlier record counts; a text for which it has no value does not go on."""
    n: Count
    """So many go on; all where there are fewer."""


class Keep(Part):
    """Which texts of a generation go on. One that was cut at the token limit never does."""

    where: Text | None = None
    """A condition over texts, in the language of rewards: `teach.correct and teach.steps >= 2` (docs/rewards.md). Of
    the texts it speaks by name: this one, and those it was made over. Of this one, `<name>.score` is the share of the
    `sampling.n` texts of a record that are right, and `<name>.votes` and `<name>.majority` say how many give its
    answer. Default: all."""
    distinct: Literal["text", "calculations"] | None = None
    """Of good texts of one record that are equal, one goes on: of equal words, or of equal calculations in the same
    order, as rejection sampling has it (arXiv 2308.01825): equations without units and spaces, a text that has none by
    its words. Default: equal texts are not looked for."""
    pick: Literal["first", "shortest", "longest", "all"] | MixedPick = "first"
    """Which of several good texts of one record go on (`sampling.n`), by tokens; `all` of them do."""
    most: Count = 1
    """So many texts of one record go on at most: those that `pick` asks for first."""
    best: BestTexts | None = None
    """The best of all that the other keys leave, over all records; they stay in their order."""

    @property
    def several(self) -> bool:
        """Whether several texts of one record go on."""
        return self.pick == "all" or self.most > 1

    @property
    def chooses(self) -> bool:
        """Whether anything but `where`, and the first text, is asked for."""
        return (self.pick, self.most, self.distinct, self.best) != ("first", 1, None, None)

    def of_each(self, written: int) -> int:
        """How many of the texts `written` over one record go on at most."""
        return written if self.pick == "all" else min(self.most, written)


class Generation(Part):
    """Texts that a model writes, one record each for the records of a data set or of an earlier generation."""

    by: Name
    """Who writes them: a model, or a stage."""
    over: Name
    """What they are written over: a data set, or other texts. A record keeps every text before it."""
    prompt: str | None = None
    """Jinja file, relative to the spec file; it reads the texts of a record by their names, `{{ draft }}`. Default:
    cotspec's own. Over a data set that asks for steps and an answer with the openers of `trace`, as many as `keep`
    wants (for a builtin model, which knows no other, and over texts, it is the `solve` prompt)."""
    sampling: Sampling = Sampling.model_construct(temperature=0.6, top_p=0.95, max_new_tokens=2048)
    """How they are sampled; `n` texts for each record. The default is one of the whole group: of a group that is given,
    keys left out have their own defaults."""
    tilt: Tilt | None = None
    """Other models that lean on what is drawn."""
    revise: Name | None = None
    """A model or stage that corrects the text this one is made over (arXiv 2407.10068): of the places where it finds
    another token likeliest, that token is put where its probabilities diverge most from the writer's, and the writer
    goes on from there, as `sampling` says. A text in which it never differs stays as it is."""
    slice: Slice | None = None
    """Only records [first, end) of the texts it is made over."""
    keep: Keep = Keep.model_construct()
    """The filter."""
    gather: Annotated[int, Field(ge=2)] | None = None
    """One prompt for so many records of the texts it is made over, which stand in it one after the other, each with its
    question, where it shows that text by name. What is written belongs to no question: stages read it (`reads`)."""

    @property
    def others(self) -> dict[tuple[str, ...], str]:
        """The models or stages that it asks besides the writer, by their place."""
        tilt = {("tilt", role): name for role, name in (self.tilt.named if self.tilt else {}).items()}
        return tilt | ({("revise",): self.revise} if self.revise is not None else {})


class Pairs(Part):
    """A better and a worse text of the same record, of all that were written: `keep` does not choose among them."""

    better: Text
    """What is better, in the language of rewards, over the texts of a record: a condition that the better text meets
    and the worse one does not (`tries.correct`), or a number that is higher for it. It asks about the two texts, and
    those that they were made over; with `target`, of two texts over which others were made, `<target>.score` is the
    share of those that are right, and what it asks about those (`verdict.critic.T`) is the mean over them: one that
    does not say it, or was cut, does not count. Texts that were cut at the token limit are in no pair, nor are those
    that cannot be graded where it asks whether they are right, nor those for which it has no value: so `-tries.words /
    (1 if tries.correct else 0)` compares right ones alone, the shorter with the longer."""
    gap: Annotated[float, Field(ge=0)] = 0.0
    """The two numbers differ by more than this."""
    most: Count = 1
    """At most so many pairs of a record: the best with the worst, the second best with the second worst, …"""


class RowSource(Part):
    """Texts that become rows."""

    from_: Annotated[Name, Field(alias="from")]
    """A generation, or a data set: its records are the rows. Of a data set without a `trace` column they are its
    questions alone."""
    target: Name | None = None
    """The text that a row is made of, which sft learns to write, a mask hides parts of, `rewrite` shows and
    `teacher_words` counts: one of the texts of a record, by the name of its generation; default: that of `from`."""
    where: Text | None = None
    """A condition on records, over any of their texts: `draft.correct and critique.words < 80`."""
    slice: Slice | None = None
    """Keep records [first, end), before `where`."""


class Rows(RowSource):
    """What a stage trains on."""

    pairs: Pairs | None = None
    """Rows of two texts to compare (dpo, orpo)."""


class MixedRows(RowSource):
    """One of several sources of rows."""

    task: Literal["solve"] | None = None
    """`solve` asks the student in these rows the question alone, in place of the stage's `task`: the end of hints that
    fade."""
    prompt: str | None = None
    """Jinja file, relative to the spec file, in place of the stage's; default: that of the stage, or, for another task,
    cotspec's own."""
    share: Annotated[float, Field(gt=0, lt=1)] | None = None
    """Share of the rows of each epoch that come from here, where every source has one; they add up to 1. As many rows
    are used as the scarcest source allows. Default: all rows of all sources."""
    run: Count | None = None
    """Rows in a row, with `order: alternate` (1)."""


class Mix(Part):
    """Rows of several sources."""

    mix: Annotated[tuple[MixedRows, ...], Field(min_length=2)]
    """The sources."""
    order: Literal["shuffled", "alternate", "given"] = "shuffled"
    """How the rows of an epoch follow each other: in an order of their own, by turns of `run` rows (until one source
    has no more), or one source after the other."""


class AtStep(Part):
    """The checkpoint of one optimizer step."""

    step: Count
    """The step."""


class Best(Part):
    """The checkpoint with the best value of a metric."""

    best: str
    """`train.<metric>` or `valid.<metric>` (accuracy, formatted, tokens, reward)."""
    every: Count = 50
    """A candidate is kept every this many optimizer steps."""


class Advance(Part):
    """The transition out of a stage."""

    checkpoint: Literal["final"] | AtStep | Best = "final"
    """Which checkpoint goes on."""
    require: dict[str, str] = {}
    """What it must reach: metric → `>= 0.9`. Reads training or validation metrics, never the test set."""
    otherwise: Literal["stop", "warn"] = "stop"
    """What happens when it does not."""


if TYPE_CHECKING:
    Trained = Train
else:
    Trained = Annotated[reduce(or_, (each.settings for each in TRAINERS.values())), Field(discriminator="by")]


class Stage(Part):
    """One training stage."""

    start: Name
    """What it starts from: a model or an earlier stage."""
    train: Trained
    """The trainer and its settings."""
    rows: Rows | Mix
    """The rows it trains on."""
    task: Literal["solve", "reconstruct", "complete", "rewrite"]
    """What the student is asked: `solve` shows the question only, `reconstruct` and `complete` a corrupted trace,
    `rewrite` the whole teacher trace."""
    prompt: str | None = None
    """Jinja file, relative to the spec file; default: cotspec's own prompt for the task."""
    reads: tuple[TextName, ...] = ()
    """Gathered texts (`gather`) that the prompts of this stage, and `train.context`, show by name: the same in every
    row. They are written from other questions than those it trains on."""
    mask: Mask | None = None
    """What the prompt hides."""
    shuffle: bool = False
    """Show the steps in random order, without their numbers."""
    loss: (
        Annotated[tuple[TextName, ...], Field(min_length=1)]
        | Annotated[dict[TextName, Yes | Text], Field(min_length=1)]
        | None
    ) = None
    """Segments that carry loss, by name: `thinking` is all free text, `step` every step, `masked` only what the prompt
    hides; default: all. Of given texts (sft, distill `over: rows`), or of completions (grpo), whose other tokens then
    count in no mean either. As a map of names, each with `true` or a condition in the language of rewards, over this
    text and the others of its record, one carries loss where that holds: `{answer: draft.correct, critic: true}`."""
    begin: Whole = 0
    """How many of the teacher's first steps begin the answer, with what stands before them (grpo only): they carry no
    loss, and what is graded is the whole answer. A trace without a step after them makes no row."""
    reward: Reward | None = None
    """The reward (grpo only)."""
    judges: dict[TextName, Judge] = {}
    """Frozen models that the reward asks about each completion (grpo only), by name: what one writes is a text with the
    segments of `trace`, and the reward asks about it as about any text (`liked.critic.T`, `liked.correct`). What it
    does not say, or was cut before it said, has no value: such completions are counted and never scored."""
    advance: Advance | None = None
    """The transition out of this stage; default: the final checkpoint goes on unconditionally."""

    @property
    def sources(self) -> tuple[RowSource, ...]:
        """Where its rows come from."""
        return self.rows.mix if isinstance(self.rows, Mix) else (self.rows,)

    def task_of(self, source: RowSource) -> Literal["solve", "reconstruct", "complete", "rewrite"]:
        """What the student is asked in the rows of a source."""
        return (source.task if isinstance(source, MixedRows) else None) or self.task

    def prompt_of(self, source: RowSource) -> str | None:
        """The prompt file of the rows of a source; None for cotspec's own."""
        own = source.prompt if isinstance(source, MixedRows) else None
        return own or (self.prompt if self.task_of(source) == self.task else None)

    @property
    def pairs(self) -> Pairs | None:
        """What its rows compare, where they are pairs."""
        return None if isinstance(self.rows, Mix) else self.rows.pairs


class Allowed(Part):
    """A finding that is accepted, and why."""

    rule: Text
    """The name in brackets of the finding."""
    reason: Annotated[str, Field(pattern=r"\S")]
    """Why it is right here; shown to whoever reads the spec."""
    at: Text | None = None
    """Where, as a dotted path (`stages.compress.reward`): only findings at it or below; default: the whole spec."""


class Experiment(Part):
    """One whole spec."""

    cotspec: Two
    """Language version."""
    extends: Text | None = None
    """Another spec, relative to this file, that this one takes and changes: groups merge, lists and values replace,
    `!remove` drops. The result is what counts, so this is not part of the identity."""
    name: Name
    """Name of the experiment; not part of its identity."""
    about: str = ""
    """One sentence for readers; not part of its identity."""
    seed: Seed = 42
    """Seed of everything random."""
    models: Annotated[dict[Name, Model], Field(min_length=1)]
    """The models by name."""
    data: Annotated[dict[Name, Data], Field(min_length=1)]
    """The data sets by name."""
    trace: Annotated[dict[TextName, Segment], AfterValidator(_with_usual)] = dict(USUAL)
    """How a chain of thought is cut into segments, by name: `thinking`, `step`, `answer`, and those of one's own."""
    generate: dict[TextName, Generation] = {}
    """The texts that are written, by name: each over data, or over other texts."""
    stages: Annotated[dict[Name, Stage], Field(min_length=1)]
    """The training stages by name, in order."""
    evaluate: Evaluate
    """The evaluation."""
    resources: Resources = Resources.model_construct()
    """How it is run; never part of the identity."""
    allow: tuple[Allowed, ...] = ()
    """Findings that are accepted, each with its reason; not part of the identity."""
    variants: dict[Name, Variant] = {}
    """The same experiment, changed in named ways; each is an experiment of its own and shares what is equal."""

    def first_model(self, name: str) -> str:
        """The model that a stage's chain of starts begins with, by name; of a model its own."""
        while name not in self.models:
            name = self.stages[name].start
        return name
