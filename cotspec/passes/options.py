"""What the person who checks or builds has decided, apart from what the spec says. Knows no rule."""

from __future__ import annotations

from typing import Final, NamedTuple


class Options(NamedTuple):
    """Decisions of the command line; none is part of an identity."""

    ci: bool = False
    """The strict set: a warning counts as an error, unless the spec allows it with a reason."""
    trust_remote_code: bool = False
    """Whether code that comes with a hub model may run."""
    allow_endpoints: bool = False
    """Whether a spec may name servers that this machine has not agreed to ask; tasks ask its owner anyway."""


DEFAULT: Final = Options()
"""A person at a terminal."""
LOOKING: Final = Options(allow_endpoints=True)
"""A person who only looks at specs: nothing is built that could be run."""
