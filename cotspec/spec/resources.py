"""What a person may write under `resources:`: how work is launched, never what is computed (never identity)."""

from typing import Annotated, Literal

from pydantic import Field

from cotspec.spec.base import Count, Name, Part, Whole

Strategy = Literal["ddp", "fsdp", "zero2", "zero3"]


class TrainResources(Part):
    """Where and how training runs."""

    gpus: Whole = 1
    """GPUs, one process each; 0 trains on the CPU in one process."""
    per_device_batch: Count = 1
    """Rows (sft) or completions (grpo) a device holds at once; the rest of `global_batch` is accumulated."""
    strategy: Strategy = "ddp"
    """How more than one GPU shares the work."""
    gradient_checkpointing: bool = False
    """Recompute activations to save memory."""
    vllm: bool = False
    """Generate GRPO completions with vLLM on the training GPUs (`colocate`)."""
    vllm_memory: Annotated[float, Field(gt=0.0, le=1.0)] = 0.3
    """Share of GPU memory vLLM may take while training."""
    save_steps: Count = 100
    """Optimizer steps between checkpoints a killed run resumes from."""


class StageResources(Part):
    """What one stage does differently from `resources.train`."""

    gpus: Whole | None = None
    """See `resources.train.gpus`."""
    per_device_batch: Count | None = None
    """See `resources.train.per_device_batch`."""
    strategy: Strategy | None = None
    """See `resources.train.strategy`."""
    gradient_checkpointing: bool | None = None
    """See `resources.train.gradient_checkpointing`."""
    vllm: bool | None = None
    """See `resources.train.vllm`."""
    vllm_memory: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """See `resources.train.vllm_memory`."""
    save_steps: Count | None = None
    """See `resources.train.save_steps`."""


class GenerateResources(Part):
    """Where and how teacher rollouts, mining and evaluation generate."""

    engine: Literal["transformers", "vllm"] = "transformers"
    """What generates."""
    gpus: Whole = 1
    """GPUs; 0 generates on the CPU."""
    batch: Count = 64
    """Prompts at a time (`transformers`)."""
    tensor_parallel: Count = 1
    """GPUs one copy of the model is split over (`vllm`)."""
    memory: Annotated[float, Field(gt=0.0, le=1.0)] = 0.9
    """Share of GPU memory (`vllm`)."""


class Slurm(Part):
    """A batch script for each task that uses a GPU."""

    partition: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.,-]+$")] | None = None
    """Partition."""
    account: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    """Account."""
    qos: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]+$")] | None = None
    """Quality of service."""
    time: Annotated[str, Field(pattern=r"^([0-9]+-)?[0-9]{1,2}(:[0-9]{2}){0,2}$")] = "24:00:00"
    """Time limit, `[days-]hours:minutes:seconds`."""
    cpus_per_task: Count = 8
    """CPU cores."""
    mem: Annotated[str, Field(pattern=r"^[0-9]+[KMGT]?$")] = "64G"
    """Memory."""


class Resources(Part):
    """How it is run. Nothing here changes a result, so nothing here changes an id."""

    train: TrainResources = TrainResources.model_construct()
    """Training."""
    generate: GenerateResources = GenerateResources.model_construct()
    """Generation."""
    stages: dict[Name, StageResources] = {}
    """What single stages do differently."""
    slurm: Slurm | None = None
    """Emit `job.sbatch` files."""
