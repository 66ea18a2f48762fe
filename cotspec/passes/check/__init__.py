"""Semantic rules: what ties two places of a spec together, one rule per module, all run, findings with positions.

A rule is a module with `RULE`, what it says about itself, and `check`, which yields findings. Rules do not see each
other and hold for any spec that has the right shape.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from cotspec.diagnostics import Sink
from cotspec.diagnostics.rule import Rule
from cotspec.passes.check import (
    advance_metric,
    answer_begin,
    batch_size,
    builtin_name,
    carried_optimizer,
    chat_settings,
    completion_length,
    context_length,
    data_file,
    demonstration,
    device,
    empty_range,
    endpoint_consent,
    endpoint_settings,
    endpoint_use,
    evaluation_on_train,
    evaluation_sets,
    gathered,
    hub_id,
    judges,
    keep_condition,
    lora_targets,
    loss_segments,
    mask_amount,
    mask_regex,
    mask_use,
    model_tokenizer,
    name_clash,
    no_gold,
    pick_one,
    prompt_variable,
    remote_code,
    requirement,
    revised,
    reward_expression,
    sampling,
    several_machines,
    source_choice,
    source_settings,
    stage_kind,
    stage_order,
    stop,
    teacher_follows,
    teacher_vocabulary,
    tensor_parallel,
    texts,
    tilted,
    trace_openers,
    trace_segments,
    trainer_bounds,
    trainer_split,
    unknown_reference,
    warmup,
)
from cotspec.passes.check.context import Check, Context

CHECKS: tuple[tuple[Rule, Check], ...] = (
    (unknown_reference.RULE, unknown_reference.check),
    (stage_order.RULE, stage_order.check),
    (name_clash.RULE, name_clash.check),
    (keep_condition.RULE, keep_condition.check),
    (texts.RULE, texts.check),
    (gathered.RULE, gathered.check),
    (tilted.RULE, tilted.check),
    (revised.RULE, revised.check),
    (pick_one.RULE, pick_one.check),
    (source_choice.RULE, source_choice.check),
    (hub_id.RULE, hub_id.check),
    (source_settings.RULE, source_settings.check),
    (chat_settings.RULE, chat_settings.check),
    (builtin_name.RULE, builtin_name.check),
    (remote_code.RULE, remote_code.check),
    (endpoint_use.RULE, endpoint_use.check),
    (endpoint_consent.RULE, endpoint_consent.check),
    (endpoint_settings.RULE, endpoint_settings.check),
    (trace_openers.RULE, trace_openers.check),
    (trace_segments.RULE, trace_segments.check),
    (stage_kind.RULE, stage_kind.check),
    (answer_begin.RULE, answer_begin.check),
    (mask_use.RULE, mask_use.check),
    (mask_amount.RULE, mask_amount.check),
    (mask_regex.RULE, mask_regex.check),
    (loss_segments.RULE, loss_segments.check),
    (lora_targets.RULE, lora_targets.check),
    (carried_optimizer.RULE, carried_optimizer.check),
    (demonstration.RULE, demonstration.check),
    (reward_expression.RULE, reward_expression.check),
    (judges.RULE, judges.check),
    (warmup.RULE, warmup.check),
    (empty_range.RULE, empty_range.check),
    (sampling.RULE, sampling.check),
    (stop.RULE, stop.check),
    (completion_length.RULE, completion_length.check),
    (context_length.RULE, context_length.check),
    (requirement.RULE, requirement.check),
    (advance_metric.RULE, advance_metric.check),
    (data_file.RULE, data_file.check),
    (evaluation_sets.RULE, evaluation_sets.check),
    (evaluation_on_train.RULE, evaluation_on_train.check),
    (no_gold.RULE, no_gold.check),
    (prompt_variable.RULE, prompt_variable.check),
    (batch_size.RULE, batch_size.check),
    (device.RULE, device.check),
    (tensor_parallel.RULE, tensor_parallel.check),
    (several_machines.RULE, several_machines.check),
    (model_tokenizer.RULE, model_tokenizer.check),
    (teacher_vocabulary.RULE, teacher_vocabulary.check),
    (teacher_follows.RULE, teacher_follows.check),
    (trainer_bounds.RULE, trainer_bounds.check),
    (trainer_split.RULE, trainer_split.check),
)
"""Every rule with its check; the order does not matter, findings are shown in the order of the file."""

RULES: Mapping[str, Rule] = MappingProxyType({rule.slug: rule for rule, _ in CHECKS})
"""By slug."""


def check(context: Context, sink: Sink) -> None:
    """Put the findings of all rules into `sink`."""
    for _, run in CHECKS:
        sink.extend(run(context))
