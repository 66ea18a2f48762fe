"""How a prompt becomes token ids: the one place, for training, generation, mining and evaluation alike.

Owns the chat template and the special tokens around a prompt. Knows nothing of weights.

A prompt keeps what the tokenizer puts *before* a text and loses what it puts after one: a tokenizer that ends every
text with its end-of-sequence token would tell the model, between question and answer, that all is said.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from cotspec.cot import model_config
from cotspec.files import plain
from cotspec.runtime import conversation
from cotspec.runtime.conversation import ConversationError
from cotspec.runtime.errors import TaskError

if TYPE_CHECKING:
    from transformers import PreTrainedTokenizerBase

Argument = bool | int | float | str


@dataclass(frozen=True, kw_only=True)
class Chat:
    """How a model is talked to that has a chat template."""

    system: str = ""
    """What stands in the system turn; "" is no such turn."""
    template: Mapping[str, Argument] = field(default_factory=dict)
    """Arguments of the template."""


class Encoder:
    """Prompt → ids, for one tokenizer and one way of talking to the model; without `chat` the text is taken as it is.

    `ends` are the ids that end a completion; those among them that stand for themselves, as special tokens, never end a
    prompt.
    """

    def __init__(self, tokenizer: PreTrainedTokenizerBase, *, chat: Chat | None, ends: Collection[int]) -> None:
        self.tokenizer = tokenizer
        self._chat = chat
        self._ends = frozenset(ends) & _special(tokenizer)
        if chat is not None:
            _check_template(str(tokenizer.chat_template), chat)

    def __call__(self, prompt: str, begin: str = "") -> list[int]:
        """The prompt, and behind it what the answer begins with. Raises TaskError when the prompt has no ids, or ends
        with one that ends completions."""
        ids = self._once(self._text_ids(prompt) if self._chat is None else self._turn_ids(prompt, self._chat))
        if not ids:
            raise TaskError("a prompt is empty: its template must leave some text for every question")
        if ids[-1] in self._ends:
            told = self.tokenizer.convert_ids_to_tokens(ids[-1])
            raise TaskError(
                f"a prompt ends with `{told}`, with which the model ends a text: take it off the "
                f"{'prompt' if self._chat is None else 'chat template'}"
            )
        return ids + self._ids(begin, special=False) if begin else ids

    def _text_ids(self, prompt: str) -> list[int]:
        """The prompt with what the tokenizer puts before a text, without what it puts after one."""
        alone = self._ids(prompt, special=False)
        if not alone:
            return []
        whole = self._ids(prompt, special=True)
        for before in range(len(whole) - len(alone) + 1):
            if whole[before : before + len(alone)] == alone:
                return whole[: before + len(alone)]
        raise TaskError(
            f"{type(self.tokenizer).__name__} encodes a prompt differently when it adds special tokens ({whole[:8]}… "
            f"against {alone[:8]}…), so nobody can say which of them are the prompt's"
        )

    def _turn_ids(self, prompt: str, chat: Chat) -> list[int]:
        return self._ids(self._turn(prompt, chat), special=False)

    def _turn(self, prompt: str, chat: Chat) -> str:
        """The conversation as the template writes it. Raises TaskError when it fails or leaves something out."""
        turns = [{"role": "system", "content": chat.system}] if chat.system else []
        turns.append({"role": "user", "content": prompt})
        known = {**self.tokenizer.special_tokens_map, **chat.template}
        try:
            text = conversation.render(turns, str(self.tokenizer.get_chat_template()), known)
        except ConversationError as error:
            raise TaskError(f"the model's chat template {error}") from error
        if chat.system.strip() not in text:
            raise TaskError("the model's chat template leaves `system` out: put it into the prompt instead")
        return text

    def _ids(self, text: str, *, special: bool) -> list[int]:
        return list(self.tokenizer(text, add_special_tokens=special)["input_ids"])

    def _once(self, ids: list[int]) -> list[int]:
        """Begin-of-sequence once: a template may write the one that the tokenizer adds."""
        begin = self.tokenizer.bos_token_id
        while begin is not None and ids[:2] == [begin, begin]:
            ids = ids[1:]
        return ids


def _special(tokenizer: PreTrainedTokenizerBase) -> frozenset[int]:
    """Tokens that stand for themselves and are no text; a line break that ends completions may well end a prompt."""
    added = {id for id, token in tokenizer.added_tokens_decoder.items() if token.special}
    return frozenset({*tokenizer.all_special_ids, *added})


def _check_template(template: str, chat: Chat) -> None:
    """Refuse an argument the template never mentions: it would be ignored without a word."""
    for name in model_config.unread(template, chat.template):
        raise TaskError(f"the model's chat template does not read `{name}`: correct it in `template`, or remove it")


def declared_ends(folder: Path) -> frozenset[int]:
    """The ids that end a completion as the model's own files say."""
    for name in ("generation_config.json", "config.json"):
        ends = plain.json_object(folder / name).get("eos_token_id")
        if ends is not None:
            return frozenset(id for id in (ends if isinstance(ends, list) else [ends]) if isinstance(id, int))
    return frozenset()
