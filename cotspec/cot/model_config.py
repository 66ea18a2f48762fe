"""What a model's own configuration says it can do: positions, attention heads, rows of its embedding, layers that an
adapter can sit on. Knows configurations as data; a check, the preflight and each task ask the same questions here.

0 and None mean that the configuration does not tell; nothing is refused for that.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping
from types import MappingProxyType
from typing import Final

ALL_LINEAR: Final = "all-linear"
"""Written in place of layer names: every linear layer but the output (as in PEFT)."""
_SPLIT: Final = ("q_proj", "k_proj", "v_proj", "o_proj", "gate_proj", "up_proj", "down_proj", "embed_tokens")
LAYERS: Final[Mapping[str, tuple[str, ...]]] = MappingProxyType(
    {
        **dict.fromkeys(
            (
                *("llama", "mistral", "ministral", "qwen2", "qwen3", "gemma", "gemma2", "gemma3_text"),
                *("olmo", "olmo2", "olmo3", "smollm3", "granite", "cohere", "cohere2", "stablelm"),
            ),
            _SPLIT,
        ),
        "phi3": ("qkv_proj", "o_proj", "gate_up_proj", "down_proj", "embed_tokens"),
        "phi": ("q_proj", "k_proj", "v_proj", "dense", "fc1", "fc2", "embed_tokens"),
        "starcoder2": ("q_proj", "k_proj", "v_proj", "o_proj", "c_fc", "c_proj", "embed_tokens"),
        "gpt2": ("c_attn", "c_proj", "c_fc", "wte", "wpe"),
        "gpt_neox": ("query_key_value", "dense", "dense_h_to_4h", "dense_4h_to_h", "embed_in"),
    }
)
"""Names of the layers that can be adapted, by `model_type`. The output layer is none of them: TRL trains no adapter on
it. tests/runtime/test_fit.py compares each with the library's own model."""
_STRETCHED: Final = frozenset({"yarn", "dynamic", "linear", "longrope", "su"})
"""Ways of RoPE to reach beyond the positions of a configuration, by its `factor`."""
MOST: Final = 10**9
"""Most layers, positions, tokens or vector dimensions that a configuration is believed to have."""
_MOST_MADE: Final = 100_000
"""Most layers, experts or labels: a library makes a module or an entry for each."""
ONE_FAMILY: Final = (
    "take a teacher of the student's family; GOLD, in TRL, is for two vocabularies, and cotspec does not have it"
)
Vocabulary = Mapping[str, int]
"""Token → id."""
_MOST_STRETCHED: Final = 1e6
"""RoPE factors from here on are not believed; NaN is not below it either."""


def layers(config: Mapping[str, object]) -> tuple[str, ...] | None:
    """The names of the layers that an adapter can sit on; None for a family that is not known here."""
    return LAYERS.get(str(config.get("model_type")))


def unmatched(targets: Iterable[str], names: Collection[str]) -> tuple[str, ...]:
    """The targets that match no layer. A target matches a layer of its name, or whose path ends in it; of a longer path
    only the last part is compared where `names` are last parts."""
    if tuple(targets) == (ALL_LINEAR,):
        return ()
    last = {name.rpartition(".")[2] for name in names}
    whole = any("." in name for name in names)
    return tuple(target for target in targets if not _matches(target, names if whole else last, whole=whole))


def _matches(target: str, names: Collection[str], *, whole: bool) -> bool:
    if not whole:
        return target.rpartition(".")[2] in names
    return any(name == target or name.endswith(f".{target}") for name in names)


def likely(word: str, names: Collection[str]) -> str:
    """`did you mean …?` for a name that is none of these, or which there are."""
    from difflib import get_close_matches  # here: a check has its own way to suggest

    known = sorted({name.rpartition(".")[2] for name in names})
    close = get_close_matches(word.rpartition(".")[2], known, n=1)
    return f"did you mean `{close[0]}`?" if close else f"there are {', '.join(known)} (or all-linear)"


def positions(config: Mapping[str, object]) -> int:
    """Tokens of prompt and completion together that the model has positions for."""
    own = _text(config)
    most = max(number(own, key) for key in ("max_position_embeddings", "n_positions", "max_sequence_length"))
    for key in ("rope_scaling", "rope_parameters"):
        scaling = own.get(key)
        if most and isinstance(scaling, Mapping) and str(scaling.get("rope_type", scaling.get("type"))) in _STRETCHED:
            factor = scaling.get("factor")
            first = number(scaling, "original_max_position_embeddings") or most
            if isinstance(factor, int | float) and factor < _MOST_STRETCHED:
                most = max(most, int(first * factor))
    return most


