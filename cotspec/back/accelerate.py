"""accelerate.yaml of every training task: how many processes there are and how they share the work."""

from __future__ import annotations

from typing import Final, assert_never

from cotspec.back import places
from cotspec.back.rendering import HEADER, Setting, yaml_mapping
from cotspec.ir.plan import Launch, Plan

_FSDP: Final[dict[str, Setting]] = {
    "fsdp_activation_checkpointing": False,
    "fsdp_auto_wrap_policy": "TRANSFORMER_BASED_WRAP",
    "fsdp_cpu_ram_efficient_loading": True,
    "fsdp_offload_params": False,
    "fsdp_reshard_after_forward": True,
    "fsdp_state_dict_type": "FULL_STATE_DICT",
    "fsdp_version": 2,
}


def emit(plan: Plan) -> dict[str, str]:
    """Return accelerate.yaml of each training task, by path."""
    return {
        f"{folder}/accelerate.yaml": f"{HEADER}\n{yaml_mapping(config(task.launch))}"
        for folder, task in places.folders(plan)
        if task.launch.launcher == "accelerate"
    }


def config(launch: Launch) -> dict[str, Setting]:
    """The settings as accelerate's own configuration file has them."""
    return {
        "compute_environment": "LOCAL_MACHINE",
        "debug": False,
        "enable_cpu_affinity": False,
        "machine_rank": 0,
        "main_process_port": 0,  # a free port, so that two stages can train on one machine
        "main_training_function": "main",
        "mixed_precision": "no" if launch.precision == "fp32" else launch.precision,
        "num_machines": launch.nodes,  # launch.sh says where they meet, and each which one it is
        "num_processes": launch.settings.processes,
        "rdzv_backend": "static",
        "same_network": True,
        "use_cpu": _alone(launch),  # several processes on the CPU are launched as those of GPUs are
        **_sharing(launch),
    }


def _sharing(launch: Launch) -> dict[str, Setting]:
    if _alone(launch):
        return {"distributed_type": "NO"}
    if launch.settings.gpus == 0 or launch.settings.processes == 1:
        # One process under torchrun, not `NO`: there the trainer would spread over every visible GPU (DataParallel) and
        # silently multiply the batch. On the CPU accelerate shards nothing.
        return {"distributed_type": "MULTI_GPU"}
    return _strategy(launch)


def _alone(launch: Launch) -> bool:
    """Whether one process trains, on the CPU."""
    return launch.settings.gpus == 0 and launch.settings.processes == 1


def _strategy(launch: Launch) -> dict[str, Setting]:
    match launch.strategy:
        case "ddp":
            return {"distributed_type": "MULTI_GPU"}
        case "fsdp":
            return {"distributed_type": "FSDP", "fsdp_config": _FSDP}
        case "zero2":
            return {"distributed_type": "DEEPSPEED", "deepspeed_config": _zero(2, launch)}
        case "zero3":
            zero3 = {**_zero(3, launch), "zero3_save_16bit_model": True}
            return {"distributed_type": "DEEPSPEED", "deepspeed_config": zero3}
        case _:
            assert_never(launch.strategy)


def _zero(stage: int, launch: Launch) -> dict[str, Setting]:
    return {
        "deepspeed_multinode_launcher": "standard",
        "gradient_accumulation_steps": launch.settings.accumulation,
        # DeepSpeed clips by itself: without this, to a norm of 1.0 whatever the trainer is told.
        "gradient_clipping": launch.max_grad_norm,
        "offload_optimizer_device": "none",
        "offload_param_device": "none",
        "zero3_init_flag": stage == 3,
        "zero_stage": stage,
    }
