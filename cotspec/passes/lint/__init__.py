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
    answer_missing,
    answer_unsupervised,
    clip_effect,
    condition_unmet,
    contamination,
    data_missing,
    evaluated_twice,
    gate_on_train,
    gold_contradiction,
    launch_effect,
    learning_rate,
    lock_stale,
    loss_drops_rows,
    mask_hides_all,
    mask_hides_nothing,
    mask_never_matches,
    mask_ramp,
    mined_elsewhere,
    past_the_run,
    regex_ascii,
    reward_constant,
    reward_length,
    reward_order,
    reward_range,
    reward_undefined,
    reward_unreachable,
    reward_unused,
    reward_upset,
    rewrite_solved,
    row_length,
    self_teaching,
    signal_limit,
    slice_past_end,
    stage_overlap,
    trainer_conflict,
    trainer_effect,
    unpinned_endpoint,
    unpinned_revision,
    unused,
    unused_stage,
    vllm_memory,
)

LINTS: tuple[tuple[Rule, Check], ...] = (
    (unpinned_revision.RULE, unpinned_revision.check),
    (unpinned_endpoint.RULE, unpinned_endpoint.check),
    (lock_stale.RULE, lock_stale.check),
    (data_missing.RULE, data_missing.check),
    (gold_contradiction.RULE, gold_contradiction.check),
    (contamination.RULE, contamination.check),
    (mask_never_matches.RULE, mask_never_matches.check),
    (regex_ascii.RULE, regex_ascii.check),
    (mask_hides_nothing.RULE, mask_hides_nothing.check),
    (mask_hides_all.RULE, mask_hides_all.check),
    (mask_ramp.RULE, mask_ramp.check),
    (answer_unsupervised.RULE, answer_unsupervised.check),
    (loss_drops_rows.RULE, loss_drops_rows.check),
    (row_length.RULE, row_length.check),
    (answer_cut.RULE, answer_cut.check),
    (answer_missing.RULE, answer_missing.check),
    (reward_unused.RULE, reward_unused.check),
    (reward_undefined.RULE, reward_undefined.check),
    (reward_range.RULE, reward_range.check),
    (reward_unreachable.RULE, reward_unreachable.check),
    (reward_constant.RULE, reward_constant.check),
    (reward_upset.RULE, reward_upset.check),
    (reward_order.RULE, reward_order.check),
    (reward_length.RULE, reward_length.check),
    (launch_effect.RULE, launch_effect.check),
    (vllm_memory.RULE, vllm_memory.check),
    (clip_effect.RULE, clip_effect.check),
    (signal_limit.RULE, signal_limit.check),
    (learning_rate.RULE, learning_rate.check),
    (trainer_effect.RULE, trainer_effect.check),
    (trainer_conflict.RULE, trainer_conflict.check),
    (unused.RULE, unused.check),
    (unused_stage.RULE, unused_stage.check),
    (slice_past_end.RULE, slice_past_end.check),
    (condition_unmet.RULE, condition_unmet.check),
    (stage_overlap.RULE, stage_overlap.check),
    (self_teaching.RULE, self_teaching.check),
    (gate_on_train.RULE, gate_on_train.check),
    (mined_elsewhere.RULE, mined_elsewhere.check),
    (rewrite_solved.RULE, rewrite_solved.check),
    (past_the_run.RULE, past_the_run.check),
    (evaluated_twice.RULE, evaluated_twice.check),
)
"""Every rule with its check; the order does not matter, findings are shown in the order of the file."""

RULES: Mapping[str, Rule] = MappingProxyType({rule.slug: rule for rule, _ in LINTS})
"""By slug."""


ON_ROWS = frozenset(
    rule.slug
    for rule in (
        mask_never_matches.RULE,
        regex_ascii.RULE,
        mask_hides_nothing.RULE,
        mask_hides_all.RULE,
        mask_ramp.RULE,
        loss_drops_rows.RULE,
        row_length.RULE,
        answer_cut.RULE,
        reward_undefined.RULE,
        reward_range.RULE,
        reward_unreachable.RULE,
        reward_constant.RULE,
        reward_upset.RULE,
        reward_order.RULE,
        reward_length.RULE,
        slice_past_end.RULE,
        past_the_run.RULE,
        data_missing.RULE,
        gold_contradiction.RULE,
        contamination.RULE,
    )
)
"""Rules that find something else once the rows of a run, or data files, are there."""


def lint(context: Context, sink: Sink) -> None:
    """Put the findings of all rules that the spec does not allow into `sink`, and what is wrong with `allow` itself."""
    collected = Sink()
    for _, run in LINTS:
        collected.extend(run(context))
    sink.extend(allow.not_allowed(collected.findings, context, known=RULES, unsteady=ON_ROWS))
