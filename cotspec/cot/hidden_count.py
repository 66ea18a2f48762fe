"""How many units a mask hides. Arithmetic on payload.Mask alone, so that a rule can ask without a trace."""

from __future__ import annotations

import math
from typing import assert_never

from cotspec.spec import payload


def hidden_count(rule: payload.Mask, n: int, *, progress: float) -> int:
    """min(max(count, floor(share·n), at_least), n − leave), never below 0: units hidden in a masked row with n units.

    `all` and `inner` take what they select (n and n − 2) in place of the maximum.
    """
    wanted: int
    match rule.select:
        case "random" | "scattered" | "consecutive" | "first" | "last":
            share = rule.share.first + (rule.share.last - rule.share.first) * progress
            # A person's 0.29 of 100 is 29, although 0.29 * 100 is 28.999999999999996.
            wanted = max(rule.count, math.floor(share * n + 1e-9), rule.at_least)
        case "all":
            wanted = n
        case "inner":
            wanted = n - 2
        case _:
            assert_never(rule.select)
    return max(0, min(wanted, n - rule.leave))
