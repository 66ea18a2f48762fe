"""Where weights come from and how they are loaded, for training and generation alike.

Number formats. Generation computes in float32 on the CPU and in the format the weights were saved in on a GPU. Training
in bf16 or fp16 is mixed precision: float32 master weights and autocast; with LoRA the frozen base is held in the 16-bit
format and the adapters in float32. A stage saves its weights in its own precision, as published models are.

Padding. A tokenizer without a pad token gets another special token it already has, or else its end-of-sequence token.
Either is safe because nothing here tells padding by its id: masks are built from lengths.
"""

from __future__ import annotations

import importlib.util
import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Literal, assert_never

from cotspec.cot import model_config
from cotspec.files import plain, regular
from cotspec.hub import fetch
from cotspec.hub.errors import HubError
from cotspec.runtime import lines, local
from cotspec.runtime.encoding import Chat, Encoder, declared_ends
from cotspec.runtime.errors import TaskError
from cotspec.runtime.progress import say
from cotspec.runtime.task import Task
from cotspec.spec.local import LOCAL_FILE
from cotspec.spec.lock import is_commit
from cotspec.spec.payload import BuiltinModel, GateBody, HubModel, InputModel, ModelRef

if TYPE_CHECKING:
    import torch
    from transformers import PretrainedConfig, PreTrainedModel, PreTrainedTokenizerBase

Precision = Literal["fp32", "bf16", "fp16"]
SAMPLE = "sample_encoding.json"
"""{"text", "ids"}: how the model's tokenizer encodes a text; checked when it is loaded."""
_THREADS = "COTSPEC_THREADS"
_CHECKPOINT = re.compile(r"model|checkpoints/\d{1,12}")
"""What a gate may choose of a stage's folder."""
_TASK = re.compile(r"/generated/stages/([^/]+)/out(/|$)")
"""The task whose result a folder is."""
_TOKENIZER = (
    *("tokenizer*", "special_tokens_map.json", "added_tokens.json", "vocab*", "merges*", "*.model", "*.tiktoken"),
    *("tekken.json", "chat_template*", "additional_chat_templates/*", SAMPLE),
)
"""The files of a tokenizer, whatever its family."""


@dataclass(frozen=True, kw_only=True)
class ModelSource:
    """A model that can be loaded."""

    folder: Path
    chat: Chat | None
    """How it is talked to; None gives it the prompt as it is."""
    trust_remote_code: bool
    """Whether code that comes with the model runs; always said to libraries, whose default could change."""
    called: str = ""
    """What a person knows it by, when that is not the folder: id and commit on the hub."""

    @property
    def location(self) -> str:
        """The folder as libraries want it."""
        return str(self.folder)


def source(task: Task, ref: ModelRef, role: str = "model") -> ModelSource:
    """Where `ref` points to; `role` is its input. Raises TaskError when it is not there or not what the payload was
    made for."""
    match ref:
        case HubModel():
            own = local.found(task.root, "models", ref.id, ref.revision)
            if own is None:
                return _hub(ref, task.root)
            say(f"{ref.id} is taken from {own} ({LOCAL_FILE})")
            return ModelSource(folder=_checked(own), chat=chat(ref), trust_remote_code=ref.trust_remote_code)
        case BuiltinModel():
            return ModelSource(folder=_builtin(ref), chat=chat(ref), trust_remote_code=False)
        case InputModel():
            return ModelSource(folder=_input(task, role), chat=chat(ref), trust_remote_code=ref.trust_remote_code)
        case _:
            assert_never(ref)


def chat(ref: ModelRef | GateBody) -> Chat | None:
    """How the model of a payload is talked to."""
    return Chat(system=ref.system, template=ref.template) if ref.chat else None


def _hub(ref: HubModel, root: Path) -> ModelSource:
    """The files of the very commit the payload names; of a branch, those of the commit it is at now."""
    try:
        folder = fetch.model(ref.id, ref.revision)
    except HubError as error:
        advice = f"{error.advice}; {local.advice('models', ref.id, root)}"
        raise TaskError(f"cannot load the model: {error} ({advice})") from error
    called = f"{ref.id} ({ref.revision})" if is_commit(ref.revision) else _moving(ref.id, ref.revision, folder)
    return ModelSource(folder=_checked(folder), chat=chat(ref), trust_remote_code=ref.trust_remote_code, called=called)


def _moving(id: str, revision: str, folder: Path) -> str:
    return f"{id} ({revision}, now {fetch.commit(folder)}; `cotspec lock` pins it)"


def _builtin(ref: BuiltinModel) -> Path:
    from cotspec.builtin.digest import MODELS, folder_digest

    folder = MODELS / ref.name
    if not (folder / "config.json").is_file():
        raise TaskError(f"the builtin model `{ref.name}` does not come with this cotspec")
    if ref.digest and folder_digest(folder) != ref.digest:
        raise TaskError(f"the builtin model `{ref.name}` is not the one the payload names: run `cotspec build`")
    return folder


