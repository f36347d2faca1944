from __future__ import annotations

import ast
import inspect
import subprocess
import sys
from pathlib import Path

import pytest

import reelwork_hooks

ROOT = Path(inspect.getfile(reelwork_hooks)).parent
INSIDE = {
    *(
        "EMPTY",
        "MARK",
        "T",
        "K",
        "V",
        "PROJECT",
        "SECRET_SCHEMES",
        "Hashtags",
        "PostTime",
        "MOST_DOLLARS",
        "dollars",
        "OptionsModel",
        "EventKind",
    ),
    *("PostOptionsModel", "DOLLARS", "MOST_UNITS", "Unit", "as_reported"),
    *("FrozenDict", "FrozenList", "FrozenMapping", "Grown", "frozen"),
}
"""Public-looking names that a plugin has no use for."""


def defined() -> set[str]:
    """Every public name the contract's modules define at their top level, hooks and type aliases included."""
    names: set[str] = set()
    for path in ROOT.glob("*.py"):
        if path.name == "__init__.py":
            continue
        for node in ast.parse(path.read_text(encoding="utf-8")).body:
            if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
                names.add(node.name)
            elif isinstance(node, ast.Assign):
                names |= {target.id for target in node.targets if isinstance(target, ast.Name)}
    return {name for name in names if not name.startswith("_")}


def test_all_is_exactly_what_the_modules_define() -> None:
    from reelwork_hooks import specs

    hooks = {name for name in vars(specs) if hasattr(getattr(specs, name), f"{specs.PROJECT}_spec")}
    assert set(reelwork_hooks.__all__) == defined() - INSIDE - hooks


def test_all_is_sorted_and_without_repeats() -> None:
    assert reelwork_hooks.__all__ == sorted(set(reelwork_hooks.__all__))
    assert dir(reelwork_hooks) == reelwork_hooks.__all__


@pytest.mark.parametrize("name", reelwork_hooks.__all__)
def test_each_name_can_be_imported(name: str) -> None:
    namespace: dict[str, object] = {}
    exec(f"from reelwork_hooks import {name}", namespace)
    assert namespace[name] is getattr(reelwork_hooks, name)


def test_type_checkers_see_the_same_names() -> None:
    tree = ast.parse((ROOT / "__init__.py").read_text(encoding="utf-8"))
    seen = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("reelwork_hooks.")
        for alias in node.names
    }
    assert seen == set(reelwork_hooks.__all__)


def test_another_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Breif'"):
        _ = reelwork_hooks.Breif


def test_naming_an_error_does_not_build_the_models() -> None:
    program = "import sys, reelwork_hooks; reelwork_hooks.NotSent; print('pydantic' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
