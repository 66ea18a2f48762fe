"""What a person may write under `tilt:`. Knows a spec's shape; not how a text is drawn."""

from typing import Annotated, Literal

from pydantic import Field

from cotspec.spec.base import Name, Part

Role = Literal["toward", "against"]


class Tilt(Part):
    """Models that lean on what is drawn: at each place log p + `scale` · (log p of `toward` - log p of `against`)."""

    toward: Name | None = None
    """A model or stage whose tokens become likelier."""
    against: Name | None = None
    """A model or stage whose tokens become less likely. With both, the difference of two small models tunes a large one
    (DExperts, Liu et al. 2021, arXiv 2105.03023; proxy-tuning, Liu et al. 2024, arXiv 2401.08565); this one alone is
    contrastive decoding (Li et al. 2022, arXiv 2210.15097)."""
    scale: Annotated[float, Field(gt=0.0, le=100.0)] = 1.0
    """How much, at most 100. It comes before `temperature`, which divides the sum."""

    @property
    def named(self) -> dict[Role, str]:
        """The models by their key."""
        both: dict[Role, str | None] = {"toward": self.toward, "against": self.against}
        return {role: name for role, name in both.items() if name is not None}
