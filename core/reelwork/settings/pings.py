"""Where dead man's switches may be: `[pings]` in the nearest `reelwork.toml`."""

from __future__ import annotations

from pathlib import Path

from pydantic import BaseModel, ConfigDict, ValidationError

from reelwork.errors import WorkflowInvalid
from reelwork.settings.paths import here, nearest_settings, parse_toml, read_text
from reelwork.settings.validation import explain


class PingsTable(BaseModel):
    """`[pings]`: the dead man's switches of schedules and of the server."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    private: bool = False
    """Allows addresses in this network, or on this machine."""


class _Pings(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore")

    pings: PingsTable = PingsTable()


def pings_may_be_private(cwd: Path | None = None) -> bool:
    """Return whether dead man's switches may be in this network. Raises `WorkflowInvalid`."""
    path = nearest_settings(cwd or here())
    if path is None:
        return False
    text = read_text(path)
    try:
        return _Pings.model_validate(parse_toml(text, str(path))).pings.private
    except ValidationError as error:
        wrong: WorkflowInvalid = explain(error, _Pings, str(path), text=text)
        raise wrong from error
