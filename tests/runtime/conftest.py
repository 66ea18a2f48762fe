"""Tiny tasks on disk and a tiny model, made here: nothing is downloaded."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import served
from served import Server

from cotspec.cot.versions import KERNEL
from cotspec.runtime.__main__ import main
from cotspec.spec.identity import id_of
from cotspec.spec.payload import Body, InputFile, Payload, RunSettings, TraceFormat

FORMAT = TraceFormat(thinking="Thinking…", step="Step {n}:", answer="Answer:")
SOLVE = "Question: {{ question }}\nSolution:"
QUESTIONS = [(f"Ann has {k} apples and buys {k + 1} more. How many?", str(2 * k + 1)) for k in range(12)]


def trace_of(number: int) -> str:
    """A right answer to question `number`."""
    return f"Thinking…\nEasy.\n\nStep 1: {number} + {number + 1} = {2 * number + 1}.\nAnswer: {2 * number + 1}"


def settings(**changes: Any) -> RunSettings:
    """Run settings for one CPU process."""
    values: dict[str, Any] = {
        "processes": 1,
        "gpus": 0,
        "per_device_batch": 4,
        "accumulation": 1,
        "gradient_checkpointing": False,
        "save_steps": 2,
        "engine": "transformers",
        "generate_batch": 4,
        "tensor_parallel": 1,
        "vllm_memory": 0.3,
    }
    return RunSettings(**(values | changes))


Stage = Callable[..., Path]
Run = Callable[[Path], tuple[int, str, str]]


def lay_out(root: Path, name: str, body: Body, inputs: Mapping[str, Path] | None = None, **changes: Any) -> Path:
    """Make `generated/stages/<name>/` of a project with its two files, and return it; inputs are paths of files."""
    folder = root / "generated" / "stages" / name
    folder.mkdir(parents=True)
    files = {key: InputFile(path=os.path.relpath(path, folder), producer="") for key, path in (inputs or {}).items()}
    kernel = {part: KERNEL[part] for part in body.kernel_parts()}
    payload = Payload(id="", kernel=kernel, inputs=files, task=body)  # type: ignore[arg-type]
    payload = payload.model_copy(update={"id": id_of(payload, f"generated/stages/{name}")})
    (folder / "payload.json").write_text(payload.model_dump_json(), encoding="utf-8")
    (folder / "run.json").write_text(settings(**changes).model_dump_json(), encoding="utf-8")
    return folder


@pytest.fixture
def stage(tmp_path: Path) -> Stage:
    """`lay_out` in the test's own folder."""
    return partial(lay_out, tmp_path)


OFFLINE = {
    "HF_HUB_OFFLINE": "1",
    "OMP_NUM_THREADS": "1",
    "COTSPEC_THREADS": "1",
    "CUDA_VISIBLE_DEVICES": "",
    "CUBLAS_WORKSPACE_CONFIG": ":4096:8",
}
os.environ.update(OFFLINE)  # before anything here imports torch or a hub client


