"""The template language of prompts: the part of Jinja that a prompt needs, and what is wrong with a text.

A template may come from a stranger. Allowed are `{{ question }}`, `{{ trace }}` and the texts of a spec by their names,
a few filters without arguments, texts in quotes, `{% if %}` with `not`, `and`, `or`, `==`, `!=`, `in`, comments and
`{% raw %}`. Nothing loops, calls, computes or reaches into a value, so a prompt is about as long as its template and
what it inserts, whatever it says.
Only Jinja's parser sees a text before it is judged: its compiler would compute constants such as `9**9**9`.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterator, Mapping
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from jinja2 import nodes

VARIABLES: Final = frozenset({"question", "trace"})
"""What any prompt may insert; the names of texts come to it."""
RESPONSE: Final = "response"
GOLD: Final = "answer"
JUDGED: Final = frozenset({RESPONSE, GOLD})
"""What that of a judge may insert besides."""
HINT: Final = (
    "only a judge's prompt shows the gold answer; as a hint for texts, make its column a text (`trace` of the data "
    "set), and show that by the name of the data set"
)
"""What to do about any other that inserts the gold answer."""
FILTERS: Final = ("capitalize", "lower", "title", "trim", "upper")
MAX_LENGTH: Final = 100_000
"""Most characters of a template."""
MAX_USES: Final = 50
"""Insertions in a template: a row's prompt is never more than so many times its trace."""
MAX_DEPTH: Final = 20
"""Most constructs inside one another."""

_PLAIN: Final = re.compile(r"(?<!\{)\{\{ *([a-z][a-z0-9_]*) *\}\}")
_CONSTANTS: Final = frozenset({"true", "false", "none"})
_STATEMENTS: Final = (
    *("autoescape", "block", "break", "call", "continue", "debug", "do", "elif", "else", "extends", "filter", "for"),
    *("from", "if", "import", "include", "macro", "print", "raw", "set", "trans", "with", "without"),
)
WORDS: Final = _CONSTANTS.union(
    ("and", "or", "not", "in", "is", "loop", "self", "super", "varargs", "kwargs", "caller"),
    FILTERS,
    _STATEMENTS,
    (f"end{each}" for each in _STATEMENTS),
)
"""What means something else in a template: no text is called so."""
_ALLOWED: Final = ("Template", "Output", "TemplateData", "If", "Not", "And", "Or", "Compare", "Operand", "CondExpr")
_OPERATORS: Final = ("eq", "ne", "in", "notin")
_JOINED: Final = "write the parts one after the other: `{{ question }} {{ trace }}`"
_LITERALS: Final = ("List", "Tuple", "Dict", "Pair", "Keyword")
#: Jinja's name of a construct → (what marks it in the text, what it is called, what to do).
_REFUSED: Final = {
    "Getattr": ("", "reach into a value with `.`", "use the value whole"),
    "Getitem": ("[", "reach into a value with `[ ]`", "use the value whole"),
    "Call": ("(", "call anything", "use the value itself, or a filter such as `| trim`"),
    "For": ("for", "loop", "write the text out"),
    "Macro": ("macro", "define a macro", "write the text out"),
    "CallBlock": ("call", "call a macro", "write the text out"),
    "Assign": ("set", "set a name", "use the value where it is needed"),
    "AssignBlock": ("set", "set a name", "use the value where it is needed"),
    "With": ("with", "set a name", "use the value where it is needed"),
    "Include": ("include", "include or import another template", "write its text here"),
    "Import": ("import", "include or import another template", "write its text here"),
    "FromImport": ("import", "include or import another template", "write its text here"),
    "Extends": ("extends", "include or import another template", "write its text here"),
    "Block": ("block", "define a block", "write the text out"),
    "FilterBlock": ("filter", "filter a whole block", "put the filter behind the value: `{{ trace | trim }}`"),
    "Test": (" is ", "use `is`", "write `{% if trace %}`: an empty text counts as false"),
    "Concat": ("~", "join values with `~`", _JOINED),
    "Add": ("+", "compute", _JOINED),
    **dict.fromkeys(("Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow", "Neg", "Pos"), ("", "compute", "use texts only")),
    **dict.fromkeys(_LITERALS, ("", "hold a list or a group", "insert one value at a time")),
}


class Fault(NamedTuple):
    """One mistake in a template."""

    line: int
    """From 1."""
    word: str
    """Text on that line to point at; "" points at the whole line."""
    message: str
    """One sentence."""
    help: str = ""
    """What to do."""
    unknown: str = ""
    """A name that inserts nothing, when that is the mistake."""


def faults(text: str, texts: Collection[str] = ()) -> tuple[Fault, ...]:
    """What is wrong with a template that may insert VARIABLES and `texts`, in the order of the lines; nothing when it
    can be used. Never raises."""
    if len(text) > MAX_LENGTH:
        return (Fault(1, "", f"the template has {len(text):,} characters; the most is {MAX_LENGTH:,}"),)
    names = VARIABLES.union(texts)
    tree = None if _plain(text) and names.issuperset(_PLAIN.findall(text)) else _parsed(text)
    if isinstance(tree, Fault):
        return (tree,)
    wrong = [] if tree is None else sorted(set(_judge(tree, names)))
    if not wrong and (uses := _uses(text, tree)) > MAX_USES:
        wrong = [Fault(1, "", f"the template inserts something {uses} times; the most is {MAX_USES}")]
    return tuple(wrong)


