"""Brands: which one a workflow is for, and where they are written."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path
from typing import Any

from reelwork.errors import NotFound, WorkflowInvalid
from reelwork.settings.layers import Layer
from reelwork.settings.paths import SETTINGS_FILE
from reelwork.settings.validation import OPTIONS, line_of

# It stands in addresses, in options and in names of figures.
NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,49}\Z")


def check_place(workflow: Layer) -> None:
    """Refuse brands that are written in a workflow file. Raises `WorkflowInvalid`."""
    # There, each workflow could raise the ceilings of its brand for itself.
    if workflow.where and "brands" in workflow.values:
        raise WorkflowInvalid(
            f"{workflow.where}: brands are set up in {SETTINGS_FILE}, not in a workflow.",
            hint=f'Move [brands.NAME] to {SETTINGS_FILE}, and write brand = "NAME" here.',
        )


def check_brands(brand: str, brands: Collection[str], layers: Sequence[Layer]) -> None:
    """Refuse a brand that there is not, and names that none can have. Raises `WorkflowInvalid`."""
    for name in brands:
        if not NAME.match(name):
            raise WorkflowInvalid(
                f"{_where(layers, 'brands', name)}: a brand cannot be called {name!r:.80}.",
                hint="Use letters, digits, dashes and underscores, at most 50.",
            )
    if brand and brand not in brands:
        unknown = NotFound("brand", brand, brands)
        raise WorkflowInvalid(
            f"{_where(layers, 'brand')}: {unknown.message}",
            hint=unknown.hint if brands else f"Write [brands.{brand}] in {SETTINGS_FILE}.",
        )


def check_named(brand: str, settings: Mapping[str, Any], path: Path, field: str) -> None:
    """Refuse a brand that `field` of the settings names and that is not set up there. Raises `WorkflowInvalid`."""
    # A receiver that one client owns must not get another one's news by a slip of the pen.
    brands = settings.get("brands")
    known = list(brands) if isinstance(brands, dict) else []
    if brand not in known:
        unknown = NotFound("brand", brand, known)
        raise WorkflowInvalid(
            f"{path}: {field}: {unknown.message}",
            hint=unknown.hint if known else f"Write [brands.{brand}] in {path.name}.",
        )


def _where(layers: Sequence[Layer], *path: str) -> str:
    layer = next((one for one in reversed(layers) if one.says(path)), layers[0])
    field = ".".join(path)
    if layer.where == OPTIONS:
        return f"--set {field}=…"
    line = line_of(layer.text, field)
    return f"{layer.where}, line {line}" if line else layer.where or "the workflow"
