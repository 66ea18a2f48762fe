r"""A person's regular expression, on RE2: what it finds, or why RE2 does not read it.

RE2 never backtracks, so no text keeps a search busy: each takes time linear in the text, and memory within MAX_MEMORY.
What it reads is the rule (docs/decisions/0031), but for two things that a Python user would take for something else:
a `{` that begins no count, which RE2 takes for text, and `\C`, a byte that may be half of a character.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Final, NamedTuple, Protocol

Span = tuple[int, int]

MAX_LENGTH: Final = 500
"""Most characters of an expression."""
MAX_MEMORY: Final = 1 << 20
"""Bytes of one compiled expression with all it remembers of a search; RE2 keeps to it."""


class PatternError(ValueError):
    """An expression that cannot be used; the message says why in one sentence."""

    def __init__(self, message: str, help: str, column: int = 1) -> None:
        super().__init__(message)
        self.help = help
        """What to write instead."""
        self.column = column
        """Where, from 1."""


class Token(NamedTuple):
    """A piece of an expression: an escape, a class in its brackets, a count, or one character."""

    start: int
    text: str


class _Match(Protocol):
    def span(self) -> Span: ...


class Pattern(Protocol):
    """A compiled expression; offsets are characters of a str."""

    def finditer(self, text: str) -> Iterator[_Match]: ...

    def fullmatch(self, text: str) -> _Match | None: ...


_TOKEN: Final = re.compile(
    r"""\\Q.*?(?:\\E|$)                                    # quoted
    | \\[pPx]\{[^}]*\} | \\.                               # an escape
    | \[\^?\]?(?:\\.|\[:\^?\w++:\]|[^\]\\])*+\]            # a class
    | \{\d++(?:,\d*+)?\} | .                               # a count, or a character""",
    re.VERBOSE | re.DOTALL,
)
#: Half of a surrogate pair: JSON may hold one, UTF-8 cannot, and RE2 reads UTF-8. One character stays one character.
_SURROGATE: Final = re.compile("[\ud800-\udfff]")
_AROUND: Final = (
    "RE2 looks neither ahead nor behind: match the text around as well, or name what may stand there, as in `[^0-9]`"
)
_HELP: Final = (
    ("(?=", _AROUND),
    ("(?!", _AROUND),
    ("(?<", _AROUND),
    ("(?>", "RE2 never goes back, so a group need not be atomic: write `(?:`"),
    ("++", "RE2 never goes back, so a repeat need not be possessive: leave the second `+` out"),
    ("*+", "RE2 never goes back, so a repeat need not be possessive: leave the `+` out"),
    ("?+", "RE2 never goes back, so a repeat need not be possessive: leave the `+` out"),
    ("(?P", "RE2 has no back-references: write the text out"),
    ("(?(", "RE2 has no conditions: write both alternatives out, with `|`"),
    ("(?#", "RE2 has no comments inside an expression: write it in the YAML"),
    (r"\Z", r"write `\z` for the end of the text"),
    (r"\u", r"write the character itself, or `\x{…}` with its number"),
    (r"\U", r"write the character itself, or `\x{…}` with its number"),
    (r"\N", r"write the character itself, or `\x{…}` with its number"),
    ("{", "RE2 counts to 1,000, all counts inside one another multiplied: repeat less"),
)
"""What begins the piece RE2 does not read → what to write."""


@lru_cache(maxsize=256)
def compiled(text: str) -> Pattern:
    """The expression, ready to search. Raises PatternError."""
    import re2  # here, so that nobody else pays for loading it

    if len(text) > MAX_LENGTH:
        raise PatternError(
            f"it has {len(text):,} characters, and {MAX_LENGTH} is the limit", "make it shorter", MAX_LENGTH + 1
        )
    options = re2.Options()
    options.max_mem = MAX_MEMORY
    options.log_errors = False
    try:
        pattern: Pattern = re2.compile(text, options)
    except re2.error as error:
        raise _refused(text, error.args[0]) from error
    except UnicodeEncodeError as error:
        raise PatternError("it has half of a surrogate pair", "leave it out", error.start + 1) from error
    _meant(text)
    return pattern


