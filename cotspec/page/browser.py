"""Many cards on a page without script: filters, radio buttons that hide, by a rule of the style sheet, what they do not
choose; and blocks that are closed until somebody opens them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Final, TypeVar

T = TypeVar("T")
OF_A_BLOCK: Final = 50
"""Cards of a block that is opened by itself."""
MOST_CHARACTERS: Final = 1_000_000
"""Characters of the page in all blocks of one kind."""


@dataclass(frozen=True, kw_only=True)
class Choice:
    """A filter over the cards."""

    group: str
    name: str
    whole: int
    """How many things it is about, shown or not."""
    items: frozenset[int]
    """Places of those that are shown."""


@dataclass(frozen=True, kw_only=True)
class Browser:
    """So many cards with their filters. `name` is a word of the page's own, one for each browser."""

    name: str
    items: int
    choices: tuple[Choice, ...]

    @property
    def groups(self) -> list[tuple[str, list[tuple[str, Choice]]]]:
        """The filters by group, each with the word of its button."""
        groups: dict[str, list[tuple[str, Choice]]] = {}
        for at, each in enumerate(self.choices):
            groups.setdefault(each.group, []).append((f"{self.name}f{at}", each))
        return list(groups.items())

    @property
    def buttons(self) -> Sequence[str]:
        """The words of all buttons but the one that shows all."""
        return [f"{self.name}f{at}" for at in range(len(self.choices))]

    @property
    def all(self) -> str:
        """The word of the button that shows all."""
        return f"{self.name}all"

    def classes(self, item: int) -> str:
        """The classes of a card: the filters that show it."""
        return " ".join(f"{self.name}f{at}" for at, each in enumerate(self.choices) if item in each.items)

    def rules(self) -> Iterator[str]:
        """The rules of the style sheet that make the filters work."""
        for button in self.buttons:
            yield f"#{button}:checked~.cards>.card:not(.{button}){{display:none}}"
        for button in (self.all, *self.buttons):
            chosen = f'~.chips label[for="{button}"]'
            yield f"#{button}:checked{chosen}{{background:var(--link);border-color:var(--link);color:var(--paper)}}"
            yield f"#{button}:checked{chosen} small{{color:inherit}}"
            yield f"#{button}:focus-visible{chosen}{{outline:2px solid var(--ink);outline-offset:1px}}"


def evenly(items: Sequence[int], most: int) -> list[int]:
    """No more than `most` of them, the first and the last among them."""
    if len(items) <= most:
        return list(items)
    return [items[at * (len(items) - 1) // max(1, most - 1)] for at in range(most)]


def blocks(cards: Iterable[T], size: Callable[[T], int]) -> list[list[T]]:
    """Cards in blocks, as far as there is room for them; `size` is the characters of the page that one takes."""
    listed, room = list[T](), MOST_CHARACTERS
    for each in cards:
        room -= size(each)
        if room < 0:
            break
        listed.append(each)
    return [listed[at : at + OF_A_BLOCK] for at in range(0, len(listed), OF_A_BLOCK)]
