"""The base of values in the store."""

from __future__ import annotations

from typing import Any, Self

from pydantic import ConfigDict

from reelwork_hooks.models import Frozen


class Stored(Frozen):
    """A value in the store. Earlier versions wrote fields into it that are not known any more."""

    model_config = ConfigDict(extra="ignore")

    def replace(self, **changes: Any) -> Self:
        """Return a copy with these fields changed and checked. Raises `TypeError` for an unknown one."""
        # `extra="ignore"` would drop a misspelt field in silence.
        unknown = changes.keys() - type(self).model_fields.keys()
        if unknown:
            raise TypeError(f"{type(self).__name__} has no {', '.join(sorted(unknown))}")
        return super().replace(**changes)
