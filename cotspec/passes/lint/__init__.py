"""Rules of judgement: what can be compiled and run, and is probably not meant. One rule per module.

A rule is a module with `RULE`, what it says about itself, and `check`, which yields findings: the same form as in
`cotspec.passes.check`. The difference: a spec may accept these with `allow: [{rule: …, reason: …}]`, and they run after
the plan is sealed, so they may look at the rows of an earlier run (`Context.read_traces`).
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cotspec.diagnostics import Sink
from cotspec.diagnostics.rule import Rule
from cotspec.passes import allow
from cotspec.passes.check.context import Check, Context
from cotspec.passes.lint import (
    answer_cut,
    answer_unsupervised,
    loss_drops_rows,
    mask_hides_all,
    mask_hides_nothing,
    mask_never_matches,
    mask_ramp,
    reward_constant,
    reward_length,
    reward_order,
    reward_range,
    reward_undefined,
    reward_unreachable,
    reward_unused,
    reward_upset,
    row_length,
    unpinned_revision,
)

LINTS: tuple[tuple[Rule, Check], ...] = (
    (unpinned_revision.RULE, unpinned_revision.check),
    (mask_never_matches.RULE, mask_never_matches.check),
    (mask_hides_nothing.RULE, mask_hides_nothing.check),
    (mask_hides_all.RULE, mask_hides_all.check),
    (mask_ramp.RULE, mask_ramp.check),
    (answer_unsupervised.RULE, answer_unsupervised.check),
    (loss_drops_rows.RULE, loss_drops_rows.check),
    (row_length.RULE, row_length.check),
    (answer_cut.RULE, answer_cut.check),
    (reward_unused.RULE, reward_unused.check),
    (reward_undefined.RULE, reward_undefined.check),
    (reward_range.RULE, reward_range.check),
    (reward_unreachable.RULE, reward_unreachable.check),
    (reward_constant.RULE, reward_constant.check),
    (reward_upset.RULE, reward_upset.check),
    (reward_order.RULE, reward_order.check),
    (reward_length.RULE, reward_length.check),
)
"""Every rule with its check; the order does not matter, findings are shown in the order of the file."""

RULES: Mapping[str, Rule] = MappingProxyType({rule.slug: rule for rule, _ in LINTS})
"""By slug."""


ON_ROWS = frozenset(
    rule.slug
    for rule in (
        mask_never_matches.RULE,
        mask_hides_nothing.RULE,
        mask_hides_all.RULE,
        mask_ramp.RULE,
        loss_drops_rows.RULE,
        row_length.RULE,
        answer_cut.RULE,
        reward_length.RULE,
    )
)
"""Rules that find something else once the rows of a run are there."""


def lint(context: Context, sink: Sink) -> None:
    """Put the findings of all rules that the spec does not allow into `sink`, and what is wrong with `allow` itself."""
    found = Sink()
    for _, run in LINTS:
        found.extend(run(context))
    sink.extend(allow.left(found.findings, context, known=RULES, unsteady=ON_ROWS))
