"""A studio of a test's own: nothing it does touches the person's jobs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from reelwork.plugins.catalog import Catalog
from reelwork.studio.studio import Studio


def studio_with(
    plugins: Mapping[str, Any], folder: Path, workflow: Mapping[str, Any] | None = None, **options: Any
) -> Studio:
    """Return a studio that knows these plugins by name, with its store and results below `folder`.

    `plugins` are classes, or modules that register providers. Takes the options of `Studio` too. Raises
    `PluginInvalid`.
    """
    catalog = options.pop("catalog", None) or Catalog()
    for name, target in plugins.items():
        catalog.add(name, target)
    return Studio(workflow or {}, store=folder / "store.db", out=folder / "out", catalog=catalog, **options)
