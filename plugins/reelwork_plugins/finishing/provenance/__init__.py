"""`c2pa`: signs the finished video, with a statement of where it comes from and what was changed."""

from __future__ import annotations

from importlib.util import find_spec

from reelwork_plugins.finishing.provenance.config import C2paConfig
from reelwork_plugins.finishing.provenance.plugin import C2pa, NotSigned

__all__ = ["C2pa", "C2paConfig", "NotSigned"]

if find_spec("c2pa") is None:
    _missing = ModuleNotFoundError("c2pa-python is not installed")
    # The extra that installs it, for the message that shows this error.
    _missing.reelwork_extra = "provenance"  # type: ignore[attr-defined]
    raise _missing
