"""Specs that somebody broke: a shipped spec and a string of bytes make a text, always the same one.

The bytes are decisions, so one mutator serves Hypothesis, which shrinks them, and a fuzzer that is led by coverage.
Half of the changes are made to the tree (values, keys, whole parts), half to the text (quotes, indentation, letters).
"""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import Any, TypeVar

import yaml

T = TypeVar("T")
ROOT = Path(__file__).parents[2]
FOLDERS = ("tests/passes", "tests/specs", "specs", "specs/tiny", "cotspec/cli/starter/specs")
Part = tuple[str | int, ...]


class Choices:
    """Decisions out of bytes; after the last byte every decision is the first possibility."""

    def __init__(self, data: bytes) -> None:
        self.data, self.at = data, 0

    @property
    def left(self) -> bool:
        return self.at < len(self.data)

    def number(self, below: int) -> int:
        """A number from 0 to `below`, without it."""
        size = 1 if below <= 256 else 3
        taken = self.data[self.at : self.at + size]
        self.at += size
        return int.from_bytes(taken, "big") % max(below, 1)

    def of(self, options: Sequence[T]) -> T:
        return options[self.number(len(options))]


@cache
def bases() -> tuple[str, ...]:
    """Texts of the specs of this repository."""
    return tuple(
        path.read_text(encoding="utf-8") for folder in FOLDERS for path in sorted((ROOT / folder).glob("*.yaml"))
    )


@cache
def words() -> tuple[str, ...]:
    """Keys and short texts that stand in any of them."""
    found: set[str] = set()
    for text in bases():
        found |= {str(part) for path in places(plain(text)) for part in path if isinstance(part, str)}
        found |= {
            value for value in map(str, (at(plain(text), path) for path in places(plain(text)))) if len(value) < 25
        }
    return tuple(sorted(found))


class _Loader(yaml.CSafeLoader):
    """`!remove` is kept as a text: what is written back need not mean the same."""


_Loader.add_constructor("!remove", lambda loader, node: "!remove")


@cache
def _plain(text: str) -> Any:
    return yaml.load(text, Loader=_Loader)


def plain(text: str) -> Any:
    return copy.deepcopy(_plain(text))


def places(data: Any, path: Part = ()) -> list[Part]:
    """Every place below the root."""
    items = data.items() if isinstance(data, dict) else enumerate(data) if isinstance(data, list) else ()
    found: list[Part] = []
    for key, value in items:
        found += [(*path, key), *places(value, (*path, key))]
    return found


def at(data: Any, path: Part) -> Any:
    for key in path:
        data = data[key]
    return data


# --- changes to the tree ----------------------------------------------------------------------------------------------

ODD: tuple[Any, ...] = (
    *(None, True, False, 0, 1, -1, 2, 2**31, 2**63, 10**30, 0.5, -0.5, 1e308, 5e-324, [], {}, [[]], "", " ", "x"),
    *("no", "1e-5", "0x10", "a b", "é", "😀", "\x00", "\x1b[2J", "\u2028", "a\nb", "../..", "/etc/passwd", "~", "${x}"),
    *("{{ question.x }}", "$(x)", "words**words**words", "1/0", "9**9**9", "correct and steps", "(a+)+$", "x" * 5000),
    *([1] * 300, {"a": 1}, {"from": 0.1, "to": 2}, {"regex": "(.*)*"}, {"step": 5}, {"best": "valid.accuracy"}),
    *(
        "prompts/solve.jinja",
        "hub:x",
        "builtin:x",
        "0123456789abcdef0123456789abcdef01234567",
        {"matrix": {"seed": [1, 2]}},
    ),
)


def _replace(data: Any, choices: Choices) -> None:
    _put(data, choices.of(places(data)), copy.deepcopy(choices.of(ODD)))


def _word(data: Any, choices: Choices) -> None:
    _put(data, choices.of(places(data)), choices.of(words()))


def _swap(data: Any, choices: Choices) -> None:
    one, other = choices.of(places(data)), choices.of(places(data))
    first, second = copy.deepcopy(at(data, one)), copy.deepcopy(at(data, other))
    _put(data, one, second)
    try:
        _put(data, other, first)
    except (KeyError, IndexError, TypeError):  # the second lay inside the first
        return


def _copy(data: Any, choices: Choices) -> None:
    value = copy.deepcopy(at(data, choices.of(places(data))))
    groups = [path for path in [(), *places(data)] if isinstance(at(data, path), dict)]
    at(data, choices.of(groups))[choices.of(words())] = value


