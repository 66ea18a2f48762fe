"""What other trainers (TRL, PEFT, axolotl, verl) call our settings. For did-you-mean; no name here is accepted."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

_NAMES: Mapping[str, str] = {
    "lr": "learning_rate peak_lr max_lr base_lr actor_lr",
    "epochs": "num_train_epochs num_epochs n_epochs epoch total_epochs",
    "schedule": "lr_scheduler_type lr_scheduler scheduler lr_schedule",
    "warmup_steps": "warmup num_warmup_steps lr_warmup_steps",
    "warmup_ratio": "warmup_fraction warmup_proportion lr_warmup_ratio",
    "weight_decay": "wd",
    "max_grad_norm": "gradient_clipping grad_clip max_norm clip_grad_norm",
    "max_length": "max_seq_length max_seq_len sequence_len cutoff_len model_max_length",
    "precision": "bf16 fp16 dtype torch_dtype mixed_precision",
    "global_batch": "batch_size train_batch_size effective_batch_size global_batch_size generation_batch_size",
    "group": "num_generations group_size generations rollout_n G",
    "beta": "kl_coef kl_coeff kl_beta kl_penalty kl_loss_coef init_kl_coef kl",
    "clip": "epsilon eps clip_range cliprange clip_ratio clip_eps",
    "iterations": "num_iterations ppo_epochs mu inner_epochs updates_per_batch",
    "loss": "loss_type",
    "mask_truncated": "mask_truncated_completions",
    "divergence": "jsd_beta kl_type",
    "trainer.epsilon_high": "clip_ratio_high clip_high",
    "lora.r": "lora_r lora_rank rank",
    "lora.alpha": "lora_alpha",
    "lora.dropout": "lora_dropout",
    "lora.targets": "lora_target_modules target_modules",
    "sampling.max_new_tokens": "max_completion_length max_tokens max_response_length response_length max_gen_tokens",
    "sampling.n": "num_return_sequences num_samples",
    "sampling.temperature": "temp",
    "resources.train.per_device_batch": "per_device_batch per_device_train_batch_size micro_batch_size "
    "per_device_batch_size micro_batch",
    "resources.train.gpus": "gpus num_gpus n_gpus num_processes nproc_per_node world_size devices",
    "resources.train.strategy": "deepspeed fsdp distributed zero",
    "resources.train.vllm": "use_vllm",
    "resources.train.vllm_memory": "vllm_gpu_memory_utilization gpu_memory_utilization",
    "resources.train.save_steps": "save_every save_interval checkpoint_every",
    "resources.generate.tensor_parallel": "tensor_parallel_size tp tp_size vllm_tensor_parallel_size",
    "models": "model_name_or_path base_model model_name",
    "data": "dataset datasets dataset_name",
    "evaluate": "eval evaluation test",
    "reward": "reward_funcs reward_weights rewards reward_model",
    "by": "trainer algorithm method trainer_type",
    "file": "data_file data_files dataset_path train_file file_path path",
    "question": "problem instruction query input_column question_column",
    "answer": "solution gold ground_truth answer_column reference",
    "trace": "response output completion cot generation reasoning",
    "hub": "repo repo_id hf_id pretrained",
    "config": "subset dataset_config config_name",
    "from": "source",
    "about": "description",
}

#: Other trainers' name → ours, dotted where it lies under another key.
NAMES: Mapping[str, str] = MappingProxyType(
    {theirs.lower(): ours for ours, names in _NAMES.items() for theirs in names.split()}
)

#: The same where a trainer has another setting for it than most.
NAMES_OF: Mapping[str, Mapping[str, str]] = MappingProxyType(
    {"distill": dict.fromkeys(("kl", "reverse_kl", "forward_kl", "kl_direction", "kd_loss", "loss_type"), "divergence")}
)

_ALL_LINEAR: Final = "write [all-linear] for every linear layer but the output, or a list of layers' names"
_NO_SFT_TERM: Final = "dpo has no term of SFT; `by: orpo` learns to write the better answer, too"

#: Names that have no single counterpart, and what to do.
ADVICE: Mapping[str, str] = MappingProxyType(
    {
        **dict.fromkeys(
            ("format", "ds_type", "file_type", "data_format", "delimiter", "sep"),
            "what a data file is, its name says: .jsonl, .json, .csv, .tsv, .parquet, with .gz behind it or not",
        ),
        **dict.fromkeys(
            ("messages", "conversations", "field_messages", "column_mapping", "columns"),
            "name columns by `question`, `answer` and `trace`: `messages.user` is a turn of a chat, "
            "`extra_info.question` a nested column",
        ),
        **dict.fromkeys(("rpo_alpha", "pref_ftx", "sft_weight", "nll_weight", "loss_weights"), _NO_SFT_TERM),
        **dict.fromkeys(
            ("lmbda", "lambda", "seq_kd", "on_policy_fraction"),
            "`over: student` learns from texts that the student draws (λ = 1), `over: rows` from those of the rows "
            "(λ = 0); nothing is between, but rows may be a mix of texts that student and teacher wrote before",
        ),
        **dict.fromkeys(
            ("filter_groups", "dynamic_sampling"),
            "`equal_groups: skip` leaves out prompts whose completions all have one reward, which `redraws` draws anew "
            "before",
        ),
        **dict.fromkeys(
            ("overlong_buffer", "overlong_buffer_len", "overlong_penalty", "soft_punish_cache", "max_length_penalty"),
            'a penalty of length is a term of `reward`: `{value: "-clip((tokens - 900) / 100, 0, 1)"}`; '
            "`mask_truncated` leaves out what was cut",
        ),
        "gradient_accumulation_steps": "it follows from `global_batch`, the GPUs and `per_device_batch`",
        "precision": "it changes the result, so it stands under `train` of each stage",
        "max_prompt_length": "a prompt has what `max_length` leaves besides `sampling.max_new_tokens`",
        "max_steps": "training is measured in `epochs`",
        "output_dir": "results lie in the folder of the stage; nothing has to be named",
        "mask_probability": "`rows` is the share of rows that are masked at all, `share` the part of a row's units",
        "teach": "write `generate: {teach: {by: …, over: …}}`; `keep` is a condition: `{where: teach.correct}`",
        "do_sample": "`temperature: 0` is greedy, anything above samples",
        "report_to": "metrics are written to `metrics.json` and `log.jsonl` beside the model",
    }
)

#: Values that other trainers take for a setting (its last two keys), and what to do.
VALUES: Mapping[tuple[str, str], str] = MappingProxyType(
    {
        **{("lora.targets", name): _ALL_LINEAR for name in ("all", "all_linear", "linear")},
        ("train.loss", "sft"): _NO_SFT_TERM,
        ("train.loss", "simpo"): "every loss here has a reference; `sigmoid_norm` divides by length, as SimPO does",
    }
)


def folded(name: str) -> str:
    """A name as these tables have it: `-` and capital letters are no differences."""
    return name.lower().replace("-", "_")