def _input(task: Task, role: str) -> Path:
    """The model folder; with a gate, the checkpoint it names inside the stage's out folder."""
    folder, gate = task.input(role), "gate" if role == "model" else f"{role}_gate"
    if not task.has(gate):
        return _checked(folder / "model" if (folder / "model" / "config.json").is_file() else folder)
    chosen = str(lines.read_json(task.input(gate)).get("checkpoint"))
    if not _CHECKPOINT.fullmatch(chosen):
        raise TaskError(f"gate.json names no checkpoint of a stage ({plain.sentence(chosen)[:60]}): run the gate again")
    return _checked((folder if (folder / "metrics.json").exists() else folder.parent) / chosen)


def _checked(folder: Path) -> Path:
    if not (folder / "config.json").is_file():
        raise TaskError(f"{folder.name}: not a model folder (no config.json)")
    try:
        regular.check(folder)
    except OSError as error:
        raise TaskError(f"{folder.name}: {error.filename} cannot be read: {error.strerror}") from error
    config = plain.json_object(folder / "config.json")
    if not config or (wrong := model_config.excessive(config)):
        why = f"no model has so many: `{wrong}`" if config else "it is no JSON object"
        raise TaskError(f"{folder.name}: its config.json cannot be used: {why}")
    return folder


def load_tokenizer(origin: ModelSource) -> PreTrainedTokenizerBase:
    """The tokenizer, padding on the left. Refuses one that does not encode the model's sample as it should."""
    from transformers import AutoTokenizer

    if not model_config.has_tokenizer([path.name for path in origin.folder.iterdir()]):
        raise TaskError(f"{_name(origin)} comes without a tokenizer: {model_config.NO_TOKENIZER}")
    try:
        tokenizer: PreTrainedTokenizerBase = AutoTokenizer.from_pretrained(
            origin.location,
            padding_side="left",
            trust_remote_code=origin.trust_remote_code,
        )
    except Exception as error:
        raise TaskError(f"cannot load the tokenizer of {_name(origin)}: {_first(error)}") from error
    if tokenizer.eos_token_id is None:
        raise TaskError(f"the tokenizer of {_name(origin)} has no end-of-sequence token")
    check_sample(origin.folder, tokenizer)
    if tokenizer.pad_token_id is None:
        tokenizer.pad_token = _pad_token(tokenizer)
    if origin.chat and not tokenizer.chat_template:
        raise TaskError(f"{_name(origin)} has no chat template: remove `chat: true` from the model")
    return tokenizer


def check_sample(folder: Path, tokenizer: PreTrainedTokenizerBase) -> None:
    """Compare the stored sample encoding. A library may load another tokenizer than was saved, without an error."""
    file = folder / SAMPLE
    if not file.is_file():
        return
    sample = plain.json_object(file)
    text, ids = sample.get("text"), sample.get("ids")
    if not isinstance(text, str) or not isinstance(ids, list):
        raise TaskError(f"{folder.name}: {SAMPLE} is not {{text, ids}}: take the model's files again")
    given = list(tokenizer(text)["input_ids"])
    if given != ids:
        raise TaskError(
            f"the tokenizer of {folder.name} was loaded as {type(tokenizer).__name__} and encodes its sample as "
            f"{given[:8]}… instead of {ids[:8]}…: this version of transformers does not fit the model"
        )


def _pad_token(tokenizer: PreTrainedTokenizerBase) -> str:
    others = [
        token for token in tokenizer.all_special_tokens if token not in (tokenizer.eos_token, tokenizer.bos_token)
    ]
    return str(others[0] if others else tokenizer.eos_token)


def load_config(origin: ModelSource) -> PretrainedConfig:
    """The model's configuration."""
    from transformers import AutoConfig

    try:
        config: PretrainedConfig = AutoConfig.from_pretrained(
            origin.location, trust_remote_code=origin.trust_remote_code
        )
    except Exception as error:
        raise TaskError(f"cannot load the configuration of {_name(origin)}: {_first(error)}") from error
    return config


def load_model(origin: ModelSource, *, dtype: torch.dtype | Literal["auto"]) -> PreTrainedModel:
    """The weights, on the CPU. `auto` is the format they were saved in."""
    from transformers import AutoModelForCausalLM

    try:
        model: PreTrainedModel = AutoModelForCausalLM.from_pretrained(
            origin.location,
            dtype=dtype,
            trust_remote_code=origin.trust_remote_code,
        )
    except Exception as error:
        raise TaskError(f"cannot load the model {_name(origin)}: {_first(error)}") from error
    return model


def torch_dtype(precision: Precision) -> torch.dtype:
    """float32, bfloat16 or float16."""
    import torch

    match precision:
        case "fp32":
            return torch.float32
        case "bf16":
            return torch.bfloat16
        case "fp16":
            return torch.float16
        case _:
            assert_never(precision)


