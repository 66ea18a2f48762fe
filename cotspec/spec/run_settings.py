"""run.json: how a task is run on the machines at hand. Never hashed: no result depends on it."""

from typing import Final, Literal

from cotspec.spec.base import Part

ELSEWHERE: Final = "COTSPEC_ELSEWHERE"
"""Set where a scheduler starts tasks on machines of their own: the preflight counts no GPUs of this one."""


class EndpointSettings(Part):
    """How a server is asked; a budget and a price of 0 are none. Prices are of a million tokens, in one currency."""

    concurrency: int = 8
    retries: int = 5
    timeout: float = 600.0
    missing: float = 0.0
    price_input: float = 0.0
    price_output: float = 0.0
    budget_tokens: int = 0
    budget_cost: float = 0.0


class RunSettings(Part):
    """run.json, not a DVC dependency: how the same result is computed here."""

    processes: int
    gpus: int
    per_device_batch: int
    accumulation: int
    gradient_checkpointing: bool
    save_steps: int
    engine: Literal["transformers", "vllm"]
    generate_batch: int
    tensor_parallel: int
    vllm_memory: float
    stop_without_signal: int = 0
    """Steps in a row without learning signal after which training stops; 0 never stops. It is here because it decides
    whether a run ends, never what a finished one has learnt: a stopped one goes on when it is raised."""
    vllm_gpus: int = 0
    """GPUs of a vLLM server's own, beside `gpus`."""
    vllm_server: str = ""
    """The address of a server that runs already."""
    vllm_port: int = 0
    """Where the server on `vllm_gpus` listens; 0 takes a free port."""
    vllm_group_port: int = 0
    """Where weights are handed over; 0 takes a free port, or TRL's for a server that runs already."""
    vllm_timeout: float = 900.0
    """Seconds a server has to become healthy."""
    track: str = ""
    """The tracker that training sends its log to, too; "" is none."""
    track_project: str = "cotspec"
    """What its runs are filed under there."""
    endpoint: EndpointSettings = EndpointSettings.model_construct()
    """For a task that asks a model behind a server."""
    judges: dict[str, EndpointSettings] = {}
    """How the servers of judges are asked, by the names of those that are behind one."""

    @property
    def vllm_elsewhere(self) -> bool:
        """Whether a vLLM server writes the texts of training, and not vLLM on the training GPUs."""
        return self.vllm_gpus > 0 or bool(self.vllm_server)

    @property
    def devices(self) -> int:
        """All GPUs that the task uses."""
        return self.gpus + self.vllm_gpus


def too_few_gpus(who: str, *, needs: int, seen: int, others: int) -> str:
    """What `cotspec run` and the preflight say of a task that needs more GPUs than there are, and of `others` like
    it."""
    asked = "a GPU" if needs == 1 else f"{needs} GPUs"
    more = f" (there are {others} more such tasks)" if others else ""
    return (
        f"{who} needs {asked} and {seen or 'none'} can be seen on this machine{more}: "
        f"{'lower `gpus`' if seen else 'write `gpus: 0`'} under `resources` and build again, or run it where there are "
        "(docs/running.md, Clusters and clouds)"
    )