def _drop(data: Any, choices: Choices) -> None:
    path = choices.of(places(data))
    del at(data, path[:-1])[path[-1]]


def _rename(data: Any, choices: Choices) -> None:
    named = [path for path in places(data) if isinstance(path[-1], str)]
    path = choices.of(named)
    group = at(data, path[:-1])
    group[choices.of(words())] = group.pop(path[-1])


def _vary(data: Any, choices: Choices) -> None:
    path = ".".join(str(part) for part in choices.of(places(data)))
    change = {path: copy.deepcopy(choices.of(ODD))}
    wrapped = choices.of((change, {"matrix": {path: [1, 2]}}, {"zip": {path: [1, 2], "seed": [1]}}, [change]))
    data["variants"] = {choices.of(("v", "a-b", "a.b", "A", "")): wrapped}


def _extend(data: Any, choices: Choices) -> None:
    data["extends"] = choices.of(("base.yaml", "a.yaml", "gone.yaml", "../x.yaml", ".", "", 3, None, ["base.yaml"]))


def _allow(data: Any, choices: Choices) -> None:
    data["allow"] = [{"rule": choices.of(words()), "reason": "r", "at": ".".join(map(str, choices.of(places(data))))}]


def _put(data: Any, path: Part, value: Any) -> None:
    at(data, path[:-1])[path[-1]] = value


TREE: tuple[Callable[[Any, Choices], None], ...] = (
    *(_replace, _word, _swap, _copy, _drop, _rename, _vary, _extend, _allow),
)


# --- changes to the text ----------------------------------------------------------------------------------------------

TOKENS = (
    *(
        "'",
        '"',
        "{",
        "}",
        "[",
        "]",
        ":",
        ": ",
        ", ",
        "#",
        " #",
        "- ",
        "\n",
        "\n  ",
        "\t",
        "&a ",
        "*a",
        "!!str ",
        "!remove ",
    ),
    *(
        "<<: ",
        "---\n",
        "...\n",
        "%YAML 1.1\n",
        "|\n",
        ">-\n",
        "? ",
        "@",
        "`",
        "~",
        "\\",
        "\x00",
        "\x85",
        "\u2028",
        "\ufeff",
    ),
    *(
        "é",
        "：",
        "“",
        "e5",
        "-",
        "0",
        "99999999999999999999",
        ".",
        "{{ x }}",
        "=",
        "**",
        "(",
        ")",
        "let: {a: b}",
        "\r\n",
    ),
)


def _insert(text: str, choices: Choices) -> str:
    place = choices.number(len(text) + 1)
    return text[:place] + choices.of(TOKENS) + text[place:]


def _cut(text: str, choices: Choices) -> str:
    place = choices.number(len(text) + 1)
    return text[:place] + text[place + 1 + choices.number(40) :]


def _end(text: str, choices: Choices) -> str:
    return text[: choices.number(len(text) + 1)]


def _again(text: str, choices: Choices) -> str:
    lines = text.split("\n")
    line = choices.number(len(lines))
    lines[line:line] = [choices.of(lines)] * (1 + choices.number(3))
    return "\n".join(lines)


def _indent(text: str, choices: Choices) -> str:
    lines = text.split("\n")
    line = choices.number(len(lines))
    lines[line] = choices.of((" ", "  ", "\t", "      ")) + lines[line]
    return "\n".join(lines)


def _dedent(text: str, choices: Choices) -> str:
    lines = text.split("\n")
    line = choices.number(len(lines))
    lines[line] = lines[line].removeprefix(choices.of((" ", "  ")))
    return "\n".join(lines)


def _letter(text: str, choices: Choices) -> str:
    place = choices.number(len(text))
    return text[:place] + choices.of("aeslrt_-0 1.:,'\"é\x07") + text[place + 1 :]


TEXT: tuple[Callable[[str, Choices], str], ...] = (_insert, _cut, _end, _again, _indent, _dedent, _letter)


def mutated(data: bytes) -> str:
    """The text that the bytes make."""
    choices = Choices(data)
    text = choices.of(bases())
    if choices.number(2):
        tree = plain(text)
        for _ in range(1 + choices.number(4)):
            if isinstance(tree, dict) and places(tree):
                choices.of(TREE)(tree, choices)
        text = yaml.safe_dump(tree, sort_keys=False, allow_unicode=True) if choices.number(2) else json.dumps(tree)
    while choices.left and len(text) > 1:
        text = choices.of(TEXT)(text, choices)
    return text