@pytest.fixture
def run_here(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """The runtime in this process: saves the import of torch. Exit code, stdout, stderr."""

    def call(folder: Path) -> tuple[int, str, str]:
        recorded(folder)
        monkeypatch.chdir(folder)
        code = main(["payload.json", "run.json"])
        out, err = capsys.readouterr()
        return code, out, err

    return call


def recorded(folder: Path) -> None:
    """Drop the results that wait for DVC, as its commit would: a second run then runs and does not take the first's."""
    for mark in (folder.parents[2] / ".cotspec" / "scratch").glob("*/kept.json"):
        shutil.rmtree(mark.parent)


def environment(**more: str) -> dict[str, str]:
    """One thread, no network."""
    return dict(os.environ) | OFFLINE | more


def start(folder: Path, **more: str) -> subprocess.Popen[str]:
    """The runtime on a task's folder, as its own process."""
    recorded(folder)
    command = [sys.executable, "-m", "cotspec.runtime", "payload.json", "run.json"]
    pipe = subprocess.PIPE
    return subprocess.Popen(command, cwd=folder, env=environment(**more), stdout=pipe, stderr=pipe, text=True)


def run(folder: Path, **more: str) -> tuple[int, str, str]:
    """Exit code, stdout and stderr of the runtime on a task's folder."""
    process = start(folder, **more)
    out, err = process.communicate(timeout=300)
    return process.returncode, out, err


def contents(folder: Path) -> dict[str, bytes]:
    """Every file below a folder with its bytes."""
    return {str(p.relative_to(folder)): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def write_lines(path: Path, records: list[dict[str, Any]]) -> Path:
    """Write JSON lines."""
    path.write_text("".join(json.dumps(record) + "\n" for record in records), encoding="utf-8")
    return path


@pytest.fixture
def problems(tmp_path: Path) -> Path:
    """problems.jsonl."""
    records = [{"id": i, "question": q, "answer": a} for i, (q, a) in enumerate(QUESTIONS)]
    return write_lines(tmp_path / "problems.jsonl", records)


@pytest.fixture
def traces(tmp_path: Path) -> Path:
    """traces.jsonl."""
    records = [
        {"id": i, "question": q, "answer": a, "trace": trace_of(i), "steps": 1, "words": 11, "tokens": 20}
        for i, (q, a) in enumerate(QUESTIONS)
    ]
    return write_lines(tmp_path / "traces.jsonl", records)


@pytest.fixture(scope="session")
def running() -> Iterator[Server]:
    """A server of a builtin model, in a process of its own."""
    pytest.importorskip("torch", reason="it generates with transformers, of the `train` extra")
    with served.serve() as server:
        yield server


@pytest.fixture
def server(running: Server) -> Server:
    """The server, as well as can be."""
    running.control()
    return running


@pytest.fixture
def project(tmp_path: Path, server: Server) -> Path:
    """A project whose machine agrees to the server, and its twelve problems."""
    served.agree(tmp_path, server.url)
    served.questions(tmp_path)
    return tmp_path


@pytest.fixture(scope="session")
def tiny_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random two-layer Llama with a word tokenizer, saved as any other model is."""
    torch = pytest.importorskip("torch", reason="training tests need the `train` extra")
    transformers = pytest.importorskip("transformers", reason="training tests need the `train` extra")
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers

    split = pre_tokenizers.Split(Regex(r" ?\p{L}+| ?\p{N}+|[^\s]|\s"), "isolated")
    pieces = pre_tokenizers.Sequence([split, pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)])
    seen = {word for k, (q, _) in enumerate(QUESTIONS) for word, _ in pieces.pre_tokenize_str(q + "\n" + trace_of(k))}
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    words = ["<|end|>", "<|pad|>", *alphabet, *sorted(seen - set(alphabet))]
    backend = Tokenizer(models.BPE(vocab={w: i for i, w in enumerate(words)}, merges=[], ignore_merges=True))
    backend.pre_tokenizer, backend.decoder = pieces, decoders.ByteLevel()
    tokenizer = transformers.PreTrainedTokenizerFast(
        tokenizer_object=backend, eos_token="<|end|>", pad_token="<|pad|>", clean_up_tokenization_spaces=False
    )
    torch.manual_seed(0)
    config = transformers.LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=32,
        intermediate_size=64,
        num_hidden_layers=2,
        num_attention_heads=2,
        num_key_value_heads=2,
        max_position_embeddings=512,
        bos_token_id=None,
        eos_token_id=0,
        pad_token_id=1,
        tie_word_embeddings=True,
    )
    folder = tmp_path_factory.mktemp("models") / "tiny"
    transformers.LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    sample = QUESTIONS[0][0]
    encoding = {"text": sample, "ids": tokenizer(sample)["input_ids"]}
    (folder / "sample_encoding.json").write_text(json.dumps(encoding), encoding="utf-8")
    return folder


@pytest.fixture(scope="session")
def small_model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A random model of some thirty words (small.py)."""
    pytest.importorskip("torch", reason="training tests need the `train` extra")
    import small

    folder = tmp_path_factory.mktemp("models") / "small"
    small.save(folder)
    return folder


@pytest.fixture(scope="session")
def small_teacher(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A wider model with the vocabulary of the small one, and vectors of no token beside it, as large models have."""
    transformers = pytest.importorskip("transformers", reason="training tests need the `train` extra")
    import small

    folder = tmp_path_factory.mktemp("models") / "teacher"
    small.save(folder, seed=5, width=48)
    model = transformers.AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(model.config.vocab_size + 7, mean_resizing=False)
    model.save_pretrained(folder)
    return folder