def device(gpus: int) -> str:
    """`cpu`, `cuda`, or of several processes the own GPU, `cuda:1`: what a trainer is given later, a judge is loaded on
    before. Raises TaskError when run.json asks for a GPU that torch does not see."""
    import torch

    if gpus == 0:
        return "cpu"
    if not torch.cuda.is_available():
        raise TaskError("run.json asks for a GPU and torch sees none: set `gpus: 0` under `resources` and build again")
    own = os.environ.get("LOCAL_RANK")
    return "cuda" if own is None else f"cuda:{own}"


def make_repeatable() -> None:
    """Make torch repeatable and quiet, once, before the first model is loaded.

    Threads: COTSPEC_THREADS (set by the supervisor, because `accelerate launch` sets OMP_NUM_THREADS to 1 itself); the
    processes of a machine share them.
    """
    os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    import torch
    import transformers

    torch.use_deterministic_algorithms(True, warn_only=True)
    # Deterministic mode would also fill each `torch.empty` with NaN: of TRL's buffer of 4096 x 32768 logits, of which a
    # small vocabulary uses one column in sixty, that is half a gigabyte three times a step. Who reads what it has not
    # written is told by the tests that hold two runs to the same bytes.
    torch.utils.deterministic.fill_uninitialized_memory = False
    wanted = os.environ.get(_THREADS, "")
    if wanted.isdigit() and int(wanted) > 0:
        torch.set_num_threads(max(1, int(wanted) // int(os.environ.get("LOCAL_WORLD_SIZE", "1"))))
    transformers.utils.logging.set_verbosity_error()
    transformers.utils.logging.disable_progress_bar()


def load_encoder(origin: ModelSource, tokenizer: PreTrainedTokenizerBase) -> Encoder:
    """How prompts of this model become ids. Raises TaskError when its chat template does not do what is asked."""
    ends = {int(tokenizer.eos_token_id), *declared_ends(origin.folder)}
    return Encoder(tokenizer, chat=origin.chat, ends=ends)


def end_ids(model: PreTrainedModel, tokenizer: PreTrainedTokenizerBase) -> list[int]:
    """Every token that ends a completion: the tokenizer's end of sequence and those the model declares."""
    declared = model.generation_config.eos_token_id if model.generation_config is not None else None
    more = [declared] if isinstance(declared, int) else list(declared or [])
    return sorted({int(tokenizer.eos_token_id), *more})


def keep_tokenizer(origin: ModelSource, folder: Path) -> None:
    """Give a model that was trained from `origin` its tokenizer: the files as they came, byte for byte.

    Saving a loaded tokenizer would write how it was loaded, too: a side to pad on, a pad token it did not have, and
    whatever this version of the library makes of the rest.
    """
    patterns = (*_TOKENIZER, *(("*.py",) if origin.trust_remote_code else ()))
    for path in sorted({path for pattern in patterns for path in origin.folder.glob(pattern) if path.is_file()}):
        copy = folder / path.relative_to(origin.folder)
        copy.parent.mkdir(exist_ok=True)
        copy.write_bytes(path.read_bytes())


def same_tokenizer(one: ModelSource, other: ModelSource) -> None:
    """Raises TaskError when two folders do not load as the same tokenizer."""
    first, second = (_meaning(load_tokenizer(each)) for each in (one, other))
    wrong = [name for name in first if first[name] != second[name]]
    if wrong:
        raise TaskError(f"the tokenizer of {_name(other)} is not that of {_name(one)}: {', '.join(wrong)} differ")


def _meaning(tokenizer: PreTrainedTokenizerBase) -> dict[str, object]:
    """What a tokenizer does with text, as far as it says so."""
    backend = getattr(tokenizer, "backend_tokenizer", None)
    return {
        "class": type(tokenizer).__name__,
        "rules": None if backend is None else backend.to_str(),
        "vocabulary": tokenizer.get_vocab(),
        "special tokens": tokenizer.special_tokens_map,
        "chat template": tokenizer.chat_template,
    }


def require(module: str, why: Mapping[str, str]) -> None:
    """Raises TaskError when an optional library is not installed; `why` says what for and how to get it."""
    if importlib.util.find_spec(module) is None:
        raise TaskError(f"{why['for']} needs {module}, which is not installed: {why['get']}")


def _name(origin: ModelSource) -> str:
    """What a person knows the weights by: hub id and revision, builtin name, or the stage whose `out/` holds them."""
    if origin.called:
        return origin.called
    made = _TASK.search(origin.folder.as_posix())
    return made[1] if made else origin.folder.name


def _first(error: Exception) -> str:
    return (str(error).strip().splitlines() or [type(error).__name__])[0]


def announce(origin: ModelSource) -> None:
    """Say which model is being used."""
    say(f"model: {_name(origin)}")
