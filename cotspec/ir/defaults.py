"""What a spec leaves out: the values put where a person wrote nothing and the spec's type says None.

The other defaults stand beside the keys they belong to, in `cotspec.spec.experiment`.
"""

from __future__ import annotations

from typing import Final

from cotspec.spec import payload

HUB_REVISION: Final = "main"
"""Branch of an unpinned model or data set."""
HUB_CONFIG: Final = ""
"""The hub's own default configuration."""
SPLIT: Final = "train"
"""Split of a hub or builtin data set."""
BUILTIN_SIZE: Final = 1000
"""Problems in a builtin data set."""
OWN_SHOTS: Final = -1
"""Few-shot examples of a suite: as many as each of its tasks says."""
VALID_DATA: Final = "valid"
"""The data set, a name under `data`, on which `valid.<metric>` is measured."""

NO_LIMIT: Final = 1_000_000
"""More steps than any trace has."""
WHOLE: Final = payload.Range.model_construct(first=0, end=-1)
"""All rows."""
NO_LORA: Final = payload.Lora.model_construct(r=0, alpha=0.0, dropout=0.0, targets=())
"""Train all weights."""
NO_MASK: Final = payload.Mask.model_construct(
    unit="step",
    select="random",
    rows=0.0,
    count=0,
    share=payload.Ramp.model_construct(first=0.0, last=0.0),
    at_least=0,
    leave=0,
    placeholder="[MASKED]",
)
"""Hide nothing."""
NO_SAMPLING: Final = payload.Sampling.model_construct(n=1, temperature=0.0, top_p=1.0, top_k=0, max_new_tokens=1)
"""Sampling of a gate that generates nothing: its id must not depend on the evaluation's settings."""
SEGMENTS: Final = ("thinking", "step", "masked", "answer")
"""Order of the segments of a loss, before those of one's own; the order they are written in means nothing."""
