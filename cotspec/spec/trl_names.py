"""Every setting that TRL's trainers share and a spec does *not* pass through, and what to do instead; those of one
trainer alone are with it in `cotspec.trainers`. Names and advice only.

Three kinds: *ours* have a name in the language; *launch* decides how the same result is computed, or what is logged and
stored, and belongs to the machine; *fixed* are set by cotspec, because another value would break what it promises: rows
built ahead, a result that does not depend on how a batch is split, resuming to the same bytes, text sampled in one way.
"""

from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Final, Literal

from cotspec.spec.trainer import Other
from cotspec.trainers import TRAINERS
from cotspec.trainers.trainer import Trainer

_TRAIN: Final[Mapping[str, str]] = {
    "lr": "learning_rate",
    "epochs": "num_train_epochs",
    "schedule": "lr_scheduler_type",
    "warmup_steps": "warmup_steps",
    "weight_decay": "weight_decay",
    "max_grad_norm": "max_grad_norm",
    "max_length": "max_length",
    "precision": "bf16 fp16",
}
"""Ours, under `train` of the stage → theirs."""

_OURS: Final[Mapping[str, str]] = {
    "`weight`, in the terms of `reward`": "reward_weights",
    "`loss`, in the stage": "completion_only_loss assistant_only_loss",
    "`advance.checkpoint`, in the stage": "load_best_model_at_end metric_for_best_model greater_is_better",
    "`seed`, at the top of the spec": "seed data_seed",
    "`trust_remote_code`, in `models`": "trust_remote_code",
}
"""Ours, elsewhere."""

_LAUNCH: Final[Mapping[str, str]] = {
    "set `resources.train.per_device_batch`": "per_device_train_batch_size",
    "it follows from `global_batch`, the GPUs and `resources.train.per_device_batch`": "gradient_accumulation_steps "
    "steps_per_generation",
    "set `resources.train.strategy`": "deepspeed fsdp fsdp_config accelerator_config parallelism_config "
    "ds3_gather_for_generation",
    "set `resources.train.gradient_checkpointing`": "activation_checkpointing activation_checkpointing_kwargs "
    "gradient_checkpointing gradient_checkpointing_kwargs activation_offloading",
    "set `resources.train.gpus`": "use_cpu local_rank",
    "set `resources.train.vllm`": "use_vllm vllm_mode",
    "set `resources.train.vllm_memory`": "vllm_gpu_memory_utilization",
    "set `resources.train.save_steps`": "save_steps save_strategy save_total_limit save_only_model save_on_each_node "
    "enable_jit_checkpoint",
    "set `resources.train.vllm_gpus`, over which the server splits the model": "vllm_tensor_parallel_size",
    "set it under `resources.train`: where a server is decides no result": "vllm_server_base_url vllm_server_host "
    "vllm_server_port vllm_server_timeout vllm_group_port",
    "leave it out: it is what TRL chooses": "vllm_enable_sleep_mode vllm_max_model_length vllm_model_impl",
    "leave it out: it says how fast the same result is computed, and cotspec has no key for it yet": "ddp_backend "
    "ddp_broadcast_buffers ddp_bucket_cap_mb ddp_find_unused_parameters ddp_static_graph ddp_timeout "
    "dataloader_in_order dataloader_multiprocessing_context dataloader_num_workers dataloader_persistent_workers "
    "dataloader_pin_memory dataloader_prefetch_factor dataset_num_proc torch_compile torch_compile_backend "
    "torch_compile_mode torch_empty_cache_steps tf32 use_liger_kernel liger_kernel_config pad_to_multiple_of "
    "padding_free use_cache cache_implementation use_transformers_continuous_batching "
    "transformers_continuous_batching_config use_transformers_paged",
    "set `resources.track`": "report_to",
    "set `resources.track_project`": "project",
    "leave it out: every step is written to `log.jsonl`, and the metrics to `metrics.json`": "run_name "
    "logging_steps logging_strategy logging_first_step logging_nan_inf_filter log_level log_level_replica "
    "log_on_each_node disable_tqdm debug skip_memory_metrics include_num_input_tokens_seen trackio_bucket_id "
    "trackio_space_id trackio_static_space_id log_completions log_completions_hub_repo log_multimodal "
    "log_unique_prompts num_completions_to_print",
    "leave it out: results lie in the folder of the stage": "output_dir",
    "leave it out: a killed run resumes by itself": "resume_from_checkpoint ignore_data_skip "
    "restore_callback_states_from_checkpoint",
    "leave it out: training never uploads anything": "push_to_hub hub_always_push hub_model_id hub_private_repo "
    "hub_revision hub_strategy hub_token",
}

