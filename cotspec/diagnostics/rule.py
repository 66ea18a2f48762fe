"""What a rule says about itself: `cotspec explain` prints it, the tests run its examples. Imports nothing else."""

from __future__ import annotations

from typing import NamedTuple


class Rule(NamedTuple):
    """One kind of finding.

    `failing` and `passing` are YAML. In a rule about a whole file they are that file; in any other they replace parts
    of a small complete spec (`tests/passes/base.yaml`), at the second level: `stages: {a: …}` replaces stage `a` whole.
    Where a spec alone cannot show it they are commands, each behind `$ `, for a project whose only spec is
    `specs/a.yaml`, that small one; the last is `cotspec check …`.
    """

    slug: str
    """Stable name, e.g. `unknown-key`."""
    claim: str
    """What holds in a good spec, in one sentence."""
    why: str
    """What goes wrong otherwise."""
    failing: str = ""
    """An example that has the finding."""
    passing: str = ""
    """The same, put right."""
    no_example: str = ""
    """Why there are none, where there are none."""
    everywhere: bool = False
    """A finding counts only when a spec and all its variants have it: what one of them uses is used."""
    together: str = ""
    """What is said of several subjects in a file, which are one finding; "": each is one of its own."""

    @property
    def in_shell(self) -> bool:
        """Whether the examples are commands."""
        return self.failing.startswith("$ ")
