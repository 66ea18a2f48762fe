"""Texts that do not depend on how many processes write them: each draws as one process would that wrote them all.

torch draws a token as the largest of the probabilities, each divided by an exponential random number, and takes these
numbers for a whole batch at a time. Here every process has the random state of the first one, takes the numbers for the
rows of all, and uses those of its own rows. It costs numbers that are thrown away and no communication between tokens.
What vLLM writes is drawn by vLLM, from seeds of its own.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor
from torch.overrides import TorchFunctionMode

if TYPE_CHECKING:
    from accelerate import Accelerator

State = tuple[Tensor, ...]
"""Of torch's random numbers on the CPU and, where there is one, on this process's GPU."""


class SharedDraws:
    """Stands before one of TRL's trainers in a class's bases."""

    _kept: Sequence[int] | None = None
    """Of the texts of all processes those that are kept, by their places; None for all."""
    _after: State | None = None
    """The random state once texts were written, before TRL shuffles them."""
    _of_all = 0

    def _generate_single_turn(self, prompt_ids: list[list[int]], *args: Any, **more: Any) -> Any:
        """The trainer's own texts; several processes draw them together."""
        processes: int = self.accelerator.num_processes  # type: ignore[attr-defined]
        write = super()._generate_single_turn  # type: ignore[misc]
        if processes == 1 or self.use_vllm:  # type: ignore[attr-defined]
            return write(prompt_ids, *args, **more)
        count = len(prompt_ids)
        first: int = self.accelerator.process_index * count  # type: ignore[attr-defined]
        numbers = {place: number for number, place in enumerate(self._kept or range(processes * count))}
        own = [numbers.get(first + at) for at in range(count)]
        with Draws(self.accelerator, [number or 0 for number in own], len(numbers)) as draws:  # type: ignore[attr-defined]
            made = write(prompt_ids, *args, **more)
        ids = made[0] if isinstance(made, tuple) else made
        draws.end(max((len(text) for text, number in zip(ids, own, strict=True) if number is not None), default=0))
        self._after, self._of_all = state(), processes * count
        return made

    def _prepare_inputs(self, generation_batch: Any) -> Any:
        """The trainer's own batch, before which it shuffles what it wrote: of all rows, were there one process."""
        made = super()._prepare_inputs(generation_batch)  # type: ignore[misc]
        if self._after is not None:
            set_state(self._after)
            torch.randperm(self._of_all)
            self._after = None
        return made


class Draws(TorchFunctionMode):  # type: ignore[misc]  # torch's is untyped
    """While it is entered, `torch.multinomial` draws the tokens of `places`, out of so many `rows` of all processes."""

    def __init__(self, accelerator: Accelerator, places: Sequence[int], rows: int) -> None:
        super().__init__()
        self._accelerator, self._rows = accelerator, rows
        self._places = torch.tensor(places, device=accelerator.device)
        self._before: list[State] = []
        self._last: Tensor | None = None

    def __enter__(self) -> Draws:
        from accelerate.utils import synchronize_rng_states

        synchronize_rng_states(["torch", *(["cuda"] if _on_gpu() else [])])
        super().__enter__()
        return self

    def __torch_function__(
        self, func: Callable[..., Any], types: Any, args: tuple[Any, ...] = (), kwargs: Mapping[str, Any] | None = None
    ) -> Any:
        if func is not torch.multinomial:
            return func(*args, **(kwargs or {}))
        self._before.append(state())
        self._last = args[0]
        return (args[0] / self._numbers()[self._places]).argmax(-1, keepdim=True)

    def end(self, tokens: int) -> None:
        """Leave the random state where one process would have it, whose longest text is the longest of all processes;
        `tokens` is the length of the longest that was written here and is kept."""
        own = torch.tensor([tokens if self._before else 0], device=self._accelerator.device)
        longest = int(self._accelerator.gather(own).max())
        if longest < len(self._before):
            set_state(self._before[longest])
        for _ in range(longest - len(self._before)):
            self._numbers()

    def _numbers(self) -> Tensor:
        assert self._last is not None  # noqa: S101 - called once something was drawn
        return torch.empty(
            (self._rows, self._last.shape[1]), dtype=self._last.dtype, device=self._last.device
        ).exponential_()


def state() -> State:
    """The random state of this process."""
    return (torch.get_rng_state(), *([torch.cuda.get_rng_state()] if _on_gpu() else []))


def set_state(given: State) -> None:
    """Put it back."""
    torch.set_rng_state(given[0])
    if len(given) > 1:
        torch.cuda.set_rng_state(given[1])


def _on_gpu() -> bool:
    return bool(torch.cuda.is_available() and torch.cuda.is_initialized())
