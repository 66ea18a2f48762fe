"""Loss by segment: which tokens of a completion are in the loss, where a spec names the segments that carry it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from cotspec.cot.loss import carried, met
from cotspec.cot.segment import segment
from cotspec.cot.thoughts import reopened
from cotspec.runtime.stopping import Cut
from cotspec.spec.payload import GrpoBody

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase


class SegmentLoss:
    """Finds these tokens; false where all of them are in the loss."""

    def __init__(self, body: GrpoBody, tokenizer: PreTrainedTokenizerBase) -> None:
        self._names, self._when = body.loss_on, body.loss_when
        self._format, self._tokenizer = body.format, tokenizer

    def __bool__(self) -> bool:
        return bool(self._names)

    def mask(
        self, ids: Sequence[int], cut: Cut | None, *, begin: str, thinking: bool, row: Mapping[str, Any]
    ) -> list[int]:
        """1 for each token that covers a character of such a segment, 0 for the others. What stands behind the text (an
        end of sequence, the text that stopped it) belongs to its last segment. `row` has the gold answer, and what
        conditions ask about its texts."""
        text = self._text(ids) if cut is None else cut.text
        whole = begin + reopened(text, thinking=thinking)
        before, mask = len(whole) - len(text), [0] * len(ids)
        trace = segment(whole, self._format)
        tokens, about = len(ids) if cut is None else cut.tokens, row.get("texts", {})
        names = met(trace, self._names, self._when, gold=row["answer"], tokens=tokens, texts=about)
        for start, end in carried(trace, names):
            if end > before:
                first = self._token(ids, max(0, start - before))
                last = len(ids) if end == len(whole) else self._last(ids, end - before)
                mask[first:last] = [1] * (last - first)
        return mask

    def _last(self, ids: Sequence[int], end: int) -> int:
        """The tokens up to the one that covers the last character before `end`, or the last bytes of it."""
        return max(self._token(ids, end - 1) + 1, self._token(ids, end))

    def _token(self, ids: Sequence[int], place: int) -> int:
        """The number of the token with which a character comes in: their texts only grow."""
        low, high = 0, len(ids)
        while low < high:
            middle = (low + high) // 2
            if len(self._text(ids[: middle + 1])) > place:
                high = middle
            else:
                low = middle + 1
        return low

    def _text(self, ids: Sequence[int]) -> str:
        return str(self._tokenizer.decode(list(ids), skip_special_tokens=True))
