"""Text of an expression → Python syntax tree, or problems. Owns the lexical rules and the limits on size.

The words and characters of the language are checked before Python's parser sees the text, so strings, attributes,
lambdas, comments and look-alike letters never reach it, and nothing it could warn about remains. `#` is refused because
YAML folds lines: a comment on the first of them would silently swallow the rest.
"""

from __future__ import annotations

import ast
import keyword
import re
from collections.abc import Iterator
from typing import NamedTuple

from cotspec.cot.expr.errors import Problem, shorten

#: Longest expression in characters.
MAX_LENGTH = 2_000
#: Deepest nesting of brackets, and of operations inside one another. Reading needs a few Python frames per level.
MAX_DEPTH = 80

_WORDS = frozenset({"and", "or", "not", "if", "else"})
_TOKEN = re.compile(
    r"""(?P<space>[ \t\r\n]+)
      | (?P<number>(?:[0-9]+\.?[0-9]*|\.[0-9]+)(?:[eE][+-]?[0-9]+)?)
      | (?P<word>[A-Za-z_][A-Za-z0-9_]*(?:\.[A-Za-z_][A-Za-z0-9_]*)*)
      | (?P<operator>\*\*|//|<=|>=|==|!=|[-+*/%<>()\[\],])""",
    re.VERBOSE,
)
_GLUED = re.compile(r"[A-Za-z0-9_.]+")

#: Characters people use in other places → (what to write instead, one sentence of help).
_INSTEAD = {
    "=": ("==", "one `=` assigns, and nothing can be assigned here; `==` compares"),
    "&": ("and", "conditions are joined with `and`"),
    "|": ("or", "conditions are joined with `or`"),
    "!": ("not", "a condition is turned round with `not`"),
    "^": ("**", "a power is written `**`"),
    "?": ("", "write `a if condition else b`"),
    "×": ("*", ""),
    "·": ("*", ""),
    "÷": ("/", ""),
    "−": ("-", "this is a typographic minus sign"),
    "–": ("-", "this is a dash, not a minus sign"),
    "≤": ("<=", ""),
    "≥": (">=", ""),
    "≠": ("!=", ""),
    "#": ("", "put comments in the YAML around the expression"),
    ".": ("", "a dot stands between the parts of a name, without blanks, as in `group.correct`"),
    "'": ("", "text is not part of the language"),
    '"': ("", "text is not part of the language"),
    "{": ("", "use round brackets"),
    "}": ("", "use round brackets"),
}


class Parsed(NamedTuple):
    """The tree of an expression and the one-line text its offsets count in."""

    tree: ast.expr
    line: str
    lead: int
    """How many characters of the original text come before `line`."""

    def column(self, node: ast.expr) -> int:
        """1-based offset of a node in the original text."""
        return self.lead + node.col_offset + 1

    def length(self, node: ast.expr) -> int:
        """Characters a node covers."""
        return (node.end_col_offset or node.col_offset + 1) - node.col_offset

    def source(self, node: ast.expr) -> str:
        """The text of a node, shortened for messages."""
        return shorten(self.line[node.col_offset : node.end_col_offset])


def parse(text: str) -> Parsed | list[Problem]:
    """Parse an expression, never raising for any text. Problems come in the order of the text."""
    if len(text) > MAX_LENGTH:
        message = f"the expression has {len(text)} characters; {MAX_LENGTH} is the limit"
        return [Problem(MAX_LENGTH + 1, message, help="give parts of it a name in `let`")]
    problems = list(_lexical(text)) or list(_brackets(text))
    if problems:
        return problems
    # Same length as before, so offsets stay true. All of it is ASCII here, so ast's byte offsets are character offsets.
    line = re.sub(r"[\t\r\n]", " ", text)
    lead = len(line) - len(line.lstrip(" "))
    line = line.strip(" ")
    if not line:
        return [Problem(1, "the expression is empty")]
    return _tree(line, lead)