def heads(config: Mapping[str, object]) -> int:
    """Attention heads of a layer."""
    own = _text(config)
    return max(number(own, key) for key in ("num_attention_heads", "n_head"))


def embedded(config: Mapping[str, object]) -> int:
    """Rows of the embedding: a token id from here on has no vector."""
    return number(_text(config), "vocab_size")


def unread(template: str, arguments: Iterable[str]) -> tuple[str, ...]:
    """Arguments that a chat template never mentions: it would ignore them without a word."""
    return tuple(name for name in arguments if not re.search(rf"\b{re.escape(name)}\b", template))


def has_template(tokenizer: Mapping[str, object], names: Collection[str]) -> bool:
    """Whether a tokenizer has a chat template: by its tokenizer_config.json, or the names of the files beside it."""
    return bool(tokenizer.get("chat_template")) or not {"chat_template.jinja", "chat_template.json"}.isdisjoint(names)


_TOKENIZERS: Final = ("tokenizer", "vocab", "spiece", "sentencepiece", "tekken", "merges")
"""How the names of a tokenizer's files begin."""
NO_TOKENIZER: Final = (
    "take that of the model it was made from, and save it into the folder (`tokenizer.save_pretrained`)"
)


def has_tokenizer(names: Collection[str]) -> bool:
    """Whether a model comes with a tokenizer, by the names of its files. Without one a library may make an empty one of
    the kind that the config names, without a word."""
    return any(name.startswith(_TOKENIZERS) or name.endswith((".model", ".tiktoken")) for name in names)


def vocabulary(tokenizer: Mapping[str, object]) -> Vocabulary:
    """The vocabulary by tokenizer.json, without those that were added beside the vocabulary; empty where it does not
    tell."""
    model = tokenizer.get("model")
    vocab = model.get("vocab") if isinstance(model, Mapping) else None
    if isinstance(vocab, list):  # Unigram: pairs of piece and score
        vocab = {str(pair[0]): at for at, pair in enumerate(vocab) if isinstance(pair, list) and pair}
    return {word: id for word, id in vocab.items() if isinstance(id, int)} if isinstance(vocab, Mapping) else {}


def two_vocabularies(own: Vocabulary, rows: int, teacher: Vocabulary, teacher_rows: int) -> str:
    """Why the probabilities of a teacher are not of the tokens of a student with `rows` vectors; "" when they are.
    What is empty or 0 is not known. A teacher may have more vectors: they are of no token."""
    if own and teacher and own != teacher:
        apart = next(word for word in (*own, *teacher) if own.get(word) != teacher.get(word))
        told = f"{apart!r} is {_place(own, apart)} of the student and {_place(teacher, apart)} of the teacher"
    elif 0 < teacher_rows < rows:
        told = f"the teacher has {teacher_rows} vectors, and the student {rows}"
    else:
        return ""
    return f"teacher and student have two vocabularies: {told}"


def above(top_k: int, rows: int) -> str:
    """Why so many tokens cannot be compared; "" when they can."""
    return f"`top_k` {top_k} is more than the {rows} tokens that the student has" if 0 < rows < top_k else ""


def _place(words: Vocabulary, word: str) -> str:
    return f"token {words[word]}" if word in words else "no token"


def ids(words: Vocabulary) -> int:
    """One more than the largest id that text can become; 0 for no vocabulary. Tokens that were added beside the
    vocabulary do not count: some models have one for a kind of input that they do not take."""
    return max(words.values(), default=-1) + 1


def _text(config: Mapping[str, object]) -> Mapping[str, object]:
    """The language model's part, where a model has others too."""
    inner = config.get("text_config")
    return inner if isinstance(inner, Mapping) else config


def excessive(config: Mapping[str, object]) -> str:
    """The first count of a configuration that no model has, by its name; "" for none. A library makes a module for each
    layer and an entry for each label before it looks at the weights."""
    for name, value in config.items():
        if isinstance(value, Mapping) and (inner := excessive(value)):
            return f"{name}.{inner}"
        most = _MOST_MADE if "layer" in name or "label" in name or "expert" in name else MOST
        if isinstance(value, int) and name.startswith(("num_", "n_")) and value > most:
            return name
    return ""


def number(config: Mapping[str, object], key: str) -> int:
    """A positive number of a configuration; 0 for anything else, and for more than any model has."""
    value = config.get(key)
    return value if type(value) is int and 0 < value <= MOST else 0
