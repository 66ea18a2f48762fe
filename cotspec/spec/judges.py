"""What a person may write under `judges:`. Knows a spec's shape; not what a judge says."""

from cotspec.spec.base import Name, Part
from cotspec.spec.training import Sampling


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