def _lexical(text: str) -> Iterator[Problem]:
    at = 0
    refused: set[str] = set()
    while at < len(text):
        token = _TOKEN.match(text, at)
        if token is None:
            if text[at] not in refused:  # one finding for each kind of character is enough
                refused.add(text[at])
                yield _character(text, at)
            at += 2 if text[at : at + 2] in ("&&", "||") else 1
            continue
        word = token.group()
        at = token.end()
        if token.lastgroup == "word" and word not in _WORDS and any(map(keyword.iskeyword, word.split("."))):
            yield _word(word, token.start() + 1)
        elif token.lastgroup == "number" and (rest := _GLUED.match(text, at)):
            yield _number(word, rest.group(), token.start() + 1)
            at = rest.end()
        elif word.isdigit() and word[0] == "0" and word.strip("0"):  # Python refuses 007, in words about octal numbers
            message = f"`{shorten(word)}` begins with a zero"
            yield Problem(token.start() + 1, message, word.lstrip("0"), length=len(word))


def _character(text: str, at: int) -> Problem:
    char = text[at]
    length = 2 if text[at : at + 2] in ("&&", "||") else 1
    suggestion, advice = _INSTEAD.get(char, ("", ""))
    if not char.isprintable() or char.isspace():
        return Problem(at + 1, f"the invisible character U+{ord(char):04X} cannot be part of an expression")
    message = f"`{text[at : at + length]}` cannot be part of an expression"
    if not char.isascii() and char.isalpha():
        advice = f"names are written in plain letters; this one is U+{ord(char):04X}"
    return Problem(at + 1, message, suggestion, advice, length)


def _word(word: str, column: int) -> Problem:
    advice = "write the condition itself" if word in ("True", "False") else ""
    return Problem(column, f"`{word}` is not part of the language", "", advice, len(word))


def _number(number: str, rest: str, column: int) -> Problem:
    whole = number + rest
    name = rest.isidentifier() and rest[0].isalpha() and len(rest) > 1 and not keyword.iskeyword(rest)
    suggestion = f"{number} * {rest}" if name and number != "0" else ""
    advice = "write numbers like `35`, `0.5` or `1e-3`, and `*` between a number and a name"
    return Problem(column, f"`{shorten(whole)}` is not a number", suggestion, advice, len(whole))


def _brackets(text: str) -> Iterator[Problem]:
    """Depth of brackets, before the parser, whose own limit depends on the Python version."""
    depth = 0
    for at, char in enumerate(text):
        depth += (char in "([") - (char in ")]")
        if depth > MAX_DEPTH:
            yield _too_deep(at + 1)
            return


def _too_deep(column: int) -> Problem:
    message = f"more than {MAX_DEPTH} operations or brackets stand inside one another"
    return Problem(column, message, help="give parts of it a name in `let`")


def _tree(line: str, lead: int) -> Parsed | list[Problem]:
    try:
        tree = ast.parse(line, mode="eval").body
    except SyntaxError as error:
        return [_syntax(error, line, lead)]
    except (RecursionError, MemoryError, ValueError):  # how the parsers of different versions say "too much"
        return [_too_deep(lead + 1)]
    level: list[ast.expr] = [tree]
    for _ in range(MAX_DEPTH):
        level = [child for node in level for child in ast.iter_child_nodes(node) if isinstance(child, ast.expr)]
        if not level:
            return Parsed(tree, line, lead)
    return [_too_deep(lead + level[0].col_offset + 1)]


def _syntax(error: SyntaxError, line: str, lead: int) -> Problem:
    offset = error.offset or len(line) + 1  # 0 is how the parser points past the end
    said = error.msg.removeprefix("invalid syntax. ")
    if offset > len(line):
        message = "the expression ends too early"
    elif error.msg == "invalid syntax":
        rest = line[offset - 1 :]
        token = _TOKEN.match(rest)
        message = f"`{token.group() if token else rest[:1]}` is out of place here"
    else:
        message = f"the expression cannot be read: {said[:1].lower()}{said[1:]}"
    return Problem(lead + offset, message)
