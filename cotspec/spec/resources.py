"""What a person may write under `resources:`: how work is launched, never what is computed (never identity)."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, create_model

from cotspec.back.jobs.base import Job as Job
from cotspec.back.jobs.base import JobFile as JobFile
from cotspec.back.jobs.registry import JOBS
from cotspec.spec.base import Count, Name, NotNegative, Part, Positive, Share, Text, Whole
from cotspec.spec.endpoints import Address

Tracker = Literal["tensorboard", "trackio", "wandb", "mlflow"]
Strategy = Literal["ddp", "fsdp", "zero2", "zero3"]
Host = Annotated[str, Field(pattern=r"^[A-Za-z0-9._-]+$", max_length=253)]
Port = Annotated[int, Field(ge=1, le=65535)]
_USUAL_PORT = 8000
"""Of `trl vllm-serve`."""


class TrainResources(Part):
    """Where and how training runs."""

    gpus: Whole = 1
    """GPUs, one process each; 0 trains on the CPU."""
    processes: Count = 1
    """Processes that share the work on the CPU (`gpus: 0`) as GPUs do: the way to try here what will run there."""
    nodes: Count = 1
    """Machines that train together, with `gpus` (or `processes`) on each: one job of SLURM on so many nodes."""
    per_device_batch: Count = 1
    """Rows (sft) or completions (grpo) a device holds at once; the rest of `global_batch` is accumulated."""
    strategy: Strategy = "ddp"
    """How more than one GPU shares the work (processes on the CPU: `ddp`)."""
    gradient_checkpointing: bool = False
    """Recompute activations to save memory."""
    vllm: bool = False
    """Generate completions with vLLM: on the training GPUs, or on `vllm_gpus` of its own."""
    vllm_gpus: Whole = 0
    """GPUs of vLLM's own beside `gpus`, over which a server of it splits the model (TRL's mode `server`); 0 shares the
    training GPUs (`colocate`)."""
    vllm_memory: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """Share of GPU memory vLLM may take; by default 0.3 beside training, and 0.9 of GPUs of its own."""
    vllm_server_base_url: Address | None = None
    """A vLLM server that runs already (`trl vllm-serve`), in place of one on `vllm_gpus`: `http://node7:8000`. Prompts
    and weights go there, so `cotspec.local.yaml` of the machine has to agree."""
    vllm_server_host: Host | None = None
    """The same by its host, and `vllm_server_port` (8000)."""
    vllm_server_port: Port | None = None
    """Where the server on `vllm_gpus` listens, on this machine; default: a port that is free."""
    vllm_group_port: Port | None = None
    """Where weights are handed to the server; default: a port that is free, or that of TRL (51216) for a server that
    runs already."""
    vllm_server_timeout: Positive = 900.0
    """Seconds a server has to become healthy."""
    save_steps: Count = 100
    """Optimizer steps between checkpoints a killed run resumes from."""

    @property
    def vllm_share(self) -> float:
        """What `vllm_memory` comes to."""
        return self.vllm_memory or (0.9 if self.vllm_gpus else 0.3)

    @property
    def vllm_server(self) -> str | None:
        """The address of a server that runs already."""
        host = self.vllm_server_host and f"http://{self.vllm_server_host}:{self.vllm_server_port or _USUAL_PORT}"
        return self.vllm_server_base_url or host

    @property
    def world(self) -> int:
        """Processes that train together."""
        return self.nodes * (self.gpus or self.processes)


class StageResources(Part):
    """What one stage does differently from `resources.train`."""

    gpus: Whole | None = None
    """See `resources.train.gpus`."""
    processes: Count | None = None
    """See `resources.train.processes`."""
    nodes: Count | None = None
    """See `resources.train.nodes`."""
    per_device_batch: Count | None = None
    """See `resources.train.per_device_batch`."""
    strategy: Strategy | None = None
    """See `resources.train.strategy`."""
    gradient_checkpointing: bool | None = None
    """See `resources.train.gradient_checkpointing`."""
    vllm: bool | None = None
    """See `resources.train.vllm`."""
    vllm_gpus: Whole | None = None
    """See `resources.train.vllm_gpus`."""
    vllm_memory: Annotated[float, Field(gt=0.0, le=1.0)] | None = None
    """See `resources.train.vllm_memory`."""
    vllm_server_base_url: Address | None = None
    """See `resources.train.vllm_server_base_url`."""
    vllm_server_host: Host | None = None
    """See `resources.train.vllm_server_host`."""
    vllm_server_port: Port | None = None
    """See `resources.train.vllm_server_port`."""
    vllm_group_port: Port | None = None
    """See `resources.train.vllm_group_port`."""
    vllm_server_timeout: Positive | None = None
    """See `resources.train.vllm_server_timeout`."""
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


class Price(Part):
    """What a server takes for a million tokens, in any one currency."""

    input: NotNegative
    """Of prompts."""
    output: NotNegative
    """Of texts, with their thoughts."""


class Budget(Part):
    """The most that this project may spend on a model, in all runs on this machine together. Where it is reached a task
    ends and keeps what it has; with a larger one the next run goes on. Requests that are on their way are waited for,
    and may take it a little above."""

    tokens: Count | None = None
    """Tokens, of prompts and texts together."""
    cost: Positive | None = None
    """Money, in the currency of `price`."""


class EndpointResources(Part):
    """How the server of an `endpoint` model is asked."""

    concurrency: Count = 8
    """Requests at a time."""
    retries: Whole = 5
    """How often a request that fails is sent again. The pause before it doubles each time, from half a second to a
    minute, or lasts as long as the server asks (`Retry-After`)."""
    timeout: Positive = 600.0
    """Seconds to wait for a reply: a long text takes long to write."""
    missing: Share = 0.0
    """Share of the texts of a generation that may be missing, because the server refuses their prompts or filters what
    is written (trials and evaluations always need all). Above it a task ends with an error and keeps what it has."""
    price: Price | None = None
    """What its tokens cost."""
    budget: Budget | None = None
    """The most that may be spent."""


class _Resources(Part):
    """How it is run. Nothing here changes a result, so nothing here changes an id."""

    train: TrainResources = TrainResources.model_construct()
    """Training."""
    generate: GenerateResources = GenerateResources.model_construct()
    """Generation."""
    stages: dict[Name, StageResources] = {}
    """What single stages do differently."""
    endpoints: dict[Name, EndpointResources] = {}
    """How the servers of `endpoint` models are asked, by the model's name in the spec."""
    track: Tracker | None = None
    """Where training also sends its log, besides `log.jsonl`: files in `.cotspec/track/`, and nothing to anywhere else
    unless the environment says so (`WANDB_MODE`, `MLFLOW_TRACKING_URI`, `TRACKIO_SPACE_ID`). Each run has the id of its
    task as its name."""
    track_project: Text = "cotspec"
    """Project (mlflow: experiment) that runs are filed under there."""

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
