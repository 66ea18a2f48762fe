"""What each key means: the docstring under its attribute, read from the source when somebody asks.

pydantic can attach them itself (`use_attribute_docstrings`), but reads them for every class on import, which took a
fifth of a whole `cotspec check`. Knows pydantic models; not what is done with the texts.
"""

from __future__ import annotations

import ast
import inspect
import sys
from collections.abc import Iterator, Mapping
from functools import cache
from itertools import pairwise

from pydantic import BaseModel


@cache
def meanings(model: type[BaseModel]) -> Mapping[str, str]:
    """Meaning by attribute name, those of its bases too; an attribute that has none is not there.

    A class that is made of a registry has no source: its attributes have a description.
    """
    by_name: dict[str, str] = {}
    for base in reversed(model.__mro__):
        if issubclass(base, BaseModel) and base is not BaseModel:
            by_name.update(_classes(base.__module__).get(base.__qualname__, {}))
            by_name.update({name: field.description for name, field in base.model_fields.items() if field.description})
    return by_name


@cache
def _classes(module: str) -> Mapping[str, Mapping[str, str]]:
    """The meanings in each class of a module (at its top level)."""
    tree = ast.parse(inspect.getsource(sys.modules[module]))
    return {node.name: dict(_attributes(node)) for node in tree.body if isinstance(node, ast.ClassDef)}


def _attributes(of: ast.ClassDef) -> Iterator[tuple[str, str]]:
    for above, below in pairwise(of.body):
        match above, below:
            case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(text))):
                yield name, inspect.cleandoc(text)
