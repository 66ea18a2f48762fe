"""Devices as their makers publish them (dense products), and what part of that is assumed to be reached."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final, NamedTuple

GIB: Final = 1 << 30
DEFAULT: Final = "A100-80G"
"""What a task with GPUs is taken to run on unless somebody says otherwise."""
CPU: Final = "cpu"

TRAINING: Final = 0.4
"""Part of the peak that products of training and scoring are assumed to reach (published runs: 0.35 to 0.5)."""
BANDWIDTH: Final = 0.6
"""Part of the memory bandwidth that reading weights is assumed to reach."""
DISPATCH: Final = 0.8e-3
"""Seconds that Python and kernel launches take for one layer of one forward pass, whatever its size (transformers)."""
GRAPH: Final = 0.04e-3
"""The same with captured graphs (vLLM)."""
CORE: Final = 80e9
"""FLOP/s of a core: two 256-bit multiply-adds a cycle at 2.5 GHz."""
STREAM: Final = 16e9
"""Bytes a second that one core of a server reads from memory."""
LOADING: Final = 1e9
"""Bytes a second at which weights are read or written."""


class Device(NamedTuple):
    """A kind of device."""

    name: str
    fp32: float
    """FLOP/s of float32 products without TF32."""
    half: float
    """FLOP/s of bfloat16 and float16 products with float32 sums."""
    bandwidth: float
    """Bytes a second."""
    memory: int
    """Bytes; 0 when it depends on the machine."""

    def flops(self, precision: str) -> float:
        """Peak FLOP/s in a precision."""
        return self.fp32 if precision == "fp32" else self.half


DEVICES: Final[Mapping[str, Device]] = MappingProxyType(
    {
        device.name: device
        for device in (
            Device("A100-80G", 19.5e12, 312e12, 2.04e12, 80 * GIB),
            Device("A100-40G", 19.5e12, 312e12, 1.56e12, 40 * GIB),
            Device("H100", 67e12, 989e12, 3.35e12, 80 * GIB),
            Device("H200", 67e12, 989e12, 4.8e12, 141 * 10**9),
            Device("L40S", 91.6e12, 362e12, 0.864e12, 48 * GIB),
            Device("RTX-4090", 82.6e12, 165e12, 1.01e12, 24 * GIB),
        )
    }
)
"""GPUs by name."""


def cpu(cores: int) -> Device:
    """The CPU; 16-bit products are no faster there."""
    return Device(CPU, cores * CORE, cores * CORE, cores * STREAM, 0)
