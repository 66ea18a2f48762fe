"""What a person may write under `resources:`: how work is launched, never what is computed (never identity)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, create_model

from cotspec.back.jobs.base import Job as Job
from cotspec.back.jobs.base import JobFile as JobFile
from cotspec.back.jobs.registry import JOBS
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


class _Resources(Part):
    """How it is run. Nothing here changes a result, so nothing here changes an id."""

    train: TrainResources = TrainResources.model_construct()
    """Training."""
    generate: GenerateResources = GenerateResources.model_construct()
    """Generation."""
    stages: dict[Name, StageResources] = {}
    """What single stages do differently."""

    def jobs(self) -> Mapping[str, JobFile]:
        """The job files that are asked for, by key."""
        return {key: asked for key in JOBS if (asked := getattr(self, key)) is not None}


if TYPE_CHECKING:
    Resources = _Resources
else:
    Resources = create_model(
        "Resources",
        __base__=_Resources,
        __doc__=_Resources.__doc__,
        __module__=__name__,
        **{key: (job | None, Field(None, description=f"Emit `{job.FILE}` files.")) for key, job in JOBS.items()},
    )
