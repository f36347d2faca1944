"""The fields of Meta's Graph API v26.0 as its own client for Python (`facebook-business` 26.0.3) types them.

`graph.json` was read from that package by `read` below. Where the package is installed it is compared again.
"""

from __future__ import annotations

import ast
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

HERE = Path(__file__).parent
PACKAGE = "facebook_business"
CALLS = ("create_media", "create_media_publish", "get_content_publishing_limit")


def stored() -> dict[str, dict[str, str]]:
    """The parameters of calls and the fields of objects, with their types."""
    found: dict[str, dict[str, str]] = json.loads((HERE / "graph.json").read_text(encoding="utf-8"))
    return found


def installed() -> Path | None:
    """Return the folder of the package's objects, where it is installed. Nothing of it is imported."""
    found = importlib.util.find_spec(PACKAGE)
    places = found.submodule_search_locations if found is not None else None
    return Path(places[0]) / "adobjects" if places else None


def read(folder: Path) -> dict[str, dict[str, str]]:
    """Return what the package says: of accounts of a page, and of those of Instagram's own sign-in."""
    made: dict[str, dict[str, str]] = {}
    for kind, user, media in (
        ("facebook", "iguser", "igmedia"),
        ("instagram", "iguserforigonlyapi", "igmediaforigonlyapi"),
    ):
        tree = ast.parse((folder / f"{user}.py").read_text(encoding="utf-8"))
        made |= {f"{kind} {name}": types for name, types in parameters_in(tree) if name in CALLS}
        tree = ast.parse((folder / f"{media}.py").read_text(encoding="utf-8"))
        made[f"{kind} media"] = next(types for name, types in tables_in(tree) if name == "_field_types")
    return made


def parameters_in(tree: ast.AST) -> Iterator[tuple[str, dict[str, str]]]:
    for call in ast.walk(tree):
        if isinstance(call, ast.FunctionDef):
            yield from ((call.name, types) for name, types in tables_in(call) if name == "param_types")


def tables_in(tree: ast.AST) -> Iterator[tuple[str, dict[str, str]]]:
    for one in ast.walk(tree):
        if isinstance(one, ast.Assign) and isinstance(one.targets[0], ast.Name) and isinstance(one.value, ast.Dict):
            yield one.targets[0].id, dict(_literal(one.value))


def _literal(value: ast.Dict) -> Iterator[tuple[str, str]]:
    for key, kind in zip(value.keys, value.values, strict=True):
        if isinstance(key, ast.Constant) and isinstance(kind, ast.Constant):
            yield str(key.value), str(kind.value)


def wrong(kind: str, value: Any) -> bool:
    """Return whether a form's value is none of this type."""
    text = str(value)
    if kind == "bool":
        return text not in ("true", "false")
    if kind == "unsigned int":
        return not text.isdecimal()
    return kind.startswith("list<") and not isinstance(json.loads(text), list)
