"""Stops in tokens: how many of a completion's tokens are its own, and what they say.

What counts is the least number of tokens whose text holds a stop (cotspec.cot.stopping), found after the fact: the
result is the same whatever an engine does to end early, which is an economy and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

from cotspec.cot import stopping
from cotspec.spec.payload import Stop

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

_OPEN = re.compile(r"<think>\s*\Z")
_TAIL = 12
"""Tokens in which a prompt that ends with `<think>` and blank space says so."""


class Cut(NamedTuple):
    """A completion up to its stop. The token that completes the stop counts, as an end-of-sequence token does."""

    tokens: int
    text: str


class Stopper:
    """Finds the stop of a completion; false where nothing stops one."""

    def __init__(self, stop: Stop, tokenizer: PreTrainedTokenizerBase) -> None:
        self._stop, self._tokenizer = stop, tokenizer
        self.window = 4 * max((len(text) for text in stop.texts), default=1) + 8
        """Tokens a stop that has just become complete is certainly in: a character has up to four."""

    def __bool__(self) -> bool:
        return bool(self._stop.texts or self._stop.after)

    def thinks(self, prompt: Sequence[int]) -> bool:
        """Whether a prompt leaves `<think>` open, so that its completion begins inside the thoughts."""
        return _OPEN.search(str(self._tokenizer.decode(list(prompt[-_TAIL:])))) is not None

    def cut(self, ids: Sequence[int], *, thinking: bool) -> Cut | None:
        """The completion up to its stop; None when there is none."""
        if not self or self._found(ids, thinking=thinking) is None:
            return None
        low, high = 1, len(ids)
        while low < high:
            middle = (low + high) // 2
            if self._found(ids[:middle], thinking=thinking) is None:
                low = middle + 1
            else:
                high = middle
        stop = self._found(ids[:low], thinking=thinking)
        return None if stop is None else Cut(low, self._text(ids[:low])[: stop.end])

    def may_end(self, ids: Sequence[int]) -> bool:
        """Whether the last tokens can have completed a stop: cheap, and never wrongly false."""
        tail = self._text(ids[-self.window :])
        return any(text in tail for text in self._stop.texts) or bool(self._stop.after and "\n" in tail)

    def _found(self, ids: Sequence[int], *, thinking: bool) -> stopping.StopMatch | None:
        return stopping.find(self._text(ids), self._stop, thinking=thinking)

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