_FIXED: Final[Mapping[str, str]] = {
    "leave it out: the rows say how long training is; use `epochs` or `rows.slice`": "max_steps",
    "leave it out: rows are built, masked, ordered and measured ahead": "packing packing_strategy eval_packing "
    "shuffle_dataset train_sampling_strategy dataloader_drop_last dataset_kwargs dataset_text_field "
    "remove_unused_columns label_names length_column_name truncation_mode",
    "leave it out: prompts and tokens are the same in training and evaluation": "chat_template_path "
    "chat_template_kwargs eos_token pad_token",
    "leave it out: it could contradict `sampling`; there is `min_p` and `repetition_penalty`": "generation_kwargs "
    "vllm_structured_outputs_regex",
    "leave it out: stages are measured by `advance` and by `evaluate`": "do_train do_eval do_predict eval_strategy "
    "eval_steps eval_delay eval_on_start eval_accumulation_steps eval_do_concat_batches eval_use_gather_object "
    "batch_eval_metrics bf16_full_eval fp16_full_eval per_device_eval_batch_size prediction_loss_only "
    "include_for_metrics num_generations_eval",
    "leave it out: `global_batch` is kept whatever the machine": "auto_find_batch_size",
    "leave it out: the result would depend on how a batch is split over devices": "average_tokens_across_devices "
    "entropy_coef entropy_coef_delta entropy_coef_max entropy_coef_min entropy_target use_adaptive_entropy",
    "leave it out: a moving reference is in no checkpoint, so a resumed run would be another one": "sync_ref_model "
    "ref_model_mixup_alpha ref_model_sync_steps",
    "leave it out: a reward is one expression, already summed": "multi_objective_aggregation",
    "leave it out: a model is described under `models`": "model_init_kwargs",
    "leave it out: there are no tools": "max_tool_calling_iterations",
    "leave it out: `schedule` has no settings of its own": "lr_scheduler_kwargs",
    "leave it out: the optimizers of `optim` have none": "optim_args optim_target_modules",
    "leave it out: only a loss that cotspec does not have reads it": "sapo_temperature_neg sapo_temperature_pos "
    "vespo_k_neg vespo_k_pos vespo_lambda_neg vespo_lambda_pos",
    "use `vllm_importance_sampling_clip_max`": "vllm_importance_sampling_cap",
    "leave it out: runs are repeatable as they are": "full_determinism",
}


def _train(ours: str) -> Other:
    return Other("ours", f"cotspec calls it `{ours}`, in `train`", ours)


def _named(kind: Literal["ours", "launch", "fixed"], names: Mapping[str, str]) -> Iterator[tuple[str, Other]]:
    for advice, words in names.items():
        text = f"cotspec calls it {advice}" if kind == "ours" else advice
        yield from ((name, Other(kind, text)) for name in words.split())


_SHARED: Final = dict(
    [
        *((name, _train(ours)) for ours, words in _TRAIN.items() for name in words.split()),
        *_named("ours", _OURS),
        *_named("launch", _LAUNCH),
        *_named("fixed", _FIXED),
    ]
)


def _own(trainer: Trainer) -> dict[str, Other]:
    return {theirs: _train(ours) for ours, theirs in trainer.trl.items()} | dict(trainer.refused)


def _of_another(trainer: Trainer) -> Mapping[str, Other]:
    """Under this trainer: `num_generations` is grpo's `group`."""
    others: dict[str, Other] = {}
    named: dict[str, dict[str, list[str]]] = {}
    for each in TRAINERS.values():
        for name, other in _own(each).items():
            others.setdefault(name, other)
            if other.ours and other.ours.partition(".")[0] not in trainer.settings.model_fields:
                named.setdefault(name, {}).setdefault(other.ours, []).append(each.name)
    return others | {name: Other("fixed", _whose(names)) for name, names in named.items()}


def _whose(names: Mapping[str, list[str]]) -> str:
    """Our name → the trainers that have it."""
    parts = [f"{' and '.join(who)} {'has' if len(who) == 1 else 'have'} it, as `{ours}`" for ours, who in names.items()]
    return f"only {', '.join(parts)}, in `train`"


def _others(trainer: Trainer) -> Mapping[str, Other]:
    others = {**_of_another(trainer), **_SHARED, **_own(trainer)}
    return {name: other for name, other in others.items() if name not in trainer.passed.model_fields}


OTHERS: Final[Mapping[str, Mapping[str, Other]]] = MappingProxyType(
    {name: _others(trainer) for name, trainer in TRAINERS.items()}
)
"""By trainer and TRL's name."""
