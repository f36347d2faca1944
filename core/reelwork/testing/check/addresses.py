"""Checks that a publisher which asks for public addresses says that it needs them."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator

from reelwork.plugins.definition import Definition
from reelwork.testing.check.findings import Finding, note, warning


def check_addresses(definition: Definition) -> Iterator[Finding]:
    """Compare what a plugin declares of public addresses with what it asks for."""
    needs = getattr(definition.target, "needs_public_address", False)
    if needs is True:
        yield note(
            "needs_public_address", "is declared: a workflow whose storage gives none is refused before it pays."
        )
    # A property depends on the instance.
    elif needs is False and "publish" in definition.hooks and _asks(definition.target):
        yield warning(
            "publish",
            "asks for a public address, and does not declare that it needs one: without one the video is paid "
            "for, and the post fails.",
            "Declare it: needs_public_address = True",
        )


def _asks(target: object) -> bool:
    """Return whether the class calls `….context.public_url`."""
    if not inspect.isclass(target):
        return False
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(target)))
    except (OSError, TypeError, SyntaxError):
        return False
    return any(
        isinstance(node, ast.Attribute)
        and node.attr == "public_url"
        and getattr(node.value, "attr", getattr(node.value, "id", "")) == "context"
        for node in ast.walk(tree)
    )
