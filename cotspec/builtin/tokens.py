"""How many tokens a text has for a builtin model, without the training stack.

Their tokenizer knows whole words: a piece that is in its vocabulary is one token, another is one token a byte. The
pattern of the pieces and the vocabulary are read from its tokenizer.json; a test compares with the real tokenizer.
"""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any, Final, NamedTuple

from cotspec.builtin.digest import MODELS as FOLDER

_PLAIN: Final = (*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100))
"""Bytes that stand for themselves in the vocabulary; the others follow at 256 (GPT-2's byte alphabet)."""
_SPACES: Final = r"\t-\r \x{85}\x{a0}\x{1680}\x{2000}-\x{200a}\x{2028}\x{2029}\x{202f}\x{205f}\x{3000}"
"""White space as the tokenizer knows it; to RE2 it is less."""


class _Words(NamedTuple):
    pieces: Any
    special: Any
    """Tokens that are whole wherever they stand."""
    known: frozenset[str]
    letters: dict[int, str]
    """Byte → its letter in the vocabulary."""


def count(model: str, text: str) -> int:
    """Tokens of `text` for the builtin model called so."""
    words = _words(model)
    total, end = 0, 0
    for special in words.special.finditer(text):
        total += 1 + _plain(words, text[end : special.start()])
        end = special.end()
    return total + _plain(words, text[end:])


def _plain(words: _Words, text: str) -> int:
    total = 0
    for piece in words.pieces.findall(text):
        whole = "".join(map(words.letters.__getitem__, piece.encode()))
        total += 1 if whole in words.known else len(whole)
    return total


@lru_cache(maxsize=4)
def _words(model: str) -> _Words:
    import re2  # here: a check that counts nothing does not need it

    data = json.loads((FOLDER / model / "tokenizer.json").read_text(encoding="utf-8"))
    split = data["pre_tokenizer"]["pretokenizers"][0]["pattern"]["Regex"]
    spaces = split.replace(r"[^\s", f"[^{_SPACES}").replace(r"\s", f"[{_SPACES}]")
    special = "|".join(re2.escape(token["content"]) for token in data["added_tokens"])
    others = (byte for byte in range(256) if byte not in _PLAIN)
    letters = {byte: chr(byte) for byte in _PLAIN} | {byte: chr(256 + at) for at, byte in enumerate(others)}
    known = frozenset(data["model"]["vocab"])
    return _Words(pieces=re2.compile(spaces), special=re2.compile(special), known=known, letters=letters)