def shown(text: str) -> frozenset[str]:
    """The variables a template without faults uses."""
    if _plain(text):
        return frozenset(_PLAIN.findall(text))
    tree = _parsed(text)
    return frozenset() if isinstance(tree, Fault) else frozenset(_names(tree))


def renamed(text: str, names: Mapping[str, str]) -> str:
    """A template without faults, with other names for what it inserts."""
    if shown(text).isdisjoint(names):
        return text
    from jinja2 import Environment

    tokens = Environment(autoescape=False, keep_trailing_newline=True).lex(text)  # noqa: S701 - nothing is run
    return "".join(names.get(value, value) if kind == "name" else value for _, kind, value in tokens)


def _plain(text: str) -> bool:
    """Whether the template only inserts variables: that needs no parser, and most do no more."""
    return not re.search(r"\{[{%#]", _PLAIN.sub(" ", text)) and WORDS.isdisjoint(_PLAIN.findall(text))


def _uses(text: str, tree: nodes.Template | None) -> int:
    return len(_PLAIN.findall(text)) if tree is None else sum(1 for _ in _names(tree))


def _names(tree: nodes.Template) -> Iterator[str]:
    from jinja2 import nodes

    return (node.name for node in tree.find_all(nodes.Name))


def _parsed(text: str) -> nodes.Template | Fault:
    from jinja2 import Environment, TemplateSyntaxError

    try:
        return Environment(autoescape=False, keep_trailing_newline=True).parse(text)  # noqa: S701 - nothing is run
    except TemplateSyntaxError as error:
        message = f"the template cannot be read: {error.message or 'syntax error'}"
        return Fault(error.lineno, "", message, "see https://jinja.palletsprojects.com/templates")
    except (RecursionError, MemoryError):
        return _too_deep(1)
    except (ValueError, OverflowError, SyntaxError):  # a number of a million digits, say
        return Fault(1, "", "the template cannot be read: a number or a text in it is none")


def _judge(tree: nodes.Template, names: Collection[str]) -> Iterator[Fault]:
    """The faults of a whole tree. A stack and no recursion: `a|b|c|…` is as deep as it is long."""
    from jinja2 import nodes

    open_: list[tuple[nodes.Node, int, int]] = [(tree, 0, 1)]
    while open_:
        node, depth, line = open_.pop()
        line = node.lineno or line  # helpers such as the sign of a comparison have none
        if depth > MAX_DEPTH:
            yield _too_deep(line)
            return
        fault = _fault(node, line, names)
        if fault is not None:
            yield fault
        if fault is None or isinstance(node, nodes.Filter):
            open_.extend((child, depth + 1, line) for child in node.iter_child_nodes())


def _fault(node: nodes.Node, line: int, names: Collection[str]) -> Fault | None:
    """What is wrong with one node, whatever is inside it."""
    from jinja2 import nodes

    match node:
        case nodes.Name():
            return None if node.name in names else _unknown(node, line)
        case nodes.Const():
            if isinstance(node.value, str):
                return None
            return Fault(line, "", "a prompt inserts texts only, and compares with texts", "put it in quotes")
        case nodes.Filter():
            return _filter(node, line)
        case nodes.Operand() if node.op not in _OPERATORS:
            return Fault(line, "", "a prompt compares with `==`, `!=` and `in` only", "")
        case nodes.CondExpr() if node.expr2 is None:
            return Fault(line, "", "`… if …` without `else` inserts nothing that can be shown", "add `else ''`")
    kind = type(node).__name__
    if kind in _ALLOWED:
        return None
    word, what, advice = _REFUSED.get(kind, ("", f"use this construct ({kind})", "insert `question` and `trace` only"))
    word = f".{node.attr}" if isinstance(node, nodes.Getattr) else word
    return Fault(line, word, f"a prompt cannot {what}", advice)


def _unknown(node: nodes.Name, line: int) -> Fault:
    return Fault(line, node.name, f"a prompt has no name `{_cut(node.name)}`", "", node.name)


def _filter(node: nodes.Filter, line: int) -> Fault | None:
    choices = ", ".join(f"`{name}`" for name in FILTERS)
    if node.name not in FILTERS:
        return Fault(line, node.name, f"a prompt has no filter `{_cut(node.name)}`", f"there are {choices}")
    if node.args or node.kwargs or node.dyn_args or node.dyn_kwargs:
        return Fault(line, node.name, f"the filter `{node.name}` takes no arguments here", "leave them out")
    return None


def _too_deep(line: int) -> Fault:
    message = f"more than {MAX_DEPTH} constructs of the template stand inside one another"
    return Fault(line, "", message, "insert `question` and `trace` without so much around them")


def _cut(name: str) -> str:
    return name if len(name) <= 40 else name[:39] + "…"