def matches(pattern: str, text: str) -> tuple[Span, ...]:
    """Where an expression matches, in order and apart, without empty matches. Raises PatternError."""
    spans = (match.span() for match in compiled(pattern).finditer(_SURROGATE.sub("\ufffd", text)))
    return tuple(span for span in spans if span[0] < span[1])


def tokens(text: str) -> Iterator[Token]:
    """The pieces of an expression that RE2 reads."""
    return (Token(match.start(), match.group()) for match in _TOKEN.finditer(text))


def _refused(text: str, said: bytes | str) -> PatternError:
    """RE2's own words, `what: the piece`."""
    words = said.decode("utf-8", errors="replace") if isinstance(said, bytes) else said
    what, _, piece = words.partition(": ")
    at = max(text.find("(?P=" if piece == "(?P" else piece), 0)  # `(?P<name>` it does read
    message = f"RE2 cannot read `{piece}`: {what}" if piece else f"RE2 refuses it: {what}"
    if piece[1:].isdecimal():
        return PatternError(message, "RE2 has no back-references: write the text out", at + 1)
    help = next((help for start, help in _HELP if piece.startswith(start)), "")
    return PatternError(message, help or "the syntax is that of RE2, which is most of Python's `re`", at + 1)


def _meant(text: str) -> None:
    """Raises PatternError for what RE2 reads, and reads otherwise than its writer meant."""
    for at, piece in tokens(text):
        if piece == "{":
            count = re.match(r"\{,(\d+)\}", text[at:])
            help = f"write `{{0,{count[1]}}}`" if count else "write `\\{` when that is meant"
            raise PatternError("a `{` that begins no count is text to RE2", help, at + 1)
        if piece == r"\C":
            raise PatternError(r"`\C` is one byte, which may be half of a character", "write `(?s:.)`", at + 1)


# --- ASCII and all alphabets -----------------------------------------------------------------------------------------

_ALL: Final = {
    r"\w": r"\p{L}\p{M}\p{N}_",
    r"\d": r"\p{Nd}",
    r"\s": r"\s\p{Z}",
}
"""What ASCII classes are in all alphabets, as parts of a class."""


def missed(regex: str, text: str) -> str:
    """A word of `text` that the classes of all alphabets read in another way than those of ASCII; "" is none."""
    try:
        narrow = matches(regex, text)
        apart = sorted(set(matches(_wide(regex), text)) ^ set(narrow))
    except PatternError:
        return ""  # a rule of its own says so
    if not apart:
        apart = [span for span in narrow if _cuts(regex, text, *span)]
    return _word(text, *apart[0]) if apart else ""


def _cuts(regex: str, text: str, start: int, end: int) -> bool:
    """Whether a `\\b` at either end of the expression let a match begin or end inside a word."""
    outside = (text[max(start - 1, 0) : start] if regex.startswith(r"\b") else "") + (
        text[end : end + 1] if regex.endswith(r"\b") else ""
    )
    return any(char.isalnum() and not char.isascii() for char in outside)


def _word(text: str, start: int, end: int) -> str:
    """What was found with the rest of its words, on one line, and not too much of it."""
    before, after = re.search(r"\S*\Z", text[max(start - 20, 0) : start]), re.match(r"\S*", text[end : end + 20])
    return " ".join((before[0] + text[start:end][:20] + after[0]).split()) if before and after else ""


@lru_cache(maxsize=256)
def _wide(regex: str) -> str:
    """The expression with the classes of all alphabets."""
    return "".join(_token(piece) for _, piece in tokens(regex))


def _token(piece: str) -> str:
    if piece.startswith("["):
        return re.sub(r"\\.", lambda match: _ALL.get(match[0], match[0]), piece, flags=re.DOTALL)
    inside = _ALL.get(piece.lower())
    if inside is None:
        return piece
    return f"[^{inside}]" if piece.isupper() else f"[{inside}]"
