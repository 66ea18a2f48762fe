"""What a person may write under `reward:` and `judges:`. The expressions' own language is cotspec.cot.expr."""

from typing import Annotated

from pydantic import Field

from cotspec.spec.base import Name, Part
from cotspec.spec.training import Sampling


class Ramp(Part):
    """A value that moves linearly over the run, from its first row or step to its last."""

    from_: Annotated[float, Field(alias="from")]
    """Value at the start."""
    to: float
    """Value at the end."""


class Gate(Part):
    """A condition that decides the reward alone when it fails."""

    unless: str
    """Expression; when it is false the reward is `reward` and nothing else."""
    reward: float
    """The reward then."""


class Term(Part):
    """One weighted part of a reward."""

    value: str | float
    """Expression over measures, or a constant."""
    weight: float | Ramp = 1.0
    """Factor, fixed or moving over the run."""
    range: tuple[float, float] | None = None
    """Least and greatest value, without the weight, of completions that pass the gates. A claim that `cotspec check`
    tries on many responses; it changes no reward and is not part of the identity."""


class Reward(Part):
    """A reward: gates in order, then the weighted sum of the terms."""

    gates: tuple[Gate, ...] = ()
    """Tried in order; the first that fails decides."""
    let: dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], str | float] = {}
    """Named expressions the terms may use, each after those above it."""
    terms: Annotated[dict[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")], Term], Field(min_length=1)]
    """The terms by name."""


class Judge(Part):
    """A frozen model that reads each completion and writes about it."""

    by: Name
    """Who judges: a model, also one behind a server, or an earlier stage."""
    prompt: str
    """Jinja file, relative to the spec file. It shows `{{ response }}`, the whole completion with what it began with,
    and may show `{{ question }}`, the gold `{{ answer }}` and the texts of the row by their names."""
    sampling: Sampling = Sampling.model_construct(temperature=0.0, max_new_tokens=256)
    """How its text is drawn, one for each completion; greedy by default. The default is one of the whole group: of a
    group that is given, keys left out have their own defaults."""
