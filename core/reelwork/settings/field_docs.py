"""The meanings of a model's fields, read from the texts below them in its source."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator
from itertools import pairwise

from pydantic import BaseModel


def field_meanings(model: type[BaseModel]) -> dict[str, str]:
    """Return the texts below the fields of a model and of its bases, by the fields' names.

    Empty for a model whose source cannot be had.
    """
    found: dict[str, str] = {}
    # From the base up: a text below a redefined field takes the place of the base's.
    for kind in reversed(model.__mro__):
        if issubclass(kind, BaseModel) and kind is not BaseModel:
            found.update(_meanings_in(kind))
    return found


def _meanings_in(kind: type) -> Iterator[tuple[str, str]]:
    try:
        # Read when asked: `use_attribute_docstrings` would read each model's source at import, for 11 ms each.
        tree = ast.parse(textwrap.dedent(inspect.getsource(kind)))
    except (OSError, TypeError, SyntaxError):
        return
    body = tree.body[0].body if tree.body and isinstance(tree.body[0], ast.ClassDef) else []
    for statement, following in pairwise(body):
        if not isinstance(statement, ast.AnnAssign) or not isinstance(statement.target, ast.Name):
            continue
        if isinstance(following, ast.Expr) and isinstance(following.value, ast.Constant):
            yield statement.target.id, " ".join(str(following.value.value).split())
