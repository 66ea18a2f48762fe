"""Facts that were published and do not change: sizes of data sets, shapes of models.

They serve where no copy is on this machine; a configuration on disk always goes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType
from typing import Final

from cotspec.estimate.model_size import Model, Shape, parameters

ROWS: Final[Mapping[tuple[str, str, str], int]] = MappingProxyType(
    {
        ("openai/gsm8k", "main", "train"): 7473,
        ("openai/gsm8k", "main", "test"): 1319,
        ("openai/gsm8k", "socratic", "train"): 7473,
        ("openai/gsm8k", "socratic", "test"): 1319,
        ("HuggingFaceH4/MATH-500", "", "test"): 500,
        ("HuggingFaceH4/MATH-500", "default", "test"): 500,
        ("ChilleD/SVAMP", "", "train"): 700,
        ("ChilleD/SVAMP", "", "test"): 300,
    }
)
"""Rows by (id on the hub, configuration, split)."""


def _qwen(layers: int, hidden: int, mlp: int, *, kv: int, vocab: int, tied: bool, head: int = 128) -> Shape:
    return Shape(layers, hidden, mlp, hidden, kv * head, head, vocab, tied, True, False, False, False)


def _llama(layers: int, hidden: int, mlp: int, *, tied: bool, head: int = 128) -> Shape:
    return Shape(layers, hidden, mlp, hidden, 8 * head, head, 128256, tied, False, False, False, False)


_QWEN_05: Final = _qwen(24, 896, 4864, kv=2, vocab=151936, tied=True, head=64)
_QWEN_15: Final = _qwen(28, 1536, 8960, kv=2, vocab=151936, tied=True)
_QWEN_3: Final = _qwen(36, 2048, 11008, kv=2, vocab=151936, tied=True)
_QWEN_7: Final = _qwen(28, 3584, 18944, kv=4, vocab=152064, tied=False)
_QWEN_14: Final = _qwen(48, 5120, 13824, kv=8, vocab=152064, tied=False)
_QWEN_32: Final = _qwen(64, 5120, 27648, kv=8, vocab=152064, tied=False)
_LLAMA_8: Final = _llama(32, 4096, 14336, tied=False)

SHAPES: Final[Mapping[str, Shape]] = MappingProxyType(
    {
        **{
            f"Qwen/Qwen2.5-{size}{kind}": shape
            for size, shape in (
                ("0.5B", _QWEN_05),
                ("1.5B", _QWEN_15),
                ("3B", _QWEN_3),
                ("7B", _QWEN_7),
                ("14B", _QWEN_14),
                ("32B", _QWEN_32),
            )
            for kind in ("", "-Instruct")
        },
        **{
            f"meta-llama/Llama-{name}{kind}": shape
            for name, shape in (
                ("3.2-1B", _llama(16, 2048, 8192, tied=True, head=64)),
                ("3.2-3B", _llama(28, 3072, 8192, tied=True)),
                ("3.1-8B", _LLAMA_8),
            )
            for kind in ("", "-Instruct")
        },
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": _qwen(28, 3584, 18944, kv=4, vocab=152064, tied=False),
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-14B": _QWEN_14,
        "deepseek-ai/DeepSeek-R1-Distill-Qwen-32B": _QWEN_32,
        "deepseek-ai/DeepSeek-R1-Distill-Llama-8B": _LLAMA_8,
    }
)
"""Shapes by id on the hub; all are saved as bfloat16."""


def model(hub_id: str) -> Model | None:
    """A model whose configuration was published; None for another."""
    shape = SHAPES.get(hub_id)
    if shape is None:
        return None
    count = parameters(shape)
    active = count - (0 if shape.tied else shape.vocab * shape.hidden)
    return Model(count, active, shape, "bf16", 0, f"N = {count:.3g} from the published config of {hub_id}")
